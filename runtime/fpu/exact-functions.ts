/**
 * The finite results of the transcendental instructions, computed with integers (fixed-point.ts) to more than 100 bits and rounded once: the
 * correctly rounded values but for cases within 2^-100 of a rounding boundary. Slow, so only where quick-functions.ts does not decide.
 *
 * Operands are those of `Arithmetic`, finite and not zero: a is ST(0), b is ST(1).
 */
import { mantissaOf } from "./arithmetic.ts";
import type { Arithmetic } from "./arithmetic.ts";
import { exponentOf } from "./double-double.ts";
import * as extended from "./extended.ts";
import { setZero } from "./extended.ts";
import {
  FRACTION, LN2, LOG2E, PI, arctangentOfRatio, bitLength, cosineSeries, exponentialRatio, logarithmOfRatio, shift, sineSeries,
} from "./fixed-point.ts";

const { BIAS, EXP, EXPONENT_MASK, EXTENDED, PE, SIGN, SIGN_BIT, UE } = extended;

/** Fraction bits of most values here. */
export const SCALE = Number(FRACTION);
/** π/2 with 65 fraction bits: half of the 66-bit π. */
const HALF_PI = 0x3243f6a8885a308d3n;
const HALF_PI_SCALE = 65;

/** Rounds value · 2^-scale, value > 0. Unless `exact`, something below the last bit is lost. */
export function deliver(core: Arithmetic, sign: number, value: bigint, scale: number, exact: boolean = false): number {
  const length = bitLength(value), bits = shift(value, 96 - length);
  const lost = exact && shift(bits, length - 96) === value ? 0 : 1;
  const mantissa = bits >> 32n;
  return core.round(
    sign, BIAS + length - 1 - scale, Number(mantissa >> 32n) | 0, Number(mantissa & 0xffffffffn) | 0, Number(bits & 0xffffffffn) | lost, EXTENDED,
  );
}

function deliverSigned(core: Arithmetic, sign: number, value: bigint, scale: number): number {
  return value < 0n ? deliver(core, sign ^ SIGN_BIT, -value, scale) : deliver(core, sign, value, scale);
}

interface Angle {
  /** How many right angles were taken off, modulo 4. */
  readonly quadrant: number;
  /** The rest, -π/4 to π/4. */
  readonly rest: bigint;
  readonly scale: bigint;
}

/** Reduces |a|, which is at least 2^-TINY and below 2^63. */
function reduce(a: Int32Array): Angle {
  const mantissa = mantissaOf(a), exponent = exponentOf(a);
  if (exponent < -1) {
    const scale = SCALE - exponent;
    return { quadrant: 0, rest: mantissa << BigInt(scale - 63 + exponent), scale: BigInt(scale) };
  }
  const angle = mantissa << BigInt(exponent - 63 + HALF_PI_SCALE);
  const turns = (angle + (HALF_PI >> 1n)) / HALF_PI;
  return { quadrant: Number(turns & 3n), rest: (angle - turns * HALF_PI) << FRACTION, scale: FRACTION + BigInt(HALF_PI_SCALE) };
}

/** The sine where `turn` is 0, the cosine where it is 1, of |a|: positive or negative. */
function circular(angle: Angle, turn: number): bigint {
  const quadrant = (angle.quadrant + turn) & 3;
  const magnitude = angle.rest < 0n ? -angle.rest : angle.rest;
  const sineOfRest = (quadrant & 1) === 0;
  const value = sineOfRest ? sineSeries(magnitude, angle.scale) : cosineSeries(magnitude, angle.scale);
  const negative = (quadrant >= 2) !== (sineOfRest && angle.rest < 0n);
  return negative ? -value : value;
}

/** The sine of a where `turn` is 0, the cosine where it is 1. */
export function exactCircular(core: Arithmetic, turn: number): number {
  const angle = reduce(core.a);
  return deliverSigned(core, turn === 0 ? core.a[SIGN]! : 0, circular(angle, turn), Number(angle.scale));
}

export function exactTangent(core: Arithmetic): number {
  const { a } = core, angle = reduce(a), extra = 2 * SCALE;
  return deliverSigned(core, a[SIGN]!, shift(circular(angle, 0), extra) / circular(angle, 1), extra);
}

/** 2^a - 1 for |a| < 1. */
export function exactPowerMinusOne(core: Arithmetic): number {
  const { a } = core, mantissa = mantissaOf(a), exponent = exponentOf(a), magnitude = shift(mantissa * LN2, exponent - 63);
  const ratio = exponentialRatio(a[SIGN] === 0 ? magnitude : -magnitude);
  return deliver(core, a[SIGN]!, mantissa * LN2 * ratio, 63 - exponent + 2 * SCALE);
}

