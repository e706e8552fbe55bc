/**
 * Lazy arithmetic flags.
 *
 * An instruction that sets flags leaves behind *what it did* and *with what*; the flags are computed
 * when somebody looks. Operands of 8 and 16 bits are kept shifted to the top of the word, so that zero, sign,
 * carry and overflow are the same computations for every size; only parity and auxiliary carry have to know the
 * width, which is the low part of the kind.
 *
 * Invariant: `flagKind` is a value of KIND plus a width code; whatever the kind, `flagA`, `flagB` and
 * `flagCarry` are all that is needed to compute the six flags.
 */
import { AF, ARITHMETIC_FLAGS, CF, OF, PF, SF, SLOT, ZF } from "./state.ts";

/** Width codes: how far the operands are shifted up is 32 - 8 * bytes. */
export const WIDTH8 = 0, WIDTH16 = 1, WIDTH32 = 2;

/** What was done. The kind word is `KIND.x * 4 + width`. */
export const KIND = {
  /** flagA holds the EFLAGS bits themselves. */
  explicit: 0,
  /** A + B */
  add: 1,
  /** A - B */
  sub: 2,
  /** result A, carry and overflow clear */
  logic: 3,
  /** result A of adding 1; flagCarry = CF */
  inc: 4,
  /** result A of subtracting 1; flagCarry = CF */
  dec: 5,
  /** A + B + flagCarry */
  adc: 6,
  /** A - B - flagCarry */
  sbb: 7,
  /** A << B, 1 <= B <= 31 (B counts within the operand's width) */
  shl: 8,
  /** A >>> B, 1 <= B <= 31 */
  shr: 9,
  /** A >> B, 1 <= B <= 31 */
  sar: 10,
  /** result A; carry and overflow = flagB (0 or 1) */
  mul: 11,
} as const;

const SHIFT_UP = [24, 16, 0];

/** The result, in the top bits of the word as all operands. */
function result(words: Int32Array): number {
  const kind = words[SLOT.flagKind]!, a = words[SLOT.flagA]!, b = words[SLOT.flagB]!, carry = words[SLOT.flagCarry]!;
  const up = SHIFT_UP[kind & 3]!;
  switch (kind >> 2) {
    case KIND.add: return (a + b) | 0;
    case KIND.sub: return (a - b) | 0;
    case KIND.adc: return (a + b + (carry << up)) | 0;
    case KIND.sbb: return (a - b - (carry << up)) | 0;
    case KIND.shl: return b > 31 ? 0 : a << b;
    case KIND.shr: return ((a >>> up) >>> b) << up;
    case KIND.sar: return ((a >> up) >> Math.min(b, 31)) << up;
    default: return a;
  }
}

/** CF, 0 or 1. */
export function carryFlag(words: Int32Array): number {
  const kind = words[SLOT.flagKind]!, a = words[SLOT.flagA]!, b = words[SLOT.flagB]!, carry = words[SLOT.flagCarry]!;
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
    case KIND.mul: return b;
    default: return 0;
  }
}

/** OF, 0 or 1. */
export function overflowFlag(words: Int32Array): number {
  const kind = words[SLOT.flagKind]!, a = words[SLOT.flagA]!, b = words[SLOT.flagB]!;
  switch (kind >> 2) {
    case KIND.explicit: return (a & OF) === 0 ? 0 : 1;
    case KIND.add: case KIND.adc: { const r = result(words); return ((a ^ r) & (b ^ r)) >>> 31; }
    case KIND.sub: case KIND.sbb: { const r = result(words); return ((a ^ b) & (a ^ r)) >>> 31; }
    case KIND.inc: return a === -0x80000000 ? 1 : 0;
    case KIND.dec: { const up = SHIFT_UP[kind & 3]!; return (a + (1 << up) | 0) === -0x80000000 ? 1 : 0; }
    case KIND.shl: return (result(words) >>> 31) ^ carryFlag(words);
    case KIND.shr: return a >>> 31;
    case KIND.mul: return b;
    default: return 0;
  }
}

const PARITY_EVEN = 0x9669;

/** PF of the byte `value`, 0 or 1. */
export function parityOf(value: number): number {
  const folded = (value ^ (value >> 4)) & 15;
  return (PARITY_EVEN >> folded) & 1;
}

/** The six arithmetic flags as EFLAGS bits, all others 0. */
export function arithmeticFlags(words: Int32Array): number {
  const kind = words[SLOT.flagKind]!, a = words[SLOT.flagA]!, b = words[SLOT.flagB]!;
  if (kind >> 2 === KIND.explicit) return a & ARITHMETIC_FLAGS;
  const up = SHIFT_UP[kind & 3]!;
  const r = result(words);
  let flags = carryFlag(words) | (overflowFlag(words) << 11);
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
