/** Stores to memory in the common case: the register at `from` (an index into the state words) is converted and written. */
import type { GuestMemory } from "../memory.ts";
import * as state from "../state.ts";
import * as operandsModule from "./common-operands.ts";
import { type CommonOperands } from "./common-operands.ts";
import * as commonSumsModule from "./common-sums.ts";
import { isZero } from "./common-sums.ts";
import * as extended from "./extended.ts";

const { SLOT } = state;
const { DOUBLE_REBIAS, SINGLE_REBIAS } = operandsModule;
const { DECLINED } = commonSumsModule;
const { BIAS, C1, CHOP, EXPONENT_MASK, INTEGER_BIT, NEAREST, PE, ROUNDING_CONTROL, SIGN_BIT } = extended;

const ALL_MASKED = 0x3f;
/** No int32 and beyond any that rounding makes of one. */
const NO_INTEGER = 2 ** 40;

/** PE and C1, or DECLINED, where memory is as it was. */
export type Store = (linear: number, from: number) => number;

export interface CommonStores {
  readonly single: Store;
  readonly double: Store;
  readonly extended: Store;
  readonly integer16: Store;
  readonly integer32: Store;
  readonly integer64: Store;
}

export function commonStores(state: Int32Array, memory: GuestMemory, { writable, writableHalf }: CommonOperands): CommonStores {
  const S = state, { ram16, ram32 } = memory;

  const maskedNearest = (): boolean => (S[SLOT.fpuControl]! & (ROUNDING_CONTROL | ALL_MASKED)) === (NEAREST | ALL_MASKED);

  function double(linear: number, from: number): number {
    const at = writable(linear, 8), low = S[from]!, high = S[from + 1]!, signExp = S[from + 2]!, exponent = (signExp & EXPONENT_MASK) - DOUBLE_REBIAS;
    if (at < 0 || !maskedNearest()) return DECLINED;
    if (high >= 0 || exponent <= 0 || exponent >= 0x7fe) {
      if (!isZero(low, high, signExp)) return DECLINED;
      ram32[at] = 0;
      ram32[at + 1] = signExp << 16;
      return 0;
    }
    const rest = low & 0x7ff, lowBits = (low >>> 11) | (high << 21);
    const highBits = ((signExp & SIGN_BIT) << 16) | (exponent << 20) | ((high >>> 11) & 0xfffff);
    const up = rest > 0x400 || (rest === 0x400 && (lowBits & 1) !== 0) ? 1 : 0;
    ram32[at] = lowBits + up;
    ram32[at + 1] = up !== 0 && lowBits === -1 ? highBits + 1 : highBits; // a carry lands in the exponent, as it should
    return rest === 0 ? 0 : up !== 0 ? PE | C1 : PE;
  }

  function single(linear: number, from: number): number {
    const at = writable(linear, 4), low = S[from]!, high = S[from + 1]!, signExp = S[from + 2]!, exponent = (signExp & EXPONENT_MASK) - SINGLE_REBIAS;
    if (at < 0 || !maskedNearest()) return DECLINED;
    if (high >= 0 || exponent <= 0 || exponent >= 0xfe) {
      if (!isZero(low, high, signExp)) return DECLINED;
      ram32[at] = signExp << 16;
      return 0;
    }
    const rest = (high << 24) | (low !== 0 ? 1 : 0), bits = (exponent << 23) | ((high >>> 8) & 0x7fffff);
    const up = rest < 0 && (rest !== INTEGER_BIT || (bits & 1) !== 0) ? 1 : 0;
    ram32[at] = ((signExp & SIGN_BIT) << 16) | (bits + up);
    return rest === 0 ? 0 : up !== 0 ? PE | C1 : PE;
  }

  function extended(linear: number, from: number): number {
    const at = writable(linear, 10);
    if (at < 0) return DECLINED;
    ram32[at] = S[from]!;
    ram32[at + 1] = S[from + 1]!;
    ram16[at * 2 + 4] = S[from + 2]!;
    return 0;
  }

  /** Whether the magnitude goes up; `rest` is what lies below the last place, sticky in its lowest bit. */
  function roundsUp(rest: number, odd: number): number {
    return (S[SLOT.fpuControl]! & ROUNDING_CONTROL) === NEAREST && rest < 0 && (rest !== INTEGER_BIT || odd !== 0) ? 1 : 0;
  }

  const nearestOrChop = (): boolean => {
    const rounding = S[SLOT.fpuControl]! & ROUNDING_CONTROL;
    return (rounding === NEAREST || rounding === CHOP) && (S[SLOT.fpuControl]! & ALL_MASKED) === ALL_MASKED;
  };

  /** What rounding the number to an integer lost, as the flags have it; `smallInteger` leaves it. */
  let lost = 0;

  /** A number of a magnitude below 2^31, rounded; NO_INTEGER where it is none. */
  function smallInteger(from: number): number {
    const low = S[from]!, high = S[from + 1]!, signExp = S[from + 2]!, exponent = (signExp & EXPONENT_MASK) - BIAS;
    if (!nearestOrChop()) return NO_INTEGER;
    if ((low | high | (signExp & EXPONENT_MASK)) === 0) { lost = 0; return 0; }
    if (high >= 0 || exponent > 30 || exponent <= -BIAS) return NO_INTEGER;
    const whole = exponent < 0 ? 0 : high >>> (31 - exponent);
    const rest = exponent < -1 ? 1 : (exponent < 0 ? high : high << (exponent + 1)) | (low !== 0 ? 1 : 0);
    const up = roundsUp(rest, whole & 1);
    lost = rest === 0 ? 0 : up !== 0 ? PE | C1 : PE;
    return (signExp & SIGN_BIT) !== 0 ? -(whole + up) : whole + up;
  }

  function integer16(linear: number, from: number): number {
    const at = writableHalf(linear), number = at < 0 ? NO_INTEGER : smallInteger(from);
    if (number < -0x8000 || number > 0x7fff) return DECLINED;
    ram16[at] = number;
    return lost;
  }

  function integer32(linear: number, from: number): number {
    const at = writable(linear, 4), number = at < 0 ? NO_INTEGER : smallInteger(from);
    if (number > 0x7fffffff) return DECLINED;
    ram32[at] = number;
    return lost;
  }

  function integer64(linear: number, from: number): number {
    const at = writable(linear, 8), signExp = S[from + 2]!, shift = BIAS + 63 - (signExp & EXPONENT_MASK);
    let low = S[from]!, high = S[from + 1]!, rest = 0;
    if (at < 0 || !nearestOrChop()) return DECLINED;
    if (isZero(low, high, signExp)) {
      ram32[at] = 0;
      ram32[at + 1] = 0;
      return 0;
    }
    if (high >= 0 || shift < 1 || shift > 63) return DECLINED;
    if (shift < 32) {
      rest = low << (32 - shift);
      low = (high << (32 - shift)) | (low >>> shift);
      high >>>= shift;
    } else {
      rest = shift === 32 ? low : (high << (64 - shift)) | (low >>> (shift - 32)) | (low << (64 - shift) === 0 ? 0 : 1);
      low = high >>> (shift - 32);
      high = 0;
    }
    const up = roundsUp(rest, low & 1);
    low = (low + up) | 0;
    if (up !== 0 && low === 0) high = (high + 1) | 0;
    if (high < 0) return DECLINED;
    const negative = (signExp & SIGN_BIT) !== 0;
    ram32[at] = negative ? -low | 0 : low;
    ram32[at + 1] = !negative ? high : low === 0 ? -high | 0 : ~high;
    return rest === 0 ? 0 : up !== 0 ? PE | C1 : PE;
  }

  return { single, double, extended, integer16, integer32, integer64 };
}
