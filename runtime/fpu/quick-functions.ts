/**
 * The transcendental functions in pairs of float64s (double-double.ts): quick, and rounded correctly wherever their error, below 2^-84 of the
 * result, cannot change the rounding. Where it might (one argument in 2^19) or the argument is out of range, they return UNDECIDED, and
 * transcendental.ts computes with integers.
 *
 * Each function reduces its argument until the series converges fast, without losing any of it; coefficients and tables come
 * from the integer functions. Where a series goes over from pairs to float64s, its terms
 * are below 2^-36, so that their errors stay below 2^-88.
 */
import type { Arithmetic } from "./arithmetic.ts";
import * as doubleDouble from "./double-double.ts";
import { add, deliverPair, divide, exponentOf, multiply, negate, pairs, powerOfTwo, setFrom, setMantissa, setSum, sumSeries, type Series } from "./double-double.ts";
import * as extended from "./extended.ts";
import { FRACTION, LN2, LOG2E, ONE, PI, arctangentOfStep, exponentialRatio, logarithmOfRatio } from "./fixed-point.ts";

const { R, UNDECIDED } = doubleDouble;
const { HIGH, LOW, SIGN, SIGN_BIT } = extended;

const SCALE = 200;
const ARGUMENT = 0, SQUARE = 1, SUM = 2, SINE = 3, COSINE = 4, FACTOR = 5, RESULT = 6;

/** Coefficients sign^k / denominator(k). */
function series(length: number, exact: number, sign: bigint, denominator: (k: bigint) => bigint): Series {
  const values = Array.from({ length }, (_, k) => (sign ** BigInt(k) << BigInt(SCALE)) / denominator(BigInt(k)));
  return { coefficients: pairs(values, SCALE), exact };
}

function factorial(n: bigint): bigint {
  return n < 2n ? 1n : n * factorial(n - 1n);
}

const SINE_SERIES = series(14, 6, -1n, (k) => factorial(2n * k + 1n));
const COSINE_SERIES = series(15, 7, -1n, (k) => factorial(2n * k));
const EXPONENTIAL_SERIES = series(14, 6, 1n, (k) => factorial(k + 1n));
const ARCTANGENT_SERIES = series(11, 4, -1n, (k) => 2n * k + 1n);
const ARTANH_SERIES = series(9, 3, 1n, (k) => 2n * k + 1n);
const CONSTANTS = pairs([LN2, 2n * LOG2E, PI, PI >> 1n], Number(FRACTION));
const LN_2 = 0, TWICE_LOG2E = 1, WHOLE_PI = 2, HALF_PI = 3;

// --- Sine, cosine, tangent ---------------------------------------------------------------------------------------

/** π/2 with 65 fraction bits, as the processor has it, in two parts of 33 bits: a product with 20 bits is exact. */
const HALF_PI_HIGH = 0x1921fb544 * 2 ** -32, HALF_PI_LOW = 0x085a308d3 * 2 ** -65;
/** Arguments below 2^19 have fewer than 2^19 right angles; above 2^-40 their sine is told apart from them. */
const LEAST_ANGLE = -40, ANGLES = 19;

/** Reduces |a| into ARGUMENT, -π/4 to π/4; returns how many right angles were taken off, -1 where that is out of range. */
function reduceAngle(a: Int32Array): number {
  const exponent = exponentOf(a);
  if (exponent < LEAST_ANGLE || exponent >= ANGLES) return -1;
  setMantissa(ARGUMENT, a, exponent);
  if (exponent < -1) return 0;
  const turns = Math.round(R[2 * ARGUMENT]! * (2 / Math.PI));
  // All differences are multiples of 2^-65 that fit 53 bits.
  setSum(ARGUMENT, R[2 * ARGUMENT]! - turns * HALF_PI_HIGH, R[2 * ARGUMENT + 1]! - turns * HALF_PI_LOW);
  return turns;
}

/** The sine of ARGUMENT; SQUARE is its square. */
function sineOfRest(to: number): void {
  sumSeries(SUM, SINE_SERIES, SQUARE);
  multiply(to, SUM, ARGUMENT);
}

function deliverSigned(core: Arithmetic, sign: number, register: number): number {
  if (R[2 * register]! > 0) return deliverPair(core, sign, register, 0);
  negate(register);
  return deliverPair(core, sign ^ SIGN_BIT, register, 0);
}

/** The sine of a where `turn` is 0, the cosine where it is 1. */
export function quickCircular(core: Arithmetic, turn: number): number {
  const { a } = core, turns = reduceAngle(a);
  if (turns < 0) return UNDECIDED;
  const quadrant = (turns + turn) & 3;
  multiply(SQUARE, ARGUMENT, ARGUMENT);
  if ((quadrant & 1) === 0) sineOfRest(RESULT);
  else sumSeries(RESULT, COSINE_SERIES, SQUARE);
  return deliverSigned(core, (turn === 0 ? a[SIGN]! : 0) ^ (quadrant >= 2 ? SIGN_BIT : 0), RESULT);
}

