/** Random guest code for the laws: instructions that the decoder knows, with a liking for those that set and use flags. */
import fc from "fast-check";
import { decode, formOf, type CodeView, type Fields, type Mode } from "../../translator/translate.ts";

export const MODE: Mode = { bits: 32, flat: true, user: false };
export const CODE_AT = 0x1000;

const NOP = Uint8Array.of(0x90);
/** Arithmetic, INC and DEC, shifts, group 3, SETcc and CMOVcc, SHLD, BT, BSF, CMPXCHG, XADD, LAHF, SAHF, CMC, CLC, STC, MOV, MUL. */
const FLAG_OPCODES: ReadonlyArray<readonly number[]> = [
  ...[0x00, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38].flatMap((base) => [[base], [base + 1], [base + 3], [base + 5]]),
  ...Array.from({ length: 16 }, (_, register) => [0x40 + register]),
  [0x80], [0x81], [0x83], [0x84], [0x85], [0x8b], [0x89], [0xc0], [0xc1], [0xd0], [0xd1], [0xd3], [0xf6], [0xf7], [0xfe], [0x9e], [0x9f], [0xf5], [0xf8], [0xf9],
  ...Array.from({ length: 16 }, (_, condition) => [[0x0f, 0x90 + condition], [0x0f, 0x40 + condition]]).flat(),
  [0x0f, 0xa4], [0x0f, 0xa5], [0x0f, 0xad], [0x0f, 0xa3], [0x0f, 0xb3], [0x0f, 0xbc], [0x0f, 0xbd], [0x0f, 0xb1], [0x0f, 0xc1], [0x0f, 0xaf], [0x0f, 0xba],
];
const JUMPS: ReadonlyArray<readonly number[]> = [...Array.from({ length: 16 }, (_, condition) => [0x70 + condition]), [0xe2], [0xe3], [0xeb]];

function cut(bytes: readonly number[], straight: boolean): Uint8Array {
  const all = Uint8Array.from(bytes).subarray(0, 15), instruction = decode(all, 0, all.length, MODE);
  if ("failure" in instruction || (straight && instruction.row.ends)) return NOP;
  return all.subarray(0, instruction.length);
}

const byte = fc.nat({ max: 255 });
/** ModRM, SIB, displacement, immediate: registers, [register], or near addresses. */
const tail = fc.tuple(byte, byte, fc.array(byte, { minLength: 10, maxLength: 10 })).map(([modrm, sib, rest]) => [modrm, sib, ...rest]);
const prefix = fc.oneof({ weight: 8, arbitrary: fc.constant<number[]>([]) }, { weight: 2, arbitrary: fc.constant([0x66]) }, { weight: 1, arbitrary: fc.constantFrom([0x67], [0xf3], [0x64], [0x2e]) });

function instruction(opcode: fc.Arbitrary<readonly number[]>, straight: boolean): fc.Arbitrary<Uint8Array> {
  return fc.tuple(prefix, opcode, tail).map(([before, code, after]) => cut([...before, ...code, ...after], straight));
}

const flags = instruction(fc.constantFrom(...FLAG_OPCODES), true);
const any = instruction(fc.tuple(byte, byte).map(([first, second]) => [first, second]), true);
/** Short jumps, most of them to somewhere near. */
const jump = fc.tuple(fc.constantFrom(...JUMPS), fc.integer({ min: -24, max: 24 })).map(([opcode, distance]) => cut([...opcode, distance & 0xff], false));

function joined(instructions: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(instructions.flatMap((bytes) => [...bytes]));
}

/** Code without a branch. */
export const straightCode: fc.Arbitrary<Uint8Array> = fc.array(fc.oneof({ weight: 6, arbitrary: flags }, { weight: 1, arbitrary: any }), { minLength: 1, maxLength: 12 }).map(joined);
/** Code with short branches, into instructions too. */
export const branchingCode: fc.Arbitrary<Uint8Array> = fc.array(fc.oneof({ weight: 6, arbitrary: flags }, { weight: 1, arbitrary: any }, { weight: 2, arbitrary: jump }), { minLength: 2, maxLength: 20 }).map(joined);
/** MOV, ADD, ADC, INC, MOVZX, CMP, byte and word forms, off ESP, EBP and ESI by short distances; PUSH and POP; moves of these registers. */
const FRAME_OPCODES: ReadonlyArray<readonly number[]> = [[0x8b], [0x8b], [0x89], [0x89], [0x01], [0x13], [0xff], [0x8a], [0x88], [0x38], [0x66, 0x8b], [0x66, 0x89], [0x0f, 0xb6], [0x0f, 0xb7]];
const frameAccess = fc.tuple(fc.constantFrom(...FRAME_OPCODES), fc.nat({ max: 7 }), fc.constantFrom(4, 5, 6), fc.integer({ min: -8, max: 16 })).map(([opcode, register, base, distance]) =>
  cut([...opcode, 0x40 | (opcode[0] === 0xff ? 0 : register << 3) | base, ...(base === 4 ? [0x24] : []), (distance * (distance % 5 === 0 ? 1 : 4)) & 0xff, 0, 0, 0, 0], true));
const frameMove = fc.constantFrom([0x89, 0xe5], [0x83, 0xec, 0x08], [0x83, 0xc6, 0x04], [0x46], [0x4d], [0x8d, 0x74, 0x24, 0x08], [0x8d, 0x34, 0x8d, 0, 0, 0, 0], [0x11, 0xd0]).map((bytes) => cut(bytes, true));
const stack = fc.integer({ min: 0x50, max: 0x5f }).map((opcode) => cut([opcode], true));
/** Code that works on the stack and on records, as compilers write it. */
export const frameCode: fc.Arbitrary<Uint8Array> = fc.array(fc.oneof({ weight: 6, arbitrary: frameAccess }, { weight: 2, arbitrary: stack }, { weight: 1, arbitrary: frameMove }), { minLength: 3, maxLength: 16 }).map(joined);
/** Any one instruction. */
export const anyInstruction: fc.Arbitrary<Uint8Array> = instruction(fc.oneof(fc.constantFrom(...FLAG_OPCODES), fc.tuple(byte, byte).map(([first, second]) => [first, second])), false);

/** All of this code counts as executed. */
export function viewOf(code: Uint8Array): CodeView {
  return {
    executed(address) {
      const offset = address - CODE_AT;
      if (offset < 0 || offset >= code.length) return undefined;
      const found = decode(code, offset, code.length - offset, MODE);
      if ("failure" in found) return undefined;
      const fields: Fields = { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 };
      return { instruction: found, form: formOf(found, MODE, fields), fields };
    },
  };
}

export function hex(code: Uint8Array): string { return Array.from(code, (value) => value.toString(16).padStart(2, "0")).join(" "); }
