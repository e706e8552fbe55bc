/** Every instruction form that the decoder's table can produce, found by decoding: opcodes, ModRM bytes, prefixes, modes. */
import type { Encoding } from "../../translator/isa/encoding.ts";
import { ONE_BYTE_MAP, TWO_BYTE_MAP } from "../../translator/isa/index.ts";
import { usesModrm, type OperandCode } from "../../translator/isa/operands.ts";
import { decode, formOf, type Fields, type Form, type Instruction, type Mode } from "../../translator/translate.ts";

/** One form with an instruction that has it. */
export interface Specimen {
  readonly form: Form;
  readonly fields: Fields;
  readonly instruction: Instruction;
  readonly bytes: Uint8Array;
}

/** Flat 32-bit as operating systems have it, 32-bit with segments that have bounds, real mode. */
export const MODES: Readonly<Record<"flat" | "bounded" | "real", Mode>> = {
  flat: { bits: 32, flat: true, user: true },
  bounded: { bits: 32, flat: false, user: false },
  real: { bits: 16, flat: false, user: false },
};

const PREFIXES: ReadonlyArray<readonly number[]> = [[], [0x66], [0x67], [0x66, 0x67], [0xf2], [0xf3], [0x66, 0xf3], [0x26], [0x2e], [0x36], [0x64], [0x65]];
/** What follows the ModRM byte: SIB with base and index, with base alone, with neither; then displacement and immediates. */
const TAILS: ReadonlyArray<readonly number[]> = [[0x48, 1, 2, 3, 4, 5, 6, 7, 8], [0x24, 1, 2, 3, 4, 5, 6, 7, 8], [0x25, 1, 2, 3, 4, 5, 6, 7, 8]];

/** ModRM bytes with all that a form depends on: every register form (x87 and groups tell them apart), memory by base, index and displacement. */
const MODRM = Array.from({ length: 256 }, (_, modrm) => modrm).filter((modrm) => modrm >= 0xc0 || [0, 2, 4, 5, 6].includes(modrm & 7));

function modrmBytes(map: readonly Encoding[], opcode: number): readonly number[] {
  const rows = map.filter((encoding) => encoding.opcode === opcode);
  if (rows.length === 0) return [];
  return rows.some(({ reg, row }) => reg >= 0 || (row.codes as OperandCode[]).some(usesModrm)) ? MODRM : MODRM.slice(0, 1);
}

const OPCODES = [ONE_BYTE_MAP, TWO_BYTE_MAP].map((map) => Array.from({ length: 256 }, (_, opcode) => modrmBytes(map, opcode)));

export function* encodings(): Generator<Uint8Array> {
  for (const prefix of PREFIXES) {
    for (const [map, opcodes] of OPCODES.entries()) {
      for (const [opcode, modrms] of opcodes.entries()) {
        for (const modrm of modrms) {
          for (const tail of (modrm & 0xc7) === 4 ? TAILS : TAILS.slice(0, 1)) yield Uint8Array.from([...prefix, ...(map === 0 ? [] : [0x0f]), opcode, modrm, ...tail]).subarray(0, 15);
        }
      }
    }
  }
}

/** Specimens of all forms in a mode, each form once. */
export function forms(mode: Mode): Specimen[] {
  const found = new Map<string, Specimen>();
  for (const bytes of encodings()) {
    const instruction = decode(bytes, 0, bytes.length, mode);
    if ("failure" in instruction) continue;
    const fields: Fields = { d: 0, s: 0, b: 8, x: 8, c: 0, p: 0, m: 0, k: 0 };
    const form = formOf(instruction, mode, fields);
    if (!found.has(form.key)) found.set(form.key, { form, fields, instruction, bytes: bytes.slice(0, instruction.length) });
  }
  return [...found.values()];
}
