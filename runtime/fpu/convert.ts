/**
 * Between the memory formats and the registers' format (SDM volume 1, 4.2 and 8.2): single and double, two's-complement
 * integers of 16, 32 and 64 bits, packed BCD.
 *
 * `from…` unpacks a memory operand and returns its kind; a denormal stays known as one although it is normal in the register format.
 * `to…` converts the packed value `words[at …]`, leaves words of the destination in `out` (low first) and returns exception flags. Where an
 * unmasked IE, OE or UE is among them, nothing is to be stored.
 */
import * as extended from "./extended.ts";
import { normalize, unpack } from "./extended.ts";
import type { Kind } from "./extended.ts";
import { roundMemory, roundsUp } from "./rounding.ts";

const {
  BIAS, C1, DENORMAL, DOUBLE, EXP, EXPONENT_MASK, HIGH, IE, INFINITY, INTEGER_BIT, LOW, NEAREST, NORMAL, NOT_A_NUMBER, PE, QUIET_NAN,
  ROUNDING_CONTROL, SIGN, SIGNALLING_NAN, SIGN_BIT, SINGLE, UNSUPPORTED, ZERO,
} = extended;

const SINGLE_REBIAS = BIAS - 127, DOUBLE_REBIAS = BIAS - 1023;

function setUnpacked(to: Int32Array, sign: number, exponent: number, high: number, low: number): void {
  to[LOW] = low;
  to[HIGH] = high;
  to[EXP] = exponent;
  to[SIGN] = sign;
}

/** Unpacks a single given as its 32 bits. */
export function fromSingle(bits: number, to: Int32Array): Kind {
  const exponent = (bits >>> 23) & 0xff, fraction = (bits & 0x7fffff) << 8, sign = (bits >>> 16) & SIGN_BIT;
  if (exponent !== 0 && exponent !== 0xff) {
    setUnpacked(to, sign, exponent + SINGLE_REBIAS, fraction | INTEGER_BIT, 0);
    return NORMAL;
  }
  return fromExtreme(to, sign, exponent !== 0, SINGLE_REBIAS + 1, fraction, 0);
}

/** Unpacks a double given as two words. */
export function fromDouble(low: number, high: number, to: Int32Array): Kind {
  const exponent = (high >>> 20) & 0x7ff, sign = (high >>> 16) & SIGN_BIT;
  const fractionHigh = ((high & 0xfffff) << 11) | (low >>> 21), fractionLow = low << 11;
  if (exponent !== 0 && exponent !== 0x7ff) {
    setUnpacked(to, sign, exponent + DOUBLE_REBIAS, fractionHigh | INTEGER_BIT, fractionLow);
    return NORMAL;
  }
  return fromExtreme(to, sign, exponent !== 0, DOUBLE_REBIAS + 1, fractionHigh, fractionLow);
}

/** Zeros, denormals, infinities and NaNs of single and double; `fraction` stands below the integer bit. */
function fromExtreme(to: Int32Array, sign: number, allOnes: boolean, denormalExponent: number, fractionHigh: number, fractionLow: number): Kind {
  const empty = (fractionHigh | fractionLow) === 0;
  if (allOnes) {
    setUnpacked(to, sign, EXPONENT_MASK, fractionHigh | INTEGER_BIT, fractionLow);
    if (empty) return INFINITY;
    return (fractionHigh & 0x40000000) === 0 ? SIGNALLING_NAN : QUIET_NAN;
  }
  setUnpacked(to, sign, empty ? 0 : denormalExponent, fractionHigh, fractionLow);
  if (empty) return ZERO;
  normalize(to);
  return DENORMAL;
}

/** Unpacks a two's-complement int64. */
export function fromInt64(low: number, high: number, to: Int32Array): Kind {
  if ((low | high) === 0) {
    setUnpacked(to, 0, 0, 0, 0);
    return ZERO;
  }
  const negative = high < 0;
  if (negative) {
    low = -low | 0;
    high = low === 0 ? -high | 0 : ~high;
  }
  setUnpacked(to, negative ? SIGN_BIT : 0, BIAS + 63, high, low);
  normalize(to);
  return NORMAL;
}

