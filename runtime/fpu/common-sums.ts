/**
 * Sum, product and order of normal numbers and zeros in the packed format, all exceptions masked: what nearly every x87 instruction asks.
 * Everything else is declined, and arithmetic.ts does it. Operands are passed word by word, so that nothing is unpacked into memory; the
 * functions are made for one state, whose address the host's compiler then knows.
 */
import * as state from "../state.ts";
import { alignedExtra } from "./arithmetic.ts";
import * as extended from "./extended.ts";
import * as products from "./product.ts";
import { precisionOf, roundExtended } from "./rounding.ts";

const { SLOT } = state;
const { BIAS, C0, C1, C3, DOWN, EXPONENT_MASK, INTEGER_BIT, PE, ROUNDING_CONTROL, SIGN_BIT } = extended;
const { multiplyMantissas, product } = products;

/** In place of exception flags or condition codes: not the common case; nothing has been done. */
export const DECLINED = -1;

/** a op b into the register at `to`, an index into the state words; flags or DECLINED. */
export type CommonOperation = (to: number, al: number, ah: number, ax: number, bl: number, bh: number, bx: number) => number;
/** Rounds 64 bits and their extension (sticky in its lowest bit) into the register at `to` as the control word has it; PE and C1. */
export type CommonRounding = (to: number, signExp: number, high: number, low: number, extra: number) => number;

export interface CommonSums {
  readonly round: CommonRounding;
  /** Puts a packed value into the register at `to`; 0, no flags. */
  readonly set: (to: number, low: number, high: number, signExp: number) => number;
  readonly add: CommonOperation;
  readonly multiply: CommonOperation;
}

/** Exponents between these leave room for a carry and for 64 places of cancellation. */
const LEAST = 0x80, ROOM = 0x7e00;
/** Rounding and precision control as FNINIT sets them: nearest, 64 bits. */
const USUAL = 0x300, USUAL_MASK = 0xf00;

export const isCommon = (high: number, signExp: number): boolean => high < 0 && ((signExp & EXPONENT_MASK) - LEAST) >>> 0 < ROOM;

export const isZero = (low: number, high: number, signExp: number): boolean => (low | high | (signExp & EXPONENT_MASK)) === 0;

