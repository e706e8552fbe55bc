/**
 * What the SDM leaves undefined: flags and results that are not compared, with the page that says so.
 *
 * Everything that is not listed is compared bit by bit.
 */
import { AF, CF, OF, PF, SF, ZF } from "../../../runtime/state.ts";
import type { Instruction } from "../../../translator/translate.ts";
import type { Case } from "./case-format.ts";

const ALL = CF | PF | AF | ZF | SF | OF;

/** By mnemonic: the flags that are undefined after it whatever its operands (SDM volume 2, "Flags affected"; volume 1, appendix A). */
const UNDEFINED_FLAGS: Readonly<Record<string, number>> = {
  and: AF, or: AF, xor: AF, test: AF,
  mul: SF | ZF | AF | PF, imul: SF | ZF | AF | PF,
  div: ALL, idiv: ALL,
  bsf: ALL & ~ZF, bsr: ALL & ~ZF,
  bt: ALL & ~(CF | ZF), bts: ALL & ~(CF | ZF), btr: ALL & ~(CF | ZF), btc: ALL & ~(CF | ZF),
  aaa: OF | SF | ZF | PF, aas: OF | SF | ZF | PF,
  aam: OF | AF | CF, aad: OF | AF | CF,
  daa: OF, das: OF,
};

const SHIFTS = new Set(["shl", "sal", "shr", "sar", "shld", "shrd"]);
const ROTATES = new Set(["rol", "ror", "rcl", "rcr"]);

/** The count of a shift or rotate, masked to five bits. */
function shiftCount(instruction: Instruction, test: Case): number {
  const last = instruction.operands.at(-1);
  return (last?.kind === "imm" ? last.value : test.registers[1]!) & 31;
}

function operandBits(instruction: Instruction): number {
  const first = instruction.operands[0];
  return first !== undefined && "size" in first ? first.size * 8 : 32;
}

/** OF is defined for a count of 1 only; CF of SHL and SHR not when the count reaches the width; AF never. Count 0 changes nothing. */
function undefinedAfterShift(instruction: Instruction, count: number): number {
  if (count === 0) return 0;
  const { mnemonic } = instruction.row, bits = operandBits(instruction);
  let flags = AF | (count === 1 ? 0 : OF);
  if (count >= bits && mnemonic !== "sar") flags |= CF;
  if (count > bits && mnemonic.endsWith("d")) flags = ALL;
  return flags;
}

export function undefinedFlags(instruction: Instruction, test: Case): number {
  const { mnemonic } = instruction.row;
  if (SHIFTS.has(mnemonic)) return undefinedAfterShift(instruction, shiftCount(instruction, test));
  if (ROTATES.has(mnemonic)) return (shiftCount(instruction, test) > 1 ? OF : 0);
  return (UNDEFINED_FLAGS[mnemonic] ?? 0);
}

/** Cases whose result, not only a flag, is undefined: they are not generated. */
export function resultIsUndefined(instruction: Instruction, test: Case): boolean {
  const { mnemonic } = instruction.row;
  return (mnemonic === "shld" || mnemonic === "shrd") && shiftCount(instruction, test) > operandBits(instruction);
}

/**
 * Instructions whose page fault is compared as such, but not its address and error code: they make several accesses in an order that the manual
 * leaves open, and ARPL writes or does not.
 */
const MANY_ACCESSES = new Set(["arpl", "popa", "pusha", "ret_far", "iret", "enter", "call_far", "call_far_indirect", "jmp_far_indirect", "lds", "les", "lss", "lfs", "lgs", "bound", "cmps"]);

export function pageFaultIsOpen(instruction: Instruction): boolean {
  return MANY_ACCESSES.has(instruction.row.semantics);
}

/** Far calls that fault on their second push: the first may have been made; it lies below the stack pointer. */
export function memoryIsOpenAtFault(instruction: Instruction): boolean {
  return ["call_far", "call_far_indirect"].includes(instruction.row.semantics);
}

/** POPA that faults half-way can be restarted whether or not it has loaded the registers that it had come to; processors differ. */
export function registersAreOpenAtFault(instruction: Instruction): boolean {
  return instruction.row.semantics === "popa";
}
