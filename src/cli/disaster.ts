/** What to print of a machine whose guest came to grief. */
import { SLOT } from "../../runtime/state.ts";
import { CS } from "../../translator/translate.ts";
import { formatRegisters, readLinear } from "../inspect.ts";
import { disassemble, disassembleBefore, formatLine } from "../listing.ts";
import type { Machine } from "../machine.ts";

const BEFORE = 24, AFTER = 48, LINES_BEFORE = 4, LINES_AFTER = 6;
const CODE_32 = 1 << 10;

/** The instruction size that CS says. */
export const codeBits = (machine: Machine): 16 | 32 => ((machine.cpu.words[SLOT.access0 + CS]! & CODE_32) !== 0 ? 32 : 16);

/** The code around the instruction to execute next, which is marked. */
export function listing(machine: Machine): string {
  const at = (machine.cpu.words[SLOT.base0 + CS]! + machine.cpu.eip) | 0, bits = codeBits(machine);
  const before = readLinear(machine, at - BEFORE, BEFORE), after = readLinear(machine, at, AFTER);
  if (after.length === 0) return `  ${(at >>> 0).toString(16).padStart(8, "0")}  (no memory there)\n`;
  const lead = before.length === BEFORE ? disassembleBefore(before, at, bits, LINES_BEFORE) : [];
  return [...lead.map((line) => formatLine(line)), ...disassemble(after, at, bits, LINES_AFTER).map((line, k) => formatLine(line, k === 0))].join("");
}

/** Registers and listing. */
export function describeDisaster(machine: Machine): string {
  return `${formatRegisters(machine.cpu)}\n${listing(machine)}`;
}
