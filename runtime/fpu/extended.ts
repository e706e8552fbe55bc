/**
 * The 80-bit double-extended format as three words: mantissa low, mantissa high (both int32 bit
 * patterns, the explicit integer bit on top) and sign+exponent (bit 15 sign, bits 14–0 exponent biased by 16383).
 * SDM volume 1, 4.2.2 and 8.2.
 *
 * Modules that compute take these constants apart into constants of their own (`const { C1 } = extended`): V8 folds those, but loads and
 * checks an imported one at each use.
 *
 * Arithmetic works on an *unpacked* operand of four words: mantissa, exponent without sign, sign. A denormal is
 * normalised when it is unpacked, so its exponent may be 0 or less; what it was is kept as its `Kind`.
 */

/** Word order of a packed value (3 words) and of an unpacked one (4 words, SIGN = 0 or 8000h). */
export const LOW = 0, HIGH = 1, EXP = 2, SIGN = 3;

export const BIAS = 16383;
export const EXPONENT_MASK = 0x7fff;
export const SIGN_BIT = 0x8000;
/** The integer bit of the mantissa, as an int32. */
export const INTEGER_BIT = 0x80000000 | 0;
const QUIET_BIT = 0x40000000;

// Status word (SDM volume 1, 8.1.3).
export const IE = 1 << 0, DE = 1 << 1, ZE = 1 << 2, OE = 1 << 3, UE = 1 << 4, PE = 1 << 5;
export const STACK_FAULT = 1 << 6, ES = 1 << 7;
export const C0 = 1 << 8, C1 = 1 << 9, C2 = 1 << 10, C3 = 1 << 14, BUSY = 1 << 15;
export const TOP_SHIFT = 11;
export const CONDITION_CODES = C0 | C1 | C2 | C3;
export const EXCEPTIONS = IE | DE | ZE | OE | UE | PE;

// Control word (8.1.5).
export const PRECISION_CONTROL = 0x300, SINGLE = 0x000, DOUBLE = 0x200, EXTENDED = 0x300;
export const ROUNDING_CONTROL = 0xc00, NEAREST = 0x000, DOWN = 0x400, UP = 0x800, CHOP = 0xc00;
export const INITIAL_CONTROL = 0x37f;

/** What a value is: one bit each, so that the kinds of two operands can be tested together. Normal is 0. */
export const NORMAL = 0, DENORMAL = 1, ZERO = 2, INFINITY = 4, QUIET_NAN = 8, SIGNALLING_NAN = 16, UNSUPPORTED = 32;
export const ANY_NAN = QUIET_NAN | SIGNALLING_NAN;
export const NOT_A_NUMBER = ANY_NAN | UNSUPPORTED;
export type Kind = number;

/** The kind of a packed value. Pseudo-denormals are denormals; unnormals, pseudo-infinities and pseudo-NaNs are unsupported. */
export function kindOf(words: Int32Array, at: number): Kind {
  const high = words[at + HIGH]!, exponent = words[at + EXP]! & EXPONENT_MASK;
  if (exponent === 0) return (high | words[at]!) === 0 ? ZERO : DENORMAL;
  if (high >= 0) return UNSUPPORTED;
  if (exponent !== EXPONENT_MASK) return NORMAL;
  if (high === INTEGER_BIT && words[at] === 0) return INFINITY;
  return (high & QUIET_BIT) === 0 ? SIGNALLING_NAN : QUIET_NAN;
}

/** Unpacks `words[at …]` into `to` and says what it is. */
export function unpack(words: Int32Array, at: number, to: Int32Array): Kind {
  const high = words[at + HIGH]!, signExp = words[at + EXP]!, exponent = signExp & EXPONENT_MASK;
  to[LOW] = words[at]!;
  to[HIGH] = high;
  to[EXP] = exponent;
  to[SIGN] = signExp & SIGN_BIT;
  if (high < 0 && exponent !== 0 && exponent !== EXPONENT_MASK) return NORMAL;
  const kind = kindOf(words, at);
  if (kind === DENORMAL) {
    to[EXP] = 1;
    normalize(to);
  }
  return kind;
}

/** Shifts the mantissa of a nonzero unpacked value up until its integer bit is set. */
export function normalize(value: Int32Array): void {
  let high = value[HIGH]!, low = value[LOW]!, exponent = value[EXP]!;
  if (high === 0) {
    high = low;
    low = 0;
    exponent -= 32;
  }
  const shift = Math.clz32(high);
  if (shift !== 0) {
    high = (high << shift) | (low >>> (32 - shift));
    low <<= shift;
  }
  value[HIGH] = high;
  value[LOW] = low;
  value[EXP] = exponent - shift;
}

/** Sets three words of a packed value. */
export function setPacked(words: Int32Array, at: number, low: number, high: number, signExp: number): void {
  words[at] = low;
  words[at + HIGH] = high;
  words[at + EXP] = signExp;
}

/** The real indefinite QNaN, the masked response to every invalid operation. */
export function setIndefinite(words: Int32Array, at: number): void {
  setPacked(words, at, 0, 0xc0000000 | 0, 0xffff);
}

export function setZero(words: Int32Array, at: number, sign: number): void {
  setPacked(words, at, 0, 0, sign);
}

export function setInfinity(words: Int32Array, at: number, sign: number): void {
  setPacked(words, at, 0, INTEGER_BIT, sign | EXPONENT_MASK);
}

/** Packs an unpacked NaN, made quiet. */
export function setQuieted(words: Int32Array, at: number, nan: Int32Array): void {
  setPacked(words, at, nan[LOW]!, nan[HIGH]! | QUIET_BIT, nan[SIGN]! | EXPONENT_MASK);
}
