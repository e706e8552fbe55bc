/** Which translation mode the processor is in: the parts of its state that change what instruction bytes mean. */
import { alignmentChecked } from "./alignment.ts";
import type { Mode } from "../translator/translate.ts";
import type { Monitor } from "./monitor/context.ts";
import * as state from "./state.ts";

const { AC, CR0_PE, SLOT, VM } = state;
const { eflags: EFLAGS, cr0: CR0, cpl: CPL, stackMask: STACK_MASK, base0: BASE, limit0: LIMIT, access0: ACCESS } = SLOT;
const ES = 0, CS = 1, SS = 2, DS = 3;
/** D/B of the access word; present, data, writable; code or expand-down. */
const BIG = 1 << 10, OPEN = 0x92, CLOSED = 0x0c;

const BITS32 = 1, FLAT = 2, USER = 4, ALIGNED = 8;

/** The mode as a small number, for keys. */
export function modeKey({ cpu }: Pick<Monitor, "cpu">): number {
  const S = cpu.words, eflags = S[EFLAGS]!;
  const bits32 = (S[CR0]! & CR0_PE) !== 0 && (eflags & VM) === 0 && (S[ACCESS + CS]! & BIG) !== 0;
  let key = (bits32 ? BITS32 : 0) | (S[CPL] === 3 ? USER : 0);
  if ((eflags & AC) !== 0 && alignmentChecked(cpu)) key |= ALIGNED;
  return bits32 && S[STACK_MASK] === -1 && isFlat(S) ? key | FLAT : key;
}

/** CS, DS, ES and SS begin at 0 and have 4 GiB; all but CS are present, writable, expand-up data (`dataSegmentFlat`). */
function isFlat(S: Int32Array): boolean {
  const bases = S[BASE + CS]! | S[BASE + DS]! | S[BASE + ES]! | S[BASE + SS]!;
  const limits = S[LIMIT + CS]! & S[LIMIT + DS]! & S[LIMIT + ES]! & S[LIMIT + SS]!;
  if ((bases | ~limits) !== 0) return false;
  const ds = S[ACCESS + DS]!, es = S[ACCESS + ES]!, ss = S[ACCESS + SS]!;
  return (ds & es & ss & OPEN) === OPEN && ((ds | es | ss) & CLOSED) === 0;
}

export function modeOf(key: number): Mode {
  return {
    bits: (key & BITS32) !== 0 ? 32 : 16, flat: (key & FLAT) !== 0, user: (key & USER) !== 0, aligned: (key & ALIGNED) !== 0,
  };
}
