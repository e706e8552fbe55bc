/**
 * x87 registers as pairs of float64s, and what regions that compute with them (translator/emit/x87-run.ts) leave to functions.
 *
 * A register in pair form is h + l exactly, h being its value rounded to nearest even. A mask in the region says which of them are, by physical
 * number; their words in the state are then stale. Invariant: outside regions, and in whatever they call but the functions here, no register is.
 *
 * Operands and results of the functions that are called often lie in `pairs` (pair-layout.ts), so that no float64 crosses a call. They answer 0, or 1 where
 * nothing could be done; `x87Sum` and `x87Product` answer the result's h, or NaN.
 */
import type { RuntimeFunction } from "../functions.ts";
import type { GuestMemory } from "../memory.ts";
import * as state from "../state.ts";
import type { CpuState } from "../state.ts";
import { Arithmetic } from "./arithmetic.ts";
import * as commonSumsModule from "./common-sums.ts";
import { commonSums, type CommonOperation } from "./common-sums.ts";
import { powerOfTwo } from "./double-double.ts";
import * as extended from "./extended.ts";
import { roundToInteger, scale } from "./partial.ts";
import { arctangent, cosine, logarithm, logarithmPlusOne, powerMinusOne, sine, tangent } from "./transcendental.ts";
import * as layout from "./pair-layout.ts";

const { SLOT, SLOT_COUNT } = state;
const { DECLINED } = commonSumsModule;
const { BIAS, C1, CHOP, EXPONENT_MASK, INITIAL_CONTROL, INTEGER_BIT, NEAREST, PE, ROUNDING_CONTROL, SIGN_BIT, TOP_SHIFT } = extended;
const { LARGEST, NO_SELECTOR, PAIR_A, PAIR_B, PAIR_LOST, PAIR_ONE, PAIR_RESULT, SMALLEST } = layout;

const WORD = 2 ** 32, PER_WORD = 2 ** -32, SPLITTER = 2 ** 27 + 1;
const UFP = 2 ** 52 + 1, BELOW_ONE = 1 - 2 ** -53, PLACES = 1.5 * 2 ** -11, HALF = 2 ** -64, ERROR = 2 ** -98;
/** Exponents of what is between SMALLEST and LARGEST, rounded or not. */
const LEAST = -398, MOST = 397;
/** Adding and taking it off rounds to an integer. */
const ROUNDER = 1.5 * 2 ** 52;
/** No int32 and beyond any that rounding makes of one. */
const NO_INTEGER = 2 ** 40;
/** Estimated host ns of a series. */
const SERIES_COST = 300;
/** Operands of a sum that are nearer in size than 2^38 are added without any error. */
const NEAR = 2 ** 76;
const TOP_MASK = 7 << TOP_SHIFT;

