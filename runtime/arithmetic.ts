/** Integer arithmetic that int32 JavaScript has no operator for. Arguments and results are int32 bit patterns. */
import { parityOf } from "./flags.ts";
import { raise, VECTOR } from "./faults.ts";
import * as state from "./state.ts";

const { AF, CF, OF, PF, SF, ZF } = state;

const TWO32 = 0x1_0000_0000;

/** High 32 bits of the unsigned product, by 16-bit halves: no partial sum leaves 2^32. */
export function multiplyHighUnsigned(a: number, b: number): number {
  const al = a & 0xffff, ah = a >>> 16, bl = b & 0xffff, bh = b >>> 16;
  const middle = (Math.imul(ah, bl) + (Math.imul(al, bl) >>> 16)) | 0;
  const other = (Math.imul(al, bh) + (middle & 0xffff)) | 0;
  return (Math.imul(ah, bh) + (middle >>> 16) + (other >>> 16)) | 0;
}

/** High 32 bits of the signed product. */
export function multiplyHighSigned(a: number, b: number): number {
  return (multiplyHighUnsigned(a, b) - (a >> 31 & b) - (b >> 31 & a)) | 0;
}

/** (high:low) / divisor, unsigned, high < divisor. The remainder is low - quotient * divisor. */
export function quotientUnsigned(high: number, low: number, divisor: number): number {
  return high === 0 ? ((low >>> 0) / (divisor >>> 0)) | 0 : longQuotient(high, low, divisor);
}

/**
 * One double division. The quotient is below 2^32, and dividend and division are rounded by at most 2^-53 of their value each: less
 * 2^-19, what they give is the quotient or one less, never more, and the exact remainder says which.
 */
function longQuotient(high: number, low: number, divisor: number): number {
  const quotient = (((high >>> 0) * TWO32 + (low >>> 0)) / (divisor >>> 0) - 2 ** -19) | 0;
  const product = Math.imul(quotient, divisor), rest = (low - product) | 0;
  const restHigh = (high - multiplyHighUnsigned(quotient, divisor) - (low >>> 0 < product >>> 0 ? 1 : 0)) | 0;
  return restHigh !== 0 || rest >>> 0 >= divisor >>> 0 ? (quotient + 1) | 0 : quotient;
}

/** #DE unless the quotient fits 32 bits. */
export function checkDivideUnsigned(high: number, _low: number, divisor: number): void {
  if (high >>> 0 >= divisor >>> 0) raise(VECTOR.DE);
}

/** Magnitude of a signed 64-bit number as (high, low). */
function magnitudeHigh(high: number, low: number): number { return high >= 0 ? high : (~high + (low === 0 ? 1 : 0)) | 0; }
function magnitudeLow(high: number, low: number): number { return high >= 0 ? low : -low | 0; }
function magnitude(a: number): number { return a < 0 ? -a | 0 : a; }

/** The same, signed and rounded to 0. */
export function quotientSigned(high: number, low: number, divisor: number): number {
  return high === low >> 31 ? (low / divisor) | 0 : longSignedQuotient(high, low, divisor);
}

function longSignedQuotient(high: number, low: number, divisor: number): number {
  const quotient = quotientUnsigned(magnitudeHigh(high, low), magnitudeLow(high, low), magnitude(divisor));
  return (high ^ divisor) < 0 ? -quotient | 0 : quotient;
}

export function checkDivideSigned(high: number, low: number, divisor: number): void {
  if (high === low >> 31 && divisor !== 0 && divisor !== -1) return;
  const h = magnitudeHigh(high, low), d = magnitude(divisor);
  if (h >>> 0 >= d >>> 0) raise(VECTOR.DE);
  const quotient = quotientUnsigned(h, magnitudeLow(high, low), d) >>> 0;
  if (quotient > ((high ^ divisor) < 0 ? 0x80000000 : 0x7fffffff)) raise(VECTOR.DE);
}

/** 8- and 16-bit division: the dividend is a zero-extended (unsigned) or int32 (signed) number; `size` is the divisor's. */
export function checkNarrowUnsigned(dividend: number, divisor: number, size: number): void {
  if (divisor === 0 || Math.floor((dividend >>> 0) / divisor) >= 2 ** (8 * size)) raise(VECTOR.DE);
}
export function checkNarrowSigned(dividend: number, divisor: number, size: number): void {
  if (divisor === 0) raise(VECTOR.DE);
  const quotient = Math.trunc(dividend / divisor), limit = 2 ** (8 * size - 1);
  if (quotient >= limit || quotient < -limit) raise(VECTOR.DE);
}
export function narrowQuotientUnsigned(dividend: number, divisor: number): number { return Math.floor((dividend >>> 0) / divisor) | 0; }
export function narrowRemainderUnsigned(dividend: number, divisor: number): number { return ((dividend >>> 0) % divisor) | 0; }
export function narrowQuotientSigned(dividend: number, divisor: number): number { return Math.trunc(dividend / divisor) | 0; }
export function narrowRemainderSigned(dividend: number, divisor: number): number { return (dividend % divisor) | 0; }

/** #BR unless lower <= index <= upper. */
export function checkBounds(index: number, lower: number, upper: number): void {
  if (index < lower || index > upper) raise(VECTOR.BR);
}

// --- Rotates through carry: width + 1 bits ------------------------------------------------------------------

/** Left by `by` (0–31), of a value with its carry on top. */
export function rcl(value: number, carry: number, by: number, width: number): number {
  if (width !== 32) return rotateNarrow(value, carry, by % (width + 1), width) & ((1 << width) - 1);
  if (by === 0) return value;
  return by === 1 ? (value << 1) | carry : (value << by) | (carry << (by - 1)) | (value >>> (33 - by));
}

