/** The arithmetic that regions hold as text (translator/emit/x87-templates.ts) against arithmetic on words: results, PE and C1, to the bit. */
import { generate } from "astring";
import type { Statement } from "estree";
import { describe, expect, it } from "vitest";
import { Arithmetic } from "../../runtime/fpu/arithmetic.ts";
import { C1, PE } from "../../runtime/fpu/extended.ts";
import { LARGEST, PAIR_A, PAIR_RESULT, SMALLEST } from "../../runtime/fpu/pair-layout.ts";
import { pairFunctions } from "../../runtime/fpu/pairs.ts";
import { GuestMemory } from "../../runtime/memory.ts";
import { CpuState } from "../../runtime/state.ts";
import { identifier, statements, type Bindings } from "../../translator/emit/estree.ts";
import { COMPUTED, ROUNDED, SCRATCH } from "../../translator/emit/x87-templates.ts";
import { extendedCases, type Extended } from "./extended-cases.ts";

const cpu = new CpuState(), memory = new GuestMemory(1 << 16, cpu), functions = pairFunctions(cpu, memory), core = new Arithmetic(), view = new DataView(memory.ram.buffer);
const CASES = Number(process.env["CALQUE_X87_CASES"] ?? 2000) * 10;
/** Operands lie where registers do. */
const IN = 0;

/** What a template does with the operands in F[0 …], as a function: 0 where it declines, 2 where the functions helped. */
function made(template: (bindings: Bindings) => Statement[]): (F: Float64Array) => number {
  const names = Object.fromEntries(["ah", "al", "bh", "bl", "oh", "ol", "low"].map((name) => [name, identifier(name)]));
  const body = template({ ...names, decline: statements("return 0;")({})[0]! });
  const text = body.map((statement) => generate(statement)).join("\n");
  const source = `let ${SCRATCH.join(" = -0, ")} = -0, oh = 0, ol = 0; lost = -0; d = -0; const ah = F[${IN}], al = F[${IN + 1}], bh = F[${IN + 2}], bl = F[${IN + 3}], low = al === 0 ? bl : al;
    ${text} F[${PAIR_RESULT}] = oh; F[${PAIR_RESULT + 1}] = ol; return 1 | (lost !== 0 ? ${PE} : 0) | (d * s < 0 ? ${C1} : 0);`;
  const helpers = ["x87Sum", "x87Product", "x87Quotient", "x87Root"];
  const make = new Function("abs", ...helpers, `return function (F) { ${source} };`) as (...values: unknown[]) => (F: Float64Array) => number;
  return make(Math.abs, ...helpers.map((name) => functions[name]));
}

function load(value: Extended, to: number, F: Float64Array): boolean {
  view.setInt32(0, value.low, true);
  view.setInt32(4, value.high, true);
  view.setInt16(8, value.signExp, true);
  if (functions["x87LoadExtended"]!(0) !== 0) return false;
  F[to] = cpu.pairs[PAIR_RESULT]!;
  F[to + 1] = cpu.pairs[PAIR_RESULT + 1]!;
  return true;
}

function words(h: number, l: number): readonly [number, number, number] {
  cpu.pairs[PAIR_A] = h;
  cpu.pairs[PAIR_A + 1] = l;
  functions["x87StoreExtended"]!(16);
  return [view.getInt32(16, true), view.getInt32(20, true), view.getUint16(24, true)];
}

const isAny = (): boolean => true, ofDouble = (l: number): boolean => l === 0, isSame = (): boolean => true;
const TEMPLATES: readonly (readonly [name: string, (bindings: Bindings) => Statement[], operation: () => number, a: (l: number) => boolean, b: (l: number) => boolean])[] = [
  ["sum", ROUNDED.sum, () => core.add(0), isAny, isAny],
  ["sumWithDouble", ROUNDED.sumWithDouble, () => core.add(0), ofDouble, isAny],
  ["sumOfDoubles", ROUNDED.sumOfDoubles, () => core.add(0), ofDouble, ofDouble],
  ["product", ROUNDED.product, () => core.multiply(), isAny, isAny],
  ["productWithDouble", ROUNDED.productWithDouble, () => core.multiply(), ofDouble, isAny],
  ["productOfDoubles", ROUNDED.productOfDoubles, () => core.multiply(), ofDouble, ofDouble],
  ["square", ROUNDED.square, () => core.multiply(), isAny, isSame],
  ["squareOfDouble", ROUNDED.squareOfDouble, () => core.multiply(), ofDouble, isSame],
  ["quotient", COMPUTED["fquotient"]!.template, () => core.divide(), isAny, isAny],
  ["root", COMPUTED["fsqrt"]!.template, () => core.squareRoot(), isAny, isAny],
];

describe("the arithmetic of x87 runs", () => {
  it.each(TEMPLATES)("%s", (name, template, operation, fitsA, fitsB) => {
    const run = made(template), all = cpu.pairs;
    let done = 0;
    for (const [a, b] of extendedCases(CASES, 3)) {
      if (!load(a, IN, all) || !load(b, IN + 2, all)) continue;
      if (!fitsA(all[IN + 1]!)) all[IN + 1] = 0;
      if (!fitsB(all[IN + 3]!)) all[IN + 3] = 0;
      if (fitsB === isSame) all.copyWithin(IN + 2, IN, IN + 2);
      const x = words(all[IN]!, all[IN + 1]!), y = words(all[IN + 2]!, all[IN + 3]!), flags = run(all);
      if (flags === 0) continue;
      core.loadA(Int32Array.from(x), 0);
      core.loadB(Int32Array.from(y), 0);
      const expected = operation(), found = words(all[PAIR_RESULT]!, all[PAIR_RESULT + 1]!);
      expect([...found, flags & (PE | C1)], `${name} ${x.join(" ")}, ${y.join(" ")}`).toEqual([core.result[0], core.result[1], core.result[2]! & 0xffff, expected]);
      const size = Math.abs(all[PAIR_RESULT]!);
      expect(size === 0 || (size > SMALLEST * 2 ** -64 && size < LARGEST)).toBe(true);
      done++;
    }
    expect(done).toBeGreaterThan(CASES / 4);
  });
});
