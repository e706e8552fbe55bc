/**
 * FSIN FCOS FPTAN FPATAN F2XM1 FYL2X FYL2XP1 on unpacked operands: a is ST(0), b is ST(1); the packed result is left in `result`.
 *
 * Finite results are computed to more than 100 bits (fixed-point.ts) and rounded once, by the rounding control, to extended
 * precision: they are the correctly rounded values of the function but for cases within 2^-100 of a rounding boundary. Processors
 * promise less than one unit in the last place (SDM volume 1, 8.3.10), so a last bit may differ from any of them.
 *
 * Arguments of sine, cosine and tangent are reduced with the 66-bit π that IA-32 processors use (8.3.8): the result is that of the
 * argument modulo that π.
 */
import { mantissaOf } from "./arithmetic.ts";
import type { Arithmetic } from "./arithmetic.ts";
import {
  BIAS, EXP, EXPONENT_MASK, EXTENDED, INFINITY, NORMAL, NOT_A_NUMBER, PE, SIGN, SIGN_BIT, UE, ZE, ZERO, setInfinity, setZero,
} from "./extended.ts";
import {
  FRACTION, LN2, LOG2E, ONE, PI, arctangentOfRatio, bitLength, cosineSeries, exponentialRatio, logarithmOfRatio, shift, sineSeries,
} from "./fixed-point.ts";

const SCALE = Number(FRACTION);
/** π/2 with 65 fraction bits: half of the 66-bit π. */
const HALF_PI = 0x3243f6a8885a308d3n;
const HALF_PI_SCALE = 65;
/** Below 2^-TINY, sine and tangent differ from their argument, and the cosine from 1, by less than rounding can tell but for the direction. */
const TINY = 70;

/** Rounds value · 2^-scale, value > 0. Unless `exact`, something below the last bit is lost. */
function deliver(core: Arithmetic, sign: number, value: bigint, scale: number, exact: boolean = false): number {
  const length = bitLength(value), bits = shift(value, 96 - length);
  const lost = exact && shift(bits, length - 96) === value ? 0 : 1;
  const mantissa = bits >> 32n;
  return core.round(
    sign, BIAS + length - 1 - scale, Number(mantissa >> 32n) | 0, Number(mantissa & 0xffffffffn) | 0, Number(bits & 0xffffffffn) | lost, EXTENDED,
  );
}

function deliverZero(core: Arithmetic, sign: number): number {
  setZero(core.result, 0, sign);
  return 0;
}

function deliverInfinity(core: Arithmetic, sign: number): number {
  setInfinity(core.result, 0, sign);
  return 0;
}

