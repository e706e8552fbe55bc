/**
 * What runtime functions touch of the state that a region keeps in locals, and what a region does behind a call.
 *
 * One that is listed in `BY_NAME` can be called from a region as it stands: it needs no exact count (or asks for it by RETRY, before it has
 * done anything). Nothing has to be polled behind it, unless it is also listed in `ANSWERS` or `TRANSFERS`. All others are left to the interpreter.
 */
import type { Node } from "./opcodes.ts";

/** General registers by number, and whether the flags; what is written counts as read, for it may stay as it was. */
export interface Touched {
  readonly registers: readonly number[];
  readonly flags: boolean;
}

const EAX = 0, ECX = 1, EDX = 2, EBX = 3, ESP = 4, EBP = 5, ESI = 6, EDI = 7;

const NOTHING: Touched = { registers: [], flags: false };
const FLAGS: Touched = { registers: [], flags: true };
const touched = (flags: boolean, ...registers: number[]): Touched => ({ registers, flags });

const BY_NAME: Readonly<Record<string, Touched>> = {
  segmentAddress: NOTHING, enterFrame: touched(false, ESP, EBP),
  repeatMovs: touched(false, ECX, ESI, EDI), repeatStos: touched(false, EAX, ECX, EDI), repeatLods: touched(false, EAX, ECX, ESI),
  repeatScas: touched(true, EAX, ECX, EDI), repeatCmps: touched(true, ECX, ESI, EDI),
  requirePrivilege: NOTHING, requireProtectedMode: NOTHING, readControl: NOTHING, clts: NOTHING, wbinvd: NOTHING,
  lar: NOTHING, lslValid: NOTHING, lslLimit: NOTHING, verr: NOTHING, verw: NOTHING,
  cpuid: touched(false, EAX, ECX, EDX, EBX),
  moveToSegment: NOTHING, loadSegment: NOTHING, writeControl: NOTHING, invalidatePage: NOTHING,
  softwareInterrupt: touched(true, ESP), breakpoint: touched(true, ESP), interruptReturn: touched(true, ESP),
  jumpFar: NOTHING, callFar: touched(false, ESP), returnFar: touched(false, ESP),
};

/** A fault in their midst leaves registers changed: REP. */
const PARTIAL = /^repeat/;

/** Whether a fault of this function leaves what it touches as it was before. */
export function faultsWhole({ name }: Node): boolean { return !PARTIAL.test(name); }

/** Monitor functions that answer, behind what they have done, whether a region must be left: 0 where it may go on. */
const ANSWERS: ReadonlySet<string> = new Set(["moveToSegment", "loadSegment", "writeControl", "invalidatePage"]);

export function answersWhetherToLeave({ op, name }: Node): boolean { return op === "monitor" && ANSWERS.has(name); }

/** Monitor functions that set EIP, from the one behind the instruction that stands there when they are called; any of them may change the mode. */
const TRANSFERS: ReadonlySet<string> = new Set(["softwareInterrupt", "breakpoint", "interruptReturn", "jumpFar", "callFar", "returnFar"]);

export function transfers({ op, name }: Node): boolean { return op === "monitor" && TRANSFERS.has(name); }

/** Of these, the ones that answer what the region returns: 0 where they have gone on in the same mode and nothing has to be polled, otherwise CHANGED. */
const MAY_STAY: ReadonlySet<string> = new Set(["interruptReturn", "jumpFar", "callFar", "returnFar"]);

export function answersHowItLeft({ op, name }: Node): boolean { return op === "monitor" && MAY_STAY.has(name); }

/** What a `call` or `monitor` node touches; undefined where a region may not make the call. */
export function touchedBy({ name }: Node): Touched | undefined {
  if (!name.startsWith("x87_")) return BY_NAME[name];
  return /^x87_f(cmov|u?comi)/.test(name) ? FLAGS : NOTHING;
}

/** x87 functions that look at no register. */
const WITHOUT_REGISTERS = /^x87_(fldcw_2|fnstcw_2|fnstsw_2|f?wait|fnop|fnclex)$/;

/** Whether a runtime function reads or writes x87 registers. */
export function readsX87({ name }: Node): boolean { return name.startsWith("x87_") && !WITHOUT_REGISTERS.test(name); }

/** Monitor functions that a region calls at their exact count, and behind which it asks whether it may go on. */
const EXACT: ReadonlySet<string> = new Set(["portIn", "portOut"]);

export function calledExactly({ name }: Node): boolean { return EXACT.has(name); }
