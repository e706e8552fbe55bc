/** The low bits of a TLB entry (runtime/memory.ts). */

/** Set in every entry that the fast path may not use. */
export const SLOW = 1;
/** The entry is filled, but its frame is watched. */
export const WATCHED = 2;
/** The entry is filled, and no RAM is behind it; the entry holds the physical page. */
export const MMIO = 4;
export const UNFILLED = SLOW;
/** In place of an entry: the access raises the page fault that is noted (`currentFault`). */
export const FAULTS = SLOW | 8;