/** Unpacks packed BCD: 18 digits in `low`, `high` and the low half of `top`, the sign in bit 15 of `top`. Digits above 9 count as they stand. */
export function fromBcd(low: number, high: number, top: number, to: Int32Array): Kind {
  let value = 0n;
  for (const [word, digits] of [[top, 2], [high, 8], [low, 8]] as const) {
    for (let shift = digits * 4 - 4; shift >= 0; shift -= 4) value = value * 10n + BigInt((word >>> shift) & 15);
  }
  const kind = fromInt64(Number(BigInt.asIntN(32, value)), Number(value >> 32n), to);
  to[SIGN] = top & SIGN_BIT;
  return kind;
}

const scratch = new Int32Array(4);

/** Rounds to a single: `out[0]` gets its 32 bits. */
export function toSingle(words: Int32Array, at: number, control: number, out: Int32Array): number {
  const kind = unpack(words, at, scratch), sign = scratch[SIGN]! << 16;
  if (kind === UNSUPPORTED) {
    out[0] = 0xffc00000 | 0;
    return IE;
  }
  if (kind === ZERO || kind === INFINITY) {
    out[0] = sign | (kind === ZERO ? 0 : 0x7f800000);
    return 0;
  }
  if ((kind & NOT_A_NUMBER) !== 0) {
    out[0] = sign | 0x7fc00000 | ((scratch[HIGH]! >>> 8) & 0x3fffff);
    return kind === SIGNALLING_NAN ? IE : 0;
  }
  const flags = roundMemory(out, control, SINGLE, scratch[SIGN]!, scratch[EXP]! - SINGLE_REBIAS, scratch[HIGH]!, scratch[LOW]!);
  out[0] = sign | (out[EXP]! << 23) | ((out[HIGH]! >>> 8) & 0x7fffff);
  return flags;
}

/** Rounds to a double: `out[0]` gets the low word, `out[1]` the high one. */
export function toDouble(words: Int32Array, at: number, control: number, out: Int32Array): number {
  const signExp = words[at + EXP]!, exponent = (signExp & EXPONENT_MASK) - DOUBLE_REBIAS;
  if (exponent <= 0 || exponent >= 0x7fe || words[at + HIGH]! >= 0 || (control & ROUNDING_CONTROL) !== NEAREST) {
    return toAnyDouble(words, at, control, out);
  }
  const low = words[at]!, high = words[at + HIGH]!, rest = low & 0x7ff;
  const lowBits = (low >>> 11) | (high << 21), highBits = ((signExp & SIGN_BIT) << 16) | (exponent << 20) | ((high >>> 11) & 0xfffff);
  const up = rest > 0x400 || (rest === 0x400 && (lowBits & 1) !== 0) ? 1 : 0;
  out[0] = lowBits + up;
  // A carry out of the fraction lands in the exponent, as it should.
  out[1] = up !== 0 && lowBits === -1 ? highBits + 1 : highBits;
  return rest === 0 ? 0 : up !== 0 ? PE | C1 : PE;
}

function toAnyDouble(words: Int32Array, at: number, control: number, out: Int32Array): number {
  const kind = unpack(words, at, scratch), sign = scratch[SIGN]! << 16;
  let flags = 0, high = scratch[HIGH]!, low = scratch[LOW]!, exponent = 0x7ff;
  if (kind === UNSUPPORTED) {
    out[0] = 0;
    out[1] = 0xfff80000 | 0;
    return IE;
  }
  if ((kind & NOT_A_NUMBER) !== 0) {
    high |= 0x40000000;
    flags = kind === SIGNALLING_NAN ? IE : 0;
  } else if (kind === ZERO) exponent = 0;
  else if (kind !== INFINITY) {
    flags = roundMemory(out, control, DOUBLE, scratch[SIGN]!, scratch[EXP]! - DOUBLE_REBIAS, high, low);
    low = out[LOW]!;
    high = out[HIGH]!;
    exponent = out[EXP]!;
  }
  out[0] = (low >>> 11) | (high << 21);
  out[1] = sign | (exponent << 20) | ((high >>> 11) & 0xfffff);
  return flags;
}

/**
 * Rounds the magnitude of a finite value to an integer: `out` gets low and high word, PE and C1 are returned; -1 where it
 * does not fit in 64 bits.
 */
