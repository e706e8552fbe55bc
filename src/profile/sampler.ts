/**
 * Samples a running machine at pseudo-random distances of instructions, so that no loop runs in step with the samples. They fall at the
 * same instructions in every run of a guest, whatever the host does, and between them the machine runs at full speed.
 */
import type { Machine, MachineExit, RunLimits } from "../machine.ts";
import type { Profile } from "./profile.ts";
import { walkStack } from "./stack-walk.ts";

export class StackSampler {
  readonly #machine: Machine;
  readonly #profile: Profile;
  readonly #interval: number;
  #seed = 1;
  #last: number;
  /** The instruction count to sample at. */
  #next: number;

  /** `interval`: the mean distance of two samples, in instructions, 1 at least. */
  constructor(machine: Machine, profile: Profile, interval: number) {
    this.#machine = machine;
    this.#profile = profile;
    this.#interval = interval;
    this.#last = machine.instructions;
    this.#next = this.#last + this.#distance();
  }

  /** In place of `Machine.run`. */
  run(limits: RunLimits): MachineExit {
    const machine = this.#machine, end = machine.instructions + (limits.maxInstructions ?? Infinity);
    for (;;) {
      const exit = machine.run({ ...limits, maxInstructions: Math.min(end, this.#next) - machine.instructions });
      if (machine.instructions >= this.#next) this.#sample();
      if (exit.reason !== "budget" || machine.instructions >= end) return exit;
      if (limits.pause?.() === true) return { reason: "paused" };
    }
  }

  #sample(): void {
    const { cpu, instructions } = this.#machine;
    this.#profile.add(cpu.cpl, walkStack(this.#machine), instructions - this.#last);
    this.#last = instructions;
    this.#next = instructions + this.#distance();
  }

  /** Uniform in 1 … 2 × interval − 1. */
  #distance(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return 1 + Math.floor((2 * this.#interval - 1) * (this.#seed / 2 ** 32));
  }
}
