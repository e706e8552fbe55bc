/**
 * The instructions that take a number apart or do a step of a longer computation: FRNDINT, FSCALE, FXTRACT, FPREM, FPREM1
 * (SDM volume 2). All work at extended precision whatever the precision control.
 */
import { mantissaOf } from "./arithmetic.ts";
import type { Arithmetic } from "./arithmetic.ts";
import * as extended from "./extended.ts";
import { setInfinity, setPacked, setZero } from "./extended.ts";
import * as roundingModule from "./rounding.ts";
import { roundsUp } from "./rounding.ts";

const {
  BIAS, C0, C1, C2, C3, EXP, EXPONENT_MASK, EXTENDED, HIGH, INFINITY, INTEGER_BIT, LOW, NORMAL, NOT_A_NUMBER, OE, PE, SIGN, SIGN_BIT, UE,
  ZE, ZERO,
} = extended;
const { WRAP } = roundingModule;

/** FRNDINT: a rounded to an integer. */
export function roundToInteger(fpu: Arithmetic): number {
  const { a, kindA, result } = fpu;
  if ((kindA & NOT_A_NUMBER) !== 0) return fpu.propagateA();
  if ((kindA & (ZERO | INFINITY)) !== 0) return fpu.deliver(a, kindA, a[SIGN]!);
  const denormal = fpu.denormalFlag();
  if (fpu.stops(denormal)) return denormal;
  const sign = a[SIGN]!, exponent = a[EXP]!, fractionBits = BIAS + 63 - exponent;
  if (fractionBits <= 0) return fpu.deliver(a, NORMAL, sign);
  if (fractionBits >= 64) {
    const rest = fractionBits > 64 ? 1 : a[HIGH]! | (a[LOW] === 0 ? 0 : 1);
    const up = roundsUp(fpu.control, sign, 0, rest);
    if (up) setPacked(result, 0, 0, INTEGER_BIT, sign | BIAS);
    else setZero(result, 0, sign);
    return denormal | PE | (up ? C1 : 0);
  }
  return roundFraction(fpu, sign, exponent, fractionBits);
}

/** 1 to 63 fraction bits. Shift counts are taken modulo 32, so that `<< -n` is a shift by 32 - n. */
function roundFraction(fpu: Arithmetic, sign: number, exponent: number, fractionBits: number): number {
  const { a, result } = fpu;
  const inHigh = fractionBits - 32;
  let high = a[HIGH]!, low = a[LOW]!, rest = low << -fractionBits;
  if (inHigh >= 0) {
    rest = inHigh === 0 ? low : (high << -inHigh) | (low >>> inHigh) | (low << -inHigh === 0 ? 0 : 1);
    low = 0;
    high = (high >>> inHigh) << inHigh;
  } else low = (low >>> fractionBits) << fractionBits;
  const unit = 1 << fractionBits;
  let flags = 0;
  if (rest !== 0) {
    flags = PE;
    if (roundsUp(fpu.control, sign, (inHigh < 0 ? low : high) & unit, rest)) {
      flags = PE | C1;
      if (inHigh < 0) low = (low + unit) | 0;
      if (low === 0) high = (high + (inHigh < 0 ? 1 : unit)) | 0;
      if (high >= 0) {
        high = INTEGER_BIT;
        exponent++;
      }
    }
  }
  setPacked(result, 0, low, high, sign | exponent);
  return flags;
}

/** FSCALE: a times 2 to the power of b, b chopped to an integer. */
export function scale(fpu: Arithmetic): number {
  const { a, b, kindA, kindB } = fpu;
  const kinds = kindA | kindB, signA = a[SIGN]!;
  if ((kinds & NOT_A_NUMBER) !== 0) return fpu.propagate();
  if (kindB === INFINITY) {
    const down = b[SIGN] !== 0;
    if ((down && kindA === INFINITY) || (!down && kindA === ZERO)) return fpu.invalid();
    if (!fpu.stops(fpu.denormalFlag())) fpu.deliver(a, down ? ZERO : INFINITY, signA);
    return fpu.denormalFlag();
  }
  const denormal = fpu.denormalFlag();
  if (fpu.stops(denormal)) return denormal;
  if ((kindA & (ZERO | INFINITY)) !== 0) return denormal | fpu.deliver(a, kindA, signA);
  const exponent = a[EXP]! + (kindB === ZERO ? 0 : choppedPower(b));
  // Too far out even for the wrapped exponent of an unmasked exception: zero or infinity, whatever the rounding.
  if (exponent <= -WRAP && (fpu.control & UE) === 0) return denormal | fpu.deliver(a, ZERO, signA) | UE | PE;
  if (exponent - WRAP >= EXPONENT_MASK && (fpu.control & OE) === 0) return denormal | fpu.deliver(a, INFINITY, signA) | OE | PE | C1;
  return denormal | fpu.round(signA, exponent, a[HIGH]!, a[LOW]!, 0, EXTENDED);
}

