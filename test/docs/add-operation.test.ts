/**
 * HACKING.md, "Add an IR operation": an operation is folded, lowered and printed, and all agree.
 *
 * The law: over edge values, the JavaScript that an operation becomes computes what folding makes of it.
 */
import { generate } from "astring";
import { describe, expect, it } from "vitest";
import { number } from "../../translator/emit/estree.ts";
import { MEMORY, NEAR } from "../../translator/emit/access-templates.ts";
import { PURE } from "../../translator/emit/lowering.ts";
import { Builder } from "../../translator/ir/builder.ts";
import { instantiate } from "../../translator/ir/instantiate.ts";
import { OPS, type Node, type Op } from "../../translator/ir/opcodes.ts";
import { printMeaning } from "../../translator/ir/print.ts";

const OPERATIONS = Object.keys(OPS) as Op[];
const FIELDS = { d: 0, s: 0, b: 8, x: 8, c: 0, p: 0, m: 0, k: 0 };
const EDGES = [0, 1, 2, 7, 8, 31, 32, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, -0x80000000, -2, -1, 0x12345678];

/** Pure operations on integers. */
const integer = OPERATIONS.filter((op) => OPS[op].effect === "pure" && OPS[op].args.length > 0 && OPS[op].args.every((type) => type === "i32"));

/** What folding makes of constants, or undefined. */
function folded(op: Op, values: readonly number[]): number | undefined {
  const ir = new Builder(), result = ir.node(op, values.map((value) => ir.const(value)));
  ir.setReg(ir.const(0), 4, result);
  const made = instantiate(ir.finish({ kind: "next" }), FIELDS).nodes[0]!.args[1]!;
  return made.op === "const" ? made.number : undefined;
}

function emitted(op: Op, values: readonly number[]): number {
  const text = generate(PURE[op]!(Object.fromEntries(values.map((value, k) => [k, number(value)]))));
  return Number(new Function("imul", "clz32", `return ${text};`)(Math.imul, Math.clz32));
}

describe("an IR operation", () => {
  it("has a lowering where it is pure, a memory template where it accesses memory", () => {
    const elsewhere = new Set<Op>(["const", "field", "compute", "guard", "probe", "linear"]); // written down in InstructionEmitter itself
    expect(OPERATIONS.filter((op) => OPS[op].effect === "pure" && PURE[op] === undefined && !elsewhere.has(op))).toEqual([]);
    expect(OPERATIONS.filter((op) => OPS[op].effect === "memory" && MEMORY[op] === undefined && NEAR[op] === undefined && !elsewhere.has(op))).toEqual([]);
  });

  it.each(integer)("%s means the same folded and emitted", (op) => {
    const cases = OPS[op].args.length === 1 ? EDGES.map((a) => [a]) : EDGES.flatMap((a) => EDGES.map((b) => [a, b]));
    for (const values of cases) expect([op, values, folded(op, values)]).toEqual([op, values, emitted(op, values)]);
  });

  it("clz, the document's example, prints and folds", () => {
    const ir = new Builder(), bits: Node = ir.clz(ir.field("m"));
    ir.setReg(ir.const(0), 4, bits);
    expect(printMeaning(ir.finish({ kind: "next" }))).toEqual(["t0 = clz <m>", "setReg32 eax, t0", "next"]);
    expect(folded("clz", [0])).toBe(32);
  });
});
