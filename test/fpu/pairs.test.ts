/** Arithmetic on pairs of float64s against arithmetic on words, which the processor holds (native.test.ts): results, PE and C1, to the bit. */
import { describe, expect, it } from "vitest";
import { Arithmetic } from "../../runtime/fpu/arithmetic.ts";
import { toInt32, toInt64 } from "../../runtime/fpu/convert.ts";
import { C1, PE } from "../../runtime/fpu/extended.ts";
import { PAIR_A, PAIR_B, PAIR_LOST, PAIR_RESULT } from "../../runtime/fpu/pair-layout.ts";
import { pairFunctions } from "../../runtime/fpu/pairs.ts";
import { GuestMemory } from "../../runtime/memory.ts";
import { CpuState } from "../../runtime/state.ts";
import { extendedCases, type Extended } from "./extended-cases.ts";

const cpu = new CpuState(), memory = new GuestMemory(1 << 16, cpu), functions = pairFunctions(cpu, memory), core = new Arithmetic(), view = new DataView(memory.ram.buffer);
const CASES = Number(process.env["CALQUE_X87_CASES"] ?? 2000) * 5;

const call = (name: string, ...args: number[]): number => functions[name]!(...args) as number;

function write(at: number, { low, high, signExp }: Extended): void {
  view.setInt32(at, low, true);
  view.setInt32(at + 4, high, true);
  view.setInt16(at + 8, signExp, true);
}

/** Puts a number into an operand; false where it is no ordinary one. */
function load(value: Extended, to: number): boolean {
  write(0, value);
  if (call("x87LoadExtended", 0) !== 0) return false;
  cpu.pairs.copyWithin(to, PAIR_RESULT, PAIR_RESULT + 2);
  return true;
}

/** What the functions left in a register's words, and what rounding says of it. */
function delivered(): readonly number[] {
  const lost = cpu.pairs[PAIR_LOST]!, h = cpu.pairs[PAIR_RESULT]!;
  cpu.pairs.copyWithin(PAIR_A, PAIR_RESULT, PAIR_RESULT + 2);
  call("x87StoreExtended", 16);
  return [view.getInt32(16, true), view.getInt32(20, true), view.getUint16(24, true), lost === 0 ? 0 : lost * h < 0 ? PE | C1 : PE];
}

const wordsOf = ({ low, high, signExp }: Extended): Int32Array => Int32Array.of(low, high, signExp);

const OPERATIONS: readonly (readonly [name: string, operation: () => number, operands: number])[] = [
  ["x87Sum", () => core.add(0), 2], ["x87Product", () => core.multiply(), 2], ["x87SumOf", () => core.add(0), 2], ["x87ProductOf", () => core.multiply(), 2], ["x87Quotient", () => core.divide(), 2], ["x87Root", () => core.squareRoot(), 1],
];

/** Whether a function could do it. */
function performed(name: string): boolean {
  if (name !== "x87Sum" && name !== "x87Product") return call(name) === 0;
  return !Number.isNaN(call(name, ...cpu.pairs.subarray(PAIR_A, PAIR_A + 2), ...cpu.pairs.subarray(PAIR_B, PAIR_B + 2)));
}

describe("pairs of float64s", () => {
  it.each(OPERATIONS)("%s", (name, operation, operands) => {
    let done = 0;
    for (const [a, b] of extendedCases(CASES, 1)) {
      if (!load(a, PAIR_A) || !load(b, PAIR_B)) continue;
      if (!performed(name)) continue;
      core.loadA(wordsOf(a), 0);
      core.loadB(wordsOf(b), 0);
      const flags = operation();
      expect(delivered(), `${name} ${JSON.stringify(operands === 1 ? a : [a, b])}`).toEqual([...core.result.subarray(0, 2), core.result[2]! & 0xffff, flags]);
      done++;
    }
    expect(done).toBeGreaterThan(CASES / 4);
  });

  it.each([0x37f, 0xf7f])("integers under control word %i", (control) => {
    cpu.fpuControl = control;
    const out = new Int32Array(3);
    let done = 0;
    for (const [a] of extendedCases(CASES, 2)) {
      if (!load(a, PAIR_A)) continue;
      const h = cpu.pairs[PAIR_A]!, n = call("x87Integer"), flagsOf = (): number => cpu.pairs[PAIR_LOST] === 0 ? 0 : cpu.pairs[PAIR_LOST]! * h < 0 ? PE | C1 : PE;
      if (n >= -0x80000000 && n <= 0x7fffffff) {
        const found = flagsOf(), flags = toInt32(wordsOf(a), 0, control, out);
        expect([n | 0, found], JSON.stringify(a)).toEqual([out[0], flags]);
        done++;
      }
      if (call("x87StoreInteger", 8) === 0) {
        const found = flagsOf(), flags = toInt64(wordsOf(a), 0, control, out);
        expect([view.getInt32(32, true), view.getInt32(36, true), found], JSON.stringify(a)).toEqual([out[0], out[1], flags]);
        done++;
      }
    }
    expect(done).toBeGreaterThan(CASES / 4);
  });
});
