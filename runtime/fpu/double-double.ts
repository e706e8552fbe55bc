/**
 * Numbers as unevaluated sums of two float64s, some 104 bits together: what the transcendental instructions are tried with first.
 *
 * They lie in *registers*, pairs in `R` by number, so that no float64 crosses a call. Sums and products are error-free but for terms of relative
 * size 2^-104 and less (T. J. Dekker, A floating-point technique for extending the available precision, Numerische Mathematik 18, 1971; D. E. Knuth, The Art of
 * Computer Programming, volume 2, 4.2.2). A multiplication or division errs by less than 2^-100 of its result, a sum by less than 2^-100 of its larger operand.
 */
import type { Arithmetic } from "./arithmetic.ts";
import * as extended from "./extended.ts";

const { BIAS, EXP, EXTENDED, HIGH, LOW } = extended;

/** The registers: register k is R[2k] + R[2k + 1], the second at most half a unit in the last place of the first. */
export const R = new Float64Array(32);

const WORD = 2 ** 32, PER_WORD = 2 ** -32, LOW_BITS = 0x7ff;
const SPLITTER = 2 ** 27 + 1;

/** 2^n for n from -1000 to 1000, at n + 1000. */
const POWERS = Float64Array.from({ length: 2001 }, (_, k) => 2 ** (k - 1000));
const ORIGIN = 1000;
const MOST = 400;

export function powerOfTwo(n: number): number { return POWERS[n + ORIGIN]!; }

export function multiply(to: number, a: number, b: number): void {
  const ah = R[2 * a]!, al = R[2 * a + 1]!, bh = R[2 * b]!, bl = R[2 * b + 1]!, product = ah * bh;
  const scaledA = ah * SPLITTER, aUpper = scaledA - (scaledA - ah), aLower = ah - aUpper;
  const scaledB = bh * SPLITTER, bUpper = scaledB - (scaledB - bh), bLower = bh - bUpper;
  const rest = ((aUpper * bUpper - product) + aUpper * bLower + aLower * bUpper) + aLower * bLower + (ah * bl + al * bh);
  const sum = product + rest;
  R[2 * to] = sum;
  R[2 * to + 1] = rest - (sum - product);
}

export function add(to: number, a: number, b: number): void {
  const ah = R[2 * a]!, bh = R[2 * b]!, sum = ah + bh, added = sum - ah;
  const rest = (ah - (sum - added)) + (bh - added) + (R[2 * a + 1]! + R[2 * b + 1]!), all = sum + rest;
  R[2 * to] = all;
  R[2 * to + 1] = rest - (all - sum);
}

export function divide(to: number, a: number, b: number): void {
  const ah = R[2 * a]!, bh = R[2 * b]!, quotient = ah / bh, product = quotient * bh;
  const scaledQ = quotient * SPLITTER, qUpper = scaledQ - (scaledQ - quotient), qLower = quotient - qUpper;
  const scaledB = bh * SPLITTER, bUpper = scaledB - (scaledB - bh), bLower = bh - bUpper;
  const error = ((qUpper * bUpper - product) + qUpper * bLower + qLower * bUpper) + qLower * bLower;
  const rest = ((ah - product) - error + (R[2 * a + 1]! - quotient * R[2 * b + 1]!)) / bh, all = quotient + rest;
  R[2 * to] = all;
  R[2 * to + 1] = rest - (all - quotient);
}

export function negate(to: number): void {
  R[2 * to] = -R[2 * to]!;
  R[2 * to + 1] = -R[2 * to + 1]!;
}

/** The sum of two float64s of any size, exactly. */
export function setSum(to: number, a: number, b: number): void {
  const sum = a + b, added = sum - a;
  R[2 * to] = sum;
  R[2 * to + 1] = (a - (sum - added)) + (b - added);
}

/** Register `to` becomes number `k` of a table of pairs. */
export function setFrom(to: number, table: Float64Array, k: number): void {
  R[2 * to] = table[2 * k]!;
  R[2 * to + 1] = table[2 * k + 1]!;
}

