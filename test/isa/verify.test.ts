/** The verifier refuses what is malformed, and says why. */
import { describe, expect, test } from "vitest";
import { KIND } from "../../runtime/abi.ts";
import { Builder } from "../../translator/ir/builder.ts";
import type { End, Meaning, Node, Op } from "../../translator/ir/opcodes.ts";
import { printMeaning } from "../../translator/ir/print.ts";
import { IrInvalid, verifyMeaning } from "../../translator/ir/verify.ts";

const NEXT: End = { kind: "next" };
const node = (op: Op, args: readonly Node[] = [], number = 0, name = ""): Node => ({ op, args, number, name });
const constant = (value: number): Node => node("const", [], value);
const eax = (): Node => node("reg32", [constant(0)]);

/** A meaning whose nodes are in the order given. */
const of = (nodes: readonly Node[], end: End = NEXT): Meaning => ({ nodes, end });
const read = eax(), loaded = node("load32", [read]), modified = node("modify32", [constant(64)]), equal = node("eq", [constant(1), constant(2)]);
const set = (value: Node, index = 0): Node => node("setReg32", [constant(index), value]);

const written = set(constant(1));

const MALFORMED: ReadonlyArray<readonly [why: string, meaning: Meaning, known?: boolean]> = [
  ["has 1 arguments, not 2", of([set(node("add", [constant(1)]))])],
  ["argument 1 is bool, not i32", of([set(equal)])],
  ["argument 0 is i32, not bool", of([set(node("bit", [constant(1)]))])],
  ["argument 0 is none, not i32", of([written, node("store32", [written, constant(2)])])],
  ["has no name", of([node("slot")])],
  ["has a name", of([node("setReg32", [constant(0), constant(1)], 0, "eax")])],
  ["is no int32", of([set(constant(2 ** 31))])],
  ["is used before it happens", of([set(read), read])],
  ["is used before it happens", of([], { kind: "indirect", to: read, how: "jump" })],
  ["stands in the list twice", of([read, read])],
  ["so it stands in no list", of([constant(1)])],
  ["the operands are known", of([set(node("field", [], 0, "m"))]), true],
  ["is no field", of([set(node("field", [], 0, "z"))])],
  ["is no state slot", of([node("setSlot", [constant(1)], 0, "rax")])],
  ["is no row of segment words", of([node("slotAt", [constant(0)], 0, "eax")])],
  ["the index is no segment register", of([node("slotAt", [constant(6)], 0, "base0")])],
  ["is no condition code", of([node("condition", [], 16)])],
  ["flag kind inc32 is not for this operation", of([node("setFlags", [constant(1), constant(2)], KIND.inc * 4 + 2)])],
  ["flag kind shl32 is not for this operation", of([node("setFlags", [constant(1), constant(0)], KIND.shl * 4 + 2)])],
  ["flag kind sub8 is not for this operation", of([node("setFlagsIf", [equal, constant(1), constant(0)], KIND.sub * 4)])],
  ["flag kind kind 11 is not for this operation", of([node("setFlags", [constant(1), constant(0)], KIND.sub * 4 + 3)])],
  ["the register number is computed", of([read, node("setReg32", [read, constant(1)])])],
  ["no register 8", of([set(constant(1), 8)])],
  ["no register 2", of([node("setReg8", [constant(2), constant(1)])])],
  ["is never committed", of([modified])],
  ["commits a load32", of([read, loaded, node("commit32", [loaded, constant(1)])])],
  ["commits a modify32", of([modified, node("commit16", [modified, constant(1)])])],
  ["commits a second time", of([modified, node("commit32", [modified, constant(1)]), node("commit32", [modified, constant(2)])])],
  ["may fault after guest state was changed", of([set(constant(1)), node("load32", [constant(64)])])],
  ["may fault after guest state was changed", of([node("putFlags", [constant(0)]), node("guard", [], 0, "checkBounds")])],
  ["may fault after guest state was changed", of([read, set(constant(1)), set(read, 1), node("call", [], 0, "enterFrame")])],
  ["an end of kind branch needs bool", of([], { kind: "branch", condition: constant(1) })],
  ["an end of kind repeat needs i32", of([], { kind: "repeat", again: equal })],
];

describe("refused", () => {
  test.each(MALFORMED.map(([why, meaning, known = false]) => ({ why, meaning, known })))("$why", ({ why, meaning, known }) => {
    expect(() => verifyMeaning(meaning, known)).toThrow(IrInvalid);
    expect(() => verifyMeaning(meaning, known)).toThrow(why);
  });
});

describe("accepted", () => {
  test("a register that got its value back is unchanged", () => {
    const before = eax();
    verifyMeaning(of([before, set(constant(5)), set(before), node("store32", [constant(64), constant(1)])]), true);
  });

  test("a commit cannot fault", () => {
    verifyMeaning(of([modified, set(constant(1)), node("commit32", [modified, constant(2)])]), true);
  });

  test("a shift's flags where its count is known", () => {
    verifyMeaning(of([node("setFlags", [constant(1), constant(3)], KIND.shl * 4 + 2)]), true);
  });
});

describe("printed", () => {
  test("reads stand where they are used, unless something has an effect in between", () => {
    const ir = new Builder(), a = ir.reg(ir.const(3), 4), b = ir.reg(ir.const(0), 4);
    ir.setReg(ir.const(0), 4, ir.add(a, ir.const(4)));
    ir.setReg(ir.const(3), 4, b);
    expect(printMeaning(ir.finish(NEXT))).toEqual(["t0 = reg32 eax", "t1 = add reg32(ebx), 4", "setReg32 eax, t1", "setReg32 ebx, t0", "next"]);
  });

  test("names: bytes, kinds, conditions, fields", () => {
    const ir = new Builder();
    ir.setReg(ir.const(1), 1, ir.bit(ir.condition(12)));
    ir.node("setFlags", [ir.field("m"), ir.const(-300)], KIND.sub * 4 + 1);
    expect(printMeaning(ir.finish({ kind: "branch", condition: ir.condition(5) }))).toEqual([
      "t0 = bit condition(l)", "setReg8 ah, t0", "setFlags sub16 <m>, -0x12c", "branch condition(ne)",
    ]);
  });
});
