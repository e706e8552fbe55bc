/**
 * A machine among the host's clock, terminal and files: runs it in slices and sees to everything else between them.
 *
 * Invariant: the host decides only when input is queued and when a slice ends; neither changes what the guest does with a
 * recorded session.
 */
import { performance } from "node:perf_hooks";
import type { Machine, MachineExit, RunLimits } from "../machine.ts";
import { keepYoungGeneration } from "./heap.ts";
import type { InputSource } from "./terminal.ts";

export type SessionEnd =
  | MachineExit
  /** The time limit passed. */
  | { readonly reason: "timeout" }
  /** The user left, or the recorded session ends here. */
  | { readonly reason: "left" };

export interface SessionOptions {
  readonly pace: "none" | "real";
  readonly input: InputSource | undefined;
  /** Host seconds. */
  readonly timeout: number | undefined;
  readonly maxInstructions: number | undefined;
  /** Guest time at which to leave. */
  readonly endTime: number | undefined;
  /** Between slices: hands on what the guest has sent. */
  readonly flush: () => void;
  /** The largest number of instructions in the next slice, where slices are to be short. */
  readonly sliceLimit?: () => number;
  /** In place of `Machine.run`. */
  readonly run?: (limits: RunLimits) => MachineExit;
  /** Between slices: resolves when the output can take more. */
  readonly ready?: () => Promise<void>;
  /** Asked between slices: nobody reads the output any more, or a signal came. */
  readonly interrupted: () => boolean;
}

/** A slice should take about this long: short enough for output and keys to feel immediate. */
const SLICE_MS = 20;
/** A slice that turns out to be slow is cut off after this many ms. */
const LONGEST_SLICE_MS = 50;
/** Closed pipes are noticed at least so often, in ms. */
const LONGEST_SLEEP = 1000;
const FIRST_SLICE = 100_000, LARGEST_SLICE = 50_000_000;
/** A guest that ticks faster than this many ms is let through several ticks at once: waking costs more than ticking. */
const SHORTEST_SLEEP = 10;
/** With pace real, guest time that lags further behind the host's than this stays behind. */
const LARGEST_LAG = 100e6;

/** Maps host time to the guest time that may not be passed. */
class Pacer {
  /** Guest ns at host ms 0. */
  #origin: number;

  constructor(guestTime: number) { this.#origin = guestTime - performance.now() * 1e6; }

  limit(machine: Machine): number {
    let limit = Math.floor(this.#origin + performance.now() * 1e6);
    // A guest that computes falls behind: it is not made to hurry afterwards. One that sleeps wakes on time.
    const excess = limit - machine.time - LARGEST_LAG;
    if (excess > 0 && !machine.halted) {
      this.#origin -= excess;
      limit = Math.floor(limit - excess);
    }
    return limit;
  }

  /** Host ms until guest time `time` may be reached. */
  delay(time: number): number { return (time - this.#origin) / 1e6 - performance.now(); }
}

/** Runs until something ends it. */
export async function runSession(machine: Machine, options: SessionOptions): Promise<SessionEnd> {
  const session = new Session(machine, options);
  for (;;) {
    const end = session.step();
    if (end !== undefined) return end;
    await session.pause();
    await options.ready?.();
  }
}

class Session {
  readonly #machine: Machine;
  readonly #options: SessionOptions;
  readonly #pacer: Pacer | undefined;
  readonly #deadline: number;
  readonly #lastInstruction: number;
  #slice = FIRST_SLICE;
  /** Host ms to sleep before the next slice; 0 = let the host's events through and go on. */
  #sleep = 0;

  constructor(machine: Machine, options: SessionOptions) {
    this.#machine = machine;
    this.#options = options;
    this.#pacer = options.pace === "real" ? new Pacer(machine.time) : undefined;
    this.#deadline = performance.now() + (options.timeout ?? Infinity) * 1000;
    this.#lastInstruction = machine.instructions + (options.maxInstructions ?? Infinity);
  }

  /** One slice; undefined when the session goes on. */
  step(): SessionEnd | undefined {
    const { input, flush, interrupted, endTime } = this.#options;
    keepYoungGeneration();
    const exit = this.#runSlice();
    flush();
    if (input !== undefined) for (const bytes of input.take()) this.#machine.sendSerial(bytes);
    const end = this.#endOf(exit);
    if (end !== undefined) return end;
    if (input?.left === true || interrupted()) return { reason: "left" };
    if (endTime !== undefined && this.#machine.time >= endTime) return { reason: "left" };
    if (performance.now() >= this.#deadline) return { reason: "timeout" };
    return undefined;
  }

  #runSlice(): MachineExit {
    const machine = this.#machine, started = performance.now(), before = machine.instructions;
    const until = Math.min(this.#pacer?.limit(machine) ?? Infinity, this.#options.endTime ?? Infinity);
    const slice = Math.min(this.#slice, this.#options.sliceLimit?.() ?? Infinity, this.#lastInstruction - before);
    const latest = Math.min(this.#deadline, started + LONGEST_SLICE_MS), pause = (): boolean => performance.now() >= latest;
    const limits: RunLimits = { maxInstructions: slice, pause, ...(until < Infinity ? { untilTime: until } : {}) };
    const exit = this.#options.run?.(limits) ?? machine.run(limits);
    const took = performance.now() - started, done = machine.instructions - before;
    if (done === this.#slice || exit.reason === "paused") {
      const factor = Math.min(2, Math.max(0.5, SLICE_MS / Math.max(took, 0.01)));
      this.#slice = Math.min(LARGEST_SLICE, Math.max(FIRST_SLICE, Math.round(done * factor)));
    }
    return exit;
  }

  #endOf(exit: MachineExit): SessionEnd | undefined {
    this.#sleep = 0;
    switch (exit.reason) {
      case "budget": return this.#machine.instructions >= this.#lastInstruction ? exit : undefined;
      case "asleep": case "paused": return undefined;
      case "time": case "idle":
        if (this.#machine.halted && this.#machine.nextEvent() === Infinity && this.#options.input?.open !== true) return { reason: "idle" };
        this.#sleep = this.#sleepTime();
        return undefined;
      default: return exit;
    }
  }

  /** The guest waits for host time to pass. */
  #sleepTime(): number {
    if (this.#pacer === undefined) return this.#machine.nextEvent() === Infinity ? Infinity : 0;
    const target = this.#machine.halted ? this.#machine.nextEvent() : this.#machine.time;
    return Math.max(SHORTEST_SLEEP, this.#pacer.delay(target));
  }

  /** Lets the host's events through, and sleeps where the guest does, until its next event, input or the deadline. */
  async pause(): Promise<void> {
    const { input } = this.#options;
    const sleep = Math.min(this.#sleep, this.#deadline - performance.now(), LONGEST_SLEEP);
    if (!(sleep > 0) || input?.waiting === true) return new Promise((resolve) => { setImmediate(resolve); });
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.ceil(sleep));
      input?.onActivity(() => { clearTimeout(timer); resolve(); });
    });
  }
}
