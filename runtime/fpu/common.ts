/**
 * x87 instructions in their common case, each in one piece: nothing pending, exceptions masked, operands normal numbers or zero and in
 * memory that the fast path reaches. Everything else, and every fault, is the general function's (execute.ts); until it is certain
 * that the case is common, nothing has changed.
 *
 * Each function here is made once for a machine, from a function literal of its own: the host's compiler then knows every array and function
 * that it names, which is half of its speed. So those that share a function (forms.ts) get a variant instead of a closure each.
 *
 * `test/fpu` compares both with the processor, to the bit.
 */
import type { RuntimeFunction } from "../functions.ts";
import type { GuestMemory } from "../memory.ts";
import { setArithmeticFlags } from "../flags.ts";
import * as state from "../state.ts";
import { commonOperands, type Operand } from "./common-operands.ts";
import { commonQuotients } from "./common-quotient.ts";
import { commonStores } from "./common-stores.ts";
import * as commonSumsModule from "./common-sums.ts";
import { commonSums, compareCommon } from "./common-sums.ts";
import * as extended from "./extended.ts";
import * as forms from "./forms.ts";

const { AC, CF, CR0_EM, CR0_TS, SLOT, ZF } = state;
const { DECLINED } = commonSumsModule;
const { BIAS, C0, C1, C3, CONDITION_CODES, ES, INTEGER_BIT, SIGN_BIT, TOP_SHIFT } = extended;
const { FLIPS_DESTINATION, FLIPS_SOURCE, POPS, REVERSED, SECOND_POP } = forms;

const { cr0: CR0, eflags: EFLAGS, fpuControl: CONTROL, fpuStatus: STATUS, fpuTag: TAG, st0Low: FIRST } = SLOT;
const TOP_MASK = 7 << TOP_SHIFT, EMPTY = 3, ALL_MASKED = 0x3f;

/** Makes the common case of the functions of one name, which leaves all others to `general`, by variant. */
export type Shortcut = (general: readonly RuntimeFunction[]) => RuntimeFunction;

