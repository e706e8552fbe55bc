/** Percentages that add up, and the coverage curve. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Executed } from "../../runtime/measure/executed.ts";
import { blockExecutions, coverageOf } from "../../src/measure/coverage.ts";
import { percentages } from "../../src/measure/shares.ts";
import { decode } from "../../translator/translate.ts";

describe("percentages", () => {
  it("add up to 100 and are off by less than one unit", () => {
    fc.assert(fc.property(fc.array(fc.nat(), { minLength: 1 }), (values) => {
      const parts = percentages(values), total = values.reduce((sum, value) => sum + value, 0);
      expect(parts.reduce((sum, part) => sum + Math.round(part * 100), 0)).toBe(total === 0 ? 0 : 10_000);
      values.forEach((value, k) => expect(Math.abs(parts[k]! - (total === 0 ? 0 : value / total * 100))).toBeLessThan(0.01 + 1e-9));
    }));
  });

  it("give what is left to the largest remainders", () => { expect(percentages([1, 1, 1], 0)).toEqual([34, 33, 33]); });
});

function executed(linear: number, bytes: readonly number[], executions: number, user = false): Executed {
  const instruction = decode(Uint8Array.from(bytes), 0, bytes.length, { bits: 32 });
  if ("failure" in instruction) throw new Error("no instruction");
  const { row, length } = instruction;
  return { linear, user, length, row, class: row.class, isTranslated: false, interpreted: executions, translated: 0, dispatched: 0, isLinked: false };
}

const NOP = [0x90], JUMP = [0xeb, 0x10];

describe("basic blocks", () => {
  it("are adjacent instructions of the same count, up to a transfer", () => {
    expect(blockExecutions([executed(0, NOP, 5), executed(1, NOP, 5), executed(2, JUMP, 5), executed(4, NOP, 5)])).toEqual([15, 5]);
    expect(blockExecutions([executed(0, NOP, 5), executed(1, NOP, 6)])).toEqual([5, 6]); // entered in the middle
    expect(blockExecutions([executed(0, NOP, 5), executed(0, JUMP, 3), executed(1, NOP, 5), executed(2, NOP, 3)])).toEqual([10, 3, 3]); // code that changed
    expect(blockExecutions([executed(0, NOP, 5), executed(1, NOP, 5, true)])).toEqual([5, 5]);
    expect(blockExecutions([executed(0, NOP, 0)])).toEqual([]);
  });
});

describe("coverage", () => {
  it("counts how many of the busiest make up a share", () => {
    const { distinct, steps, curve } = coverageOf([10, 50, 0, 30, 5, 4, 1]);
    expect(distinct).toBe(6);
    expect(steps).toEqual([{ percent: 50, count: 1 }, { percent: 80, count: 2 }, { percent: 90, count: 3 }, { percent: 95, count: 4 }, { percent: 99, count: 5 }, { percent: 99.9, count: 6 }]);
    expect(curve.at(-1)).toEqual({ percent: 100, count: 6 });
  });

  it("of nothing is nothing", () => { expect(coverageOf([])).toEqual({ distinct: 0, steps: [], curve: [] }); });
});