/** A finite value chopped to an integer, held within ±10000h, which is beyond every exponent. */
function choppedPower(value: Int32Array): number {
  const shift = BIAS + 31 - value[EXP]!;
  const power = shift < 16 ? 0x10000 : shift > 31 ? 0 : value[HIGH]! >>> shift;
  return value[SIGN] === 0 ? power : -power;
}

/** FXTRACT: the exponent of a as a number goes to `result`, the significand, packed, to `significand`. */
export function extract(fpu: Arithmetic, significand: Int32Array): number {
  const { a, kindA, result } = fpu;
  const sign = a[SIGN]!;
  if ((kindA & NOT_A_NUMBER) !== 0) {
    const flags = fpu.propagateA();
    significand.set(result);
    return flags;
  }
  if (kindA === INFINITY) {
    setInfinity(significand, 0, sign);
    setInfinity(result, 0, 0);
    return 0;
  }
  if (kindA === ZERO) {
    setZero(significand, 0, sign);
    setInfinity(result, 0, SIGN_BIT);
    return ZE;
  }
  setPacked(significand, 0, a[LOW]!, a[HIGH]!, sign | BIAS);
  setInteger(result, a[EXP]! - BIAS);
  return fpu.denormalFlag();
}

/** A small integer as a packed value. */
function setInteger(words: Int32Array, value: number): void {
  const magnitude = Math.abs(value), shift = Math.clz32(magnitude);
  if (value === 0) setZero(words, 0, 0);
  else setPacked(words, 0, 0, magnitude << shift, (value < 0 ? SIGN_BIT : 0) | (BIAS + 31 - shift));
}

/**
 * FPREM (`nearest` false: the quotient chopped) and FPREM1 (`nearest` true: rounded to nearest even): a minus a multiple of b. The
 * condition codes go to `codes[0]`: C2 where exponents are 64 or more apart and only part of the reduction was done, otherwise C0 C3 C1 are
 * quotient bits 2, 1 and 0. They stay untouched where there is no finite result.
 */
export function remainder(fpu: Arithmetic, nearest: boolean, codes: Int32Array): number {
  const { a, b, kindA, kindB } = fpu;
  const kinds = kindA | kindB;
  if ((kinds & NOT_A_NUMBER) !== 0) return fpu.propagate();
  if (kindA === INFINITY || kindB === ZERO) return fpu.invalid();
  const denormal = fpu.denormalFlag();
  if (fpu.stops(denormal)) return denormal;
  codes[0] = 0;
  if (kindA === ZERO || kindB === INFINITY) return denormal | fpu.deliver(a, kindA, a[SIGN]!);
  const difference = a[EXP]! - b[EXP]!;
  if (difference < -1) return denormal | fpu.deliver(a, NORMAL, a[SIGN]!);
  return denormal | (difference < 64 ? finish(fpu, nearest, difference, codes) : reduce(fpu, difference, codes));
}

/** The last step: the whole quotient. */
function finish(fpu: Arithmetic, nearest: boolean, difference: number, codes: Int32Array): number {
  const { a, b } = fpu;
  // With exponents one apart the divisor counts double, in units of half the dividend's last bit.
  const dividend = difference < 0 ? mantissaOf(a) : mantissaOf(a) << BigInt(difference);
  const divisor = difference < 0 ? mantissaOf(b) << 1n : mantissaOf(b);
  let quotient = dividend / divisor, rest = dividend - quotient * divisor, sign = a[SIGN]!;
  if (nearest && (rest * 2n > divisor || (rest * 2n === divisor && (quotient & 1n) !== 0n))) {
    quotient++;
    rest = divisor - rest;
    sign ^= SIGN_BIT;
  }
  const bits = Number(quotient & 7n);
  codes[0] = ((bits & 4) !== 0 ? C0 : 0) | ((bits & 2) !== 0 ? C3 : 0) | ((bits & 1) !== 0 ? C1 : 0);
  return deliverInteger(fpu, rest === 0n ? a[SIGN]! : sign, rest, difference < 0 ? a[EXP]! : b[EXP]!);
}

/** One partial step, which takes 32 to 63 off the difference of the exponents. */
function reduce(fpu: Arithmetic, difference: number, codes: Int32Array): number {
  const { a, b } = fpu;
  const step = (difference & 31) | 32;
  codes[0] = C2;
  return deliverInteger(fpu, a[SIGN]!, (mantissaOf(a) << BigInt(step)) % mantissaOf(b), b[EXP]! + difference - step);
}

/** Delivers an integer below 2^64 that counts units of the last bit of a mantissa with this exponent. */
function deliverInteger(fpu: Arithmetic, sign: number, value: bigint, exponent: number): number {
  if (value === 0n) return fpu.deliver(fpu.a, ZERO, sign);
  const shift = 64 - value.toString(2).length;
  const mantissa = value << BigInt(shift);
  return fpu.round(sign, exponent - shift, Number(mantissa >> 32n) | 0, Number(mantissa & 0xffffffffn) | 0, 0, EXTENDED);
}
