/** Both ways to compute a transcendental function must round alike, wherever the quick one decides. */
import { describe, expect, it } from "vitest";
import { Arithmetic } from "../../runtime/fpu/arithmetic.ts";
import { UNDECIDED } from "../../runtime/fpu/double-double.ts";
import {
  exactArctangent, exactCircular, exactLogarithm, exactLogarithmPlusOne, exactPowerMinusOne, exactTangent,
} from "../../runtime/fpu/exact-functions.ts";
import { BIAS, EXP, HIGH, INTEGER_BIT, LOW, SIGN, SIGN_BIT } from "../../runtime/fpu/extended.ts";
import {
  quickArctangent, quickCircular, quickLogarithm, quickLogarithmPlusOne, quickPowerMinusOne, quickTangent,
} from "../../runtime/fpu/quick-functions.ts";
import { Random } from "./cases.ts";

const CASES = Number(process.env["CALQUE_X87_CASES"] ?? 2000), SEED = Number(process.env["CALQUE_X87_SEED"] ?? 1);
const ROUNDINGS = [0x37f, 0x77f, 0xb7f, 0xf7f];

type Way = (core: Arithmetic) => number;

/** Name, both ways, least and greatest exponent of a and of b; whether a is positive. */
const FUNCTIONS: readonly (readonly [string, Way, Way, readonly [number, number], readonly [number, number], boolean])[] = [
  ["sine", (core) => quickCircular(core, 0), (core) => exactCircular(core, 0), [-42, 20], [0, 0], false],
  ["cosine", (core) => quickCircular(core, 1), (core) => exactCircular(core, 1), [-42, 20], [0, 0], false],
  ["tangent", quickTangent, exactTangent, [-42, 20], [0, 0], false],
  ["2^a - 1", quickPowerMinusOne, exactPowerMinusOne, [-62, -1], [0, 0], false],
  ["logarithm", quickLogarithm, exactLogarithm, [-100, 100], [-200, 200], true],
  ["logarithm near 1", quickLogarithm, exactLogarithm, [-1, 0], [-20, 20], true],
  ["logarithm of 1 + a", quickLogarithmPlusOne, exactLogarithmPlusOne, [-62, -2], [-200, 200], false],
  ["arctangent", quickArctangent, exactArctangent, [-10, 10], [-10, 10], false],
  ["arctangent of far points", quickArctangent, exactArctangent, [-35, 35], [-35, 35], false],
];

/** Mantissas of all bits, of few, and near the ends of their range. */
function setRandom(random: Random, value: Int32Array, [least, greatest]: readonly [number, number], positive: boolean): void {
  const shape = random.word() & 7, end = (random.word() & 1) === 0 ? (random.word() & 0x7f) << 24 : 0x7fffffff;
  value[LOW] = shape === 0 ? 0 : shape === 1 ? -(random.word() & 0xff) : random.word();
  value[HIGH] = (shape <= 1 ? end : shape === 2 ? random.word() & 0xff : random.word()) | INTEGER_BIT;
  value[EXP] = BIAS + least + (random.word() >>> 1) % (greatest - least + 1);
  value[SIGN] = positive ? 0 : random.word() & SIGN_BIT;
}

function answer(core: Arithmetic, way: Way): readonly number[] {
  core.result.fill(0);
  return [way(core), ...core.result];
}

describe("transcendental functions, quick and exact", () => {
  it.each(FUNCTIONS)("%s", (_, quick, exact, rangeA, rangeB, positive) => {
    const random = new Random(SEED), core = new Arithmetic();
    let decided = 0;
    for (let k = 0; k < CASES; k++) {
      core.control = ROUNDINGS[k & 3]!;
      setRandom(random, core.a, rangeA, positive);
      setRandom(random, core.b, rangeB, false);
      const found = answer(core, quick);
      if (found[0] === UNDECIDED) continue;
      decided++;
      expect(found, `a ${core.a.join(" ")} b ${core.b.join(" ")} control ${core.control}`).toEqual(answer(core, exact));
    }
    expect(decided).toBeGreaterThan(CASES * 0.8);
  });
});
