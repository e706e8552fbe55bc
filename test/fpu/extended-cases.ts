/** Extended numbers of every sort, and pairs of them that are near each other, few bits long, or apart by as much as they are long. */

/** An 80-bit number as its words. */
export interface Extended {
  readonly low: number;
  readonly high: number;
  readonly signExp: number;
}

const BIAS = 16383, INTEGER_BIT = 0x80000000 | 0;

/** xorshift32 (Marsaglia 2003). */
export function randomWords(seed: number): () => number {
  let x = Math.imul(seed, 0x9e3779b9) | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x;
  };
}

/** Mantissas: any; few bits at the top; all ones but the last few bits; a float64's; few bits set; half of the last place of a float64. */
function mantissa(next: () => number): readonly [low: number, high: number] {
  const low = next(), high = next() | INTEGER_BIT, few = next() & 31;
  switch (next() & 7) {
    case 0: return [0, high & (INTEGER_BIT >> few)];
    case 1: return [-1 << (few & 15), -1];
    case 2: return [low & ~0x7ff, high];
    case 3: return [low & 0x7ff, INTEGER_BIT];
    case 4: return [(low & ~0xfff) | 0x400 | ((next() & 1) << 11), high];
    case 5: return [0, high & ~0xff];
    default: return [low, high];
  }
}

function extended(next: () => number, exponent: number): Extended {
  const [low, high] = mantissa(next);
  return { low, high, signExp: ((exponent + BIAS) & 0x7fff) | (next() & 0x8000) };
}

/** Pairs of numbers, most of them below 2^80; among them zeros, and sizes beyond the range of pairs. */
export function* extendedCases(count: number, seed: number): Generator<readonly [Extended, Extended]> {
  const next = randomWords(seed);
  for (let k = 0; k < count; k++) {
    const wide = (next() & 15) === 0, size = wide ? (next() % 500) : (next() % 70), a = extended(next, size);
    const apart = (next() & 3) === 0 ? 0 : next() % 70, b = extended(next, size - apart);
    const zero: Extended = { low: 0, high: 0, signExp: next() & 0x8000 };
    const choice = next() & 63;
    if (choice === 0) yield [zero, b];
    else if (choice === 1) yield [a, zero];
    else if (choice === 2) yield [zero, { ...zero, signExp: next() & 0x8000 }];
    else if (choice < 6) yield [a, { ...a, low: a.low + (next() % 3), signExp: a.signExp ^ 0x8000 }];
    else yield [a, b];
  }
}
