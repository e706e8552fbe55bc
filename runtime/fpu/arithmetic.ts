/**
 * Add, subtract, multiply, divide, square root and compare, exact to the bit, on 64-bit mantissas.
 *
 * The idea: everything is integer work on int32 pairs, or on limbs of 24 bits held in float64s, where each sum of products
 * stays below 2^53 and is therefore exact. The exact result goes to rounding.ts as 64 bits and a sticky extension.
 *
 * Every operation takes the unpacked operands `a` and `b` (loaded by `loadA` and `loadB`, or by convert.ts from a memory format),
 * leaves the packed result in `result` and returns the exception flags it met. Where an unmasked IE, DE or ZE is among them, `result`
 * means nothing: the instruction delivers none (SDM volume 1, 8.5). NaNs follow table 4-7.
 */
import * as extended from "./extended.ts";
import { setIndefinite, setInfinity, setPacked, setQuieted, setZero, unpack } from "./extended.ts";
import type { Kind } from "./extended.ts";
import { precisionOf, roundExtended } from "./rounding.ts";
import { multiplyMantissas, product } from "./product.ts";
import { root, squareRootOf } from "./square-root.ts";

const {
  ANY_NAN, BIAS, C0, C1, C2, C3, DE, DENORMAL, DOWN, EXP, EXPONENT_MASK, EXTENDED, HIGH, IE, INFINITY, INTEGER_BIT, LOW, NEAREST,
  NOT_A_NUMBER, PE, QUIET_NAN, ROUNDING_CONTROL, SIGN, SIGNALLING_NAN, SIGN_BIT, UNSUPPORTED, ZE, ZERO,
} = extended;

const LIMB = 0x1000000, PER_LIMB = 1 / LIMB, LIMB_MASK = LIMB - 1;
/** Quotient bits found at a time; the product of one such digit with a limb stays below 2^46. */
const DIGIT = 0x400000;

export const UNORDERED = C0 | C2 | C3;

export class Arithmetic {
  /** The control word: rounding, precision, masks. */
  control = 0x37f;
  readonly a = new Int32Array(4);
  readonly b = new Int32Array(4);
  kindA: Kind = 0;
  kindB: Kind = 0;
  /** The packed result: low, high, sign+exponent. */
  readonly result = new Int32Array(3);

  loadA(words: Int32Array, at: number): void {
    this.kindA = unpack(words, at, this.a);
  }

  loadB(words: Int32Array, at: number): void {
    this.kindB = unpack(words, at, this.b);
  }

  /** Exchanges the operands. */
  swap(): void {
    const { a, b, kindA } = this;
    for (let word = 0; word < 4; word++) {
      const kept = a[word]!;
      a[word] = b[word]!;
      b[word] = kept;
    }
    this.kindA = this.kindB;
    this.kindB = kindA;
  }

  /** a + b, or a - b where `flip` is SIGN_BIT. */
  add(flip: number): number {
    const { a, b } = this;
    let flags = 0;
    const kinds = this.kindA | this.kindB;
    if (kinds !== 0) {
      if ((kinds & NOT_A_NUMBER) !== 0) return this.propagate();
      flags = this.denormalFlag();
      if (this.stops(flags)) return flags;
      if ((kinds & (INFINITY | ZERO)) !== 0) return flags | this.addSpecial(flip);
    }
    const signB = b[SIGN]! ^ flip;
    if (a[SIGN] === signB) return flags | this.addMagnitudes(signB);
    return flags | this.subtractMagnitudes(a[SIGN]!, signB);
  }

  private addSpecial(flip: number): number {
    const { a, b, kindA, kindB, result, control } = this;
    const signA = a[SIGN]!, signB = b[SIGN]! ^ flip;
    if (((kindA | kindB) & INFINITY) !== 0) {
      if (kindA === INFINITY && kindB === INFINITY && signA !== signB) return this.invalid();
      setInfinity(result, 0, kindA === INFINITY ? signA : signB);
      return 0;
    }
    if (kindA === ZERO && kindB === ZERO) {
      setZero(result, 0, signA === signB ? signA : this.cancelledSign());
      return 0;
    }
    const other = kindA === ZERO ? b : a;
    return this.round(kindA === ZERO ? signB : signA, other[EXP]!, other[HIGH]!, other[LOW]!, 0, precisionOf(control));
  }

  /** The sign of an exact zero difference. */
  private cancelledSign(): number {
    return (this.control & ROUNDING_CONTROL) === DOWN ? SIGN_BIT : 0;
  }