export function rclCarry(value: number, carry: number, by: number, width: number): number {
  if (width !== 32) return rotateNarrow(value, carry, by % (width + 1), width) >>> width;
  return by === 0 ? carry : (value >>> (32 - by)) & 1;
}

/** Right by n is left by width + 1 - n. */
export function rcr(value: number, carry: number, by: number, width: number): number {
  if (width !== 32) return rotateNarrow(value, carry, width + 1 - by % (width + 1), width) & ((1 << width) - 1);
  if (by === 0) return value;
  return by === 1 ? (value >>> 1) | (carry << 31) : (value >>> by) | (carry << (32 - by)) | (value << (33 - by));
}

export function rcrCarry(value: number, carry: number, by: number, width: number): number {
  if (width !== 32) return rotateNarrow(value, carry, width + 1 - by % (width + 1), width) >>> width;
  return by === 0 ? carry : (value >>> (by - 1)) & 1;
}

/** Carry and value of 8 or 16 bits, rotated left by 0 to width + 1. */
function rotateNarrow(value: number, carry: number, by: number, width: number): number {
  const whole = (carry << width) | (value & ((1 << width) - 1));
  return ((whole << by) | (whole >>> (width + 1 - by))) & ((2 << width) - 1);
}

// --- Double shifts ----------------------------------------------------------------------------------------------

/** SHLD: `by` is 0–31; 16-bit counts above 16 (undefined) shift in the destination again, as processors do. */
export function shld(value: number, filler: number, by: number, width: number): number {
  if (by === 0) return value;
  if (width === 32) return (value << by) | (filler >>> (32 - by));
  if (by <= 16) return (value << by) | ((filler & 0xffff) >>> (16 - by));
  return (filler << (by - 16)) | ((value & 0xffff) >>> (32 - by));
}

export function shrd(value: number, filler: number, by: number, width: number): number {
  if (by === 0) return value;
  if (width === 32) return (value >>> by) | (filler << (32 - by));
  if (by <= 16) return ((value & 0xffff) >>> by) | (filler << (16 - by));
  return ((filler & 0xffff) >>> (by - 16)) | (value << (32 - by));
}

export function shldFlags(value: number, filler: number, by: number, width: number): number {
  const carry = by <= width ? (value >>> (width - by)) & 1 : (filler >>> (2 * width - by)) & 1;
  return doubleShiftFlags(value, shld(value, filler, by, width), carry, width);
}

export function shrdFlags(value: number, filler: number, by: number, width: number): number {
  const carry = by <= width ? (value >>> (by - 1)) & 1 : (filler >>> (by - width - 1)) & 1;
  return doubleShiftFlags(value, shrd(value, filler, by, width), carry, width);
}

function doubleShiftFlags(before: number, after: number, carry: number, width: number): number {
  const up = 32 - width, r = after << up;
  return carry | (r === 0 ? ZF : 0) | (r < 0 ? SF : 0) | (parityOf(after & 0xff) ? PF : 0) | (((before << up) ^ r) < 0 ? OF : 0);
}

// --- Decimal adjustment (SDM volume 2: DAA, DAS, AAA, AAS) -----------------------------------------------------------

interface Adjusted { readonly ax: number; readonly flags: number }

function sized(al: number): number { return (al === 0 ? ZF : 0) | (al & 0x80 ? SF : 0) | (parityOf(al) ? PF : 0); }

function decimalAdjust(ax: number, flags: number, sign: 1 | -1): Adjusted {
  const old = ax & 0xff;
  let al = old, carry = 0, adjust = 0;
  if ((al & 15) > 9 || (flags & AF) !== 0) {
    carry = sign < 0 && old < 6 ? 1 : sign > 0 && old > 0xf9 ? 1 : 0;
    al = (al + 6 * sign) & 0xff;
    adjust = AF;
  }
  if (old > 0x99 || (flags & CF) !== 0) {
    al = (al + 0x60 * sign) & 0xff;
    carry = 1;
  } else if (sign > 0) carry = 0;
  if (sign < 0 && (old > 0x99 || (flags & CF) !== 0)) carry = 1;
  return { ax: (ax & 0xff00) | al, flags: sized(al) | carry | adjust };
}

function asciiAdjust(ax: number, flags: number, sign: 1 | -1): Adjusted {
  if ((ax & 15) > 9 || (flags & AF) !== 0) {
    const adjusted = (ax + sign * 0x106) & 0xffff;
    return { ax: adjusted & 0xff0f, flags: sized(adjusted & 15) | AF | CF };
  }
  return { ax: ax & 0xff0f, flags: sized(ax & 15) };
}

export function daa(ax: number, flags: number): number { return decimalAdjust(ax, flags, 1).ax; }
export function daaFlags(ax: number, flags: number): number { return decimalAdjust(ax, flags, 1).flags; }
export function das(ax: number, flags: number): number { return decimalAdjust(ax, flags, -1).ax; }
export function dasFlags(ax: number, flags: number): number { return decimalAdjust(ax, flags, -1).flags; }
export function aaa(ax: number, flags: number): number { return asciiAdjust(ax, flags, 1).ax; }
export function aaaFlags(ax: number, flags: number): number { return asciiAdjust(ax, flags, 1).flags; }
export function aas(ax: number, flags: number): number { return asciiAdjust(ax, flags, -1).ax; }
export function aasFlags(ax: number, flags: number): number { return asciiAdjust(ax, flags, -1).flags; }