export function quickTangent(core: Arithmetic): number {
  const { a } = core, turns = reduceAngle(a);
  if (turns < 0) return UNDECIDED;
  multiply(SQUARE, ARGUMENT, ARGUMENT);
  sineOfRest(SINE);
  sumSeries(COSINE, COSINE_SERIES, SQUARE);
  if ((turns & 1) === 0) divide(RESULT, SINE, COSINE);
  else divide(RESULT, COSINE, SINE);
  return deliverSigned(core, a[SIGN]! ^ ((turns & 1) === 0 ? 0 : SIGN_BIT), RESULT);
}

// --- 2^a - 1 -----------------------------------------------------------------------------------------------------

const LEAST_POWER = -60, SIXTEENTHS = 16;
/** 2^(k/16) and 2^(k/16) - 1 at k + 16, k = -16 to 16. */
const ROOTS = pairs(Array.from({ length: 2 * SIXTEENTHS + 1 }, (_, k) => ONE + rootMinusOne(k - SIXTEENTHS)), Number(FRACTION));
const ROOTS_MINUS_ONE = pairs(Array.from({ length: 2 * SIXTEENTHS + 1 }, (_, k) => rootMinusOne(k - SIXTEENTHS)), Number(FRACTION));

function rootMinusOne(k: number): bigint {
  const power = LN2 * BigInt(k) / BigInt(SIXTEENTHS);
  return (power * exponentialRatio(power)) >> FRACTION;
}

/** 2^a - 1 for 2^-60 < |a| < 1. */
export function quickPowerMinusOne(core: Arithmetic): number {
  const { a } = core, exponent = exponentOf(a);
  if (exponent >= 0 || exponent < LEAST_POWER) return UNDECIDED;
  setMantissa(ARGUMENT, a, exponent);
  if (a[SIGN] !== 0) negate(ARGUMENT);
  const step = Math.round(R[2 * ARGUMENT]! * SIXTEENTHS);
  if (step !== 0) setSum(ARGUMENT, R[2 * ARGUMENT]! - step / SIXTEENTHS, R[2 * ARGUMENT + 1]!);
  setFrom(FACTOR, CONSTANTS, LN_2);
  multiply(ARGUMENT, ARGUMENT, FACTOR);
  sumSeries(SUM, EXPONENTIAL_SERIES, ARGUMENT);
  multiply(RESULT, SUM, ARGUMENT);
  if (step !== 0) {
    setFrom(FACTOR, ROOTS, step + SIXTEENTHS);
    multiply(RESULT, RESULT, FACTOR);
    setFrom(FACTOR, ROOTS_MINUS_ONE, step + SIXTEENTHS);
    add(RESULT, FACTOR, RESULT);
  }
  return deliverSigned(core, 0, RESULT);
}

// --- Logarithms --------------------------------------------------------------------------------------------------

/** The mantissa is multiplied by k/64 with k from 45 to 91, which makes it 1 to within 1/64. */
const PARTS = 64, FIRST_PART = 45, LAST_PART = 91;
/** log2(64/k) at k - 45. */
const PART_LOGARITHMS = pairs(Array.from({ length: LAST_PART - FIRST_PART + 1 }, (_, i) => logarithmOfPart(FIRST_PART + i)), Number(FRACTION));

function logarithmOfPart(k: number): bigint {
  // 64/k = 1 + (64 - k)/k
  const { value, scale } = logarithmOfRatio(BigInt(PARTS - k), BigInt(k));
  return value >> (BigInt(scale) - FRACTION);
}

/** Into ARGUMENT: base + mantissa · scale · part/64, exactly: words times integers. */
function multiplyByPart(base: number, value: Int32Array, scale: number, part: number): void {
  const factor = scale * (part / PARTS);
  setSum(ARGUMENT, (value[HIGH]! >>> 0) * factor * 2 ** 32 + base, (value[LOW]! >>> 0) * factor);
}

/** log2((1 + ARGUMENT) · 64/part) into RESULT, for |ARGUMENT| ≤ 1/64: log2(1 + x) = 2 log2(e) artanh(x / (2 + x)). */
function logarithmOfParts(part: number): void {
  R[2 * FACTOR] = 2;
  R[2 * FACTOR + 1] = 0;
  add(FACTOR, FACTOR, ARGUMENT);
  divide(ARGUMENT, ARGUMENT, FACTOR);
  multiply(SQUARE, ARGUMENT, ARGUMENT);
  sumSeries(SUM, ARTANH_SERIES, SQUARE);
  multiply(RESULT, SUM, ARGUMENT);
  setFrom(FACTOR, CONSTANTS, TWICE_LOG2E);
  multiply(RESULT, RESULT, FACTOR);
  if (part === PARTS) return;
  setFrom(FACTOR, PART_LOGARITHMS, part - FIRST_PART);
  add(RESULT, FACTOR, RESULT);
}

