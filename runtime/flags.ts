/**
 * Lazy arithmetic flags.
 *
 * An instruction that sets flags leaves behind *what it did* and *with what*; the flags are computed
 * when somebody looks. Operands of 8 and 16 bits are kept shifted to the top of the word, so that zero, sign,
 * carry and overflow are the same computations for every size; only parity and auxiliary carry have to know the
 * width, which is the low part of the kind.
 *
 * Instructions that change CF or OF alone (rotates, BT, CLC) leave the rest as it was, and these two bits apart.
 *
 * Invariant: `flagKind` is a value of KIND plus a width code, and CARRY_APART and OVERFLOW_APART; whatever the kind, `flagA`, `flagB` and
 * `flagCarry` are all that is needed to compute the six flags.
 */
import * as flagKinds from "./flag-kinds.ts";
import * as state from "./state.ts";

const { CARRY_APART, KIND, OVERFLOW_APART } = flagKinds;
/** The kind word without the bits that say what is apart; below them it has all it needs. */
const WHOLE = CARRY_APART - 1;
const { AF, ARITHMETIC_FLAGS, CF, OF, PF, SF, SLOT, ZF } = state;

const SHIFT_UP = [24, 16, 0];

/** The result, in the top bits of the word as all operands. */
function resultOf(kind: number, a: number, b: number, carry: number): number {
  const up = SHIFT_UP[kind & 3]!;
  switch (kind >> 2) {
    case KIND.add: return (a + b) | 0;
    case KIND.sub: return (a - b) | 0;
    case KIND.adc: return (a + b + (carry << up)) | 0;
    case KIND.sbb: return (a - b - (carry << up)) | 0;
    case KIND.shl: return b > 31 ? 0 : a << b;
    case KIND.shr: return ((a >>> up) >>> b) << up;
    case KIND.sar: return ((a >> up) >> Math.min(b, 31)) << up;
    case KIND.imul: return Math.imul(a, b) << up;
    default: return a;
  }
}

/** Whether the signed product does not fit its width. Exact: a double product that is not exact is far outside int32. */
function productOverflows(a: number, b: number, up: number): number {
  return a * b === (Math.imul(a, b) << up) >> up ? 0 : 1;
}

/** CF, 0 or 1. */
export function carryOf(kind: number, a: number, b: number, carry: number): number {
  if (kind > WHOLE) return (kind & CARRY_APART) === 0 ? carryOf(kind & WHOLE, a, b, carry & 1) : (carry >> 1) & 1;
  const up = SHIFT_UP[kind & 3]!;
  switch (kind >> 2) {
    case KIND.explicit: return a & CF;
    case KIND.add: return (a + b | 0) >>> 0 < a >>> 0 ? 1 : 0;
    case KIND.sub: return a >>> 0 < b >>> 0 ? 1 : 0;
    case KIND.logic: return 0;
    case KIND.inc: case KIND.dec: return carry;
    case KIND.adc: { const sum = a + b + (carry << up) | 0; return carry ? (sum >>> 0 <= a >>> 0 ? 1 : 0) : (sum >>> 0 < a >>> 0 ? 1 : 0); }
    case KIND.sbb: return carry ? (a >>> 0 <= b >>> 0 ? 1 : 0) : (a >>> 0 < b >>> 0 ? 1 : 0);
    case KIND.shl: return b > 32 - up ? 0 : (a >>> (32 - b)) & 1;
    case KIND.shr: return ((a >>> up) >>> (b - 1)) & 1;
    case KIND.sar: return ((a >> up) >> Math.min(b - 1, 31)) & 1;
    case KIND.mul: return b === 0 ? 0 : 1;
    case KIND.imul: return productOverflows(a, b, up);
    default: return 0;
  }
}

/** OF, 0 or 1. */
export function overflowOf(kind: number, a: number, b: number, carry: number): number {
  if (kind > WHOLE) return (kind & OVERFLOW_APART) === 0 ? overflowOf(kind & WHOLE, a, b, carry & 1) : carry >>> 31;
  switch (kind >> 2) {
    case KIND.explicit: return (a & OF) === 0 ? 0 : 1;
    case KIND.add: case KIND.adc: { const r = resultOf(kind, a, b, carry); return ((a ^ r) & (b ^ r)) >>> 31; }
    case KIND.sub: case KIND.sbb: { const r = resultOf(kind, a, b, carry); return ((a ^ b) & (a ^ r)) >>> 31; }
    case KIND.inc: return a === -0x80000000 ? 1 : 0;
    case KIND.dec: { const up = SHIFT_UP[kind & 3]!; return (a + (1 << up) | 0) === -0x80000000 ? 1 : 0; }
    case KIND.shl: return (resultOf(kind, a, b, carry) >>> 31) ^ carryOf(kind, a, b, carry);
    case KIND.shr: return a >>> 31;
    case KIND.mul: return b === 0 ? 0 : 1;
    case KIND.imul: return productOverflows(a, b, SHIFT_UP[kind & 3]!);
    default: return 0;
  }
}

