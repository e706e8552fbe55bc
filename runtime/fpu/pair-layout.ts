/** Where float64 pairs lie in `CpuState.pairs`, and how large they may be. Physical register r is words 2r and 2r + 1. */

/** Operands, the result, and what rounding took away from it. */
export const PAIR_A = 16, PAIR_B = 18, PAIR_RESULT = 20, PAIR_LOST = 22;
/** Constants: 0 and 1. */
export const PAIR_ZERO = 23, PAIR_ONE = 24;
export const PAIR_WORDS = 25;

/** Between these, both excluded, lies what is kept as a pair, but for 0: no product leaves the range of float64s, nor does its error. */
export const SMALLEST = 2 ** -400, LARGEST = 2 ** 400;

/** In place of a slot: no memory operand was met yet. */
export const NO_SELECTOR = -1;
