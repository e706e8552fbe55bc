/** Binary and decimal arithmetic, logic (SDM volume 1, 7.3.2–7.3.4). */
import type { Node } from "../ir/opcodes.ts";
import { AH, AL, EAX, EDX, type Semantics, type SemanticFunction } from "./context.ts";

const add: SemanticFunction = (s) => {
  const b = s.read(1);
  let a: Node | undefined;
  s.modify(0, (old) => s.ir.add(a = old, b));
  s.flagsAdd(a!, b);
};

const sub: SemanticFunction = (s) => {
  const b = s.read(1);
  let a: Node | undefined;
  s.modify(0, (old) => s.ir.sub(a = old, b));
  s.flagsSub(a!, b);
};

const adc: SemanticFunction = (s) => {
  const b = s.read(1);
  let a: Node | undefined, carry: Node | undefined;
  s.modify(0, (old) => { a = old; carry = s.ir.carry(); return s.ir.add(s.ir.add(old, b), carry); });
  s.flagsAddCarry(a!, b, carry!);
};

const sbb: SemanticFunction = (s) => {
  const b = s.read(1);
  let a: Node | undefined, carry: Node | undefined;
  s.modify(0, (old) => { a = old; carry = s.ir.carry(); return s.ir.sub(s.ir.sub(old, b), carry); });
  s.flagsSubBorrow(a!, b, carry!);
};

const cmp: SemanticFunction = (s) => s.flagsSub(s.read(0), s.read(1));

const test: SemanticFunction = (s) => s.flagsLogic(s.ir.and(s.read(0), s.read(1)));

function logic(operation: "and" | "or" | "xor"): SemanticFunction {
  return (s) => {
    const b = s.read(1);
    let result: Node | undefined;
    s.modify(0, (a) => (result = s.ir[operation](a, b)));
    s.flagsLogic(result!);
  };
}

const not: SemanticFunction = (s) => s.modify(0, (a) => s.ir.not(a));

const neg: SemanticFunction = (s) => {
  let a: Node | undefined;
  s.modify(0, (old) => { a = old; return s.ir.neg(old); });
  s.flagsSub(s.const(0), a!);
};

const inc: SemanticFunction = (s) => {
  let result: Node | undefined, carry: Node | undefined;
  s.modify(0, (a) => { carry = s.ir.carry(); return (result = s.ir.add(a, s.const(1))); });
  s.flagsIncrement(result!, carry!);
};

const dec: SemanticFunction = (s) => {
  let result: Node | undefined, carry: Node | undefined;
  s.modify(0, (a) => { carry = s.ir.carry(); return (result = s.ir.sub(a, s.const(1))); });
  s.flagsDecrement(result!, carry!);
};

/** MUL: the double-width product goes to AX, DX:AX or EDX:EAX. */
const mul: SemanticFunction = (s) => {
  const { ir, size } = s, a = s.reg(size === 1 ? AL : EAX, size), b = s.read(0);
  if (size === 4) {
    const low = ir.mul(a, b), high = ir.compute("multiplyHighUnsigned", a, b);
    s.flagsMultiply(low, high);
    s.setReg(EAX, 4, low);
    s.setReg(EDX, 4, high);
    return;
  }
  const product = ir.mul(a, b), high = ir.shr(product, s.const(size * 8));
  s.flagsMultiply(product, high);
  writeProduct(s, product);
};

/** IMUL with one operand. */
const imul1: SemanticFunction = (s) => {
  const { ir, size } = s, a = ir.sext(s.reg(size === 1 ? AL : EAX, size), size), b = ir.sext(s.read(0), size);
  const low = ir.mul(a, b);
  s.flagsSignedMultiply(a, b);
  if (size !== 4) { writeProduct(s, low); return; }
  const high = ir.compute("multiplyHighSigned", a, b);
  s.setReg(EAX, 4, low);
  s.setReg(EDX, 4, high);
};

function writeProduct(s: Semantics, product: Node): void {
  s.setReg(EAX, 2, product);
  if (s.size === 2) s.setReg(EDX, 2, s.ir.shr(product, s.const(16)));
}