  private addMagnitudes(sign: number): number {
    const { a, b } = this;
    const swap = a[EXP]! < b[EXP]!;
    const big = swap ? b : a, small = swap ? a : b;
    let exponent = big[EXP]!;
    const shift = exponent - small[EXP]!;
    let high = small[HIGH]!, low = small[LOW]!, extra = 0;
    if (shift !== 0) {
      extra = alignedExtra(high, low, shift);
      low = alignedLow(high, low, shift);
      high = shift < 32 ? high >>> shift : 0;
    }
    const sumLow = (low + big[LOW]!) | 0;
    const carry = sumLow >>> 0 < low >>> 0 ? 1 : 0;
    const sum = (high >>> 0) + (big[HIGH]! >>> 0) + carry;
    high = sum | 0;
    low = sumLow;
    if (sum > 0xffffffff) {
      extra = (low << 31) | (extra >>> 1) | (extra & 1);
      low = (high << 31) | (low >>> 1);
      high = (high >>> 1) | INTEGER_BIT;
      exponent++;
    }
    return this.round(sign, exponent, high, low, extra, precisionOf(this.control));
  }

  private subtractMagnitudes(signA: number, signB: number): number {
    const { a, b } = this;
    const order = a[EXP] === b[EXP] ? compareMantissas(a, b) : a[EXP]! - b[EXP]!;
    if (order === 0) {
      setZero(this.result, 0, this.cancelledSign());
      return 0;
    }
    const big = order < 0 ? b : a, small = order < 0 ? a : b;
    let exponent = big[EXP]!;
    const shift = exponent - small[EXP]!;
    let high = small[HIGH]!, low = small[LOW]!, extra = 0;
    if (shift !== 0) {
      extra = alignedExtra(high, low, shift);
      low = alignedLow(high, low, shift);
      high = shift < 32 ? high >>> shift : 0;
    }
    let borrow = extra === 0 ? 0 : 1;
    extra = -extra | 0;
    const bigLow = big[LOW]! >>> 0, difference = bigLow - (low >>> 0) - borrow;
    borrow = difference < 0 ? 1 : 0;
    low = difference | 0;
    high = (big[HIGH]! - high - borrow) | 0;
    for (; high === 0; exponent -= 32) {
      high = low;
      low = extra;
      extra = 0;
    }
    const up = Math.clz32(high);
    if (up !== 0) {
      high = (high << up) | (low >>> (32 - up));
      low = (low << up) | (extra >>> (32 - up));
      extra <<= up;
      exponent -= up;
    }
    return this.round(order < 0 ? signB : signA, exponent, high, low, extra, precisionOf(this.control));
  }

  multiply(): number {
    const { a, b, result } = this;
    const sign = a[SIGN]! ^ b[SIGN]!;
    let flags = 0;
    const kinds = this.kindA | this.kindB;
    if (kinds !== 0) {
      if ((kinds & NOT_A_NUMBER) !== 0) return this.propagate();
      if ((kinds & INFINITY) !== 0 && (kinds & ZERO) !== 0) return this.invalid();
      flags = this.denormalFlag();
      if (this.stops(flags)) return flags;
      if ((kinds & INFINITY) !== 0) setInfinity(result, 0, sign);
      else if ((kinds & ZERO) !== 0) setZero(result, 0, sign);
      if ((kinds & (INFINITY | ZERO)) !== 0) return flags;
    }
    return flags | this.multiplyNumbers(sign, a[EXP]! + b[EXP]! - BIAS + 1);
  }

  private multiplyNumbers(sign: number, exponent: number): number {
    const { a, b } = this;
    multiplyMantissas(a[HIGH]!, a[LOW]!, b[HIGH]!, b[LOW]!);
    let high = product[0]!, low = product[1]!, extra = product[2]!;
    if (high >= 0) {
      high = (high << 1) | (low >>> 31);
      low = (low << 1) | (extra >>> 31);
      extra = (extra << 1) | (extra & 1);
      exponent--;
    }
    return this.round(sign, exponent, high, low, extra, precisionOf(this.control));
  }

  /** a / b. */
  divide(): number {
    const { a, b, kindA, kindB, result } = this;
    const sign = a[SIGN]! ^ b[SIGN]!;
    let flags = 0;
    const kinds = kindA | kindB;
    if (kinds !== 0) {
      if ((kinds & NOT_A_NUMBER) !== 0) return this.propagate();
      if (kindA === kindB && (kindA & (INFINITY | ZERO)) !== 0) return this.invalid();
      if (kindB === ZERO && kindA !== INFINITY) {
        setInfinity(result, 0, sign);
        return ZE;
      }
      flags = this.denormalFlag();
      if (this.stops(flags)) return flags;
      if (kindA === INFINITY) setInfinity(result, 0, sign);
      else if (kindA === ZERO || kindB === INFINITY) setZero(result, 0, sign);
      if ((kinds & (INFINITY | ZERO)) !== 0) return flags;
    }
    return flags | this.divideMantissas(sign, a[EXP]! - b[EXP]! + BIAS - 1);
  }

