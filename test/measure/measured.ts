/** Runs guests while they are measured. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Measurement } from "../../runtime/measure/measurement.ts";
import type { Machine, MachineOptions, RunLimits } from "../../src/machine.ts";
import { makeReport, type Report } from "../../src/measure/report.ts";
import { Timeline } from "../../src/measure/timeline.ts";
import { createMachine } from "../../src/pc.ts";

export const DEMO = readFileSync(join(import.meta.dirname, "../guests/demo/demo.elf"));

export interface Measured {
  readonly machine: Machine;
  readonly report: Report;
}

/** Boots a kernel, or flat code at 1 MiB, and runs it sampled to its end or the limit; all generated code is checked. */
export function measured(bytes: Uint8Array, { maxInstructions = Infinity }: RunLimits, options: MachineOptions = {}): Measured {
  let time = 0;
  const clock = (): number => ++time, measurement = new Measurement(clock); // a clock of its own: nothing here depends on the host's speed
  const machine = createMachine({ memory: 32 << 20, measurement, verifyCode: true, ...options });
  machine.boot(bytes === DEMO ? { kernel: { name: "demo.elf", bytes } } : { kernel: { name: "code", bytes }, loadAt: 0x100000 });
  const timeline = new Timeline(machine, measurement, clock);
  let end = "budget";
  while (end === "budget" && machine.instructions < maxInstructions) {
    end = machine.run({ maxInstructions: Math.min(timeline.next(), maxInstructions - machine.instructions) }).reason;
  }
  return { machine, report: makeReport(machine, measurement, timeline, { calque: "test", guest: "test", guestVersion: null, host: "test", end, after: null, seconds: 1 }) };
}
