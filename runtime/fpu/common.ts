/**
 * x87 instructions in their common case, each in one piece: nothing pending, exceptions masked, operands normal numbers or zero and in
 * memory that the fast path reaches. Everything else, and every fault, is the general function's (execute.ts); until it is certain
 * that the case is common, nothing has changed.
 *
 * `test/fpu` compares both with the processor, to the bit.
 */
import type { RuntimeFunction } from "../functions.ts";
import type { GuestMemory } from "../memory.ts";
import { setArithmeticFlags } from "../flags.ts";
import { AC, CF, CR0_EM, CR0_TS, SLOT, ZF } from "../state.ts";
import { addCommon, compareCommon, DECLINED, multiplyCommon } from "./common-sums.ts";
import { BIAS, C0, C1, C3, CHOP, CONDITION_CODES, ES, EXPONENT_MASK, INTEGER_BIT, NEAREST, PE, ROUNDING_CONTROL, SIGN_BIT, TOP_SHIFT } from "./extended.ts";
import { ADD, MULTIPLY, SUBTRACT, SUBTRACT_REVERSED } from "./fpu.ts";

const { cr0: CR0, cpl: CPL, eflags: EFLAGS, fpuControl: CONTROL, fpuStatus: STATUS, fpuTag: TAG, st0Low: FIRST } = SLOT;
const TOP_MASK = 7 << TOP_SHIFT, EMPTY = 3, ALL_MASKED = 0x3f;
/** Rounding control, precision control and masks, as FNINIT sets them: nearest, 64 bits, all masked. */
const USUAL = 0x33f, USUAL_MASK = 0xf3f;
const SINGLE_REBIAS = BIAS - 127, DOUBLE_REBIAS = BIAS - 1023;

/** Makes the common case of an instruction, which leaves all others to `general`. */
export type Shortcut = (general: RuntimeFunction) => RuntimeFunction;

