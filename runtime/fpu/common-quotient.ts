/**
 * Quotient and square root of normal numbers, all exceptions masked, from float64s: a first approximation, what it leaves of the
 * operand (exact but for 2^-100 of it), and from that a second. Together they err by less than 2^-100, so the 64 bits and
 * what lies below them are certain unless that is almost nothing or almost one half; then it is declined (arithmetic.ts does the whole division).
 *
 * Products are split by Dekker's method (A floating-point technique for extending the available precision, Numerische Mathematik 18, 1971).
 */
import * as extended from "./extended.ts";
import * as commonSumsModule from "./common-sums.ts";
import { isCommon, isZero, type CommonOperation, type CommonSums } from "./common-sums.ts";

const { BIAS, EXPONENT_MASK, SIGN_BIT } = extended;
const { DECLINED } = commonSumsModule;

const LEAST = 0x80, ROOM = 0x7e00;
const WORD = 2 ** 32, PER_WORD = 2 ** -32, LOW_BITS = 0x7ff;
/** Splits 53 bits into two halves. */
const SPLITTER = 2 ** 27 + 1;
/** Fractions of a unit nearer than this to 0, 1/2 and 1 are not told apart from them. */
const DOUBT = 2 ** -30;

export interface CommonQuotients {
  readonly divide: CommonOperation;
  readonly squareRoot: (to: number, low: number, high: number, signExp: number) => number;
}

export function commonQuotients({ round, set }: Pick<CommonSums, "round" | "set">): CommonQuotients {
  /** Rounds first + second, 2^63 to 2^64; `first` is a multiple of 2^11. `exact`: nothing is left, and `second` is 0. */
  function deliver(to: number, signExp: number, first: number, second: number, exact: boolean): number {
    const whole = Math.floor(second), fraction = second - whole, halves = fraction * 2;
    if (!exact && Math.abs(halves - Math.round(halves)) < 2 * DOUBT) return DECLINED;
    const upper = Math.floor(first * PER_WORD), lower = first - upper * WORD + whole;
    return round(to, signExp, (upper + Math.floor(lower * PER_WORD)) | 0, lower | 0, exact ? 0 : (fraction * WORD) | 1);
  }

  function divide(to: number, al: number, ah: number, ax: number, bl: number, bh: number, bx: number): number {
    const sign = (ax ^ bx) & SIGN_BIT, exponent = (ax & EXPONENT_MASK) - (bx & EXPONENT_MASK) + BIAS;
    if (!isCommon(bh, bx)) return DECLINED;
    if (!isCommon(ah, ax)) return isZero(al, ah, ax) ? set(to, 0, 0, sign) : DECLINED;
    if ((exponent - LEAST) >>> 0 >= ROOM) return DECLINED;
    const a = (ah >>> 0) * WORD + ((al & ~LOW_BITS) >>> 0), b = (bh >>> 0) * WORD + ((bl & ~LOW_BITS) >>> 0);
    const first = a / b;
    const scaledFirst = first * SPLITTER, firstHigh = scaledFirst - (scaledFirst - first), firstLow = first - firstHigh;
    const scaledB = b * SPLITTER, highB = scaledB - (scaledB - b), lowB = b - highB;
    const product = first * b, error = ((firstHigh * highB - product) + firstHigh * lowB + firstLow * highB) + firstLow * lowB;
    const rest = (a - product) - error + ((al & LOW_BITS) - first * (bl & LOW_BITS));
    // With a divisor of 53 bits what is left is exact (Dekker's remainder), and with a quotient of 26 bits.
    const second = rest / b, exact = rest === 0 && (firstLow === 0 || (bl & LOW_BITS) === 0);
    return first > 1 || (first === 1 && second >= 0)
      ? deliver(to, exponent | sign, first * 2 ** 63, second * 2 ** 63, exact)
      : deliver(to, (exponent - 1) | sign, first * 2 ** 64, second * 2 ** 64, exact);
  }

  function squareRoot(to: number, low: number, high: number, signExp: number): number {
    if (!isCommon(high, signExp) || (signExp & SIGN_BIT) !== 0) return DECLINED;
    const exponent = signExp - BIAS, scale = (exponent & 1) === 0 ? 2 ** -63 : 2 ** -62;
    const a = ((high >>> 0) * WORD + ((low & ~LOW_BITS) >>> 0)) * scale, first = Math.sqrt(a);
    const scaledFirst = first * SPLITTER, firstHigh = scaledFirst - (scaledFirst - first), firstLow = first - firstHigh;
    const product = first * first, error = ((firstHigh * firstHigh - product) + 2 * firstHigh * firstLow) + firstLow * firstLow;
    const rest = (a - product) - error + (low & LOW_BITS) * scale;
    return deliver(to, (exponent >> 1) + BIAS, first * 2 ** 63, rest / (2 * first) * 2 ** 63, rest === 0 && firstLow === 0);
  }

  return { divide, squareRoot };
}
