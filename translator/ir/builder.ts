/** Builds nodes, checks them against the table, and keeps those that have an effect in guest order. */
import { OPS, type End, type Meaning, type Node, type Op } from "./opcodes.ts";

/** Constructors for every operation. Nodes with an effect other than "pure" are appended as they are made. */
export class Builder {
  readonly nodes: Node[] = [];

  node(op: Op, args: readonly Node[] = [], number = 0, name = ""): Node {
    const made: Node = { op, args, number, name };
    if (OPS[op].effect !== "pure") this.nodes.push(made);
    return made;
  }

  const(value: number): Node { return this.node("const", [], value | 0); }
  field(name: string): Node { return this.node("field", [], 0, name); }

  add(a: Node, b: Node): Node { return this.node("add", [a, b]); }
  sub(a: Node, b: Node): Node { return this.node("sub", [a, b]); }
  mul(a: Node, b: Node): Node { return this.node("mul", [a, b]); }
  and(a: Node, b: Node): Node { return this.node("and", [a, b]); }
  or(a: Node, b: Node): Node { return this.node("or", [a, b]); }
  xor(a: Node, b: Node): Node { return this.node("xor", [a, b]); }
  shl(a: Node, count: Node): Node { return this.node("shl", [a, count]); }
  shr(a: Node, count: Node): Node { return this.node("shr", [a, count]); }
  sar(a: Node, count: Node): Node { return this.node("sar", [a, count]); }
  not(a: Node): Node { return this.node("not", [a]); }
  neg(a: Node): Node { return this.node("neg", [a]); }
  clz(a: Node): Node { return this.node("clz", [a]); }
  eq(a: Node, b: Node): Node { return this.node("eq", [a, b]); }
  ne(a: Node, b: Node): Node { return this.node("ne", [a, b]); }
  ltu(a: Node, b: Node): Node { return this.node("ltu", [a, b]); }
  lts(a: Node, b: Node): Node { return this.node("lts", [a, b]); }
  bnot(a: Node): Node { return this.node("bnot", [a]); }
  band(a: Node, b: Node): Node { return this.node("band", [a, b]); }
  bit(a: Node): Node { return this.node("bit", [a]); }
  select(condition: Node, yes: Node, no: Node): Node { return this.node("select", [condition, yes, no]); }
  compute(name: string, ...args: Node[]): Node { return this.node("compute", args, 0, name); }

  /** The low `size` bytes, zero- or sign-extended. */
  zext(a: Node, size: number): Node { return size === 4 ? a : this.node(size === 1 ? "zext8" : "zext16", [a]); }
  sext(a: Node, size: number): Node { return size === 4 ? a : this.node(size === 1 ? "sext8" : "sext16", [a]); }

  reg(index: Node, size: number): Node { return this.node(size === 1 ? "reg8" : size === 2 ? "reg16" : "reg32", [index]); }
  setReg(index: Node, size: number, value: Node): void { this.node(size === 1 ? "setReg8" : size === 2 ? "setReg16" : "setReg32", [index, value]); }
  slot(name: string): Node { return this.node("slot", [], 0, name); }
  slotAt(name: string, index: Node): Node { return this.node("slotAt", [index], 0, name); }
  setSlot(name: string, value: Node): void { this.node("setSlot", [value], 0, name); }
  nextEip(): Node { return this.node("nextEip"); }

  load(linear: Node, size: number): Node { return this.node(size === 1 ? "load8" : size === 2 ? "load16" : "load32", [linear]); }
  store(linear: Node, size: number, value: Node): void { this.node(size === 1 ? "store8" : size === 2 ? "store16" : "store32", [linear, value]); }
  modify(linear: Node, size: number): Node { return this.node(size === 1 ? "modify8" : size === 2 ? "modify16" : "modify32", [linear]); }
  commit(modified: Node, size: number, value: Node): void { this.node(size === 1 ? "commit8" : size === 2 ? "commit16" : "commit32", [modified, value]); }

  condition(code: number): Node { return this.node("condition", [], code); }
  carry(): Node { return this.node("carry"); }
  flags(): Node { return this.node("flags"); }

  guard(name: string, ...args: Node[]): void { this.node("guard", args, 0, name); }
  call(name: string, ...args: Node[]): Node { return this.node("call", args, 0, name); }
  monitor(name: string, ...args: Node[]): Node { return this.node("monitor", args, 0, name); }

  finish(end: End): Meaning { return { nodes: this.nodes, end }; }
}