const PARITY_EVEN = 0x9669;

/** PF of the byte `value`, 0 or 1. */
export function parityOf(value: number): number {
  const folded = (value ^ (value >> 4)) & 15;
  return (PARITY_EVEN >> folded) & 1;
}

/** The six arithmetic flags as EFLAGS bits, all others 0; arguments are the four flag words. */
export function flagsOf(kind: number, a: number, b: number, carry: number): number {
  if (kind > WHOLE) return apartFlags(kind, a, b, carry);
  if (kind >> 2 === KIND.explicit) return a & ARITHMETIC_FLAGS;
  const up = SHIFT_UP[kind & 3]!;
  const r = resultOf(kind, a, b, carry);
  let flags = carryOf(kind, a, b, carry) | (overflowOf(kind, a, b, carry) << 11);
  if (r === 0) flags |= ZF;
  if (r < 0) flags |= SF;
  if (parityOf(r >>> up) !== 0) flags |= PF;
  switch (kind >> 2) {
    case KIND.add: case KIND.adc: case KIND.sub: case KIND.sbb: flags |= ((a ^ b ^ r) >>> up) & AF; break;
    case KIND.inc: flags |= ((r >>> up) & 15) === 0 ? AF : 0; break;
    case KIND.dec: flags |= ((r >>> up) & 15) === 15 ? AF : 0; break;
    default: break;
  }
  return flags;
}

/** CF and OF from where they are, the others as they were set before. */
function apartFlags(kind: number, a: number, b: number, carry: number): number {
  return flagsOf(kind & WHOLE, a, b, carry & 1) & ~(CF | OF) | carryOf(kind, a, b, carry) | (overflowOf(kind, a, b, carry) << 11);
}

/** Condition code 0–15 (SDM volume 1, appendix B). */
export function conditionOf(code: number, kind: number, a: number, b: number, carry: number): boolean {
  return (code & 1) === 0 ? baseCondition(code, kind, a, b, carry) : !baseCondition(code & ~1, kind, a, b, carry);
}

function baseCondition(code: number, kind: number, a: number, b: number, carry: number): boolean {
  switch (code) {
    case 0: return overflowOf(kind, a, b, carry) !== 0;
    case 2: return carryOf(kind, a, b, carry) !== 0;
    case 4: return zeroOf(kind, a, b, carry);
    case 6: return carryOf(kind, a, b, carry) !== 0 || zeroOf(kind, a, b, carry);
    case 8: return signOf(kind, a, b, carry);
    case 10: return (flagsOf(kind, a, b, carry) & PF) !== 0;
    case 12: return signOf(kind, a, b, carry) !== (overflowOf(kind, a, b, carry) !== 0);
    default: return zeroOf(kind, a, b, carry) || signOf(kind, a, b, carry) !== (overflowOf(kind, a, b, carry) !== 0);
  }
}

function zeroOf(kind: number, a: number, b: number, carry: number): boolean {
  const whole = kind & WHOLE;
  return whole >> 2 === KIND.explicit ? (a & ZF) !== 0 : resultOf(whole, a, b, carry & 1) === 0;
}

function signOf(kind: number, a: number, b: number, carry: number): boolean {
  const whole = kind & WHOLE;
  return whole >> 2 === KIND.explicit ? (a & SF) !== 0 : resultOf(whole, a, b, carry & 1) < 0;
}

/** The six arithmetic flags of a state as EFLAGS bits. */
export function arithmeticFlags(words: Int32Array): number {
  return flagsOf(words[SLOT.flagKind]!, words[SLOT.flagA]!, words[SLOT.flagB]!, words[SLOT.flagCarry]!);
}

/** Makes the flags explicit: the six arithmetic bits of `flags`. */
export function setArithmeticFlags(words: Int32Array, flags: number): void {
  words[SLOT.flagKind] = KIND.explicit;
  words[SLOT.flagA] = flags & ARITHMETIC_FLAGS;
  words[SLOT.flagB] = 0;
  words[SLOT.flagCarry] = 0;
}

/** The whole of EFLAGS. */
export function readEflags(words: Int32Array): number {
  return words[SLOT.eflags]! | arithmeticFlags(words);
}

/** Sets the whole of EFLAGS; reserved bits are forced (bit 1 set; 3, 5, 15 and 22–31 clear). */
export function writeEflags(words: Int32Array, flags: number): void {
  setArithmeticFlags(words, flags);
  words[SLOT.eflags] = (flags & ~ARITHMETIC_FLAGS & 0x3f7fd7) | 2;
}