function roundMagnitude(value: Int32Array, control: number, out: Int32Array): number {
  const shift = BIAS + 63 - value[EXP]!;
  let high = value[HIGH]!, low = value[LOW]!, rest = 0;
  if (shift < 0) return -1;
  if (shift > 64) {
    high = low = 0;
    rest = 1;
  } else if (shift === 64) {
    rest = high | (low === 0 ? 0 : 1);
    high = low = 0;
  } else if (shift >= 32) {
    rest = shift === 32 ? low : (high << (64 - shift)) | (low >>> (shift - 32)) | (low << (64 - shift) === 0 ? 0 : 1);
    low = high >>> (shift - 32);
    high = 0;
  } else if (shift > 0) {
    rest = low << (32 - shift);
    low = (high << (32 - shift)) | (low >>> shift);
    high >>>= shift;
  }
  out[0] = low;
  out[1] = high;
  if (rest === 0) return 0;
  if (!roundsUp(control, value[SIGN]!, low & 1, rest)) return PE;
  out[0] = (low + 1) | 0;
  if (out[0] === 0) out[1] = (high + 1) | 0;
  return PE | C1;
}

/** Rounds to a two's-complement integer of `bits` (16, 32 or 64) bits, sign-extended to two words of `out`. */
function toInteger(words: Int32Array, at: number, bits: number, control: number, out: Int32Array): number {
  const kind = unpack(words, at, scratch);
  if (kind === ZERO) {
    out[0] = out[1] = 0;
    return 0;
  }
  const flags = (kind & (NOT_A_NUMBER | INFINITY)) !== 0 ? -1 : roundMagnitude(scratch, control, out);
  if (flags < 0) return integerIndefinite(bits, out);
  let low = out[0]!, high = out[1]!;
  const negative = scratch[SIGN] !== 0;
  if (negative) {
    low = -low | 0;
    high = low === 0 ? -high | 0 : ~high;
  }
  if (!fits(low, high, bits, negative)) return integerIndefinite(bits, out);
  out[0] = low;
  out[1] = high;
  return flags;
}

export function toInt16(words: Int32Array, at: number, control: number, out: Int32Array): number {
  return toInteger(words, at, 16, control, out);
}

export function toInt32(words: Int32Array, at: number, control: number, out: Int32Array): number {
  return toInteger(words, at, 32, control, out);
}

export function toInt64(words: Int32Array, at: number, control: number, out: Int32Array): number {
  return toInteger(words, at, 64, control, out);
}

function fits(low: number, high: number, bits: number, negative: boolean): boolean {
  if ((low | high) === 0) return true;
  if (bits === 64) return high < 0 === negative;
  return high === low >> 31 && low < 0 === negative && (bits === 32 || low === (low << 16) >> 16);
}

function integerIndefinite(bits: number, out: Int32Array): number {
  out[0] = bits === 64 ? 0 : bits === 32 ? INTEGER_BIT : -0x8000;
  out[1] = bits === 64 ? INTEGER_BIT : -1;
  return IE;
}

const BCD_LIMIT = 10n ** 18n;

/** Rounds to packed BCD: `out` gets 8 digits, 8 digits, and the top half word (2 digits, sign). */
export function toBcd(words: Int32Array, at: number, control: number, out: Int32Array): number {
  const kind = unpack(words, at, scratch);
  let flags = 0, value = 0n;
  if (kind !== ZERO) {
    flags = (kind & (NOT_A_NUMBER | INFINITY)) !== 0 ? -1 : roundMagnitude(scratch, control, out);
    value = (BigInt(out[1]! >>> 0) << 32n) | BigInt(out[0]! >>> 0);
  }
  if (flags < 0 || value >= BCD_LIMIT) {
    out[0] = 0;
    out[1] = 0xc0000000 | 0;
    out[2] = 0xffff;
    return IE;
  }
  for (let word = 0; word < 3; word++) {
    let digits = 0;
    for (let shift = 0; shift < 32; shift += 4, value /= 10n) digits |= Number(value % 10n) << shift;
    out[word] = digits;
  }
  out[2] = out[2]! | scratch[SIGN]!;
  return flags;
}
