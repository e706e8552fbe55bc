/** How a run ended, as an exit code and as a sentence. */
import type { Machine } from "../machine.ts";
import type { SessionEnd } from "./session.ts";

export const EXIT = { ok: 0, failed: 1, usage: 2, internal: 70, timeout: 124 } as const;

const quoted = (text: Uint8Array): string => JSON.stringify(new TextDecoder().decode(text));

/** The exit code table of `calque run --help`; a used-up budget fails only where `budgetFails`. */
export function exitCode(end: SessionEnd, machine: Machine, budgetFails: boolean): number {
  switch (end.reason) {
    case "debug-exit": return ((end.value << 1) | 1) & 255;
    case "expected": case "left": return EXIT.ok;
    case "timeout": return EXIT.timeout;
    case "shutdown": return EXIT.failed;
    case "budget": return budgetFails ? EXIT.failed : EXIT.ok;
    case "reset": case "power-off": case "halted": case "idle": return machine.missingText === undefined ? EXIT.ok : EXIT.failed;
    case "time": case "asleep": case "paused": throw new Error(`a session cannot end by ${end.reason}`);
    default: return end satisfies never;
  }
}

/** What there is to say about an end on stderr, or "" where it is what was wanted. */
export function describeEnd(end: SessionEnd, machine: Machine): string {
  const missing = machine.missingText, absent = missing === undefined ? "" : `; the guest never printed ${quoted(missing)}`;
  switch (end.reason) {
    case "shutdown": return `triple fault after ${machine.instructions} instructions${absent}`;
    case "budget": return `the budget of instructions is used up${absent}`;
    case "timeout": return `timeout after ${machine.instructions} instructions${absent}`;
    case "reset": return missing === undefined ? "" : `the guest reset the machine (${end.source})${absent}`;
    case "power-off": return missing === undefined ? "" : `the guest switched the machine off${absent}`;
    case "halted": return missing === undefined ? "" : `the guest halted with interrupts off${absent}`;
    case "idle": return `the guest waits for input that cannot come${absent}`;
    case "debug-exit": case "expected": case "left": case "time": case "asleep": case "paused": return "";
    default: return end satisfies never;
  }
}