/** The shortcuts by the functions' names, those of forms.ts for what shares one ("fsum_8", "fxch"). */
export function x87Shortcuts(state: Int32Array, memory: GuestMemory): ReadonlyMap<string, Shortcut> {
  const S = state, operands = commonOperands(S, memory);
  const { value, single, double, extended, integer16, integer32, integer64, readableHalf, writableHalf } = operands;
  const sums = commonSums(S), { add, multiply } = sums, { divide, squareRoot } = commonQuotients(sums);
  const {
    single: storeSingle, double: storeDouble, extended: storeExtended, integer16: storeInteger16, integer32: storeInteger32, integer64: storeInteger64,
  } = commonStores(S, memory, operands);
  const { ram16 } = memory, shortcuts = new Map<string, Shortcut>();

  /** Nothing pending, nothing unmasked, the unit there. */
  const ready = (): boolean => ((S[CR0]! & (CR0_EM | CR0_TS)) | (S[STATUS]! & ES) | (~S[CONTROL]! & ALL_MASKED)) === 0;
  const physical = (i: number): number => ((S[STATUS]! >>> TOP_SHIFT) + i) & 7;
  /** Index of ST(i) in the state words. */
  const at = (i: number): number => FIRST + 3 * physical(i);
  const inUse = (i: number): boolean => ((S[TAG]! >>> (2 * physical(i))) & EMPTY) === 0;
  /** The same for an instruction with a memory operand, which must not have to be aligned, on ST(0). */
  const readyOnTop = (): boolean => ready() && (S[EFLAGS]! & AC) === 0 && inUse(0);
  const readyToLoad = (): boolean => ready() && (S[EFLAGS]! & AC) === 0 && !inUse(7);

  /** `| 0` tells the host's compiler that an argument is an int32. */
  function record(eip: number, opcode: number): void {
    S[SLOT.fpuIp] = eip | 0;
    S[SLOT.fpuCs] = S[SLOT.selector1]!;
    S[SLOT.fpuOpcode] = opcode | 0;
  }

  function recordData(eip: number, opcode: number, offset: number, selector: number): void {
    record(eip, opcode);
    S[SLOT.fpuDp] = offset | 0;
    S[SLOT.fpuDs] = selector | 0;
  }

  /** Pushes a value whose load rounds nothing; the register is free. */
  function push(low: number, high: number, signExp: number): void {
    const status = S[STATUS]!, register = ((status >>> TOP_SHIFT) - 1) & 7, to = FIRST + 3 * register;
    S[to] = low;
    S[to + 1] = high;
    S[to + 2] = signExp;
    S[TAG] = S[TAG]! & ~(EMPTY << (2 * register));
    S[STATUS] = (status & ~(TOP_MASK | C1)) | (register << TOP_SHIFT);
  }

  /** Sets flags, C1 or condition codes in place of `replaced`, and pops. */
  function settle(replaced: number, flags: number, variant: number): void {
    const status = S[STATUS]!;
    if ((variant & POPS) === 0) {
      S[STATUS] = (status & ~replaced) | flags;
      return;
    }
    S[TAG] = S[TAG]! | (EMPTY << (2 * ((status >>> TOP_SHIFT) & 7)));
    S[STATUS] = (status & ~(TOP_MASK | replaced)) | flags | ((status + (1 << TOP_SHIFT)) & TOP_MASK);
  }

  // --- Arithmetic: `to` is the destination, `from` the source -------------------------------------------------------

  const sum = (to: number, from: Int32Array, index: number, variant: number): number => add(
    to, S[to]!, S[to + 1]!, (variant & FLIPS_DESTINATION) === 0 ? S[to + 2]! : S[to + 2]! ^ SIGN_BIT,
    from[index]!, from[index + 1]!, (variant & FLIPS_SOURCE) === 0 ? from[index + 2]! : from[index + 2]! ^ SIGN_BIT,
  );
  const product = (to: number, from: Int32Array, index: number): number =>
    multiply(to, S[to]!, S[to + 1]!, S[to + 2]!, from[index]!, from[index + 1]!, from[index + 2]!);
  const quotient = (to: number, from: Int32Array, index: number, variant: number): number => (variant & REVERSED) === 0
    ? divide(to, S[to]!, S[to + 1]!, S[to + 2]!, from[index]!, from[index + 1]!, from[index + 2]!)
    : divide(to, from[index]!, from[index + 1]!, from[index + 2]!, S[to]!, S[to + 1]!, S[to + 2]!);

  shortcuts.set("fsum", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = ready() && inUse(a!) && inUse(b!) ? sum(at(a!), S, at(b!), variant!) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, variant!);
    record(eip!, opcode!);
  });

  shortcuts.set("fproduct", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = ready() && inUse(a!) && inUse(b!) ? product(at(a!), S, at(b!)) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, variant!);
    record(eip!, opcode!);
  });

  shortcuts.set("fquotient", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = ready() && inUse(a!) && inUse(b!) ? quotient(at(a!), S, at(b!), variant!) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, variant!);
    record(eip!, opcode!);
  });

  shortcuts.set("fsum_4", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() && single(linear!) ? sum(at(0), value, 0, variant!) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, 0);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fproduct_4", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() && single(linear!) ? product(at(0), value, 0) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, 0);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fquotient_4", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() && single(linear!) ? quotient(at(0), value, 0, variant!) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, 0);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fsum_8", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() && double(linear!) ? sum(at(0), value, 0, variant!) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, 0);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fproduct_8", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() && double(linear!) ? product(at(0), value, 0) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, 0);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fquotient_8", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() && double(linear!) ? quotient(at(0), value, 0, variant!) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, 0);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fsqrt", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const to = at(0), flags = ready() && inUse(0) ? squareRoot(to, S[to]!, S[to + 1]!, S[to + 2]!) : DECLINED;
    if (flags === DECLINED) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, 0);
    record(eip!, opcode!);
  });

  /** With an integer in memory, which is rarer: one closure for each, slower. */
  const integerArithmetic = (operand: Operand, operation: (to: number) => number): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const flags = readyOnTop() && operand(linear!) ? operation(at(0)) : DECLINED;
    if (flags === DECLINED) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, 0);
    recordData(eip!, opcode!, offset!, selector!);
  };
  for (const [name, operation] of [
    ["add", (to: number) => sum(to, value, 0, 0)], ["sub", (to: number) => sum(to, value, 0, FLIPS_SOURCE)],
    ["subr", (to: number) => sum(to, value, 0, FLIPS_DESTINATION)], ["mul", (to: number) => product(to, value, 0)],
    ["div", (to: number) => quotient(to, value, 0, 0)], ["divr", (to: number) => quotient(to, value, 0, REVERSED)],
  ] as const) shortcuts.set(`fi${name}_2`, integerArithmetic(integer16, operation)).set(`fi${name}_4`, integerArithmetic(integer32, operation));

  // --- Comparison -------------------------------------------------------------------------------------------------

  const compared = (x: number, from: Int32Array, y: number): number => compareCommon(S[x]!, S[x + 1]!, S[x + 2]!, from[y]!, from[y + 1]!, from[y + 2]!);

  shortcuts.set("fcom", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const twice = (variant! & SECOND_POP) !== 0, i = twice ? 1 : a! | b!, codes = ready() && inUse(0) && inUse(i) ? compared(at(0), S, at(i)) : DECLINED;
    if (codes === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(CONDITION_CODES, codes, variant!);
    if (twice) settle(0, 0, POPS);
    record(eip!, opcode!);
  });

  shortcuts.set("fcomi", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const i = a! | b!, codes = ready() && inUse(0) && inUse(i) ? compared(at(0), S, at(i)) : DECLINED;
    if (codes === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, 0, variant!);
    setArithmeticFlags(S, ((codes & C3) !== 0 ? ZF : 0) | ((codes & C0) !== 0 ? CF : 0));
    record(eip!, opcode!);
  });

  shortcuts.set("fcom_4", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const codes = readyOnTop() && single(linear!) ? compared(at(0), value, 0) : DECLINED;
    if (codes === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(CONDITION_CODES, codes, variant!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fcom_8", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const codes = readyOnTop() && double(linear!) ? compared(at(0), value, 0) : DECLINED;
    if (codes === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(CONDITION_CODES, codes, variant!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  const integerComparison = (operand: Operand, variant: number): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const codes = readyOnTop() && operand(linear!) ? compared(at(0), value, 0) : DECLINED;
    if (codes === DECLINED) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    settle(CONDITION_CODES, codes, variant);
    recordData(eip!, opcode!, offset!, selector!);
  };
  shortcuts.set("ficom_2", integerComparison(integer16, 0)).set("ficomp_2", integerComparison(integer16, POPS));
  shortcuts.set("ficom_4", integerComparison(integer32, 0)).set("ficomp_4", integerComparison(integer32, POPS));

  // --- Loads and moves ----------------------------------------------------------------------------------------------

  shortcuts.set("fld_4", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    if (!readyToLoad() || !single(linear!)) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    push(value[0]!, value[1]!, value[2]!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fld_8", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    if (!readyToLoad() || !double(linear!)) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    push(value[0]!, value[1]!, value[2]!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fld_10", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    if (!readyToLoad() || !extended(linear!)) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    push(value[0]!, value[1]!, value[2]!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fild_2", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    if (!readyToLoad() || !integer16(linear!)) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    push(value[0]!, value[1]!, value[2]!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fild_4", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    if (!readyToLoad() || !integer32(linear!)) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    push(value[0]!, value[1]!, value[2]!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fild_8", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    if (!readyToLoad() || !integer64(linear!)) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    push(value[0]!, value[1]!, value[2]!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  const constantLoad = (high: number, exponent: number): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    if (!ready() || inUse(7)) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    push(0, high, exponent);
    record(eip!, opcode!);
  };
  shortcuts.set("fld1", constantLoad(INTEGER_BIT, BIAS)).set("fldz", constantLoad(0, 0));

  shortcuts.set("fld", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    if (!ready() || !inUse(a!) || inUse(7)) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    const from = at(a!);
    push(S[from]!, S[from + 1]!, S[from + 2]!);
    record(eip!, opcode!);
  });

  shortcuts.set("fxch", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const i = a! | b!;
    if (!ready() || !inUse(0) || !inUse(i)) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    const x = at(0), y = at(i), low = S[x]!, high = S[x + 1]!, signExp = S[x + 2]!;
    S[x] = S[y]!;
    S[x + 1] = S[y + 1]!;
    S[x + 2] = S[y + 2]!;
    S[y] = low;
    S[y + 1] = high;
    S[y + 2] = signExp;
    settle(C1, 0, 0);
    record(eip!, opcode!);
  });

  const signChange = (keep: number, flip: number): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    if (!ready() || !inUse(0)) { general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    const to = at(0) + 2;
    S[to] = (S[to]! & keep) ^ flip;
    settle(C1, 0, 0);
    record(eip!, opcode!);
  };
  shortcuts.set("fabs", signChange(~SIGN_BIT, 0)).set("fchs", signChange(-1, SIGN_BIT));

  // --- Stores -------------------------------------------------------------------------------------------------------

  shortcuts.set("fst", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    if (!ready() || !inUse(0)) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    const x = at(0), y = at(a!);
    S[y] = S[x]!;
    S[y + 1] = S[x + 1]!;
    S[y + 2] = S[x + 2]!;
    S[TAG] = S[TAG]! & ~(EMPTY << (2 * physical(a!)));
    settle(C1, 0, variant!);
    record(eip!, opcode!);
  });

  shortcuts.set("fst_4", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() ? storeSingle(linear!, at(0)) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, variant!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fst_8", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() ? storeDouble(linear!, at(0)) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, variant!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fst_10", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() ? storeExtended(linear!, at(0)) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, variant!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fist_2", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() ? storeInteger16(linear!, at(0)) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, variant!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fist_4", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() ? storeInteger32(linear!, at(0)) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, variant!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fist_8", (general) => (a, b, linear, variant, eip, opcode, offset, selector) => {
    const flags = readyOnTop() ? storeInteger64(linear!, at(0)) : DECLINED;
    if (flags === DECLINED) { general[variant!]!(a!, b!, linear!, 4, eip!, opcode!, offset!, selector!); return; }
    settle(C1, flags, variant!);
    recordData(eip!, opcode!, offset!, selector!);
  });

  // --- The control word -----------------------------------------------------------------------------------------------

  shortcuts.set("fldcw_2", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const from = readableHalf(linear!), control = from < 0 ? 0 : ram16[from]!;
    // With nothing pending and nothing unmasked there is no error to report or to take back.
    if (ready() && (S[EFLAGS]! & AC) === 0 && (control & ALL_MASKED) === ALL_MASKED) S[CONTROL] = (control & 0x1f3f) | 0x40;
    else general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fnstcw_2", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const to = writableHalf(linear!);
    if (to >= 0 && ready() && (S[EFLAGS]! & AC) === 0) ram16[to] = S[CONTROL]!;
    else general[0]!(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!);
  });
  return shortcuts;
}
