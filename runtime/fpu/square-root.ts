/**
 * The square root of a mantissa by Zimmermann's recursion (Karatsuba Square Root, INRIA RR-3805, 1999), one step of it: the upper half of the
 * root from the upper 64 bits, the lower half by dividing what is left. Every quantity is an integer below 2^53, so float64s are exact.
 */
const WORD = 0x100000000, HALF = 0x10000;

/** `root[0]`, `root[1]`: low and high word of the last root; `root[2]`: a fraction, its top bit 1/2, its lowest bit sticky. */
export const root = new Int32Array(3);

/** Into `root`: the root of high:low · 2^64, or of half of that where `halved`; bit 63 of high:low is set. */
export function squareRootOf(high: number, low: number, halved: boolean): void {
  const n3 = (halved ? high >>> 1 : high) >>> 0, n2 = (halved ? (high << 31) | (low >>> 1) : low) >>> 0, n1 = (halved ? low << 31 : 0) >>> 0;
  let upper = Math.min(Math.floor(Math.sqrt(n3 * WORD + n2)), WORD - 1);
  const x = Math.floor(upper / HALF), y = upper % HALF;
  let rest = (n3 - x * x) * WORD + n2 - 2 * x * y * HALF - y * y;
  for (; rest < 0; rest += 2 * upper + 1) upper--;
  for (; rest > 2 * upper; upper++) rest -= 2 * upper + 1;
  // rest · 2^32 + n1 by 2 · upper, 16 bits at a time.
  const divisor = 2 * upper, first = rest * HALF + (n1 >>> 16), q1 = Math.floor(first / divisor);
  const second = (first - q1 * divisor) * HALF + (n1 & 0xffff), q0 = Math.floor(second / divisor);
  const cross = 2 * q1 * q0;
  finish(upper, q1 * HALF + q0, second - q0 * divisor - q1 * q1 - Math.floor(cross / HALF), -(cross % HALF) * HALF - q0 * q0);
}

/** The root may be too large yet: what is left, restHigh · 2^32 + restLow, is negative then. */
function finish(upper: number, lower: number, restHigh: number, restLow: number): void {
  for (;;) {
    const carry = Math.floor(restLow / WORD), over = Math.floor(lower / WORD);
    restHigh += carry;
    restLow -= carry * WORD;
    upper += over;
    lower -= over * WORD;
    if (restHigh >= 0) break;
    if (lower-- === 0) {
      lower = WORD - 1;
      upper--;
    }
    restHigh += 2 * upper;
    restLow += 2 * lower + 1;
  }
  root[0] = lower | 0;
  root[1] = upper | 0;
  // (r + 1/2)^2 = r^2 + r + 1/4
  const aboveHalf = restHigh > upper || restHigh === upper && restLow > lower;
  root[2] = (aboveHalf ? -0x80000000 : 0) | (restHigh === 0 && restLow === 0 ? 0 : 1);
}
