/** Seeded random values, with a taste for the nasty ones. */

const NASTY = [
  0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x100, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff, 0x10000,
  0x5555_5555, 0x7fff_fffe, 0x7fff_ffff, -0x8000_0000, -0x7fff_ffff, -0x8000, -0x81, -0x80, -0x7f, -2, -1, 0x0080_8000, -0x0080_8001, 0x9999_9999 | 0,
];

/** splitmix32 (Steele, Lea, Flood 2014, in 32 bits): every seed and every number of draws gives the same values everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An int32. */
  word(): number {
    this.#state = (this.#state + 0x9e37_79b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
    return z ^ (z >>> 15);
  }

  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number {
    return (this.word() >>> 0) % bound;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** An int32: of the nasty ones two times in three. */
  value(): number {
    return this.once(3) ? this.word() : this.pick(NASTY);
  }
}

/** A seed for case `index` of a run. */
export function caseSeed(seed: number, index: number): number {
  return new Random(seed ^ Math.imul(index + 1, 0x85eb_ca6b)).word();
}
