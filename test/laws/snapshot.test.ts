/** restore ∘ save = id: a machine that is put back goes on as if nothing had happened, in either engine. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createMachine } from "../../src/pc.ts";
import type { Machine } from "../../src/machine.ts";

const DEMO = readFileSync(join(import.meta.dirname, "../guests/demo/demo.elf"));

function demo(engine: "translate" | "interpret"): Machine {
  const machine = createMachine({ memory: 16 << 20, engine });
  machine.boot({ kernel: { name: "demo.elf", bytes: new Uint8Array(DEMO) }, commandLine: "quick" });
  return machine;
}

/** Serial output and state after so many more instructions. */
function goOn(machine: Machine, instructions: number): { readonly hash: string; readonly reason: string; readonly output: string } {
  let output = "";
  machine.onSerial = (byte) => { output += String.fromCharCode(byte); };
  const { reason } = machine.run({ maxInstructions: instructions });
  return { hash: machine.stateHash(true), reason, output };
}

const engine = fc.constantFrom("translate", "interpret");

test("a machine put back goes on as the one that was saved", () => {
  fc.assert(fc.property(engine, engine, fc.integer({ min: 0, max: 3_000_000 }), fc.integer({ min: 1, max: 500_000 }), (saver, taker, before, after) => {
    const machine = demo(saver);
    machine.run({ maxInstructions: before });
    const state = structuredClone(machine.save()), hash = machine.stateHash(true);
    const expected = goOn(machine, after);

    machine.restore(state);
    expect(machine.stateHash(true), "the same machine, put back").toBe(hash);
    expect(goOn(machine, after)).toEqual(expected);

    const other = demo(taker);
    other.run({ maxInstructions: 1000 });
    other.restore(state);
    expect(other.stateHash(true), "another machine, of either engine").toBe(hash);
    expect(goOn(other, after)).toEqual(expected);
  }), { numRuns: 6 });
});

test("saving changes nothing, and a snapshot of a restored machine is the snapshot", () => {
  const machine = demo("translate");
  machine.run({ maxInstructions: 1_234_567 });
  const state = structuredClone(machine.save());
  expect(machine.save()).toEqual(state);
  machine.restore(state);
  expect(machine.save()).toEqual(state);
});