/** The shortcuts by runtime name ("fadd_8", "fxch"). */
export function x87Shortcuts(S: Int32Array, memory: GuestMemory): ReadonlyMap<string, Shortcut> {
  const { ram16, ram32, rings: [system, user] } = memory;
  const shortcuts = new Map<string, Shortcut>();

  const ready = (): boolean => ((S[CR0]! & (CR0_EM | CR0_TS)) | (S[STATUS]! & ES) | (S[EFLAGS]! & AC)) === 0;
  const usual = (): boolean => (S[CONTROL]! & USUAL_MASK) === USUAL;
  const physical = (i: number): number => ((S[STATUS]! >>> TOP_SHIFT) + i) & 7;
  const isEmpty = (register: number): boolean => ((S[TAG]! >>> (2 * register)) & EMPTY) !== 0;

  function record(eip: number, opcode: number): void {
    S[SLOT.fpuIp] = eip;
    S[SLOT.fpuCs] = S[SLOT.selector1]!;
    S[SLOT.fpuOpcode] = opcode;
  }

  function recordData(eip: number, opcode: number, offset: number, selector: number): void {
    record(eip, opcode);
    S[SLOT.fpuDp] = offset;
    S[SLOT.fpuDs] = selector;
  }

  /** Index in `ram32` of an operand that may be read as words; -1 where it may not. */
  function readable(linear: number, bytes: number): number {
    const entry = (S[CPL] === 3 ? user : system).read[linear >>> 12]!;
    return ((linear | entry) & 3) === 0 && (linear & 0xfff) <= 0x1000 - bytes ? (linear ^ entry) >>> 2 : -1;
  }

  function writable(linear: number, bytes: number): number {
    const entry = (S[CPL] === 3 ? user : system).write[linear >>> 12]!;
    return ((linear | entry) & 3) === 0 && (linear & 0xfff) <= 0x1000 - bytes ? (linear ^ entry) >>> 2 : -1;
  }

  /** Index in `ram16`. */
  function readableHalf(linear: number): number {
    const entry = (S[CPL] === 3 ? user : system).read[linear >>> 12]!;
    return ((linear | entry) & 1) === 0 ? (linear ^ entry) >>> 1 : -1;
  }

  function writableHalf(linear: number): number {
    const entry = (S[CPL] === 3 ? user : system).write[linear >>> 12]!;
    return ((linear | entry) & 1) === 0 ? (linear ^ entry) >>> 1 : -1;
  }

  /** Pushes a value whose load rounds nothing; false where the register is in use. */
  function push(low: number, high: number, signExp: number): boolean {
    const status = S[STATUS]!, register = ((status >>> TOP_SHIFT) - 1) & 7;
    if (((S[TAG]! >>> (2 * register)) & EMPTY) === 0) return false;
    const at = FIRST + 3 * register;
    S[at] = low;
    S[at + 1] = high;
    S[at + 2] = signExp;
    S[TAG] = S[TAG]! & ~(EMPTY << (2 * register));
    S[STATUS] = (status & ~(TOP_MASK | C1)) | (register << TOP_SHIFT);
    return true;
  }

  function pop(): void {
    const status = S[STATUS]!;
    S[TAG] = S[TAG]! | (EMPTY << (2 * ((status >>> TOP_SHIFT) & 7)));
    S[STATUS] = (status & ~TOP_MASK) | ((status + (1 << TOP_SHIFT)) & TOP_MASK);
  }

  /** ST at `at` := it op the operand. Returns flags or DECLINED. */
  function operate(operation: number, at: number, low: number, high: number, signExp: number): number {
    switch (operation) {
      case ADD: return addCommon(S, at, S[at]!, S[at + 1]!, S[at + 2]!, low, high, signExp);
      case SUBTRACT: return addCommon(S, at, S[at]!, S[at + 1]!, S[at + 2]!, low, high, signExp ^ SIGN_BIT);
      case SUBTRACT_REVERSED: return addCommon(S, at, low, high, signExp, S[at]!, S[at + 1]!, S[at + 2]! ^ SIGN_BIT);
      case MULTIPLY: return multiplyCommon(S, at, S[at]!, S[at + 1]!, S[at + 2]!, low, high, signExp);
      default: return DECLINED;
    }
  }

  function setFlags(flags: number): void { S[STATUS] = (S[STATUS]! & ~C1) | flags; }

  // --- Arithmetic and comparison ----------------------------------------------------------------------------

  const registerArithmetic = (operation: number, pops: boolean): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const to = physical(a!), from = physical(b!), other = FIRST + 3 * from;
    if (ready() && usual() && !isEmpty(to) && !isEmpty(from)) {
      const flags = operate(operation, FIRST + 3 * to, S[other]!, S[other + 1]!, S[other + 2]!);
      if (flags !== DECLINED) {
        setFlags(flags);
        if (pops) pop();
        record(eip!, opcode!);
        return;
      }
    }
    general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!);
  };

  /** With a memory operand that `operand` unpacks into `value`, or declines. */
  const value = new Int32Array(3);
  const memoryArithmetic = (operation: number, operand: (linear: number) => boolean): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const register = physical(0);
    if (ready() && usual() && !isEmpty(register) && operand(linear!)) {
      const flags = operate(operation, FIRST + 3 * register, value[0]!, value[1]!, value[2]!);
      if (flags !== DECLINED) {
        setFlags(flags);
        recordData(eip!, opcode!, offset!, selector!);
        return;
      }
    }
    general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!);
  };

  function setCodes(codes: number, pops: number): void {
    S[STATUS] = (S[STATUS]! & ~CONDITION_CODES) | codes;
    for (let k = 0; k < pops; k++) pop();
  }

  function compareRegisters(i: number): number {
    const first = physical(0), second = physical(i);
    if (!ready() || isEmpty(first) || isEmpty(second)) return DECLINED;
    const a = FIRST + 3 * first, b = FIRST + 3 * second;
    return compareCommon(S[a]!, S[a + 1]!, S[a + 2]!, S[b]!, S[b + 1]!, S[b + 2]!);
  }

  const registerComparison = (pops: number, fixed: number): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const codes = compareRegisters(a! | b! | fixed);
    if (codes === DECLINED) { general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    setCodes(codes, pops);
    record(eip!, opcode!);
  };

  const flagComparison = (pops: boolean): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const codes = compareRegisters(a! | b!);
    if (codes === DECLINED) { general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    S[STATUS] = S[STATUS]! & ~C1;
    setArithmeticFlags(S, ((codes & C3) !== 0 ? ZF : 0) | ((codes & C0) !== 0 ? CF : 0));
    if (pops) pop();
    record(eip!, opcode!);
  };

  const memoryComparison = (pops: number, operand: (linear: number) => boolean): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const register = physical(0), at = FIRST + 3 * register;
    const codes = ready() && !isEmpty(register) && operand(linear!)
      ? compareCommon(S[at]!, S[at + 1]!, S[at + 2]!, value[0]!, value[1]!, value[2]!) : DECLINED;
    if (codes === DECLINED) { general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    setCodes(codes, pops);
    recordData(eip!, opcode!, offset!, selector!);
  };

  // --- Memory operands: into `value` ----------------------------------------------------------------------------

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

  // --- Loads and moves -----------------------------------------------------------------------------------------

  const memoryLoad = (operand: (linear: number) => boolean): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    if (ready() && operand(linear!) && push(value[0]!, value[1]!, value[2]!)) recordData(eip!, opcode!, offset!, selector!);
    else general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!);
  };

  const constantLoad = (high: number, exponent: number): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    if (ready() && push(0, high, exponent)) record(eip!, opcode!);
    else general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!);
  };

  shortcuts.set("fld", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const register = physical(a!), at = FIRST + 3 * register;
    if (ready() && !isEmpty(register) && push(S[at]!, S[at + 1]!, S[at + 2]!)) record(eip!, opcode!);
    else general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fxch", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const first = physical(0), second = physical(a! | b!);
    if (!ready() || isEmpty(first) || isEmpty(second)) { general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    const x = FIRST + 3 * first, y = FIRST + 3 * second, low = S[x]!, high = S[x + 1]!, signExp = S[x + 2]!;
    S[x] = S[y]!;
    S[x + 1] = S[y + 1]!;
    S[x + 2] = S[y + 2]!;
    S[y] = low;
    S[y + 1] = high;
    S[y + 2] = signExp;
    S[STATUS] = S[STATUS]! & ~C1;
    record(eip!, opcode!);
  });

  const registerStore = (pops: boolean): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const from = physical(0), to = physical(a!);
    if (!ready() || isEmpty(from)) { general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    const x = FIRST + 3 * from, y = FIRST + 3 * to;
    S[y] = S[x]!;
    S[y + 1] = S[x + 1]!;
    S[y + 2] = S[x + 2]!;
    S[TAG] = S[TAG]! & ~(EMPTY << (2 * to));
    S[STATUS] = S[STATUS]! & ~C1;
    if (pops) pop();
    record(eip!, opcode!);
  };

  const signChange = (keep: number, flip: number): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const register = physical(0), at = FIRST + 3 * register + 2;
    if (!ready() || isEmpty(register)) { general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    S[at] = (S[at]! & keep) ^ flip;
    S[STATUS] = S[STATUS]! & ~C1;
    record(eip!, opcode!);
  };

  // --- Stores: true where memory was written, with the flags in `stored` -------------------------------------------

  let stored = 0;
  const maskedNearest = (): boolean => (S[CONTROL]! & (ROUNDING_CONTROL | ALL_MASKED)) === (NEAREST | ALL_MASKED);

  function storeDouble(linear: number, from: number): boolean {
    const at = writable(linear, 8), low = S[from]!, high = S[from + 1]!, signExp = S[from + 2]!, exponent = (signExp & EXPONENT_MASK) - DOUBLE_REBIAS;
    if (at < 0 || high >= 0 || exponent <= 0 || exponent >= 0x7fe || !maskedNearest()) return false;
    const rest = low & 0x7ff, lowBits = (low >>> 11) | (high << 21);
    const highBits = ((signExp & SIGN_BIT) << 16) | (exponent << 20) | ((high >>> 11) & 0xfffff);
    const up = rest > 0x400 || (rest === 0x400 && (lowBits & 1) !== 0) ? 1 : 0;
    ram32[at] = lowBits + up;
    ram32[at + 1] = up !== 0 && lowBits === -1 ? highBits + 1 : highBits; // a carry lands in the exponent, as it should
    stored = rest === 0 ? 0 : up !== 0 ? PE | C1 : PE;
    return true;
  }

  function storeSingle(linear: number, from: number): boolean {
    const at = writable(linear, 4), low = S[from]!, high = S[from + 1]!, signExp = S[from + 2]!, exponent = (signExp & EXPONENT_MASK) - SINGLE_REBIAS;
    if (at < 0 || high >= 0 || exponent <= 0 || exponent >= 0xfe || !maskedNearest()) return false;
    const rest = (high << 24) | (low !== 0 ? 1 : 0), bits = (exponent << 23) | ((high >>> 8) & 0x7fffff);
    const up = rest < 0 && (rest !== INTEGER_BIT || (bits & 1) !== 0) ? 1 : 0;
    ram32[at] = ((signExp & SIGN_BIT) << 16) | (bits + up);
    stored = rest === 0 ? 0 : up !== 0 ? PE | C1 : PE;
    return true;
  }

  function storeExtended(linear: number, from: number): boolean {
    const at = writable(linear, 10);
    if (at < 0) return false;
    ram32[at] = S[from]!;
    ram32[at + 1] = S[from + 1]!;
    ram16[at * 2 + 4] = S[from + 2]!;
    stored = 0;
    return true;
  }

  /** Whether the magnitude goes up; `rest` is what lies below the last place, sticky in its lowest bit. */
  function roundsUp(rest: number, odd: number): number {
    return (S[CONTROL]! & ROUNDING_CONTROL) === NEAREST && rest < 0 && (rest !== INTEGER_BIT || odd !== 0) ? 1 : 0;
  }

  const nearestOrChop = (): boolean => {
    const rounding = S[CONTROL]! & ROUNDING_CONTROL;
    return (rounding === NEAREST || rounding === CHOP) && (S[CONTROL]! & ALL_MASKED) === ALL_MASKED;
  };

  /** A number of a magnitude below 2^31, rounded; DECLINED_INTEGER where it is none. `stored` gets the flags. */
  function smallInteger(from: number): number {
    const low = S[from]!, high = S[from + 1]!, signExp = S[from + 2]!, exponent = (signExp & EXPONENT_MASK) - BIAS;
    if (!nearestOrChop()) return DECLINED_INTEGER;
    if ((low | high | (signExp & EXPONENT_MASK)) === 0) { stored = 0; return 0; }
    if (high >= 0 || exponent > 30 || exponent <= -BIAS) return DECLINED_INTEGER;
    const whole = exponent < 0 ? 0 : high >>> (31 - exponent);
    const rest = exponent < -1 ? 1 : (exponent < 0 ? high : high << (exponent + 1)) | (low !== 0 ? 1 : 0);
    const up = roundsUp(rest, whole & 1);
    stored = rest === 0 ? 0 : up !== 0 ? PE | C1 : PE;
    return (signExp & SIGN_BIT) !== 0 ? -(whole + up) : whole + up;
  }

  function storeInteger16(linear: number, from: number): boolean {
    const at = writableHalf(linear), number = at < 0 ? DECLINED_INTEGER : smallInteger(from);
    if (number < -0x8000 || number > 0x7fff) return false;
    ram16[at] = number;
    return true;
  }

  function storeInteger32(linear: number, from: number): boolean {
    const at = writable(linear, 4), number = at < 0 ? DECLINED_INTEGER : smallInteger(from);
    if (number > 0x7fffffff) return false;
    ram32[at] = number;
    return true;
  }

  function storeInteger64(linear: number, from: number): boolean {
    const at = writable(linear, 8), signExp = S[from + 2]!, shift = BIAS + 63 - (signExp & EXPONENT_MASK);
    let low = S[from]!, high = S[from + 1]!, rest = 0;
    if (at < 0 || high >= 0 || shift < 1 || shift > 63 || !nearestOrChop()) return false;
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
    if (high < 0) return false;
    stored = rest === 0 ? 0 : up !== 0 ? PE | C1 : PE;
    const negative = (signExp & SIGN_BIT) !== 0;
    ram32[at] = negative ? -low | 0 : low;
    ram32[at + 1] = !negative ? high : low === 0 ? -high | 0 : ~high;
    return true;
  }

  const memoryStore = (store: (linear: number, from: number) => boolean, pops: boolean): Shortcut => (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const register = physical(0);
    if (!ready() || isEmpty(register) || !store(linear!, FIRST + 3 * register)) { general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!); return; }
    setFlags(stored);
    if (pops) pop();
    recordData(eip!, opcode!, offset!, selector!);
  };

  // --- The table ------------------------------------------------------------------------------------------------

  for (const [name, operation] of [["add", ADD], ["mul", MULTIPLY], ["sub", SUBTRACT], ["subr", SUBTRACT_REVERSED]] as const) {
    shortcuts.set(`f${name}`, registerArithmetic(operation, false)).set(`f${name}p`, registerArithmetic(operation, true));
    shortcuts.set(`f${name}_4`, memoryArithmetic(operation, single)).set(`f${name}_8`, memoryArithmetic(operation, double));
    shortcuts.set(`fi${name}_2`, memoryArithmetic(operation, integer16)).set(`fi${name}_4`, memoryArithmetic(operation, integer32));
  }
  for (const quiet of ["", "u"]) {
    shortcuts.set(`f${quiet}com`, registerComparison(0, 0)).set(`f${quiet}comp`, registerComparison(1, 0)).set(`f${quiet}compp`, registerComparison(2, 1));
    shortcuts.set(`f${quiet}comi`, flagComparison(false)).set(`f${quiet}comip`, flagComparison(true));
  }
  for (const [suffix, pops] of [["", 0], ["p", 1]] as const) {
    shortcuts.set(`fcom${suffix}_4`, memoryComparison(pops, single)).set(`fcom${suffix}_8`, memoryComparison(pops, double));
    shortcuts.set(`ficom${suffix}_2`, memoryComparison(pops, integer16)).set(`ficom${suffix}_4`, memoryComparison(pops, integer32));
    shortcuts.set(`fst${suffix}`, registerStore(pops !== 0));
    shortcuts.set(`fst${suffix}_4`, memoryStore(storeSingle, pops !== 0)).set(`fst${suffix}_8`, memoryStore(storeDouble, pops !== 0));
    shortcuts.set(`fist${suffix}_2`, memoryStore(storeInteger16, pops !== 0)).set(`fist${suffix}_4`, memoryStore(storeInteger32, pops !== 0));
  }
  shortcuts.set("fstp_10", memoryStore(storeExtended, true)).set("fistp_8", memoryStore(storeInteger64, true));
  shortcuts.set("fld_4", memoryLoad(single)).set("fld_8", memoryLoad(double)).set("fld_10", memoryLoad(extended));
  shortcuts.set("fild_2", memoryLoad(integer16)).set("fild_4", memoryLoad(integer32)).set("fild_8", memoryLoad(integer64));
  shortcuts.set("fld1", constantLoad(INTEGER_BIT, BIAS)).set("fldz", constantLoad(0, 0));
  shortcuts.set("fabs", signChange(~SIGN_BIT, 0)).set("fchs", signChange(-1, SIGN_BIT));

  shortcuts.set("fldcw_2", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const at = readableHalf(linear!), control = at < 0 ? 0 : ram16[at]!;
    // With nothing pending and nothing unmasked there is no error to report or to take back.
    if (ready() && (control & ALL_MASKED) === ALL_MASKED) S[CONTROL] = (control & 0x1f3f) | 0x40;
    else general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!);
  });

  shortcuts.set("fnstcw_2", (general) => (a, b, linear, size, eip, opcode, offset, selector) => {
    const at = writableHalf(linear!);
    if (at >= 0 && ready()) ram16[at] = S[CONTROL]!;
    else general(a!, b!, linear!, size!, eip!, opcode!, offset!, selector!);
  });
  return shortcuts;
}

/** No int32 and beyond any that rounding makes of one. */
const DECLINED_INTEGER = 2 ** 40;