  /** Long division, 22 bits at a time; the estimate of a digit from float64s is at most 1 off. */
  private divideMantissas(sign: number, exponent: number): number {
    const { a, b } = this;
    let r2 = a[HIGH]! >>> 16, r1 = ((a[HIGH]! & 0xffff) << 8) | (a[LOW]! >>> 24), r0 = a[LOW]! & LIMB_MASK;
    let d2 = b[HIGH]! >>> 16, d1 = ((b[HIGH]! & 0xffff) << 8) | (b[LOW]! >>> 24), d0 = b[LOW]! & LIMB_MASK;
    if (compareMantissas(a, b) >= 0) {
      d2 *= 2;
      d1 *= 2;
      d0 *= 2;
      exponent++;
    }
    const perDivisor = DIGIT / ((d2 * LIMB + d1) * LIMB + d0);
    let q0 = 0, q1 = 0, q2 = 0;
    for (let digit = 0; digit < 3; digit++) {
      let q = Math.floor(((r2 * LIMB + r1) * LIMB + r0) * perDivisor);
      r0 = r0 * DIGIT - q * d0;
      r1 = r1 * DIGIT - q * d1;
      r2 = r2 * DIGIT - q * d2;
      for (;;) {
        let carry = Math.floor(r0 * PER_LIMB);
        r0 -= carry * LIMB;
        r1 += carry;
        carry = Math.floor(r1 * PER_LIMB);
        r1 -= carry * LIMB;
        r2 += carry;
        const correction = r2 < 0 ? -1 : exceeds(r2, r1, r0, d2, d1, d0) ? 1 : 0;
        if (correction === 0) break;
        q += correction;
        r0 -= correction * d0;
        r1 -= correction * d1;
        r2 -= correction * d2;
      }
      q0 = q1;
      q1 = q2;
      q2 = q;
    }
    const sticky = r0 === 0 && r1 === 0 && r2 === 0 ? 0 : 1;
    return this.round(sign, exponent, (q0 << 10) | (q1 >>> 12), (q1 << 20) | (q2 >>> 2), (q2 << 30) | sticky, precisionOf(this.control));
  }

  /** The square root of a. */
  squareRoot(): number {
    const { a, kindA, result } = this;
    let flags = 0;
    if (kindA !== 0) {
      if ((kindA & NOT_A_NUMBER) !== 0) return this.propagateA();
      if (kindA !== ZERO && a[SIGN] !== 0) return this.invalid();
      if (kindA === ZERO) setZero(result, 0, a[SIGN]!);
      else if (kindA === INFINITY) setInfinity(result, 0, 0);
      if (kindA !== DENORMAL) return 0;
      flags = DE;
      if (this.stops(flags)) return flags;
    }
    if (a[SIGN] !== 0) return this.invalid();
    const unbiased = a[EXP]! - BIAS;
    squareRootOf(a[HIGH]!, a[LOW]!, (unbiased & 1) === 0);
    return flags | this.round(0, (unbiased >> 1) + BIAS, root[1]!, root[0]!, root[2]!, precisionOf(this.control));
  }

  /**
   * Compares a with b: the condition codes in `result[0]`. Where `quiet`, only signalling NaNs and unsupported formats are invalid (FUCOM).
   */
  compare(quiet: boolean): number {
    const { a, b, kindA, kindB, result } = this;
    const kinds = kindA | kindB;
    if ((kinds & NOT_A_NUMBER) !== 0) {
      result[0] = UNORDERED;
      return !quiet || (kinds & (UNSUPPORTED | SIGNALLING_NAN)) !== 0 ? IE : 0;
    }
    const order = orderOf(a, kindA, b, kindB);
    result[0] = order < 0 ? C0 : order > 0 ? 0 : C3;
    return this.denormalFlag();
  }

  /** DE where an operand was denormal. */
  denormalFlag(): number {
    return ((this.kindA | this.kindB) & DENORMAL) === 0 ? 0 : DE;
  }

  /** Whether an unmasked exception among `flags` keeps the instruction from delivering a result. */
  stops(flags: number): boolean {
    return (flags & ~this.control & (IE | DE | ZE)) !== 0;
  }

  /** The masked response to an invalid operation. */
  invalid(): number {
    setIndefinite(this.result, 0);
    return IE;
  }