/** IMUL with two or three operands: the product is cut to the operand size. */
const imul: SemanticFunction = (s) => {
  const { ir, size } = s, three = s.form.operands.length === 3;
  const a = ir.sext(s.read(three ? 1 : 0), size), b = ir.sext(s.read(three ? 2 : 1), size);
  s.flagsSignedMultiply(a, b);
  s.write(0, ir.mul(a, b));
};

/** DIV and IDIV leave the flags undefined: they stay. #DE where the quotient does not fit. */
const div: SemanticFunction = (s) => divide(s, "Unsigned");
const idiv: SemanticFunction = (s) => divide(s, "Signed");

function divide(s: Semantics, sign: "Unsigned" | "Signed"): void {
  const { ir, size } = s, signed = sign === "Signed";
  const divisor = signed ? ir.sext(s.read(0), size) : s.read(0);
  if (size === 4) {
    const high = s.reg(EDX), low = s.reg(EAX);
    ir.guard(`checkDivide${sign}`, high, low, divisor);
    const quotient = ir.compute(`quotient${sign}`, high, low, divisor);
    s.setReg(EAX, 4, quotient);
    s.setReg(EDX, 4, ir.sub(low, ir.mul(quotient, divisor)));
    return;
  }
  const dividend = size === 1
    ? (signed ? ir.sext(s.reg(EAX, 2), 2) : s.reg(EAX, 2))
    : ir.or(ir.shl(s.reg(EDX, 2), s.const(16)), s.reg(EAX, 2));
  ir.guard(`checkNarrow${sign}`, dividend, divisor, s.const(size));
  const quotient = ir.compute(`narrowQuotient${sign}`, dividend, divisor), remainder = ir.compute(`narrowRemainder${sign}`, dividend, divisor);
  if (size === 1) s.setReg(EAX, 2, ir.or(ir.zext(quotient, 1), ir.shl(remainder, s.const(8))));
  else {
    s.setReg(EAX, 2, quotient);
    s.setReg(EDX, 2, remainder);
  }
}

/** DAA, DAS, AAA, AAS: AX and the flags from AX and the flags, in one runtime function each. */
function decimal(name: string): SemanticFunction {
  return (s) => {
    const ax = s.reg(EAX, 2), flags = s.ir.flags();
    s.putFlags(s.ir.compute(`${name}Flags`, ax, flags));
    s.setReg(EAX, 2, s.ir.compute(name, ax, flags));
  };
}

const aam: SemanticFunction = (s) => {
  const { ir } = s, base = ir.zext(s.read(0), 1), al = s.reg(AL, 1);
  ir.guard("checkNarrowUnsigned", al, base, s.const(1));
  const quotient = ir.compute("narrowQuotientUnsigned", al, base), remainder = ir.compute("narrowRemainderUnsigned", al, base);
  s.flagsLogic(remainder, 1);
  s.setReg(EAX, 2, ir.or(ir.shl(quotient, s.const(8)), remainder));
};

const aad: SemanticFunction = (s) => {
  const { ir } = s, sum = ir.zext(ir.add(s.reg(AL, 1), ir.mul(s.reg(AH, 1), s.read(0))), 1);
  s.flagsLogic(sum, 1);
  s.setReg(EAX, 2, sum);
};

const clc: SemanticFunction = (s) => s.flagCarry(s.const(0));
const stc: SemanticFunction = (s) => s.flagCarry(s.const(1));
const cmc: SemanticFunction = (s) => s.flagCarry(s.ir.xor(s.ir.carry(), s.const(1)));

export const integer: Record<string, SemanticFunction> = {
  add, sub, adc, sbb, cmp, test, and: logic("and"), or: logic("or"), xor: logic("xor"), not, neg, inc, dec, mul, imul1, imul, div, idiv,
  daa: decimal("daa"), das: decimal("das"), aaa: decimal("aaa"), aas: decimal("aas"), aam, aad, clc, stc, cmc,
};

