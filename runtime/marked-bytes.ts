/** A set of bytes of one frame, a bit each, in a row of words that all frames share. */
const BITS = 5;
export const WORDS = 4096 >> BITS;

/** Bits `from` up to, not including, `to` of one word; 0 <= from < to <= 32. */
function ones(from: number, to: number): number { return (-1 << from) & (-1 >>> (32 - to)); }

/** The bits of word `k` that stand for bytes `from` to `to`; it holds one of them at least. */
function bitsOf(k: number, from: number, to: number): number { return ones(Math.max(from - (k << BITS), 0), Math.min(to - (k << BITS), 32)); }

export class MarkedBytes {
  readonly #words: Int32Array;
  /** Words that are not 0. */
  #used = 0;

  /** The frame's words begin at `first`; all are 0. */
  constructor(words: Int32Array, first: number) { this.#words = words.subarray(first, first + WORDS); }

  get empty(): boolean { return this.#used === 0; }

  /** Whether one of the bytes from `from` up to, not including, `to` is marked. */
  hit(from: number, to: number): boolean {
    const words = this.#words, last = (to - 1) >> BITS;
    for (let k = from >> BITS; k <= last; k++) if ((words[k]! & bitsOf(k, from, to)) !== 0) return true;
    return false;
  }

  mark(from: number, to: number): void {
    const words = this.#words, last = (to - 1) >> BITS;
    let k = from >> BITS;
    if (k === last) { // as nearly always
      const before = words[k]!;
      if (before === 0) this.#used++;
      words[k] = before | ones(from & 31, ((to - 1) & 31) + 1);
      return;
    }
    for (; k <= last; k++) {
      const before = words[k]!;
      if (before === 0) this.#used++;
      words[k] = before | bitsOf(k, from, to);
    }
  }

  unmark(from: number, to: number): void {
    const words = this.#words, last = (to - 1) >> BITS;
    for (let k = from >> BITS; k <= last; k++) {
      const before = words[k]!, after = before & ~bitsOf(k, from, to);
      words[k] = after;
      if (before !== 0 && after === 0) this.#used--;
    }
  }

  clear(): void {
    this.#words.fill(0);
    this.#used = 0;
  }
}