export function commonSums(state: Int32Array): CommonSums {
  const S = state, rounded = new Int32Array(3);

  function set(to: number, low: number, high: number, signExp: number): number {
    S[to] = low;
    S[to + 1] = high;
    S[to + 2] = signExp;
    return 0;
  }

  function roundUnusually(to: number, signExp: number, high: number, low: number, extra: number): number {
    const control = S[SLOT.fpuControl]!;
    const flags = roundExtended(rounded, control, precisionOf(control), signExp & SIGN_BIT, signExp & EXPONENT_MASK, high, low, extra);
    set(to, rounded[0]!, rounded[1]!, rounded[2]!);
    return flags;
  }

  function round(to: number, signExp: number, high: number, low: number, extra: number): number {
    if ((S[SLOT.fpuControl]! & USUAL_MASK) !== USUAL) return roundUnusually(to, signExp, high, low, extra);
    let flags = 0;
    if (extra !== 0) {
      flags = PE;
      if (extra < 0 && (extra !== INTEGER_BIT || (low & 1) !== 0)) {
        flags = PE | C1;
        low = (low + 1) | 0;
        if (low === 0) {
          high = (high + 1) | 0;
          if (high === 0) {
            high = INTEGER_BIT;
            signExp++;
          }
        }
      }
    }
    S[to] = low | 0;
    S[to + 1] = high | 0;
    S[to + 2] = signExp | 0;
    return flags;
  }

  /** The sum where an operand is no common number: one is zero. */
  function addZero(to: number, al: number, ah: number, ax: number, bl: number, bh: number, bx: number): number {
    const zeroA = isZero(al, ah, ax), zeroB = isZero(bl, bh, bx);
    if (zeroA && zeroB) return set(to, 0, 0, ax === bx ? ax : cancelledSign());
    if (zeroA && isCommon(bh, bx)) return round(to, bx, bh, bl, 0);
    return zeroB && isCommon(ah, ax) ? round(to, ax, ah, al, 0) : DECLINED;
  }

  const cancelledSign = (): number => (S[SLOT.fpuControl]! & ROUNDING_CONTROL) === DOWN ? SIGN_BIT : 0;

  function add(to: number, al: number, ah: number, ax: number, bl: number, bh: number, bx: number): number {
    if (!isCommon(ah, ax) || !isCommon(bh, bx)) return addZero(to, al, ah, ax, bl, bh, bx);
    const swap = (ax & EXPONENT_MASK) === (bx & EXPONENT_MASK)
      ? ah === bh ? al >>> 0 < bl >>> 0 : ah >>> 0 < bh >>> 0
      : (ax & EXPONENT_MASK) < (bx & EXPONENT_MASK);
    const bigHigh = swap ? bh : ah, bigLow = swap ? bl : al;
    let signExp = swap ? bx : ax, high = swap ? ah : bh, low = swap ? al : bl, extra = 0;
    const shift = (signExp & EXPONENT_MASK) - ((swap ? ax : bx) & EXPONENT_MASK);
    if (shift !== 0) {
      if (shift < 32) {
        extra = low << (32 - shift);
        low = (high << (32 - shift)) | (low >>> shift);
        high >>>= shift;
      } else {
        extra = alignedExtra(high, low, shift);
        low = shift < 64 ? high >>> (shift - 32) : 0;
        high = 0;
      }
    }
    if (((ax ^ bx) & SIGN_BIT) === 0) {
      const sumLow = (low + bigLow) | 0;
      const sum = (high >>> 0) + (bigHigh >>> 0) + (sumLow >>> 0 < low >>> 0 ? 1 : 0);
      high = sum | 0;
      low = sumLow;
      if (sum > 0xffffffff) {
        extra = (low << 31) | (extra >>> 1) | (extra & 1);
        low = (high << 31) | (low >>> 1);
        high = (high >>> 1) | INTEGER_BIT;
        signExp++;
      }
    } else {
      const borrow = extra === 0 ? 0 : 1, difference = (bigLow >>> 0) - (low >>> 0) - borrow;
      extra = -extra | 0;
      low = difference | 0;
      high = (bigHigh - high - (difference < 0 ? 1 : 0)) | 0;
      if (high >= 0) {
        if ((high | low | extra) === 0) return set(to, 0, 0, cancelledSign());
        for (; high === 0; signExp -= 32) {
          high = low;
          low = extra;
          extra = 0;
        }
        const up = Math.clz32(high);
        if (up !== 0) {
          high = (high << up) | (low >>> (32 - up));
          low = (low << up) | (extra >>> (32 - up));
          extra <<= up;
          signExp -= up;
        }
      }
    }
    return round(to, signExp, high, low, extra);
  }

  /** The product where an operand is no common number: one is zero. */
  function multiplyZero(to: number, al: number, ah: number, ax: number, bl: number, bh: number, bx: number): number {
    const zeroA = isZero(al, ah, ax), zeroB = isZero(bl, bh, bx);
    return (zeroA && (zeroB || isCommon(bh, bx))) || (zeroB && isCommon(ah, ax)) ? set(to, 0, 0, (ax ^ bx) & SIGN_BIT) : DECLINED;
  }

  function multiply(to: number, al: number, ah: number, ax: number, bl: number, bh: number, bx: number): number {
    if (!isCommon(ah, ax) || !isCommon(bh, bx)) return multiplyZero(to, al, ah, ax, bl, bh, bx);
    let exponent = (ax & EXPONENT_MASK) + (bx & EXPONENT_MASK) - BIAS + 1;
    if ((exponent - LEAST) >>> 0 >= ROOM) return DECLINED;
    let high = 0, low = 0, extra = 0;
    if ((al | bl | ((ah | bh) & 0xff)) === 0) {
      // Both are singles.
      const whole = (ah >>> 8) * (bh >>> 8);
      high = Math.floor(whole * PER_HALF) | 0;
      low = whole << 16;
    } else {
      multiplyMantissas(ah, al, bh, bl);
      high = product[0]!;
      low = product[1]!;
      extra = product[2]!;
    }
    if (high >= 0) {
      high = (high << 1) | (low >>> 31);
      low = (low << 1) | (extra >>> 31);
      extra = (extra << 1) | (extra & 1);
      exponent--;
    }
    return round(to, exponent | ((ax ^ bx) & SIGN_BIT), high, low, extra);
  }

  return { round, set, add, multiply };
}

const PER_HALF = 2 ** -16;

const isNormal = (high: number, signExp: number): boolean => high < 0 && ((signExp & EXPONENT_MASK) - 1) >>> 0 < EXPONENT_MASK - 1;

/** The condition codes of a comparison between normal numbers and zeros. */
export function compareCommon(al: number, ah: number, ax: number, bl: number, bh: number, bx: number): number {
  const zeroA = isZero(al, ah, ax), zeroB = isZero(bl, bh, bx);
  if (!zeroA && !isNormal(ah, ax) || !zeroB && !isNormal(bh, bx)) return DECLINED;
  const signA = zeroA ? 0 : (ax & SIGN_BIT) === 0 ? 1 : -1, signB = zeroB ? 0 : (bx & SIGN_BIT) === 0 ? 1 : -1;
  if (signA !== signB) return signA < signB ? C0 : 0;
  if (ax === bx && ah === bh && al === bl || signA === 0) return C3;
  const less = ax !== bx ? (ax & EXPONENT_MASK) < (bx & EXPONENT_MASK) : ah !== bh ? ah >>> 0 < bh >>> 0 : al >>> 0 < bl >>> 0;
  return less === signA > 0 ? C0 : 0;
}
