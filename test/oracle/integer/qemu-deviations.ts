/**
 * Where QEMU's user-mode emulation (7.2) answers otherwise than the manual and than the processors that were asked. It stands in where the
 * kernel starts no 32-bit programs; the processor itself is compared without any of this.
 *
 * A case that meets a deviation is left out; where only a bit or a vector is wrong, that alone is not compared.
 */
import { CS, FS, GS, type Instruction } from "../../../translator/translate.ts";
import { RF } from "../../../runtime/state.ts";
import { DATA_MARGIN, DATA_PAGE, type Case, type Result } from "./case-format.ts";
import type { Generated } from "./generate.ts";
import { decodeBytes } from "./templates.ts";

interface Deviation {
  readonly reason: string;
  /** `code` begins with the instruction. */
  readonly met: (instruction: Instruction, code: Uint8Array, test: Case) => boolean;
}

const RETURNS = new Set(["ret_near", "ret_far"]);
/** Memory operands that name an address and access nothing. */
const NO_ACCESS = new Set(["lea", "nop", "invlpg"]);
/** Read DS:(E)SI or DS:(E)BX, where a prefix may choose another segment. */
const IMPLICIT_SOURCES = new Set(["movs", "cmps", "lods", "xlat"]);
/** What has memory as its first operand and does not write it. */
const ONLY_READ = new Set([
  "cmp", "test", "bt", "push", "mul", "imul1", "div", "idiv", "jmp_indirect", "call_indirect", "jmp_far_indirect", "call_far_indirect", "verr", "verw",
]);
const SHIFTS = new Set(["rol", "ror", "rcl", "rcr", "shl", "shr", "sar", "shld", "shrd"]);
const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

const ESP = 4, VM = 1 << 17, WRITE_FAULT = 1 << 1;
const OVERFLOW = 4, BOUND = 5, GENERAL_PROTECTION = 13;

const LEFT_OUT: readonly Deviation[] = [
  { reason: "FS and GS hold null selectors: QEMU knows no limits and no null segments, and accesses memory", met: accessesNullSegment },
  { reason: "code segments are not writable: QEMU writes", met: writesCodeSegment },
  { reason: "TEST as F6h /1 and F7h /1: #UD in QEMU", met: ({ row }, code) => row.semantics === "test" && isGroup3(opcodeOf(code)) && modrmReg(code, 1) === 1 },
  { reason: "hints at 0F18h with a register operand are NOPs: #UD in QEMU", met: ({ row, operands }, code) => row.semantics === "nop" && operands[0]?.kind === "reg" && opcodeOf(code) === 0x0f18 },
  { reason: "RET and RETF imm16 above 7FFFh: QEMU extends the sign", met: ({ row, operands: [first] }) => RETURNS.has(row.semantics) && first?.kind === "imm" && (first.value & 0x8000) !== 0 },
  { reason: "LAR of 32 bits: bits 16 to 19 are undefined; processors give the limit's, QEMU none", met: ({ row, operandSize }) => row.semantics === "lar" && operandSize === 4 },
  { reason: "ENTER looks whether the stack that it allocates can be written: QEMU looks at what it pushes alone", met: allocatesBeyondMemory },
  { reason: "IRET that pops VM in ring 3, which ignores it: QEMU enters virtual-8086 mode, and ends", met: popsVirtual8086 },
];

function accessesNullSegment({ row: { semantics }, operands, segment }: Instruction): boolean {
  if (NO_ACCESS.has(semantics)) return false;
  const segments = operands.flatMap((operand) => operand.kind === "mem" ? [operand.segment] : []);
  if (IMPLICIT_SOURCES.has(semantics)) segments.push(segment);
  return segments.some((one) => one === FS || one === GS);
}

function writesCodeSegment({ row: { semantics }, operands: [first, second] }: Instruction): boolean {
  const written = semantics === "xchg" && second?.kind === "mem" ? second : first;
  return written?.kind === "mem" && written.segment === CS && !NO_ACCESS.has(semantics) && !ONLY_READ.has(semantics);
}

function popsVirtual8086({ row, operandSize }: Instruction, _code: Uint8Array, { registers, windowAt, window }: Case): boolean {
  if (row.semantics !== "iret" || operandSize !== 4) return false;
  const at = registers[ESP]! + 8 - windowAt;
  return ([0, 1, 2, 3].reduce((image, k) => image | (window[at + k] ?? 0) << 8 * k, 0) & VM) !== 0;
}

function allocatesBeyondMemory({ row, operands: [size, level] }: Instruction, _code: Uint8Array, { registers }: Case): boolean {
  if (row.semantics !== "enter" || size?.kind !== "imm" || level?.kind !== "imm") return false;
  return registers[ESP]! - 4 * (1 + (level.value & 31)) - (size.value & 0xffff) < DATA_PAGE - DATA_MARGIN;
}

function opcodeAt(code: Uint8Array): number {
  return code.findIndex((byte) => !PREFIXES.has(byte));
}

/** One byte, or 0Fh and another. */
function opcodeOf(code: Uint8Array): number {
  const at = opcodeAt(code), byte = code[at]!;
  return byte === 0x0f ? byte << 8 | code[at + 1]! : byte;
}

function isGroup3(opcode: number): boolean {
  return opcode === 0xf6 || opcode === 0xf7;
}

/** The reg field of the ModRM byte behind an opcode of `opcodeBytes`. */
function modrmReg(code: Uint8Array, opcodeBytes: number): number {
  return code[opcodeAt(code) + opcodeBytes]! >> 3 & 7;
}

function* instructionsOf({ bytes }: Case): Generator<readonly [Instruction, Uint8Array]> {
  for (let at = 0; at < bytes.length;) {
    const code = bytes.subarray(at), instruction = decodeBytes(code);
    if (instruction === undefined) return;
    yield [instruction, code];
    at += instruction.length;
  }
}

/** QEMU reads what is to be modified before it asks whether it may write, LOCK or not: its page fault is a read's. */
function modifiesMemory({ row, operands: [first] }: Instruction): boolean {
  return row.lockable || SHIFTS.has(row.semantics) && first?.kind === "mem";
}

/** The case as QEMU's answer can be compared: with more of it left open, or undefined where it cannot. */
export function comparableWithQemu(made: Generated): Generated | undefined {
  const instructions = [...instructionsOf(made)];
  if (instructions.some(([instruction, code]) => LEFT_OUT.some(({ met }) => met(instruction, code, made)))) return undefined;
  return {
    ...made,
    undefinedAtFault: made.undefinedAtFault | RF, // QEMU's image of a fault has RF clear
    openErrorBits: instructions.some(([instruction]) => modifiesMemory(instruction)) ? WRITE_FAULT : 0,
    memoryIsOpenAtFault: made.memoryIsOpenAtFault || instructions.some(([{ row }]) => row.semantics === "pusha"), // QEMU has pushed up to the fault
  };
}

/** QEMU has one signal for #OF, #BR and #GP. INTO raises no #GP here, and BOUND only through segments that are left out. */
export function vectorFromQemu(test: Case, { vector }: Result): number {
  if (vector !== GENERAL_PROTECTION) return vector;
  const semantics = decodeBytes(test.bytes)?.row.semantics;
  return semantics === "into" ? OVERFLOW : semantics === "bound" ? BOUND : vector;
}
