/**
 * Memory operands of the common case, where the fast path of memory reaches them: read into `value` as a packed register, or where a store
 * goes. Everything else is declined and nothing has been done.
 */
import type { GuestMemory } from "../memory.ts";
import * as state from "../state.ts";
import * as extended from "./extended.ts";

const { SLOT } = state;
const { BIAS, INTEGER_BIT, SIGN_BIT } = extended;

export const SINGLE_REBIAS = BIAS - 127, DOUBLE_REBIAS = BIAS - 1023;
const USER = 3;

/** Reads an operand into `value`; false where that is not the common case. */
export type Operand = (linear: number) => boolean;

export interface CommonOperands {
  /** The packed operand that was read last: low, high, sign+exponent. */
  readonly value: Int32Array;
  readonly single: Operand;
  readonly double: Operand;
  readonly extended: Operand;
  readonly integer16: Operand;
  readonly integer32: Operand;
  readonly integer64: Operand;
  /** Index in the words (half words) of memory that may be read or written there; -1 where they may not. */
  readonly writable: (linear: number, bytes: number) => number;
  readonly readableHalf: (linear: number) => number;
  readonly writableHalf: (linear: number) => number;
}

export function commonOperands(state: Int32Array, memory: GuestMemory): CommonOperands {
  const S = state, value = new Int32Array(3), { ram16, ram32, rings: [system, user] } = memory;
  const { read: systemRead, write: systemWrite } = system, { read: userRead, write: userWrite } = user;

  const readEntry = (page: number): number => S[SLOT.cpl] === USER ? userRead[page]! : systemRead[page]!;
  const writeEntry = (page: number): number => S[SLOT.cpl] === USER ? userWrite[page]! : systemWrite[page]!;

  function readable(linear: number, bytes: number): number {
    const entry = readEntry(linear >>> 12);
    return ((linear | entry) & 3) === 0 && (linear & 0xfff) <= 0x1000 - bytes ? (linear ^ entry) >>> 2 : -1;
  }

  function writable(linear: number, bytes: number): number {
    const entry = writeEntry(linear >>> 12);
    return ((linear | entry) & 3) === 0 && (linear & 0xfff) <= 0x1000 - bytes ? (linear ^ entry) >>> 2 : -1;
  }

  function readableHalf(linear: number): number {
    const entry = readEntry(linear >>> 12);
    return ((linear | entry) & 1) === 0 ? (linear ^ entry) >>> 1 : -1;
  }

  function writableHalf(linear: number): number {
    const entry = writeEntry(linear >>> 12);
    return ((linear | entry) & 1) === 0 ? (linear ^ entry) >>> 1 : -1;
  }

  function setValue(low: number, high: number, signExp: number): boolean {
    value[0] = low;
    value[1] = high;
    value[2] = signExp;
    return true;
  }

  function single(linear: number): boolean {
    const at = readable(linear, 4);
    if (at < 0) return false;
    const bits = ram32[at]!, exponent = (bits >>> 23) & 0xff, sign = (bits >>> 16) & SIGN_BIT;
    if (exponent === 0) return (bits << 1) === 0 && setValue(0, 0, sign);
    return exponent !== 0xff && setValue(0, (bits << 8) | INTEGER_BIT, (exponent + SINGLE_REBIAS) | sign);
  }

  function double(linear: number): boolean {
    const at = readable(linear, 8);
    if (at < 0) return false;
    const low = ram32[at]!, high = ram32[at + 1]!, exponent = (high >>> 20) & 0x7ff, sign = (high >>> 16) & SIGN_BIT;
    if (exponent === 0) return ((high << 1) | low) === 0 && setValue(0, 0, sign);
    return exponent !== 0x7ff && setValue(low << 11, (high << 11) | (low >>> 21) | INTEGER_BIT, (exponent + DOUBLE_REBIAS) | sign);
  }

  function extended(linear: number): boolean {
    const at = readable(linear, 10);
    return at >= 0 && setValue(ram32[at]!, ram32[at + 1]!, ram16[at * 2 + 4]!);
  }

  function integer(word: number): boolean {
    if (word === 0) return setValue(0, 0, 0);
    const magnitude = word < 0 ? -word | 0 : word, places = Math.clz32(magnitude);
    return setValue(0, magnitude << places, (BIAS + 31 - places) | (word < 0 ? SIGN_BIT : 0));
  }

  function integer16(linear: number): boolean {
    const at = readableHalf(linear);
    return at >= 0 && integer((ram16[at]! << 16) >> 16);
  }

  function integer32(linear: number): boolean {
    const at = readable(linear, 4);
    return at >= 0 && integer(ram32[at]!);
  }

  function integer64(linear: number): boolean {
    const at = readable(linear, 8);
    if (at < 0) return false;
    let low = ram32[at]!, high = ram32[at + 1]!, exponent = BIAS + 63;
    const sign = high < 0 ? SIGN_BIT : 0;
    if ((low | high) === 0) return setValue(0, 0, 0);
    if (sign !== 0) {
      low = -low | 0;
      high = low === 0 ? -high | 0 : ~high;
    }
    if (high === 0) {
      high = low;
      low = 0;
      exponent -= 32;
    }
    const places = Math.clz32(high);
    if (places !== 0) {
      high = (high << places) | (low >>> (32 - places));
      low <<= places;
    }
    return setValue(low, high, (exponent - places) | sign);
  }

  return { value, single, double, extended, integer16, integer32, integer64, writable, readableHalf, writableHalf };
}