  /** The result where an operand is a NaN or unsupported. */
  propagate(): number {
    const { a, b, kindA, kindB } = this;
    const kinds = kindA | kindB;
    if ((kinds & UNSUPPORTED) !== 0) return this.invalid();
    const onlyA = (kindB & ANY_NAN) === 0 || (kindA === QUIET_NAN && kindB === SIGNALLING_NAN);
    const onlyB = (kindA & ANY_NAN) === 0 || (kindA === SIGNALLING_NAN && kindB === QUIET_NAN);
    setQuieted(this.result, 0, onlyA || (!onlyB && prefersFirst(a, b)) ? a : b);
    return (kinds & SIGNALLING_NAN) === 0 ? 0 : IE;
  }

  /** The same for one operand, a. */
  propagateA(): number {
    if (this.kindA === UNSUPPORTED) return this.invalid();
    setQuieted(this.result, 0, this.a);
    return this.kindA === SIGNALLING_NAN ? IE : 0;
  }

  /** Delivers an unpacked value of kind `kind` as the exact result. */
  deliver(value: Int32Array, kind: Kind, sign: number): number {
    if (kind === ZERO) setZero(this.result, 0, sign);
    else if (kind === INFINITY) setInfinity(this.result, 0, sign);
    else return this.round(sign, value[EXP]!, value[HIGH]!, value[LOW]!, 0, EXTENDED);
    return 0;
  }

  /** Rounds and packs into `result`; here the common case, the rest in rounding.ts. */
  round(sign: number, exponent: number, high: number, low: number, extra: number, precision: number): number {
    if (precision !== EXTENDED || (this.control & ROUNDING_CONTROL) !== NEAREST || exponent <= 0 || exponent >= EXPONENT_MASK - 1) {
      return roundExtended(this.result, this.control, precision, sign, exponent, high, low, extra);
    }
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
            exponent++;
          }
        }
      }
    }
    setPacked(this.result, 0, low, high, exponent | sign);
    return flags;
  }
}

/** The middle word of high:low:0 shifted right by `shift` (at least 1). */
function alignedLow(high: number, low: number, shift: number): number {
  if (shift < 32) return (high << (32 - shift)) | (low >>> shift);
  return shift < 64 ? high >>> (shift - 32) : 0;
}

/** The word below high:low shifted right by `shift` (at least 1), with a sticky lowest bit. */
export function alignedExtra(high: number, low: number, shift: number): number {
  if (shift < 32) return low << (32 - shift);
  if (shift === 32) return low;
  if (shift < 64) return (high << (64 - shift)) | (low >>> (shift - 32)) | (low << (64 - shift) !== 0 ? 1 : 0);
  if (shift === 64) return high | (low === 0 ? 0 : 1);
  return shift < 96 ? (high >>> (shift - 64)) | ((high << (96 - shift)) | low ? 1 : 0) : 1;
}

function exceeds(r2: number, r1: number, r0: number, d2: number, d1: number, d0: number): boolean {
  return ((r2 - d2) * LIMB + (r1 - d1)) * LIMB + (r0 - d0) >= 0;
}

/** Negative, 0 or positive as the mantissas' order. */
function compareMantissas(a: Int32Array, b: Int32Array): number {
  return a[HIGH] === b[HIGH] ? (a[LOW]! >>> 0) - (b[LOW]! >>> 0) : (a[HIGH]! >>> 0) - (b[HIGH]! >>> 0);
}

/** Between two NaNs of the same sort: the larger significand, then the positive one. */
function prefersFirst(a: Int32Array, b: Int32Array): boolean {
  const high = ((a[HIGH]! << 2) >>> 0) - ((b[HIGH]! << 2) >>> 0);
  if (high !== 0) return high > 0;
  if (a[LOW] !== b[LOW]) return a[LOW]! >>> 0 > b[LOW]! >>> 0;
  return a[SIGN]! <= b[SIGN]!;
}

function orderOf(a: Int32Array, kindA: Kind, b: Int32Array, kindB: Kind): number {
  if (kindA === ZERO && kindB === ZERO) return 0;
  const signA = kindA === ZERO ? 0 : a[SIGN] === 0 ? 1 : -1, signB = kindB === ZERO ? 0 : b[SIGN] === 0 ? 1 : -1;
  if (signA !== signB) return signA - signB;
  return signA * (a[EXP] === b[EXP] ? compareMantissas(a, b) : a[EXP]! - b[EXP]!);
}

/** The mantissa of an unpacked value as a 64-bit integer. */
export function mantissaOf(value: Int32Array): bigint {
  return (BigInt(value[HIGH]! >>> 0) << 32n) | BigInt(value[LOW]! >>> 0);
}
