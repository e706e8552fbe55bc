/** How each operand code is read. Operands that are only a register number or a constant are made once and shared. */
import type { OperandCode } from "../isa/operands.ts";
import { CS, DS, ES, FS, GS, SS, type Operand, type OperandSize } from "./instruction.ts";
import { readMemory, readOffset } from "./modrm.ts";
import type { Reader } from "./reader.ts";

export type ReadOperand = (reader: Reader) => Operand;

const eight = <T>(make: (index: number) => T): readonly T[] => Array.from({ length: 8 }, (_, index) => make(index));

const REG8 = eight((index): Operand => ({ kind: "reg", size: 1, index }));
const REG16 = eight((index): Operand => ({ kind: "reg", size: 2, index }));
const REG32 = eight((index): Operand => ({ kind: "reg", size: 4, index }));
const SREG = eight((index): Operand => ({ kind: "sreg", index }));
const CREG = eight((index): Operand => ({ kind: "creg", index }));
const DREG = eight((index): Operand => ({ kind: "dreg", index }));
const ST = eight((index): Operand => ({ kind: "st", index }));
const ONE: Operand = { kind: "imm", size: 1, value: 1 };
const ELEMENT: Readonly<Record<1 | 2 | 4, Operand>> = {
  1: { kind: "imm", size: 1, value: 1 }, 2: { kind: "imm", size: 2, value: 2 }, 4: { kind: "imm", size: 4, value: 4 },
};

const IS_REGISTER = 0xc0;

function general(size: 2 | 4, index: number): Operand { return size === 2 ? REG16[index]! : REG32[index]!; }

function byteOrMemory(reader: Reader): Operand {
  return reader.modrm >= IS_REGISTER ? REG8[reader.modrm & 7]! : readMemory(reader, 1);
}

function wordOrMemory(reader: Reader): Operand {
  return reader.modrm >= IS_REGISTER ? REG16[reader.modrm & 7]! : readMemory(reader, 2);
}

function sizedOrMemory(reader: Reader): Operand {
  return reader.modrm >= IS_REGISTER ? general(reader.operandSize, reader.modrm & 7) : readMemory(reader, reader.operandSize);
}

function sizedOrMemoryWord(reader: Reader): Operand {
  return reader.modrm >= IS_REGISTER ? general(reader.operandSize, reader.modrm & 7) : readMemory(reader, 2);
}

function memoryOf(size: OperandSize): ReadOperand { return (reader) => readMemory(reader, size); }

function reg(reader: Reader): number { return (reader.modrm >> 3) & 7; }

function immediate(reader: Reader): Operand {
  const size = reader.operandSize;
  return { kind: "imm", size, value: size === 2 ? reader.word() : reader.dword() };
}

function branchTarget(reader: Reader): Operand {
  const size = reader.operandSize;
  return { kind: "rel", size, value: size === 2 ? reader.signedWord() : reader.dword() };
}

/** The offset stands before the selector. */
function farPointer(reader: Reader): Operand {
  const size = reader.operandSize, offset = size === 2 ? reader.word() : reader.dword();
  return { kind: "far", size, offset, selector: reader.word() };
}

const always = (operand: Operand): ReadOperand => () => operand;
const byteElement = always(ELEMENT[1]);
const sizedElement: ReadOperand = (reader) => ELEMENT[reader.operandSize];

/** Operands of string instructions are implied; what stands for them is the size of an element. */
export const READ_OPERAND: Readonly<Record<Exclude<OperandCode, "Fv">, ReadOperand>> = {
  Eb: byteOrMemory, Ew: wordOrMemory, Ev: sizedOrMemory, "Rv/Mw": sizedOrMemoryWord,
  Gb: (reader) => REG8[reg(reader)]!, Gw: (reader) => REG16[reg(reader)]!, Gv: (reader) => general(reader.operandSize, reg(reader)),
  M: memoryOf(0), Mw: memoryOf(2), Md: memoryOf(4), Mq: memoryOf(8), Mt: memoryOf(10), Ms: memoryOf(6),
  Mp: (reader) => readMemory(reader, reader.operandSize === 2 ? 4 : 6), Ma: (reader) => readMemory(reader, reader.operandSize === 2 ? 4 : 8),
  Rd: (reader) => REG32[reader.modrm & 7]!,
  Sw: (reader) => SREG[reg(reader)]!, Cd: (reader) => CREG[reg(reader)]!, Dd: (reader) => DREG[reg(reader)]!,
  Zb: (reader) => REG8[reader.opcode & 7]!, Zv: (reader) => general(reader.operandSize, reader.opcode & 7),
  Ib: (reader) => ({ kind: "imm", size: 1, value: reader.byte() }),
  Iw: (reader) => ({ kind: "imm", size: 2, value: reader.word() }),
  Iz: immediate,
  sIb: (reader) => ({ kind: "imm", size: reader.operandSize, value: reader.signedByte() }),
  Jb: (reader) => ({ kind: "rel", size: 1, value: reader.signedByte() }), Jz: branchTarget,
  Ap: farPointer,
  Ob: (reader) => readOffset(reader, 1), Ov: (reader) => readOffset(reader, reader.operandSize),
  Xb: byteElement, Yb: byteElement, Xv: sizedElement, Xz: sizedElement, Yv: sizedElement, Yz: sizedElement,
  AL: always(REG8[0]!), CL: always(REG8[1]!), AX: always(REG16[0]!), DX: always(REG16[2]!), eAX: (reader) => general(reader.operandSize, 0),
  ES: always(SREG[ES]!), CS: always(SREG[CS]!), SS: always(SREG[SS]!), DS: always(SREG[DS]!), FS: always(SREG[FS]!), GS: always(SREG[GS]!),
  1: always(ONE),
  ST0: always(ST[0]!), STi: (reader) => ST[reader.modrm & 7]!,
};
