/**
 * Elementary functions on integers: what the transcendental instructions are made of.
 *
 * A number is a BigInt `value` that stands for value · 2^-scale. Series run at a fixed scale of at least FRACTION bits on arguments reduced so far
 * that each term gains several bits; where a result may be tiny, the function returns the *ratio* to its argument, which is near 1, so that the
 * relative error stays below 2^-110 however small the argument is.
 */

/** Fraction bits that the series work with. */
export const FRACTION = 128n;
export const ONE = 1n << FRACTION;

const CONSTANT_SCALE = 256n;
const PI_256 = 0x3243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89n;
const LN2_256 = 0xb17217f7d1cf79abc9e3b39803f2f6af40f343267298b62d8a0d175b8baafa2bn;
const LOG2E_256 = 0x171547652b82fe1777d0ffda0d23a7d11d6aef551bad2b4b1164a2cd9a342648fn;

export const PI = PI_256 >> (CONSTANT_SCALE - FRACTION);
export const LN2 = LN2_256 >> (CONSTANT_SCALE - FRACTION);
export const LOG2E = LOG2E_256 >> (CONSTANT_SCALE - FRACTION);

/** Bits of a non-negative integer, 0 for 0. */
export function bitLength(n: bigint): number {
  if (n === 0n) return 0;
  const hex = n.toString(16);
  return hex.length * 4 - Math.clz32(Number.parseInt(hex[0]!, 16)) + 28;
}

/** value · 2^by, chopped. */
export function shift(value: bigint, by: number): bigint {
  return by >= 0 ? value << BigInt(by) : value >> BigInt(-by);
}

/** The sine of `r` (0 ≤ r < 1, `scale` fraction bits). */
export function sineSeries(r: bigint, scale: bigint): bigint {
  const square = (r * r) >> scale;
  let term = r, sum = r;
  for (let k = 2n; term !== 0n; k += 2n) {
    term = -((term * square) >> scale) / (k * (k + 1n));
    sum += term;
  }
  return sum;
}

/** The cosine of `r` (0 ≤ r < 1, `scale` fraction bits). */
export function cosineSeries(r: bigint, scale: bigint): bigint {
  const square = (r * r) >> scale;
  let term = 1n << scale, sum = term;
  for (let k = 1n; term !== 0n; k += 2n) {
    term = -((term * square) >> scale) / (k * (k + 1n));
    sum += term;
  }
  return sum;
}

/** (e^u - 1) / u for |u| < 1, at FRACTION bits. */
export function exponentialRatio(u: bigint): bigint {
  let term = ONE, sum = ONE;
  for (let k = 2n; term !== 0n; k++) {
    term = ((term * u) >> FRACTION) / k;
    sum += term;
  }
  return sum;
}

/**
 * artanh(s) / s for |s| < 0.2, and arctan(s) / s where `alternate`; `square` is s² at FRACTION bits. Never exactly 1 for the arctangent, so
 * that rounding sees on which side of s the angle lies.
 */
export function inverseTangentRatio(square: bigint, alternate: boolean): bigint {
  if (square === 0n) return alternate ? ONE - 1n : ONE;
  let power = ONE, sum = ONE;
  const factor = alternate ? -square : square;
  for (let k = 3n; ; k += 2n) {
    power = (power * factor) >> FRACTION;
    const term = power / k;
    if (term === 0n) return sum;
    sum += term;
  }
}

const STEPS: bigint[] = [];

/** arctan(k / 16) at FRACTION bits, k = 0 to 16. */
export function arctangentOfStep(k: number): bigint {
  // arctan(k/16) = arctan((k-1)/16) + arctan(16 / (256 + k(k-1))), by the addition theorem.
  for (let i = STEPS.length; i <= k; i++) {
    if (i === 0) {
      STEPS.push(0n);
      continue;
    }
    const s = (16n << FRACTION) / BigInt(256 + i * (i - 1));
    STEPS.push(STEPS[i - 1]! + ((s * inverseTangentRatio((s * s) >> FRACTION, true)) >> FRACTION));
  }
  return STEPS[k]!;
}

/**
 * arctan(numerator / denominator) for 0 < numerator ≤ denominator, as value and scale: the scale grows as the angle shrinks.
 */
export function arctangentOfRatio(numerator: bigint, denominator: bigint): { value: bigint; scale: number } {
  const step = Number((numerator * 32n / denominator + 1n) >> 1n);
  if (step !== 0) {
    // (q - c) / (1 + qc) with c = step/16.
    const c = BigInt(step);
    const t = ((numerator * 16n - denominator * c) << FRACTION) / (denominator * 16n + numerator * c);
    const angle = arctangentOfStep(step) + ((t * inverseTangentRatio((t * t) >> FRACTION, true)) >> FRACTION);
    return { value: angle, scale: Number(FRACTION) };
  }
  const scale = Number(FRACTION) + bitLength(denominator) - bitLength(numerator);
  const t = shift(numerator, scale) / denominator;
  const square = shift(t * t, Number(FRACTION) - 2 * scale);
  return { value: (t * inverseTangentRatio(square, true)) >> FRACTION, scale };
}

/**
 * log2(1 + numerator / denominator) for ratios between -0.3 and 0.42, as a signed value and its scale: the scale grows as the ratio shrinks.
 */
export function logarithmOfRatio(numerator: bigint, denominator: bigint): { value: bigint; scale: number } {
  // ln(1 + x) = 2 artanh(x / (2 + x)).
  const magnitude = numerator < 0n ? -numerator : numerator, below = 2n * denominator + numerator;
  const scale = Number(FRACTION) + Math.max(0, bitLength(below) - bitLength(magnitude));
  const s = shift(magnitude, scale) / below;
  const square = shift(s * s, Number(FRACTION) - 2 * scale);
  const value = (((s * inverseTangentRatio(square, false)) >> FRACTION) * 2n * LOG2E) >> FRACTION;
  return { value: numerator < 0n ? -value : value, scale };
}
