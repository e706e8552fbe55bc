/** Memory operands: ModRM, SIB and displacement (SDM volume 2, tables 2-1 to 2-3). */
import { DS, SS, type Operand, type OperandSize } from "./instruction.ts";
import type { Reader } from "./reader.ts";

export type Memory = Extract<Operand, { readonly kind: "mem" }>;

const NONE = -1;
const BX = 3, SP = 4, BP = 5, SI = 6, DI = 7;

/** Base, index and default segment by ModRM.rm, 16-bit addressing. */
const BASE16 = [BX, BX, BP, BP, SI, DI, BP, BX] as const;
const INDEX16 = [SI, DI, SI, DI, NONE, NONE, NONE, NONE] as const;
const SEGMENT16 = [DS, DS, SS, SS, DS, DS, SS, DS] as const;

function memory(reader: Reader, size: OperandSize, segment: number, base: number, index: number, scale: number, disp: number): Memory {
  return { kind: "mem", size, segment: reader.override < 0 ? segment : reader.override, base, index, scale, disp };
}

function displacement(reader: Reader, mod: number): number {
  if (mod === 0) return 0;
  if (mod === 1) return reader.signedByte();
  return reader.addressSize === 2 ? reader.signedWord() : reader.dword();
}

function memory16(reader: Reader, size: OperandSize): Memory {
  const mod = reader.modrm >> 6, rm = reader.modrm & 7;
  if (mod === 0 && rm === 6) return memory(reader, size, DS, NONE, NONE, 0, reader.signedWord());
  return memory(reader, size, SEGMENT16[rm]!, BASE16[rm]!, INDEX16[rm]!, 0, displacement(reader, mod));
}

function stackOrData(base: number): number { return base === SP || base === BP ? SS : DS; }

function memorySib(reader: Reader, size: OperandSize): Memory {
  const mod = reader.modrm >> 6, sib = reader.byte();
  const base = sib & 7, field = (sib >> 3) & 7;
  const index = field === SP ? NONE : field, scale = index === NONE ? 0 : sib >> 6;
  if (base === BP && mod === 0) return memory(reader, size, DS, NONE, index, scale, reader.dword());
  return memory(reader, size, stackOrData(base), base, index, scale, displacement(reader, mod));
}

function memory32(reader: Reader, size: OperandSize): Memory {
  const mod = reader.modrm >> 6, rm = reader.modrm & 7;
  if (rm === SP) return memorySib(reader, size);
  if (rm === BP && mod === 0) return memory(reader, size, DS, NONE, NONE, 0, reader.dword());
  return memory(reader, size, stackOrData(rm), rm, NONE, 0, displacement(reader, mod));
}

/** The memory operand of ModRM; its mod field is not 3. */
export function readMemory(reader: Reader, size: OperandSize): Memory {
  return reader.addressSize === 2 ? memory16(reader, size) : memory32(reader, size);
}

/** Memory at an offset that stands in the instruction, as wide as an address. */
export function readOffset(reader: Reader, size: OperandSize): Memory {
  return memory(reader, size, DS, NONE, NONE, 0, reader.addressSize === 2 ? reader.word() : reader.dword());
}
