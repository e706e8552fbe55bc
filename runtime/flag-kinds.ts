/** What the word `flagKind` says (runtime/flags.ts). */

/** Width codes: how far the operands are shifted up is 32 - 8 * bytes. */
export const WIDTH8 = 0, WIDTH16 = 1, WIDTH32 = 2;

/**
 * Bits of the kind word that say where CF and OF are, if not where the kind says: bit 1 and bit 31 of flagCarry, whose bit 0 stays what the kind
 * needs. A rotate changes no other flag, and need not know how they were set.
 */
export const CARRY_APART = 64, OVERFLOW_APART = 128;

/** What was done. The kind word is `KIND.x * 4 + width`, and the two bits above. */
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
  /** result A; carry and overflow where the high half, B, is not 0 */
  mul: 11,
  /** signed A * B; here alone the operands are sign-extended, not shifted up */
  imul: 12,
} as const;