/** The exponent of an unpacked value, unbiased: mantissa · 2^(exponent - 63). */
function exponentOf(value: Int32Array): number {
  return value[EXP]! - BIAS;
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

/** Special operands of the one-operand functions: flags, or -1 where the operand is finite and not zero. */
function specialAngle(core: Arithmetic): number {
  const { kindA } = core;
  if ((kindA & NOT_A_NUMBER) !== 0) return core.propagateA();
  return kindA === INFINITY ? core.invalid() : -1;
}

/** FSIN. */
export function sine(core: Arithmetic): number {
  const { a, kindA } = core;
  const special = specialAngle(core), denormal = core.denormalFlag();
  if (special >= 0) return special;
  if (kindA === ZERO) return deliverZero(core, a[SIGN]!);
  if (core.stops(denormal)) return denormal;
  if (exponentOf(a) < -TINY) return denormal | besideArgument(core, -1n);
  const angle = reduce(a);
  return denormal | deliverSigned(core, a[SIGN]!, circular(angle, 0), Number(angle.scale));
}

/** FCOS. */
export function cosine(core: Arithmetic): number {
  const { a, kindA } = core;
  const special = specialAngle(core), denormal = core.denormalFlag();
  if (special >= 0) return special;
  if (kindA === ZERO) return deliver(core, 0, 1n, 0, true);
  if (core.stops(denormal)) return denormal;
  if (exponentOf(a) < -TINY) return denormal | deliver(core, 0, ONE - 1n, SCALE);
  const angle = reduce(a);
  return denormal | deliverSigned(core, 0, circular(angle, 1), Number(angle.scale));
}

/** The tangent, first part of FPTAN. */
export function tangent(core: Arithmetic): number {
  const { a, kindA } = core;
  const special = specialAngle(core), denormal = core.denormalFlag();
  if (special >= 0) return special;
  if (kindA === ZERO) return deliverZero(core, a[SIGN]!);
  if (core.stops(denormal)) return denormal;
  if (exponentOf(a) < -TINY) return denormal | besideArgument(core, 1n);
  const angle = reduce(a), extra = 2 * SCALE;
  return denormal | deliverSigned(core, a[SIGN]!, shift(circular(angle, 0), extra) / circular(angle, 1), extra);
}

function deliverSigned(core: Arithmetic, sign: number, value: bigint, scale: number): number {
  return value < 0n ? deliver(core, sign ^ SIGN_BIT, -value, scale) : deliver(core, sign, value, scale);
}

/** The argument, moved by far less than its last bit. */
function besideArgument(core: Arithmetic, by: bigint): number {
  const { a } = core;
  return deliver(core, a[SIGN]!, (mantissaOf(a) << 64n) + by, 127 - exponentOf(a));
}

/** F2XM1: 2^a - 1 for |a| ≤ 1. Outside, where the result is undefined, a itself. */
export function powerMinusOne(core: Arithmetic): number {
  const { a, kindA } = core;
  const sign = a[SIGN]!;
  if ((kindA & NOT_A_NUMBER) !== 0) return core.propagateA();
  if (kindA === ZERO) return deliverZero(core, sign);
  if (kindA === INFINITY) return sign === 0 ? deliverInfinity(core, 0) : deliver(core, SIGN_BIT, 1n, 0, true);
  const denormal = core.denormalFlag();
  if (core.stops(denormal)) return denormal;
  const mantissa = mantissaOf(a), exponent = exponentOf(a);
  if (exponent >= 0) {
    if (exponent === 0 && mantissa === 1n << 63n) return PE | deliver(core, sign, 1n, sign === 0 ? 0 : 1, true);
    return core.deliver(a, NORMAL, sign) | PE;
  }
  const magnitude = shift(mantissa * LN2, exponent - 63);
  const ratio = exponentialRatio(sign === 0 ? magnitude : -magnitude);
  return denormal | deliver(core, sign, mantissa * LN2 * ratio, 63 - exponent + 2 * SCALE);
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
  if (magnitude === 0n) return deliverZero(core, b[SIGN]!);
  const flags = deliver(core, sign, mantissaOf(b) * magnitude, scale + 63 - exponentOf(b), exact);
  // Processors call even an exact product inexact, and so a denormal one an underflow.
  return flags | PE | ((core.result[EXP]! & EXPONENT_MASK) === 0 ? UE : 0);
}

/** FYL2X: b · log2 a. */
export function logarithm(core: Arithmetic): number {
  const { a, b, kindA, kindB } = core;
  if (((kindA | kindB) & NOT_A_NUMBER) !== 0) return core.propagate();
  if (kindA !== ZERO && a[SIGN] !== 0) return core.invalid();
  if (kindA === ZERO) {
    if (kindB === ZERO) return core.invalid();
    setInfinity(core.result, 0, b[SIGN]! ^ SIGN_BIT);
    return kindB === INFINITY ? 0 : ZE;
  }
  const denormal = core.denormalFlag();
  const isOne = kindA === 0 && exponentOf(a) === 0 && mantissaOf(a) === 1n << 63n;
  if ((kindB === INFINITY && isOne) || (kindA === INFINITY && kindB === ZERO)) return core.invalid();
  if (core.stops(denormal)) return denormal;
  const sign = b[SIGN]! ^ (kindA !== INFINITY && exponentOf(a) < 0 ? SIGN_BIT : 0);
  if (kindA === INFINITY || kindB === INFINITY) return denormal | deliverInfinity(core, sign);
  if (kindB === ZERO) return denormal | deliverZero(core, sign);
  const { value, scale, exact } = binaryLogarithm(mantissaOf(a), exponentOf(a));
  return denormal | deliverProduct(core, value, scale, exact);
}

/** FYL2XP1: b · log2(a + 1). The manual defines it for |a| < 1 - √½; here it holds for every a above -1. */
export function logarithmPlusOne(core: Arithmetic): number {
  const { a, b, kindA, kindB } = core;
  if (((kindA | kindB) & NOT_A_NUMBER) !== 0) return core.propagate();
  const denormal = core.denormalFlag();
  const sign = a[SIGN]! ^ b[SIGN]!;
  if (kindA === ZERO || kindB === ZERO) {
    if (((kindA | kindB) & INFINITY) !== 0) return core.invalid();
    return core.stops(denormal) ? denormal : denormal | deliverZero(core, sign);
  }
  const exponent = exponentOf(a), negative = a[SIGN] !== 0;
  if (negative && exponent >= 0) return core.invalid();
  if (core.stops(denormal)) return denormal;
  if (((kindA | kindB) & INFINITY) !== 0) return denormal | deliverInfinity(core, sign);
  const mantissa = mantissaOf(a);
  // log2(1 + a) = a · log2(e) to within 2^-100.
  if (exponent < -100) return denormal | deliverProduct(core, (negative ? -mantissa : mantissa) * LOG2E, 63 - exponent + SCALE, false);
  if (exponent < -2) {
    const { value, scale } = logarithmOfRatio(negative ? -mantissa : mantissa, 1n << BigInt(63 - exponent));
    return denormal | deliverProduct(core, value, scale, false);
  }
  const places = 63 - exponent, sum = places >= 0 ? (1n << BigInt(places)) + (negative ? -mantissa : mantissa) : (mantissa << BigInt(-places)) + 1n;
  const { value, scale, exact } = logarithmOfInteger(sum, Math.max(places, 0));
  return denormal | deliverProduct(core, value, scale, exact);
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

/** FPATAN: the angle of the point (a, b), -π to π. */
export function arctangent(core: Arithmetic): number {
  const { a, b, kindA, kindB } = core;
  if (((kindA | kindB) & NOT_A_NUMBER) !== 0) return core.propagate();
  const denormal = core.denormalFlag(), sign = b[SIGN]!, left = a[SIGN] !== 0;
  if (core.stops(denormal)) return denormal;
  if (kindB === INFINITY) {
    // Eighths of a turn: 45°, 135°, or 90°.
    return denormal | deliver(core, sign, kindA === INFINITY ? (left ? 3n * PI : PI) : 2n * PI, SCALE + 2);
  }
  if (kindB === ZERO || kindA === INFINITY) return denormal | (left ? deliver(core, sign, PI, SCALE) : deliverZero(core, sign));
  if (kindA === ZERO) return denormal | deliver(core, sign, PI, SCALE + 1);
  const difference = exponentOf(b) - exponentOf(a);
  const { value, scale } = angleOf(mantissaOf(b), mantissaOf(a), difference);
  if (!left) return denormal | deliver(core, sign, value, scale);
  return denormal | deliver(core, sign, PI - shift(value, SCALE - scale), SCALE);
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
