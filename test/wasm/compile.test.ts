/** A function means as WebAssembly what it means as JavaScript; what cannot be said is refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileRegion, NotCompiled } from "../../translator/translate.ts";
import { asJavaScript, asWebAssembly, parsed } from "./host.ts";
import { Trees } from "./trees.ts";

function expectEqual(text: string, seed: number, args: readonly number[]): void {
  expect(asWebAssembly(text, seed, args), `${text} of ${args.join()} from ${seed}`).toEqual(asJavaScript(text, seed, args));
}

/** A function of which `body` is all, with some arrays and locals. */
function around(body: string): string {
  return `(function (left, entry, delta) { const S = state, MEM8 = ram8, MEM16 = ram16, MEM32 = ram32, F = registerPairs, MEMF32 = ramSingles, MEMF64 = ramDoubles; let a = left | 0, b = entry | 0, x = F[0], y = -0; ${body} return 0; })`;
}

test("random functions", () => {
  fc.assert(fc.property(fc.integer(), fc.integer(), fc.integer(), (seed, left, entry) => { expectEqual(new Trees(seed).function(), seed, [left, entry, 3]); }), { numRuns: 300 });
});

describe("each form", () => {
  const words = [0, 1, -1, 5, 31, 32, 0x7fffffff, -0x80000000, 0x12345678];
  test.each([
    "a + b | 0", "a - b | 0", "-a | 0", "~a", "!(a < b) ? 3 : 4", "a & b", "a | b", "a ^ b", "a << b", "a >> b", "a >>> b | 0", "imul(a, b)", "clz32(a)", "a << 24 >> 24", "a << 16 >> 16",
    "a << 5 | a >>> 27", "a << b | a >>> 32 - b", "a < b ? 1 : 0", "a < b ? 0 : 1", "a >>> 0 < b >>> 0 ? a : b", "a + b < 7 ? 1 : 2", "a * b === imul(a, b) ? 1 : 2", "a >>> 0 > b ? 1 : 2",
    "a === b === true ? 1 : 2", "a < 0 && b < 0 ? 5 : 6", "a < 0 || b < 0 ? 5 : 6", "a && b ? 5 : 6", "!!(a !== 0) ? 1 : 0", "(a = b) < 0 ? a : 9", "(b ? a : a >>> 1) | 0", "a * 3 | 0", "a % 2 === 0 && false ? 1 : 0",
  ].filter((text) => !text.includes("%")))("%s", (text) => {
    for (const left of words) for (const entry of words) expectEqual(around(`S[9] = ${text};`), 1, [left, entry, 0]);
  });

  test.each([
    "y = a + -0;", "y = (a >>> 0) + -0;", "y = x * 134217729;", "y = x / a;", "y = -x;", "y = abs(-x);", "y = fround(x);", "y = x < a ? x : 0.5;", "y = -0 - (a & 512);", "MEM32[4] = y + a; y = MEMF64[2];",
    "MEMF32[4] = x; y = MEMF32[4];", "MEMF64[4] = x; a = MEM32[8]; b = MEM32[9];", "MEM16[3] = a + -0;", "if (!(x > a && x < 1e9 || x === 0)) { a = 3; }", "a = x !== x ? 1 : 2;", "y = x87Integer() + -0;", "a = x ? 1 : 2;", "F[a & 7] = F[(a & 7) + 1];",
  ])("%s", (text) => {
    for (const left of words) expectEqual(around(`${text} S[9] = a; S[10] = b; F[3] = x; F[4] = y;`), 5, [left, 77, 0]);
  });

  test("an exception of JavaScript is caught, and goes through finally", () => {
    const text = around("let code = 0; leave: { try { for (;;) { a = a + 1 | 0; try { ask(a, b); } finally { S[9] = a; } } } catch (error) { code = caught(error); } } S[10] = code;");
    expectEqual(text, 3, [0, 1, 0]);
    expect(asWebAssembly(text, 3, [0, 1, 0]).words[10]).toBe(1);
  });

  test("loops, labels and jumps out of them", () => {
    expectEqual(around("out: { loop1: for (;;) { a = a + 1 | 0; if (a > 50) break; if ((a & 1) === 0) continue loop1; if (a > 40 || b < 0) break out; b = b + a | 0; } S[8] = 1; } S[9] = a; S[10] = b;"), 1, [3, 4, 0]);
  });
});

describe("refusals", () => {
  const environment = { arrays: new Map([["state", 0], ["ram32", 64]]), constants: new Map<string, number>() };
  test.each([
    ["an unknown name", "S[0] = nobody;"], ["an array elsewhere", "const MEM8 = ram8; S[0] = MEM8[0];"], ["another operator", "S[0] = a % b;"], ["a store that counts", "S[0] += 1;"],
    ["a local that becomes a float64", "a = x;"], ["a local that becomes more than an int32", "a = a + b;"], ["a truth value compared with a number", "S[0] = (a < b) === a ? 1 : 0;"],
    ["a store outside the memory", "RUNS[0] = 1;"], ["a literal that is no number", "S[0] = \"1\";"], ["a catch that does more", "try { a = 1; } catch (error) { a = 2; b = 3; }"], ["a while loop", "while (a) { a = 0; }"],
    ["a function", "S[0] = (function () { return 1; })();"],
  ])("%s", (_name, body) => {
    const text = `(function (left, entry, delta) { const S = state; let a = left | 0, b = entry | 0, x = -0; ${body} return 0; })`;
    expect(() => compileRegion(parsed(text), environment)).toThrow(NotCompiled);
  });
});
