/** Functions of the ABI that WebAssembly has instructions for. What they contract is said where they are functions (runtime/arithmetic.ts, runtime/fpu/pairs.ts). */
import type { Expression } from "estree";
import { SLOT } from "../../runtime/abi.ts";
import type { Kind } from "./body.ts";
import type { Expressions } from "./expressions.ts";
import { integer } from "./elements.ts";
import { OPCODE, TYPE } from "./opcodes.ts";

interface Intrinsic {
  /** Of its result; undefined where it has none. */
  readonly kind: Kind | undefined;
  /** False where it has to be called, and nothing was emitted. */
  emit(code: Expressions, args: readonly Expression[]): boolean;
}

const LONG = 32;
/** May be evaluated twice: a name, a number, a word of the state. */
function isPlain(expression: Expression | undefined): expression is Expression {
  if (expression === undefined || expression.type === "Identifier") return expression !== undefined;
  return integer(expression) !== undefined || expression.type === "MemberExpression" && integer(expression.property as Expression) !== undefined;
}

function operation(opcode: number): Intrinsic {
  return {
    kind: "i32",
    emit(code, args) {
      for (const arg of args) code.int(arg);
      code.op(opcode);
      return true;
    },
  };
}

function onDoubles(...opcodes: readonly number[]): Intrinsic {
  return {
    kind: "f64",
    emit(code, [value]) {
      code.float(value!);
      for (const opcode of opcodes) code.op(opcode);
      return true;
    },
  };
}

function productHigh(extend: number): Intrinsic {
  return {
    kind: "i32",
    emit(code, args) {
      for (const arg of args) {
        code.int(arg);
        code.op(extend);
      }
      code.op(OPCODE.mulLong);
      code.constantLong(LONG);
      code.op(OPCODE.shrLong);
      code.op(OPCODE.wrap);
      return true;
    },
  };
}

/** (high:low) / divisor. Where high only extends low, 32 bits are divided, which processors do faster. */
function quotient(extend: number, short: number, long: number, isExtended: (code: Expressions, high: Expression, low: Expression) => void): Intrinsic {
  return {
    kind: "i32",
    emit(code, [high, low, divisor]) {
      if (!isPlain(high) || !isPlain(low) || !isPlain(divisor)) return false;
      isExtended(code, high, low);
      code.openIf(undefined, TYPE.i32);
      code.int(low);
      code.int(divisor);
      code.op(short);
      code.op(OPCODE.else);
      code.int(high);
      code.op(OPCODE.extendu);
      code.constantLong(LONG);
      code.op(OPCODE.shlLong);
      code.int(low);
      code.op(OPCODE.extendu);
      code.op(OPCODE.orLong);
      code.int(divisor);
      code.op(extend);
      code.op(long);
      code.op(OPCODE.wrap);
      code.close();
      return true;
    },
  };
}

/** A test that raises: called where `isBad` leaves another value than 0. */
function check(name: string, isBad: (code: Expressions, args: readonly Expression[]) => void): Intrinsic {
  return {
    kind: undefined,
    emit(code, args) {
      if (!args.every(isPlain)) return false;
      isBad(code, args);
      code.openIf("unlikely");
      for (const arg of args) code.int(arg);
      code.call(code.imports.of(name, args.map(() => TYPE.i32), undefined));
      code.close();
      return true;
    },
  };
}

/** Bits of EFLAGS. */
const TF = 1 << 8, IF = 1 << 9, AC = 1 << 18, IOPL_SHIFT = 12;

/** A float64 at a byte of RAM, aligned or not. */
const RAM = "ram8";

export const INTRINSICS: ReadonlyMap<string, Intrinsic> = new Map(Object.entries<Intrinsic>({
  imul: operation(OPCODE.mul), clz32: operation(OPCODE.clz),
  abs: onDoubles(OPCODE.absDouble), fround: onDoubles(OPCODE.demote, OPCODE.promote),
  multiplyHighUnsigned: productHigh(OPCODE.extendu), multiplyHighSigned: productHigh(OPCODE.extends),
  quotientUnsigned: quotient(OPCODE.extendu, OPCODE.divu, OPCODE.divuLong, (code, high) => {
    code.int(high);
    code.op(OPCODE.eqz);
  }),
  quotientSigned: quotient(OPCODE.extends, OPCODE.divs, OPCODE.divsLong, (code, high, low) => {
    code.int(high);
    code.int(low);
    code.constant(31);
    code.op(OPCODE.sar);
    code.op(OPCODE.eq);
  }),
  narrowQuotientUnsigned: operation(OPCODE.divu), narrowRemainderUnsigned: operation(OPCODE.remu),
  narrowQuotientSigned: operation(OPCODE.divs), narrowRemainderSigned: operation(OPCODE.rems),
  checkDivideUnsigned: check("checkDivideUnsigned", (code, [high, , divisor]) => {
    code.int(high!);
    code.int(divisor!);
    code.op(OPCODE.geu);
  }),
  /** Good for certain: the dividend is an int32, and the divisor neither 0 nor -1. */
  checkDivideSigned: check("checkDivideSigned", (code, [high, low, divisor]) => {
    code.int(high!);
    code.int(low!);
    code.constant(31);
    code.op(OPCODE.sar);
    code.op(OPCODE.ne);
    code.int(divisor!);
    code.constant(1);
    code.op(OPCODE.add);
    code.constant(2);
    code.op(OPCODE.ltu);
    code.op(OPCODE.or);
  }),
  checkNarrowUnsigned: check("checkNarrowUnsigned", (code, [dividend, divisor, size]) => {
    code.int(dividend!);
    code.constant(8 * integer(size!)!);
    code.op(OPCODE.shr);
    code.int(divisor!);
    code.op(OPCODE.geu);
  }),
  requireIoPrivilege: check("requireIoPrivilege", (code, [cpl, eflags]) => {
    code.int(cpl!);
    code.int(eflags!);
    code.constant(IOPL_SHIFT);
    code.op(OPCODE.sar);
    code.constant(3);
    code.op(OPCODE.and);
    code.op(OPCODE.gts);
  }),
  requirePrivilege: {
    kind: undefined,
    emit(code) {
      const state = code.environment.arrays.get("state");
      if (state === undefined) return false;
      code.constant(0);
      code.access(OPCODE.load, 2, state + 4 * SLOT.cpl);
      code.openIf("unlikely");
      code.call(code.imports.of("requirePrivilege", [], undefined));
      code.close();
      return true;
    },
  },
  /** AC changes, TF is set, or IF becomes set. */
  requireQuietFlags: check("requireQuietFlags", (code, [before, after]) => {
    code.int(before!);
    code.int(after!);
    code.op(OPCODE.xor);
    code.int(after!);
    code.constant(AC);
    code.op(OPCODE.or);
    code.op(OPCODE.and); // of what changes, what becomes set, and AC
    code.constant(AC | IF);
    code.op(OPCODE.and);
    code.int(after!);
    code.constant(TF);
    code.op(OPCODE.and);
    code.op(OPCODE.or);
  }),
  x87Double: {
    kind: "f64",
    emit(code, [host]) {
      const base = code.environment.arrays.get(RAM);
      if (base === undefined) return false;
      code.int(host!);
      code.access(OPCODE.loadDouble, 0, base);
      return true;
    },
  },
  x87SetDouble: {
    kind: undefined,
    emit(code, [host, value]) {
      const base = code.environment.arrays.get(RAM);
      if (base === undefined) return false;
      code.int(host!);
      code.float(value!);
      code.access(OPCODE.storeDouble, 0, base);
      return true;
    },
  },
}));
