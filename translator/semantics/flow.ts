/** Control transfer within a segment (SDM volume 1, 7.3.8). */
import type { End, Node } from "../ir/opcodes.ts";
import { ECX, type Semantics, type SemanticFunction } from "./context.ts";

/** An offset in CS, cut to the operand size. */
function offset(s: Semantics, to: Node): Node { return s.form.operandSize === 2 ? s.ir.zext(to, 2) : to; }

/** Whether a direct target can be a fixed place in a flat code segment. */
function fixed(s: Semantics): boolean { return s.form.mode.flat && s.form.operandSize === 4; }

function target(s: Semantics): Node { return offset(s, s.ir.add(s.ir.nextEip(), s.ir.field("k"))); }

const jmpNear: SemanticFunction = (s) => (fixed(s) ? { kind: "jump" } : { kind: "indirect", to: target(s), how: "jump" });

const jmpIndirect: SemanticFunction = (s) => ({ kind: "indirect", to: offset(s, s.read(0)), how: "jump" });

function branch(s: Semantics, condition: Node): End {
  if (fixed(s)) return { kind: "branch", condition };
  const to = s.ir.select(condition, target(s), s.ir.nextEip());
  return { kind: "indirect", to: checked(s, to), how: "jump" };
}

/** A target beyond the code segment's limit is a fault of the transfer, before it changes anything. */
function checked(s: Semantics, to: Node): Node {
  if (!s.form.mode.flat) s.ir.guard("checkCodeLimit", to);
  return to;
}

const jcc: SemanticFunction = (s) => branch(s, s.ir.condition(s.form.condition));

const jcxz: SemanticFunction = (s) => branch(s, s.ir.eq(s.reg(ECX, s.form.addressSize), s.const(0)));

/** LOOP, LOOPE, LOOPNE count down (E)CX, flags untouched. */
function loop(zero: boolean | undefined): SemanticFunction {
  return (s) => {
    const { ir } = s, size = s.form.addressSize;
    const count = ir.sub(s.reg(ECX, size), s.const(1));
    const more = ir.ne(ir.zext(count, size), s.const(0));
    const condition = zero === undefined ? more : ir.band(more, zero ? ir.condition(4) : ir.bnot(ir.condition(4)));
    const end = branch(s, condition);
    s.setReg(ECX, size, count);
    return end;
  };
}

const callNear: SemanticFunction = (s) => {
  if (fixed(s)) {
    s.push(s.ir.nextEip());
    return { kind: "call" };
  }
  const to = checked(s, target(s));
  s.push(s.ir.nextEip());
  return { kind: "indirect", to, how: "call" };
};

const callIndirect: SemanticFunction = (s) => {
  const to = checked(s, offset(s, s.read(0)));
  s.push(s.ir.nextEip());
  return { kind: "indirect", to, how: "call" };
};

const retNear: SemanticFunction = (s) => {
  const size = s.form.operandSize, to = checked(s, s.top());
  s.drop(s.form.operands.length === 0 ? size : s.ir.add(s.read(0), s.const(size)));
  return { kind: "indirect", to, how: "return" };
};

const nop: SemanticFunction = () => {};

export const flow: Record<string, SemanticFunction> = {
  jmp_near: jmpNear, jmp_indirect: jmpIndirect, jcc, jcxz, loop: loop(undefined), loope: loop(true), loopne: loop(false),
  call_near: callNear, call_indirect: callIndirect, ret_near: retNear, nop,
};
