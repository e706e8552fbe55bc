/** Compares what the oracle and an engine made of a case. */
import { RF } from "../../../runtime/state.ts";
import { COMPLETED, WINDOW, type Result } from "./case-format.ts";
import type { Generated } from "./generate.ts";

const NAMES = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"];
/** Bit 4 of a page fault's error code (an instruction fetch) is there only with no-execute pages. */
const NO_FETCH = ~(1 << 4);
const PAGE_FAULT = 14, ESP = 4;

function hex(value: number): string {
  return `${(value >>> 0).toString(16)}h`;
}

/** What differs, one phrase each; empty where nothing does. */
export function differences(test: Generated, native: Result, engine: Result): string[] {
  const found: string[] = [];
  const note = (what: string, expected: number, got: number): void => {
    if (expected >>> 0 !== got >>> 0) found.push(`${what}: oracle ${hex(expected)}, engine ${hex(got)}`);
  };
  note("vector", native.vector, engine.vector);
  note("eip", native.eip, engine.eip);
  if (native.vector !== PAGE_FAULT) note("error code", native.error, engine.error);
  else if (!test.pageFaultIsOpen) {
    note("cr2", native.cr2, engine.cr2);
    note("error code", native.error & NO_FETCH & ~test.openErrorBits, engine.error & ~test.openErrorBits);
  }
  const registersAreOpen = native.vector !== COMPLETED && test.registersAreOpenAtFault;
  NAMES.forEach((name, index) => { if (!registersAreOpen || index === ESP) note(name, native.registers[index]!, engine.registers[index]!); });
  SEGMENTS.forEach((name, index) => { note(name, native.selectors[index]!, engine.selectors[index]!); });
  // The trap that ends a completed case clears RF; a fault's image has it set.
  const ignored = native.vector === COMPLETED ? test.undefinedFlags | RF : test.undefinedAtFault;
  note("eflags", native.eflags & ~ignored, engine.eflags & ~ignored);
  if (native.vector !== COMPLETED && test.memoryIsOpenAtFault) return found;
  for (let k = 0; k < WINDOW; k++) if (native.window[k] !== engine.window[k]) note(`[${hex(test.windowAt + k)}]`, native.window[k]!, engine.window[k]!);
  return found;
}