/** RESULT times b. */
function deliverProduct(core: Arithmetic): number {
  const { b } = core;
  setMantissa(FACTOR, b, 0);
  multiply(RESULT, RESULT, FACTOR);
  if (R[2 * RESULT]! > 0) return deliverPair(core, b[SIGN]!, RESULT, exponentOf(b));
  negate(RESULT);
  return deliverPair(core, b[SIGN]! ^ SIGN_BIT, RESULT, exponentOf(b));
}

/** b · log2 a, a > 0 and no power of two. */
export function quickLogarithm(core: Arithmetic): number {
  const { a } = core, high = a[HIGH]! >>> 0;
  if (a[LOW] === 0 && high === 0x80000000) return UNDECIDED;
  // Between √½ and √2, so that the parts of the sum do not cancel.
  const large = high > 0xb504f333, power = exponentOf(a) + (large ? 1 : 0), scale = powerOfTwo(large ? -64 : -63);
  const part = Math.round(PARTS / (high * 2 ** 32 * scale));
  multiplyByPart(-1, a, scale, part);
  logarithmOfParts(part);
  if (power !== 0) {
    R[2 * FACTOR] = power;
    R[2 * FACTOR + 1] = 0;
    add(RESULT, FACTOR, RESULT);
  }
  return deliverProduct(core);
}

/** b · log2(1 + a) for 2^-60 < |a| < 1/4. */
export function quickLogarithmPlusOne(core: Arithmetic): number {
  const { a } = core, exponent = exponentOf(a);
  if (exponent >= -2 || exponent < LEAST_POWER) return UNDECIDED;
  const scale = powerOfTwo(exponent - 63) * (a[SIGN] === 0 ? 1 : -1), part = exponent < -6 ? PARTS : Math.round(PARTS / (1 + (a[HIGH]! >>> 0) * 2 ** 32 * scale));
  multiplyByPart((part - PARTS) / PARTS, a, scale, part);
  logarithmOfParts(part);
  return deliverProduct(core);
}

// --- Arctangent --------------------------------------------------------------------------------------------------

/** arctan(k/16). */
const ARCTANGENTS = pairs(Array.from({ length: 17 }, (_, k) => arctangentOfStep(k)), Number(FRACTION));
const FARTHEST = 60;

/** Into `to`: 16 · y · 2^down - step · x, exactly: words times small integers. */
function combine(to: number, y: Int32Array, factorY: number, x: Int32Array, factorX: number): void {
  setSum(to, ((y[HIGH]! >>> 0) * factorY + (x[HIGH]! >>> 0) * factorX) * 2 ** 32, (y[LOW]! >>> 0) * factorY + (x[LOW]! >>> 0) * factorX);
}

/** The angle of (a, b), both finite and not zero. */
export function quickArctangent(core: Arithmetic): number {
  const { a, b } = core, difference = exponentOf(b) - exponentOf(a);
  if (difference > FARTHEST || difference < -FARTHEST) return UNDECIDED;
  const steep = difference > 0 || (difference === 0 && (b[HIGH] === a[HIGH] ? b[LOW]! >>> 0 > a[LOW]! >>> 0 : b[HIGH]! >>> 0 > a[HIGH]! >>> 0));
  const y = steep ? a : b, x = steep ? b : a, down = powerOfTwo(steep ? -difference : difference);
  const ratio = (y[HIGH]! >>> 0) * down / (x[HIGH]! >>> 0), step = Math.round(ratio * 16);
  if (step === 0) {
    setMantissa(SINE, y, steep ? -difference : difference);
    setMantissa(COSINE, x, 0);
  } else {
    // tan(α - β) = (y/x - k/16) / (1 + y/x · k/16)
    combine(SINE, y, 16 * down, x, -step);
    combine(COSINE, x, 16, y, step * down);
  }
  divide(ARGUMENT, SINE, COSINE);
  multiply(SQUARE, ARGUMENT, ARGUMENT);
  sumSeries(SUM, ARCTANGENT_SERIES, SQUARE);
  multiply(RESULT, SUM, ARGUMENT);
  if (step !== 0) {
    setFrom(FACTOR, ARCTANGENTS, step);
    add(RESULT, FACTOR, RESULT);
  }
  // Mirrored at 45° and at 90°.
  if (steep) {
    setFrom(FACTOR, CONSTANTS, HALF_PI);
    negate(RESULT);
    add(RESULT, FACTOR, RESULT);
  }
  if (a[SIGN] !== 0) {
    setFrom(FACTOR, CONSTANTS, WHOLE_PI);
    negate(RESULT);
    add(RESULT, FACTOR, RESULT);
  }
  return deliverPair(core, b[SIGN]!, RESULT, 0);
}
