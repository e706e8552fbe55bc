/** Every pass keeps what the code means: with and without it a region leaves the same state, in the same way, whatever happens. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ARITHMETIC_FLAGS } from "../../runtime/state.ts";
import { verifyMeaning } from "../../translator/ir/verify.ts";
import { CARRY_LOCAL, PASSES } from "../../translator/passes/index.ts";
import { discover, regionText } from "../../translator/translate.ts";
import { branchingCode, CODE_AT, frameCode, hex, straightCode, viewOf } from "./code.ts";
import { RegionHost, type InitialState } from "./region-host.ts";

const LIMITS = { instructions: 100, depth: 2 };
const host = new RegionHost();

/** Register contents: addresses inside memory, edges of int32, anything. */
const register = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 0xffff }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000, 0x80, 0xff, 0x8000, 0xffff) },
  { weight: 1, arbitrary: fc.integer() },
);
const initial: fc.Arbitrary<InitialState> = fc.record({
  registers: fc.array(register, { minLength: 8, maxLength: 8 }), flags: fc.nat().map((bits) => bits & ARITHMETIC_FLAGS),
  pattern: fc.integer(), budget: fc.integer({ min: 100, max: 300 }),
});

/** Registers that point into memory, many of them close to a page's end. */
const pointer = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 0x3800 }).map((word) => word * 4) },
  { weight: 3, arbitrary: fc.tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: -12, max: 12 })).map(([page, words]) => page * 4096 + words * 4) },
  { weight: 1, arbitrary: register },
);
const pointers = fc.record({
  registers: fc.array(pointer, { minLength: 8, maxLength: 8 }), flags: fc.nat().map((bits) => bits & ARITHMETIC_FLAGS), pattern: fc.integer(),
  budget: fc.integer({ min: 100, max: 300 }), scattered: fc.boolean(),
});

/** How many of the regions changed their source by the pass, which is what makes the comparison worth something. */
function compare(code: Uint8Array, state: InitialState, pass: string): boolean {
  const blocks = discover(CODE_AT, viewOf(code), LIMITS);
  if (blocks === undefined) return false;
  const on = regionText(blocks), off = regionText(blocks, { passesOff: new Set([pass]) });
  if (on.print() === off.print()) return false;
  expect(host.run(host.compile(on), state), `${hex(code)}\n${on.print()}`).toEqual(host.run(host.compile(off), state));
  return true;
}

describe.each([...PASSES.map(([name]) => name), CARRY_LOCAL])("%s", (name) => {
  test.each([["straight-line code", straightCode, initial, 400], ["branches", branchingCode, initial, 400], ["frames", frameCode, pointers, 1000]] as const)("keeps the meaning of %s", (_kind, code, states, numRuns) => {
    let changed = 0;
    fc.assert(fc.property(code, states, (bytes, state) => { if (compare(bytes, state, name)) changed++; }), { numRuns });
    expect(changed).toBeGreaterThan(numRuns / 50);
  });
});

test("IR is well formed after each pass", () => {
  fc.assert(fc.property(branchingCode, (code) => {
    for (const block of discover(CODE_AT, viewOf(code), LIMITS)?.blocks ?? []) {
      let instructions = block.instructions;
      for (const { meaning } of instructions) verifyMeaning(meaning, true);
      for (const [, pass] of PASSES) {
        instructions = pass(instructions);
        for (const { meaning, plain } of instructions) if (plain) verifyMeaning(meaning, true);
      }
    }
  }), { numRuns: 200 });
});
