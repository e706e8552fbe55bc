/**
 * Runs a machine instruction by instruction and hands what happens to a format.
 *
 * Nothing of it can be seen by the guest: a run may be sliced at will, and the observer of deliveries only looks. Before `from` the machine
 * runs as it does without a tracer.
 */
import type { DeliveryObserver } from "../../runtime/vcpu.ts";
import type { Machine, MachineExit, RunLimits } from "../machine.ts";
import { placeOf, type Place } from "./place.ts";

export interface Delivery {
  readonly cause: "interrupt" | "exception";
  readonly vector: number;
  /** Negative where none is pushed. */
  readonly errorCode: number;
  /** It comes in place of the instruction at `from`; otherwise behind the one before, as a trap or interrupt. */
  readonly interrupts: boolean;
  readonly from: Place;
  /** Where the handler begins; undefined where the processor shut down instead. */
  readonly to: Place | undefined;
}

/** Text of a trace, or "" where there is nothing to print. Each gets the instruction count before what it tells of. */
export interface TraceFormat {
  /** The processor stands before an instruction, which `retired` or `delivered` will follow. */
  standing(place: Place, count: number): void;
  /** That instruction has retired. */
  retired(count: number): string;
  delivered(delivery: Delivery, count: number): string;
  /** What is held back so far; the state is still the one behind it. */
  flush(): string;
}

export interface TraceSelection {
  /** Instruction counts: the first instruction to trace, and the first one behind the trace. */
  readonly from: number;
  readonly to: number;
  /** Linear addresses [from, to); none = all. */
  readonly ranges: ReadonlyArray<readonly [from: number, to: number]>;
  readonly ring: 0 | 3 | undefined;
}

type Watched = Omit<Delivery, "to">;

export class Tracer implements DeliveryObserver {
  readonly #machine: Machine;
  readonly #format: TraceFormat;
  readonly #selection: TraceSelection;
  readonly #write: (text: string) => void;
  #selected = false;
  /** Something selected came since the last flush. */
  #open = false;
  /** The count at which `#place` is. */
  #count = 0;
  #delivery: Watched | undefined;

  constructor(machine: Machine, format: TraceFormat, selection: TraceSelection, write: (text: string) => void) {
    this.#machine = machine;
    this.#format = format;
    this.#selection = selection;
    this.#write = write;
  }

  /** Instructions are being traced now. */
  get active(): boolean { return this.#machine.instructions >= this.#selection.from && this.#machine.instructions < this.#selection.to; }

  /** In place of `Machine.run`; comes back where the trace begins, too, by "budget". */
  run(limits: RunLimits): MachineExit {
    const machine = this.#machine, { from, to } = this.#selection, end = machine.instructions + (limits.maxInstructions ?? Infinity);
    if (machine.instructions < from) return machine.run({ ...limits, maxInstructions: Math.min(end, from) - machine.instructions });
    if (!this.active) return machine.run({ ...limits, maxInstructions: end - machine.instructions });
    machine.vcpu.observer = this;
    try {
      return this.#trace(Math.min(end, to), limits);
    } finally {
      machine.vcpu.observer = undefined;
    }
  }

  /** Prints what is held back. */
  flush(): void {
    if (this.#open) this.#write(this.#format.flush());
    this.#open = false;
  }

  #trace(end: number, limits: RunLimits): MachineExit {
    const machine = this.#machine, { pause: _pause, ...others } = limits, step: RunLimits = { ...others, maxInstructions: 1 };
    for (;;) {
      this.#stand();
      const exit = machine.run(step);
      if (machine.instructions > this.#count) this.#retire();
      if (this.#delivery !== undefined) this.#report(undefined);
      if (exit.reason !== "budget" || machine.instructions >= end) return exit;
    }
  }

  #stand(): void {
    const machine = this.#machine, place = placeOf(machine.cpu);
    this.#count = machine.instructions;
    this.#selected = this.#isSelected(place);
    if (!this.#selected) return this.flush();
    this.#open = true;
    this.#format.standing(place, this.#count);
  }

  #isSelected({ cpl, linear }: Place): boolean {
    const { ring, ranges } = this.#selection;
    if (ring !== undefined && cpl !== ring) return false;
    if (ranges.length === 0) return true;
    const address = linear >>> 0;
    for (const [from, to] of ranges) if (address >= from && address < to) return true;
    return false;
  }

  #retire(): void {
    if (this.#selected) this.#write(this.#format.retired(this.#count));
    this.#selected = false;
    this.#count = this.#machine.instructions;
  }

  delivering(cause: "interrupt" | "exception", vector: number, errorCode: number): void {
    if (this.#delivery !== undefined) this.#report(undefined);
    const retired = this.#machine.instructions > this.#count;
    if (retired) this.#retire();
    this.flush();
    this.#delivery = { cause, vector, errorCode, interrupts: !retired, from: placeOf(this.#machine.cpu) };
  }

  delivered(): void {
    this.#report(placeOf(this.#machine.cpu));
    this.#stand();
  }

  #report(to: Place | undefined): void {
    const delivery: Delivery = { ...this.#delivery!, to };
    this.#delivery = undefined;
    if (this.#isSelected(delivery.from) || to !== undefined && this.#isSelected(to)) this.#write(this.#format.delivered(delivery, this.#count));
  }
}
