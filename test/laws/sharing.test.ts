/** Equal instructions share what follows from their bytes; the code that is made of them is the same as if none did. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formOf, Forms, Patterns, decode, discover, regionText, type CodeView, type Fields } from "../../translator/translate.ts";
import { branchingCode, CODE_AT, frameCode, hex, MODE, straightCode } from "./code.ts";

const LIMITS = { instructions: 100, depth: 2 };
const ROOM = 15;

function newPatterns(): Patterns { return new Patterns(new Forms(MODE)); }

/** All of this code counts as executed; equal instructions are one object where the patterns are the same. */
function viewOf(code: Uint8Array, patternsAt: () => Patterns): CodeView {
  return {
    executed(address) {
      const offset = address - CODE_AT;
      if (offset < 0 || offset >= code.length) return undefined;
      const found = patternsAt().whole(code, offset, code.length - offset);
      return "failure" in found ? undefined : found;
    },
  };
}

function textOf(view: CodeView): string | undefined {
  const blocks = discover(CODE_AT, view, LIMITS);
  return blocks === undefined ? undefined : regionText(blocks).print();
}

describe("equal instructions", () => {
  it.each([["straight-line code", straightCode], ["branches", branchingCode], ["frames", frameCode]] as const)("make the same %s as separate ones", (_name, code) => {
    const patterns = newPatterns();
    fc.assert(fc.property(code, (bytes) => {
      const twice = Uint8Array.from([...bytes, ...bytes]);
      expect(textOf(viewOf(twice, () => patterns)), hex(twice)).toBe(textOf(viewOf(twice, newPatterns)));
    }), { numRuns: 60 });
  });

  it("are one object, and tell other values apart", () => {
    const patterns = newPatterns(), add = [0x83, 0xc0, 0x05], code = Uint8Array.from([...add, ...add, 0x83, 0xc0, 0x06, 0xc7, 0x45, 0xfc, 1, 0, 0, 0, 0xc7, 0x45, 0xfc, 2, 0, 0, 0, ...Array.from<number>({ length: ROOM }).fill(0x90)]);
    const at = (offset: number): ReturnType<Patterns["whole"]> => patterns.whole(code, offset, code.length - offset);
    expect(at(3)).toBe(at(0));
    expect(at(6)).not.toBe(at(0));
    expect(at(16)).not.toBe(at(9));
    for (const offset of [0, 6, 9, 16]) {
      const instruction = decode(code, offset, code.length - offset, MODE), fields: Fields = { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 };
      if ("failure" in instruction) throw new Error("no instruction");
      expect(at(offset)).toEqual({ instruction, form: formOf(instruction, MODE, fields), fields });
    }
  });

  it("are decoded anew where there is no room for their bytes", () => {
    const patterns = newPatterns(), code = Uint8Array.of(0xb8, 1, 2, 3, 4);
    expect(patterns.whole(code, 0, 5)).toMatchObject({ fields: { m: 0x04030201 } });
    expect(patterns.whole(code, 0, 4)).toEqual({ failure: "truncated" });
  });
});
