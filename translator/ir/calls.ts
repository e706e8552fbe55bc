/**
 * What runtime functions touch of the state that a region keeps in locals. One that is listed here can be called from a region as it
 * stands: it needs no exact count and changes neither mode nor mapping, and nothing has to be polled behind it. All others are left to
 * the interpreter.
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
};

/** What a `call` or `monitor` node touches; undefined where a region may not make the call. */
export function touchedBy({ name }: Node): Touched | undefined {
  if (!name.startsWith("x87_")) return BY_NAME[name];
  return /^x87_f(cmov|u?comi)/.test(name) ? FLAGS : NOTHING;
}

/** Monitor functions that a region calls at their exact count, and behind which it asks whether it may go on. */
const EXACT: Readonly<Record<string, { readonly changesMode: boolean }>> = {
  portIn: { changesMode: false }, portOut: { changesMode: false }, moveToSegment: { changesMode: true }, loadSegment: { changesMode: true },
};

export function calledExactly({ name }: Node): { readonly changesMode: boolean } | undefined { return EXACT[name]; }
