/**
 * Rounding: an exact result of 96 bits with an unbounded exponent becomes what the format and the control
 * word allow.
 *
 * A result comes as sign, exponent (biased as the destination's), and the mantissa in three words: high (its top bit set), low and
 * `extra`, whose lowest bit is sticky (the OR of everything below). Tininess is detected after rounding, as
 * IA-32 processors do (SDM volume 1, 4.9.1.5); C1 is set where the magnitude was rounded up (8.1.3.3).
 */
import * as extended from "./extended.ts";

const {
  C1, DOUBLE, DOWN, EXP, EXPONENT_MASK, EXTENDED, HIGH, INTEGER_BIT, LOW, NEAREST, OE, PE, PRECISION_CONTROL, ROUNDING_CONTROL, SINGLE, UE, UP,
} = extended;

/** What the exponent of an unmasked overflow or underflow is moved by, to bring the result back in range (8.5.4, 8.5.5). */
export const WRAP = 0x6000;
const MAX_EXPONENT = 0x7ffe;

/**
 * Whether the magnitude goes up by one unit. `rest` is what lies below the last bit kept, as a 32-bit
 * fraction of that bit (sticky in its lowest bit); `odd` is the last bit kept.
 */
export function roundsUp(control: number, sign: number, odd: number, rest: number): boolean {
  switch (control & ROUNDING_CONTROL) {
    case NEAREST: return rest < 0 && (rest !== INTEGER_BIT || odd !== 0);
    case DOWN: return rest !== 0 && sign !== 0;
    case UP: return rest !== 0 && sign === 0;
    default: return false;
  }
}

/** Rounds the mantissa to `precision` bits; `out` gets the mantissa and the exponent without sign, unbounded. Returns PE and C1. */
function roundMantissa(
  out: Int32Array, control: number, precision: number, sign: number, exponent: number, high: number, low: number, extra: number,
): number {
  let rest = extra, odd = low & 1, unitLow = 1, unitHigh = 0;
  if (precision === DOUBLE) {
    rest = (low << 21) | (extra >>> 11) | ((extra & 0x7ff) !== 0 ? 1 : 0);
    odd = low & 0x800;
    unitLow = 0x800;
    low &= ~0x7ff;
  } else if (precision === SINGLE) {
    rest = (high << 24) | (low >>> 8) | (((low & 0xff) | extra) !== 0 ? 1 : 0);
    odd = high & 0x100;
    unitLow = 0;
    unitHigh = 0x100;
    high &= ~0xff;
    low = 0;
  }
  let flags = 0;
  if (rest !== 0) {
    flags = PE;
    if (roundsUp(control, sign, odd, rest)) {
      flags = PE | C1;
      low = (low + unitLow) | 0;
      if (low === 0) unitHigh |= unitLow === 0 ? 0 : 1;
      const before = high;
      high = (high + unitHigh) | 0;
      if (before < 0 && high >= 0) {
        high = INTEGER_BIT;
        exponent++;
      }
    }
  }
  out[LOW] = low;
  out[HIGH] = high;
  out[EXP] = exponent;
  return flags;
}

/** Exponents outside the destination's normal range before rounding, or at its upper end. */
function roundExtreme(
  out: Int32Array, control: number, precision: number, maxExponent: number,
  sign: number, exponent: number, high: number, low: number, extra: number,
): number {
  const flags = roundMantissa(out, control, precision, sign, exponent, high, low, extra);
  if (out[EXP]! > maxExponent) return overflow(out, control, precision, maxExponent, sign, flags);
  if (out[EXP]! > 0) return flags;
  if ((control & UE) === 0) {
    out[EXP] = out[EXP]! + WRAP;
    return flags | UE;
  }
  return roundDenormal(out, control, precision, sign, 1 - exponent, high, low, extra);
}

function overflow(out: Int32Array, control: number, precision: number, maxExponent: number, sign: number, flags: number): number {
  if ((control & OE) === 0) {
    out[EXP] = out[EXP]! - WRAP;
    return flags | OE;
  }
  const rounding = control & ROUNDING_CONTROL;
  if (rounding === NEAREST || rounding === (sign === 0 ? UP : DOWN)) {
    out[LOW] = 0;
    out[HIGH] = INTEGER_BIT;
    out[EXP] = maxExponent + 1;
    return OE | PE | C1;
  }
  out[LOW] = precision === EXTENDED ? -1 : precision === DOUBLE ? ~0x7ff : 0;
  out[HIGH] = precision === SINGLE ? ~0xff : -1;
  out[EXP] = maxExponent;
  return OE | PE;
}

/** Masked underflow: `shift` (at least 1) places down to the smallest exponent, then rounded; exponent 0 where it stays denormal. */
function roundDenormal(
  out: Int32Array, control: number, precision: number, sign: number, shift: number, high: number, low: number, extra: number,
): number {
  for (; shift >= 32 && (high | low) !== 0; shift -= 32) {
    extra = low | (extra !== 0 ? 1 : 0);
    low = high;
    high = 0;
  }
  if (shift >= 32) extra = extra === 0 ? 0 : 1;
  else if (shift > 0) {
    extra = (low << (32 - shift)) | (extra >>> shift) | (extra << (32 - shift) !== 0 ? 1 : 0);
    low = (high << (32 - shift)) | (low >>> shift);
    high >>>= shift;
  }
  const flags = roundMantissa(out, control, precision, sign, 0, high, low, extra);
  if (out[HIGH]! < 0) out[EXP] = 1;
  return (flags & PE) === 0 ? flags : flags | UE;
}

/**
 * Rounds to a register at `precision` (SINGLE, DOUBLE or EXTENDED mantissa bits) with the register's exponent range. `out` gets the
 * packed value; the flags (OE, UE, PE, C1) are returned. Unmasked overflow and underflow deliver the wrapped exponent.
 */
export function roundExtended(
  out: Int32Array, control: number, precision: number, sign: number, exponent: number, high: number, low: number, extra: number,
): number {
  const flags = exponent > 0 && exponent < MAX_EXPONENT
    ? roundMantissa(out, control, precision, sign, exponent, high, low, extra)
    : roundExtreme(out, control, precision, MAX_EXPONENT, sign, exponent, high, low, extra);
  out[EXP] = (out[EXP]! & EXPONENT_MASK) | sign;
  return flags;
}

/**
 * Rounds a 64-bit mantissa to a memory format: SINGLE or DOUBLE, `exponent` biased as that format's. `out` gets mantissa and exponent
 * (0 for denormals, all ones for infinity). After an unmasked overflow or underflow `out` means nothing.
 */
export function roundMemory(
  out: Int32Array, control: number, precision: number, sign: number, exponent: number, high: number, low: number,
): number {
  return roundExtreme(out, control, precision, precision === SINGLE ? 0xfe : 0x7fe, sign, exponent, high, low, 0);
}

/** The precision that the control word asks of add, subtract, multiply, divide and square root. The reserved value means extended. */
export function precisionOf(control: number): number {
  const precision = control & PRECISION_CONTROL;
  return precision === 0x100 ? EXTENDED : precision;
}