/** A mantissa times 2^(exponent - 63), exactly; the exponent is at most `MOST` either way. */
export function setMantissa(to: number, value: Int32Array, exponent: number): void {
  const low = value[LOW]!, scale = powerOfTwo(exponent - 63);
  R[2 * to] = ((value[HIGH]! >>> 0) * WORD + ((low & ~LOW_BITS) >>> 0)) * scale;
  R[2 * to + 1] = (low & LOW_BITS) * scale;
}

/** A power series: of the coefficients, pairs, the first `exact` are summed as pairs, the others as float64s. */
export interface Series {
  readonly coefficients: Float64Array;
  readonly exact: number;
}

/** Sum of c_k · z^k by Horner's rule, for |c_(k+1) · z| < |c_k| / 2. */
export function sumSeries(to: number, { coefficients, exact }: Series, z: number): void {
  const zh = R[2 * z]!, zl = R[2 * z + 1]!, scaledZ = zh * SPLITTER, zUpper = scaledZ - (scaledZ - zh), zLower = zh - zUpper;
  let high = 0, low = 0;
  for (let k = coefficients.length - 2; k >= 2 * exact; k -= 2) high = high * zh + coefficients[k]!;
  for (let k = 2 * exact - 2; k >= 0; k -= 2) {
    const product = high * zh, scaled = high * SPLITTER, upper = scaled - (scaled - high), lower = high - upper;
    const error = ((upper * zUpper - product) + upper * zLower + lower * zUpper) + lower * zLower + (high * zl + low * zh);
    const coefficient = coefficients[k]!, sum = coefficient + product;
    const rest = product - (sum - coefficient) + (error + coefficients[k + 1]!);
    high = sum + rest;
    low = rest - (high - sum);
  }
  R[2 * to] = high;
  R[2 * to + 1] = low;
}

/** Pairs of float64s from integers that stand for value · 2^-scale, each within 2^-105 of it. */
export function pairs(values: readonly bigint[], scale: number): Float64Array {
  const table = new Float64Array(2 * values.length);
  for (const [k, value] of values.entries()) {
    const high = Number(value);
    table[2 * k] = high * 2 ** -scale;
    table[2 * k + 1] = Number(value - BigInt(high)) * 2 ** -scale;
  }
  return table;
}

/** In place of flags: too near to where rounding changes its mind, or out of range; nothing has been done. */
export const UNDECIDED = -1;
/** Of a unit in the last of 64 bits: more than the error of any function here, 2^-84 of the result. */
const DOUBT = 2 ** -20;

const bits = new Float64Array(1), bitWords = new Int32Array(bits.buffer);

/** Rounds the positive register · 2^`power` into the result; flags, or UNDECIDED. */
export function deliverPair(core: Arithmetic, sign: number, register: number, power: number): number {
  bits[0] = R[2 * register]!;
  let exponent = (bitWords[1]! >>> 20) - 1023;
  if (!(exponent > -MOST && exponent < MOST)) return UNDECIDED;
  let scale = powerOfTwo(63 - exponent), first = bits[0] * scale, second = R[2 * register + 1]! * scale;
  if (first === 2 ** 63 && second < 0) {
    scale *= 2;
    first *= 2;
    second *= 2;
    exponent--;
  }
  const whole = Math.floor(second), fraction = second - whole, halves = fraction * 2;
  if (Math.abs(halves - Math.round(halves)) < 2 * DOUBT) return UNDECIDED;
  const upper = Math.floor(first * PER_WORD), lower = first - upper * WORD + whole;
  return core.round(sign, BIAS + exponent + power, (upper + Math.floor(lower * PER_WORD)) | 0, lower | 0, (fraction * WORD) | 1, EXTENDED);
}

/** The exponent of an unpacked value, unbiased. */
export function exponentOf(value: Int32Array): number {
  return value[EXP]! - BIAS;
}
