/** What is printed is what was built: every generated function parses back to its tree, and printing that again gives the same text. */
import { parseExpressionAt } from "acorn";
import { generate } from "astring";
import type { Node as TreeNode } from "estree";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { decode, discover, formOf, handlerText, regionText } from "../../translator/translate.ts";
import { anyInstruction, branchingCode, CODE_AT, hex, MODE, viewOf } from "./code.ts";

/** Trees that the translator handed to the printer, by their text. */
const printed = vi.hoisted(() => new Map<string, unknown>());

vi.mock("astring", async (original) => {
  const real = await original<typeof import("astring")>();
  return {
    ...real,
    generate: (tree: TreeNode) => {
      const text = real.generate(tree);
      printed.set(text, tree);
      return text;
    },
  };
});

/** A tree without positions, spellings of literals and what is false or absent. */
function bare(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(bare);
  if (node === null || typeof node !== "object") return node;
  return Object.fromEntries(Object.entries(node).filter(([key, value]) => !["start", "end", "raw"].includes(key) && value !== false && value !== null && value !== undefined)
    .map(([key, value]) => [key, bare(value)]));
}

function expectRoundTrip(source: string, code: Uint8Array): void {
  const built = printed.get(source), parsed = parseExpressionAt(source, 0, { ecmaVersion: 2022 });
  expect(built, "the printer was asked for this text").toBeDefined();
  expect(bare(parsed), hex(code)).toEqual(bare(built));
  expect(generate(parsed)).toBe(source);
}

test("regions", () => {
  let regions = 0;
  fc.assert(fc.property(branchingCode, (code) => {
    const blocks = discover(CODE_AT, viewOf(code), { instructions: 60, depth: 2 });
    if (blocks === undefined) return;
    regions++;
    expectRoundTrip(regionText(blocks).print(), code);
  }), { numRuns: 150 });
  expect(regions).toBeGreaterThan(100);
});

test("handlers", () => {
  fc.assert(fc.property(anyInstruction, fc.boolean(), fc.boolean(), fc.boolean(), (code, flat, profile, backward) => {
    const instruction = decode(code, 0, code.length, MODE);
    if ("failure" in instruction) return;
    const form = formOf(instruction, { ...MODE, flat }, { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 });
    expectRoundTrip(handlerText(form, profile, backward).source, code);
  }), { numRuns: 400 });
});
