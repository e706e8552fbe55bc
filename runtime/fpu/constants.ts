/** The constants of FLD1 … FLDZ: 66 bits inside the processor, rounded by the rounding control (SDM volume 1, 8.3.8). */
import * as extended from "./extended.ts";
import { setPacked } from "./extended.ts";

const { BIAS, NEAREST, ROUNDING_CONTROL, UP } = extended;

export interface Constant {
  readonly high: number;
  /** The low word cut off (as RC = chop gives it). */
  readonly low: number;
  readonly exponent: number;
  /** Whether nearest rounds the low word up. */
  readonly roundsUp: boolean;
  readonly exact: boolean;
}

function constant(high: number, low: number, power: number, roundsUp: boolean): Constant {
  return { high: high | 0, low: low | 0, exponent: BIAS + power, roundsUp, exact: false };
}

const ONE: Constant = { high: 0x80000000 | 0, low: 0, exponent: BIAS, roundsUp: false, exact: true };
const ZERO: Constant = { high: 0, low: 0, exponent: 0, roundsUp: false, exact: true };

/** In the order of their encoding, D9 E8 to D9 EE. */
export const CONSTANTS: readonly Constant[] = [
  ONE,
  constant(0xd49a784b, 0xcd1b8afe, 1, false), // log2(10)
  constant(0xb8aa3b29, 0x5c17f0bb, 0, true), // log2(e)
  constant(0xc90fdaa2, 0x2168c234, 1, true), // pi
  constant(0x9a209a84, 0xfbcff798, -2, true), // log10(2)
  constant(0xb17217f7, 0xd1cf79ab, -1, true), // ln(2)
  ZERO,
];

/** Writes the constant as a packed value. All of them are positive. */
export function setConstant(words: Int32Array, value: Constant, control: number): void {
  const rounding = control & ROUNDING_CONTROL;
  const up = !value.exact && (rounding === UP || (rounding === NEAREST && value.roundsUp));
  setPacked(words, 0, up ? (value.low + 1) | 0 : value.low, value.high, value.exponent);
}
