/**
 * The limit of CS (SDM volume 3, 5.3): no byte of an instruction may lie beyond it, #GP(0).
 *
 * The interpreter runs freely through a page that lies below the limit altogether. On the page of the limit it makes single steps, each
 * checked by `requireInsideLimit`; flat code is never checked.
 */
import { raise, VECTOR } from "./faults.ts";
import { SLOT } from "./state.ts";

const { base1: CS_BASE, limit1: CS_LIMIT } = SLOT;

/** Whether some byte of the page of linear address `linear` is beyond the limit; `linear` itself is not. */
export function limitOnPage(words: Int32Array, linear: number): boolean {
  const limit = words[CS_LIMIT]!;
  if (limit === -1) return false;
  const base = words[CS_BASE]!, last = (linear | 0xfff) - base >>> 0;
  return last > limit >>> 0 || last < linear - base >>> 0;
}

/** Raises #GP(0) where the byte at `linear` is beyond the limit. */
export function requireInsideLimit(words: Int32Array, linear: number): void {
  if (linear - words[CS_BASE]! >>> 0 > words[CS_LIMIT]! >>> 0) raise(VECTOR.GP, 0);
}
