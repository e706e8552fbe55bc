/**
 * Puts the operand values of one instruction into the IR of its form, folding constants on the way.
 *
 * This is the whole of specialisation: semantics never ask whether an operand is known, the rules here do.
 */
import type { Fields } from "../form.ts";
import { OPS, type End, type Meaning, type Node, type Op } from "./opcodes.ts";

/** An immediate that the guest changes so often that it is read each time: where its bytes are. */
export interface PatchedImmediate {
  readonly host: number;
  readonly size: 1 | 2 | 4;
  /** A byte that is sign-extended. */
  readonly isSigned: boolean;
}

/** The field that the first immediate stands in. */
const IMMEDIATE = "m";

/**
 * The form's meaning with every `field` replaced by its value, or by what reads it where it is `patched` while the guest runs. Fields that are
 * `isOpen` stay as they are.
 */
export function instantiate(meaning: Meaning, fields: Fields, patched?: PatchedImmediate, isOpen?: (field: string) => boolean): Meaning {
  const copies = new Map<Node, Node | undefined>();
  const nodes: Node[] = [];
  let immediate: Node | undefined;
  const valueOf = (field: string): Node => {
    if (field !== IMMEDIATE || patched === undefined) return constant(fields[field as keyof Fields]);
    if (immediate === undefined) {
      const read: Node = { op: patched.size === 1 ? "code8" : patched.size === 2 ? "code16" : "code32", args: [], number: patched.host, name: "" };
      nodes.push(read);
      immediate = patched.isSigned ? { op: "sext8", args: [read], number: 0, name: "" } : read;
    }
    return immediate;
  };
  const copy = (node: Node): Node => {
    const known = copies.get(node);
    if (known !== undefined) return known;
    const args = node.args.map(copy);
    const made = node.op !== "field" ? fold({ ...node, args }) : isOpen?.(node.name) === true ? node : valueOf(node.name);
    copies.set(node, made);
    return made;
  };
  for (const node of meaning.nodes) {
    const made = copy(node);
    if (made.op === "setFlagsIf" || made.op === "setCarryOverflowIf") nodes.push(...conditionalFlags(made));
    else if (OPS[made.op].effect !== "pure") nodes.push(made);
  }
  return { nodes, end: endOf(meaning.end, copy) };
}

/** An end with its value replaced. */
export function endOf(end: End, copy: (node: Node) => Node): End {
  switch (end.kind) {
    case "branch": return { kind: "branch", condition: copy(end.condition) };
    case "indirect": return { ...end, to: copy(end.to) };
    case "repeat": return { kind: "repeat", again: copy(end.again) };
    case "next": case "jump": case "call": case "transferred": return end;
  }
  return end satisfies never;
}

function constant(value: number): Node { return { op: "const", args: [], number: value | 0, name: "" }; }

/** setFlagsIf(true, a, b) == setFlags(a, b); setFlagsIf(false, …) == nothing; likewise setCarryOverflowIf. */
function conditionalFlags(node: Node): Node[] {
  const [condition, a, b] = node.args as [Node, Node, Node];
  if (condition.op !== "const") return [node];
  return condition.number === 0 ? [] : [{ op: node.op === "setFlagsIf" ? "setFlags" : "setCarryOverflow", args: [a, b], number: node.number, name: "" }];
}

const FOLD: Partial<Record<Op, (a: number, b: number) => number>> = {
  add: (a, b) => a + b, sub: (a, b) => a - b, mul: Math.imul, and: (a, b) => a & b, or: (a, b) => a | b, xor: (a, b) => a ^ b,
  shl: (a, b) => a << b, shr: (a, b) => a >>> b, sar: (a, b) => a >> b, not: (a) => ~a, neg: (a) => -a, clz: Math.clz32,
  zext8: (a) => a & 0xff, zext16: (a) => a & 0xffff, sext8: (a) => (a << 24) >> 24, sext16: (a) => (a << 16) >> 16,
  eq: (a, b) => Number(a === b), ne: (a, b) => Number(a !== b), ltu: (a, b) => Number(a >>> 0 < b >>> 0), leu: (a, b) => Number(a >>> 0 <= b >>> 0),
  lts: (a, b) => Number(a < b), les: (a, b) => Number(a <= b), bnot: (a) => Number(a === 0), bit: (a) => a,
};

/** The zero register's number (translator/form.ts). */
const ZERO = 8;

/** Rewrites one node whose arguments are already folded; every rule shows its equation. */
function fold(node: Node): Node {
  const [a, b, c] = node.args;
  const compute = FOLD[node.op];
  if (compute !== undefined && a?.op === "const" && (b === undefined || b.op === "const")) return constant(compute(a.number, b?.number ?? 0));
  switch (node.op) {
    // zero register == 0
    case "reg32": return a!.op === "const" && a!.number === ZERO ? constant(0) : node;
    // x op 0 == x
    case "shl": case "shr": case "sar": case "sub":
      return b!.op === "const" && b!.number === 0 ? a! : node;
    // x + 0 == 0 + x == x; likewise or; x ^ x == 0
    case "add": case "or": case "xor":
      if (b!.op === "const" && b!.number === 0) return a!;
      if (a!.op === "const" && a!.number === 0) return b!;
      return node.op === "xor" && sameRegister(a!, b!) ? constant(0) : node;
    case "compute": return throughCarry(node);
    // select(true, x, y) == x
    case "select": return a!.op === "const" ? (a!.number === 0 ? c! : b!) : node;
    default: return node;
  }
}

const bits = (op: "shl" | "shr" | "or" | "and", a: Node, b: Node): Node => fold({ op, args: [a, b], number: 0, name: "" });

/** RCL and RCR of 32 bits by a known count: the value and its carry as one number of 33 bits, rotated. */
function throughCarry(node: Node): Node {
  const [value, carry, by, width] = node.args;
  if (!/^rc[lr](Carry)?$/.test(node.name) || by?.op !== "const" || width?.op !== "const" || width.number !== 32) return node;
  const n = by.number, c = carry!, v = value!, k = (count: number): Node => constant(count);
  // x >>> 32 == 0: shifts take their count modulo 32, so that one bit is moved apart
  switch (node.name) {
    // rcl(v:c, n) == v << n | c << n - 1 | v >>> 33 - n
    case "rcl": return n === 0 ? v : bits("or", bits("or", bits("shl", v, k(n)), bits("shl", c, k(n - 1))), bits("shr", bits("shr", v, k(1)), k(32 - n)));
    case "rclCarry": return n === 0 ? c : bits("and", bits("shr", v, k(32 - n)), k(1));
    // rcr(v:c, n) == v >>> n | c << 32 - n | v << 33 - n
    case "rcr": return n === 0 ? v : bits("or", bits("or", bits("shr", v, k(n)), bits("shl", c, k(32 - n))), bits("shl", bits("shl", v, k(1)), k(32 - n)));
    default: return n === 0 ? c : bits("and", bits("shr", v, k(n - 1)), k(1));
  }
}

/** Two reads of one register in one instruction, before it writes. */
function sameRegister(a: Node, b: Node): boolean {
  return a.op === b.op && a.op.startsWith("reg") && a.args[0]!.op === "const" && b.args[0]!.op === "const" && a.args[0]!.number === b.args[0]!.number;
}
