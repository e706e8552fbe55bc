/**
 * Stretches of REP MOVS, STOS, SCAS and CMPS in the common case: 32-bit addresses in flat segments, operands that each lie on a page which the
 * fast path reaches. A stretch ends at the end of a page of either operand or at the end of the count.
 *
 * Each function is given the registers and the TLB entries of its operands, and answers how many elements it has done, negative where DF has the
 * addresses go down. 0: nothing is done, the general way must be gone (`StringUnit`), which ends its stretches at the same places. Registers are the
 * caller's; SCAS and CMPS leave the flags of their last comparison in the state words.
 */
import { compare, copyDown, copyUp, element, fill, scan } from "./bulk.ts";
import * as flagKinds from "./flag-kinds.ts";
import type { GuestMemory } from "./memory.ts";
import * as state from "./state.ts";
import * as tlb from "./tlb-entry.ts";

const { KIND } = flagKinds;
const { DF, SLOT } = state;
const { SLOW } = tlb;
const { eflags: EFLAGS, flagKind: FLAG_KIND, flagA: FLAG_A, flagB: FLAG_B } = SLOT;

/** Element size in bytes. */
export type Width = 1 | 2 | 4;

/** Estimated host ns of a stretch and of a byte. */
const STRETCH_COST = 50, BYTE_COST = 1;

export interface Stretches {
  move(size: Width, source: number, destination: number, count: number, readEntry: number, writeEntry: number): number;
  store(size: Width, destination: number, count: number, writeEntry: number, value: number): number;
  /** `equal`: 1 for REPE, 0 for REPNE. */
  scan(size: Width, destination: number, count: number, readEntry: number, accumulator: number, equal: number): number;
  compare(size: Width, source: number, destination: number, count: number, sourceEntry: number, destinationEntry: number, equal: number): number;
}

/** Elements from `linear` to the end of its page, upwards; 0 where the first one straddles pages. */
const roomAbove = (linear: number, size: Width): number => 0x1000 - (linear & 0xfff) >>> (size >> 1);

/** The same downwards. */
function roomBelow(linear: number, size: Width): number {
  const offset = linear & 0xfff;
  return offset + size > 0x1000 ? 0 : (offset >>> (size >> 1)) + 1;
}

export function stretches(memory: GuestMemory, words: Int32Array): Stretches {
  function moveDown(size: Width, source: number, destination: number, count: number, readEntry: number, writeEntry: number): number {
    const elements = Math.min(count >>> 0, roomBelow(source, size), roomBelow(destination, size));
    if (elements === 0) return 0;
    const bytes = elements * size, below = bytes - size;
    memory.patience -= STRETCH_COST + bytes * BYTE_COST;
    copyDown(memory, (source ^ readEntry) - below, (destination ^ writeEntry) - below, bytes, size);
    return -elements;
  }

  function compared(size: Width, a: number, b: number): void {
    const up = 32 - 8 * size;
    words[FLAG_KIND] = KIND.sub * 4 + (size >> 1);
    words[FLAG_A] = a << up;
    words[FLAG_B] = b << up;
  }

  return {
    move(size, source, destination, count, readEntry, writeEntry) {
      if (((readEntry | writeEntry) & SLOW) !== 0 || memory.patience < 0) return 0;
      if ((words[EFLAGS]! & DF) !== 0) return moveDown(size, source, destination, count, readEntry, writeEntry);
      const elements = Math.min(count >>> 0, roomAbove(source, size), roomAbove(destination, size));
      if (elements === 0) return 0;
      const bytes = elements * size;
      memory.patience -= STRETCH_COST + bytes * BYTE_COST;
      copyUp(memory, source ^ readEntry, destination ^ writeEntry, bytes, size);
      return elements;
    },
    store(size, destination, count, writeEntry, value) {
      if ((writeEntry & SLOW) !== 0 || memory.patience < 0) return 0;
      const down = (words[EFLAGS]! & DF) !== 0, elements = Math.min(count >>> 0, down ? roomBelow(destination, size) : roomAbove(destination, size));
      if (elements === 0) return 0;
      const bytes = elements * size, first = destination ^ writeEntry;
      memory.patience -= STRETCH_COST + bytes * BYTE_COST;
      fill(memory, down ? first - bytes + size : first, bytes, size, value);
      return down ? -elements : elements;
    },
    scan(size, destination, count, readEntry, accumulator, equal) {
      if ((readEntry & SLOW) !== 0 || (words[EFLAGS]! & DF) !== 0 || memory.patience < 0) return 0;
      const elements = Math.min(count >>> 0, roomAbove(destination, size));
      if (elements === 0) return 0;
      const wanted = size === 4 ? accumulator : accumulator & (size === 2 ? 0xffff : 0xff), at = destination ^ readEntry;
      const done = scan(memory, at, elements, size, wanted, equal !== 0);
      memory.patience -= STRETCH_COST + done * size * BYTE_COST;
      compared(size, wanted, element(memory, at + (done - 1) * size, size));
      return done;
    },
    compare(size, source, destination, count, sourceEntry, destinationEntry, equal) {
      if (((sourceEntry | destinationEntry) & SLOW) !== 0 || (words[EFLAGS]! & DF) !== 0 || memory.patience < 0) return 0;
      const elements = Math.min(count >>> 0, roomAbove(source, size), roomAbove(destination, size));
      if (elements === 0) return 0;
      const a = source ^ sourceEntry, b = destination ^ destinationEntry;
      const done = compare(memory, a, b, elements, size, equal !== 0), last = (done - 1) * size;
      memory.patience -= STRETCH_COST + done * size * BYTE_COST;
      compared(size, element(memory, a + last, size), element(memory, b + last, size));
      return done;
    },
  };
}