/** The functions by name. */
export function pairFunctions(cpu: CpuState, memory: GuestMemory): Readonly<Record<string, RuntimeFunction>> {
  const S = cpu.words, F = cpu.pairs, { view } = memory;
  const bits = new Float64Array(1), halves = new Int32Array(bits.buffer);
  /** Packed operands and the result, each three words. */
  const words = new Int32Array(SLOT_COUNT), { st0Low: A, st1Low: B, st2Low: TO } = SLOT;
  words[SLOT.fpuControl] = INITIAL_CONTROL;
  F[PAIR_ONE] = 1;
  const { add, multiply } = commonSums(words), core = new Arithmetic();

  // --- Forms ------------------------------------------------------------------------------------------------------

  /** Puts a pair into three words. */
  function pack(from: number, to: Int32Array, at: number): void {
    const h = F[from]!;
    bits[0] = h;
    const upper = halves[1]!, sign = (upper >>> 16) & SIGN_BIT, rest = sign === 0 ? F[from + 1]! : -F[from + 1]!;
    let exponent = ((upper >>> 20) & 0x7ff) - 1023, high = (upper << 11) | (halves[0]! >>> 21) | INTEGER_BIT, low = halves[0]! << 11;
    if (h === 0) {
      to[at] = to[at + 1] = 0;
      to[at + 2] = sign;
      return;
    }
    // Below a power of two the places are finer.
    if (rest < 0 && high === INTEGER_BIT && low === 0) {
      high = 0;
      exponent--;
    }
    const places = rest * powerOfTwo(63 - exponent);
    if (places < 0 && low === 0) high--;
    low = (low + places) | 0;
    to[at] = low;
    to[at + 1] = high | 0;
    to[at + 2] = (exponent + BIAS) | sign;
  }

  /** Makes a pair of three words; false where they are no ordinary number. */
  function unpack(from: Int32Array, at: number, to: number): boolean {
    const low = from[at]!, high = from[at + 1]!, signExp = from[at + 2]!, exponent = (signExp & EXPONENT_MASK) - BIAS;
    if (high >= 0 || exponent < LEAST || exponent > MOST) {
      if ((low | high | (signExp & EXPONENT_MASK)) !== 0) return false;
      F[to] = F[to + 1] = (signExp & SIGN_BIT) === 0 ? 0 : -0; // h + l is what it is
      return true;
    }
    const upper = (high >>> 0) * WORD, lower = low >>> 0, sum = upper + lower, scale = (signExp & SIGN_BIT) === 0 ? powerOfTwo(exponent - 63) : -powerOfTwo(exponent - 63);
    F[to] = sum * scale;
    F[to + 1] = (lower - (sum - upper)) * scale;
    return true;
  }

  /**
   * Puts registers back into the state's words (negative: the complement of the mask), and the pointers of the last instruction and of the last memory
   * operand (`opcode` and `selector` are negative where there is none).
   */
  function settle(mask: number, eip: number, opcode: number, selector: number, offset: number): void {
    const registers = mask < 0 ? ~mask : mask;
    for (let r = 0; r < 8; r++) if (((registers >> r) & 1) !== 0) pack(2 * r, S, SLOT.st0Low + 3 * r);
    if (opcode >= 0) {
      S[SLOT.fpuIp] = eip;
      S[SLOT.fpuCs] = S[SLOT.selector1]!;
      S[SLOT.fpuOpcode] = opcode;
    }
    if (selector === NO_SELECTOR) return;
    S[SLOT.fpuDp] = offset;
    S[SLOT.fpuDs] = S[selector]!;
  }

  /** Makes pairs of the registers that `wanted` says, by their distance from TOP, beside those of the mask; the new mask, its complement where one cannot be. */
  function open(wanted: number, mask: number): number {
    const top = (S[SLOT.fpuStatus]! >>> TOP_SHIFT) & 7, registers = ((wanted * 0x101) << top >>> 8) & 0xff & ~mask;
    let made = mask;
    for (let r = 0; r < 8; r++) {
      if (((registers >> r) & 1) === 0) continue;
      if (!unpack(S, SLOT.st0Low + 3 * r, 2 * r)) return ~made;
      made |= 1 << r;
    }
    return made;
  }

  /**
   * A run of instructions stops: how far TOP has moved, which registers were written, the tags of those touched (upper half: which, lower half: empty), and the
   * pairs of those that the run touches at all; registers by their distance from TOP. The new mask is returned.
   */
  function stopped(mask: number, delta: number, written: number, tags: number, touched: number, values: readonly number[]): number {
    const status = S[SLOT.fpuStatus]!, top = (status >>> TOP_SHIFT) & 7;
    const known = ((tags >>> 16) * 0x10001 << (2 * top)) >>> 16, empty = ((tags & 0xffff) * 0x10001 << (2 * top)) >>> 16;
    S[SLOT.fpuStatus] = (status & ~TOP_MASK) | (((top + delta) & 7) << TOP_SHIFT);
    S[SLOT.fpuTag] = (S[SLOT.fpuTag]! & ~known) | empty;
    for (let r = 0, k = 0; r < 8; r++) {
      if (((touched >> r) & 1) === 0) continue;
      const to = 2 * ((top + r) & 7);
      if (((written >> r) & 1) !== 0) {
        F[to] = values[k]!;
        F[to + 1] = values[k + 1]!;
      }
      k += 2;
    }
    return mask | (((written * 0x101) << top >>> 8) & 0xff);
  }

  // --- Arithmetic -------------------------------------------------------------------------------------------------

  /** Delivers the packed result that was rounded with these flags. */
  function deliver(from: Int32Array, at: number, flags: number): number {
    if ((flags & ~(PE | C1)) !== 0 || !unpack(from, at, PAIR_RESULT)) return 1;
    const h = F[PAIR_RESULT]!;
    F[PAIR_LOST] = (flags & PE) === 0 ? 0 : (flags & C1) === 0 ? h : -h;
    return 0;
  }

  function exactly(h: number, l: number): number {
    F[PAIR_RESULT] = h;
    F[PAIR_RESULT + 1] = h === 0 ? h : l;
    F[PAIR_LOST] = 0;
    return 0;
  }

  function inWords(operation: CommonOperation): number {
    pack(PAIR_A, words, A);
    pack(PAIR_B, words, B);
    const flags = operation(TO, words[A]!, words[A + 1]!, words[A + 2]!, words[B]!, words[B + 1]!, words[B + 2]!);
    return flags === DECLINED ? 1 : deliver(words, TO, flags);
  }

  function setOperands(ah: number, al: number, bh: number, bl: number): void {
    F[PAIR_A] = ah;
    F[PAIR_A + 1] = al;
    F[PAIR_B] = bh;
    F[PAIR_B + 1] = bl;
  }

  const resultWhere = (failed: number): number => failed === 0 ? F[PAIR_RESULT]! : Number.NaN;

  function sum(ah: number, al: number, bh: number, bl: number): number {
    if (ah === 0) return resultWhere(bh === 0 ? exactly(ah + bh, 0) : exactly(bh, bl));
    if (bh === 0) return resultWhere(exactly(ah, al));
    setOperands(ah, al, bh, bl);
    return resultWhere(inWords(add));
  }

  function product(ah: number, al: number, bh: number, bl: number): number {
    if (ah === 0 || bh === 0) return resultWhere(exactly(ah * bh, 0));
    setOperands(ah, al, bh, bl);
    return resultWhere(inWords(multiply));
  }

  /** The sum of A and B. */
  function sumOf(): number {
    const ah = F[PAIR_A]!, al = F[PAIR_A + 1]!, bh = F[PAIR_B]!, bl = F[PAIR_B + 1]!, whole = ah + bh, part = whole - ah;
    const second = ah - (whole - part) + (bh - part) + (al + bl);
    if (ah * ah < bh * bh * NEAR && bh * bh < ah * ah * NEAR && rounded(whole, second, true)) return 0;
    return Number.isNaN(sum(ah, al, bh, bl)) ? 1 : 0;
  }

  /** The product of A and B. */
  function productOf(): number {
    const ah = F[PAIR_A]!, al = F[PAIR_A + 1]!, bh = F[PAIR_B]!, bl = F[PAIR_B + 1]!, whole = ah * bh;
    const scaledA = ah * SPLITTER, upperA = scaledA - (scaledA - ah), lowerA = ah - upperA;
    const scaledB = bh * SPLITTER, upperB = scaledB - (scaledB - bh), lowerB = bh - upperB;
    const second = ((upperA * upperB - whole) + upperA * lowerB + lowerA * upperB) + lowerA * lowerB + (ah * bl + al * bh);
    if (rounded(whole, second, al === 0 && bl === 0)) return 0;
    return Number.isNaN(product(ah, al, bh, bl)) ? 1 : 0;
  }

  /** Rounds first + second to 64 bits; false where that is in doubt, which it is not where it is `exact`. */
  function rounded(first: number, second: number, exact: boolean): boolean {
    const s = first + second, q = second - (s - first), f = s * UFP, u = Math.abs(f - f * BELOW_ONE), k = u * PLACES, c = q + k - k, d = q - c, x = Math.abs(d);
    if (!(Math.abs(s) > u && u > SMALLEST && u < LARGEST && (exact || (x > u * ERROR && Math.abs(x - u * HALF) > u * ERROR)))) return false;
    const h = s + c;
    F[PAIR_RESULT] = h;
    F[PAIR_RESULT + 1] = c - (h - s);
    F[PAIR_LOST] = d;
    return true;
  }

  function quotient(): number {
    const ah = F[PAIR_A]!, al = F[PAIR_A + 1]!, bh = F[PAIR_B]!, bl = F[PAIR_B + 1]!;
    if (bh === 0) return 1;
    if (ah === 0) return exactly(ah / bh, 0);
    const first = ah / bh, scaledFirst = first * SPLITTER, firstHigh = scaledFirst - (scaledFirst - first), firstLow = first - firstHigh;
    const scaledB = bh * SPLITTER, highB = scaledB - (scaledB - bh), lowB = bh - highB;
    const whole = first * bh, error = ((firstHigh * highB - whole) + firstHigh * lowB + firstLow * highB) + firstLow * lowB;
    const rest = (ah - whole) - error + (al - first * bl);
    if (rounded(first, rest / bh, rest === 0 && bl === 0 && al === 0)) return 0;
    return inCore(() => core.divide());
  }

  function root(): number {
    const ah = F[PAIR_A]!, al = F[PAIR_A + 1]!;
    if (ah === 0) return exactly(ah, 0);
    if (ah < 0) return 1;
    const first = Math.sqrt(ah), scaled = first * SPLITTER, upper = scaled - (scaled - first), lower = first - upper;
    const square = first * first, error = ((upper * upper - square) + 2 * upper * lower) + lower * lower;
    const rest = (ah - square) - error + al;
    if (rounded(first, rest / (2 * first), rest === 0)) return 0;
    return inCore(() => core.squareRoot());
  }

  /** The whole long division or root. */
  function inCore(operation: () => number): number {
    pack(PAIR_A, words, A);
    pack(PAIR_B, words, B);
    core.loadA(words, A);
    core.loadB(words, B);
    return deliver(core.result, 0, operation());
  }

  /** Instructions on ST(0), and ST(1), that compute from words. */
  const computed = (operation: (core: Arithmetic) => number, cost: number): RuntimeFunction => () => {
    // Sine, cosine and tangent are not defined beyond; others of this size are rare.
    if (!(Math.abs(F[PAIR_A]!) < 2 ** 63)) return 1;
    memory.took(cost);
    return inCore(() => operation(core));
  };

  // --- Memory -----------------------------------------------------------------------------------------------------

  const rounding = (): number => S[SLOT.fpuControl]! & ROUNDING_CONTROL;

  /** A rounded to an integer of less than 33 bits; NO_INTEGER where it is none. */
  function integer(): number {
    const h = F[PAIR_A]!, l = F[PAIR_A + 1]!, mode = rounding();
    if (!(h > -WORD && h < WORD) || (mode !== NEAREST && mode !== CHOP)) return NO_INTEGER;
    const n = mode === NEAREST ? nearest(h, l) : chopped(h, l);
    F[PAIR_LOST] = h - n + l;
    return n;
  }

  /** A as 64 bits at a word of memory. */
  function storeInteger(at: number): number {
    const h = F[PAIR_A]!, l = F[PAIR_A + 1]!, mode = rounding();
    if (!(h > -(2 ** 62) && h < 2 ** 62) || (mode !== NEAREST && mode !== CHOP)) return 1;
    const isSmall = Math.abs(h) < 2 ** 52, first = isSmall ? (mode === NEAREST ? nearest(h, l) : chopped(h, l)) : h;
    let second = 0;
    if (!isSmall) {
      second = mode === NEAREST ? l + ROUNDER - ROUNDER : h > 0 ? Math.floor(l) : Math.ceil(l);
      // A tie beside an odd number.
      if (mode === NEAREST && Math.abs(l - second) === 0.5 && (h % 2 + second) % 2 !== 0) second += l > second ? 1 : -1;
    }
    const upper = Math.floor(first * PER_WORD), lower = first - upper * WORD + second;
    memory.ram32[at] = lower | 0;
    memory.ram32[at + 1] = (upper + Math.floor(lower * PER_WORD)) | 0;
    F[PAIR_LOST] = isSmall ? h - first + l : l - second;
    return 0;
  }

  function loadExtended(host: number): number {
    words[A] = view.getInt32(host, true);
    words[A + 1] = view.getInt32(host + 4, true);
    words[A + 2] = view.getUint16(host + 8, true);
    return unpack(words, A, PAIR_RESULT) ? 0 : 1;
  }

  function storeExtended(host: number): void {
    pack(PAIR_A, words, A);
    view.setInt32(host, words[A]!, true);
    view.setInt32(host + 4, words[A + 1]!, true);
    view.setInt16(host + 8, words[A + 2]!, true);
  }

  return {
    x87Settle: (mask, eip, opcode, selector, offset) => settle(mask!, eip!, opcode!, selector!, offset!),
    x87Open: (wanted, mask) => open(wanted!, mask!),
    x87Stopped: (mask, delta, written, tags, touched, ...values) => stopped(mask!, delta!, written!, tags!, touched!, values),
    x87Sum: (ah, al, bh, bl) => sum(ah!, al!, bh!, bl!), x87Product: (ah, al, bh, bl) => product(ah!, al!, bh!, bl!),
    x87SumOf: sumOf, x87ProductOf: productOf, x87Quotient: quotient, x87Root: root,
    x87Round: computed(roundToInteger, 0), x87Scale: computed(scale, 0),
    x87Sine: computed(sine, SERIES_COST), x87Cosine: computed(cosine, SERIES_COST), x87Tangent: computed(tangent, SERIES_COST),
    x87Arctangent: computed(arctangent, SERIES_COST), x87PowerMinusOne: computed(powerMinusOne, SERIES_COST),
    x87Logarithm: computed(logarithm, SERIES_COST), x87LogarithmPlusOne: computed(logarithmPlusOne, SERIES_COST),
    x87Integer: integer,
    x87StoreInteger: (at) => storeInteger(at!),
    x87LoadExtended: (host) => loadExtended(host!),
    x87StoreExtended: (host) => storeExtended(host!),
    x87Double: (host) => view.getFloat64(host!, true),
    x87SetDouble: (host, value) => view.setFloat64(host!, value!, true),
  };
}

/** h + l, below 2^52, rounded to nearest even. */
function nearest(h: number, l: number): number {
  const n = Math.floor(h), rest = h - n;
  return rest > 0.5 || (rest === 0.5 && (l > 0 || (l === 0 && n % 2 !== 0))) ? n + 1 : n;
}

/** h + l without its fraction. */
function chopped(h: number, l: number): number {
  const n = Math.trunc(h);
  if (n !== h) return n;
  if (h > 0 && l < 0) return n - 1;
  return h < 0 && l > 0 ? n + 1 : n;
}
