/**
 * Where calque, a processor of the 386 line and later, rightly differs from the captured 80286.
 *
 * An entry either rewrites a test into what a 386 would have shown, which must then pass, or says of which tests the outcome is not
 * comparable. The list may only shrink: the test fails where an entry covers fewer or more failures than it says.
 */
import type { MooState, MooTest, RegisterName } from "./moo.ts";

export interface Accepted {
  readonly reason: string;
  /** Which failing tests. */
  readonly covers: (test: MooTest, opcode: string) => boolean;
  /** The test as a 386 would have been captured. */
  readonly rewrite?: (test: MooTest) => MooTest;
  /** Registers whose values are not compared. */
  readonly ignoring?: readonly RegisterName[];
  /** FLAGS bits that are not compared, beyond those that the metadata leaves out. */
  readonly ignoringFlags?: number;
  /** How many tests fail as captured for this reason. */
  readonly failures: number;
}

const INVALID_OPCODE = 6, STACK_FAULT = 12, GENERAL_PROTECTION = 13;
const FS = 4, GS = 5;
const OVERFLOW = 1 << 11;
const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0xf0, 0xf2, 0xf3]);
/** INS, OUTS, MOVS, CMPS, STOS, LODS, SCAS. */
const STRING = /^(6[C-F]|A[4-7A-F])$/;
/** Longest instruction of the 286; from the 386 on it is 15. */
const LONGEST_ON_286 = 10;

/** The test with the interrupt vector of #GP doing for #SS as well. */
function withStackVector(test: MooTest): MooTest {
  const entry = (vector: number): number => vector * 4;
  const copied = test.initial.ram.filter(([address]) => address >= entry(GENERAL_PROTECTION) && address < entry(GENERAL_PROTECTION + 1))
    .map(([address, value]) => [address - entry(GENERAL_PROTECTION - STACK_FAULT), value] as const);
  const initial: MooState = { registers: test.initial.registers, ram: [...test.initial.ram, ...copied] };
  return { ...test, initial };
}

/** ModRM.reg of an instruction behind prefixes. */
function modrmReg(test: MooTest): number {
  const at = test.bytes.findIndex((byte) => !PREFIXES.has(byte));
  return ((test.bytes[at + 1] ?? 0) >> 3) & 7;
}

const raised = (test: MooTest, vector: number): boolean => test.exception?.vector === vector;

export const ACCEPTED: readonly Accepted[] = [
  {
    reason: "an instruction of more than 10 bytes is vector 13 on the 286; from the 386 on up to 15 bytes are allowed",
    covers: (test) => raised(test, GENERAL_PROTECTION) && test.bytes.length - 1 > LONGEST_ON_286,
    failures: 25,
  },
  {
    reason: "FS and GS came with the 386: the 286 raises #UD",
    covers: (test, opcode) => (opcode === "8C" || opcode === "8E") && raised(test, INVALID_OPCODE) && [FS, GS].includes(modrmReg(test)),
    failures: 10,
  },
  {
    reason: "a string instruction that faults leaves CX, SI and DI counted on the 286; later it can be restarted (SDM volume 3, 6.5)",
    covers: (test, opcode) => STRING.test(opcode) && raised(test, GENERAL_PROTECTION),
    rewrite: withStackVector,
    ignoring: ["cx", "si", "di"],
    failures: 223,
  },
  {
    reason: "OF after SHR by more than 1 is undefined (SDM volume 2, SAL/SAR/SHL/SHR); the metadata leaves it out of the other shifts",
    covers: (test, opcode) => opcode === "C0.5" && (test.bytes.at(-2)! & 31) > 1,
    rewrite: (test) => test,
    ignoringFlags: OVERFLOW,
    failures: 222,
  },
  {
    reason: "a POP into memory that faults leaves SP raised on the 286; later it can be restarted (SDM volume 3, 6.5)",
    covers: (test, opcode) => opcode === "8F" && raised(test, GENERAL_PROTECTION),
    failures: 5,
  },
  {
    reason: "an operand beyond the limit of the stack segment is vector 13 on the 286, vector 12 from the 386 on",
    covers: (test) => raised(test, GENERAL_PROTECTION),
    rewrite: withStackVector,
    failures: 80,
  },
];