/** log2 of a positive normalised value, as a signed value and scale; `exact` for powers of two. */
function binaryLogarithm(mantissa: bigint, exponent: number): { value: bigint; scale: number; exact: boolean } {
  const one = 1n << 63n;
  if (mantissa === one) return { value: BigInt(exponent), scale: 0, exact: true };
  // Balanced around 1, between 0.71 and 1.41, so that the two parts never cancel.
  const large = mantissa > 0xb504f333f9de6484n;
  const base = large ? one << 1n : one, power = large ? exponent + 1 : exponent;
  const { value, scale } = logarithmOfRatio(mantissa - base, base);
  return { value: (BigInt(power) << BigInt(scale)) + value, scale, exact: false };
}

/** b times a logarithm. */
function deliverProduct(core: Arithmetic, logarithmValue: bigint, scale: number, exact: boolean): number {
  const { b } = core;
  const sign = b[SIGN]! ^ (logarithmValue < 0n ? SIGN_BIT : 0), magnitude = logarithmValue < 0n ? -logarithmValue : logarithmValue;
  if (magnitude === 0n) {
    setZero(core.result, 0, b[SIGN]!);
    return 0;
  }
  const flags = deliver(core, sign, mantissaOf(b) * magnitude, scale + 63 - exponentOf(b), exact);
  // Processors call even an exact product inexact, and so a denormal one an underflow.
  return flags | PE | ((core.result[EXP]! & EXPONENT_MASK) === 0 ? UE : 0);
}

/** b · log2 a, a > 0. */
export function exactLogarithm(core: Arithmetic): number {
  const { value, scale, exact } = binaryLogarithm(mantissaOf(core.a), exponentOf(core.a));
  return deliverProduct(core, value, scale, exact);
}

/** b · log2(a + 1), a > -1. */
export function exactLogarithmPlusOne(core: Arithmetic): number {
  const { a } = core, mantissa = mantissaOf(a), exponent = exponentOf(a), negative = a[SIGN] !== 0;
  // log2(1 + a) = a · log2(e) to within 2^-100.
  if (exponent < -100) return deliverProduct(core, (negative ? -mantissa : mantissa) * LOG2E, 63 - exponent + SCALE, false);
  if (exponent < -2) {
    const { value, scale } = logarithmOfRatio(negative ? -mantissa : mantissa, 1n << BigInt(63 - exponent));
    return deliverProduct(core, value, scale, false);
  }
  const places = 63 - exponent, sum = places >= 0 ? (1n << BigInt(places)) + (negative ? -mantissa : mantissa) : (mantissa << BigInt(-places)) + 1n;
  const { value, scale, exact } = logarithmOfInteger(sum, Math.max(places, 0));
  return deliverProduct(core, value, scale, exact);
}

/** log2 of sum · 2^-places; a sum of more than 64 bits is chopped to 128, beyond any effect on the result. */
function logarithmOfInteger(sum: bigint, places: number): { value: bigint; scale: number; exact: boolean } {
  const length = bitLength(sum), exponent = length - 1 - places;
  if (sum === 1n << BigInt(length - 1)) return { value: BigInt(exponent), scale: 0, exact: true };
  const mantissa = shift(sum, 128 - length), one = 1n << 127n;
  const large = mantissa > 0xb504f333f9de6484n << 64n;
  const base = large ? one << 1n : one, power = large ? exponent + 1 : exponent;
  const { value, scale } = logarithmOfRatio(mantissa - base, base);
  return { value: (BigInt(power) << BigInt(scale)) + value, scale, exact: false };
}

/** The angle of the point (a, b), -π to π. */
export function exactArctangent(core: Arithmetic): number {
  const { a, b } = core, { value, scale } = angleOf(mantissaOf(b), mantissaOf(a), exponentOf(b) - exponentOf(a));
  return a[SIGN] === 0 ? deliver(core, b[SIGN]!, value, scale) : deliver(core, b[SIGN]!, PI - shift(value, SCALE - scale), SCALE);
}

/** arctan(y/x · 2^difference) between 0 and π/2. */
function angleOf(y: bigint, x: bigint, difference: number): { value: bigint; scale: number } {
  if (difference > 100) return { value: PI, scale: SCALE + 1 };
  if (difference < -100) {
    const ratio = (y << FRACTION) / x;
    return { value: (ratio << FRACTION) - 1n, scale: 2 * SCALE - difference };
  }
  const numerator = difference > 0 ? y << BigInt(difference) : y, denominator = difference < 0 ? x << BigInt(-difference) : x;
  if (numerator <= denominator) return arctangentOfRatio(numerator, denominator);
  const { value, scale } = arctangentOfRatio(denominator, numerator);
  return { value: (PI >> 1n) - shift(value, SCALE - scale), scale: SCALE };
}
