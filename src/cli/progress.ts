/** How far a run is, on one line of the terminal that is written over and over. */
import { performance } from "node:perf_hooks";
import type { Machine } from "../machine.ts";
import type { SerialOutput } from "./serial.ts";

/** The terminal's side of a stream. */
export interface ProgressTarget {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** ms between two drawings. */
const INTERVAL = 200;
const ERASE = "\r\u001b[K";

const grouped = (value: number): string => Math.round(value).toLocaleString("en");

function translatedShare({ vcpu: { stats }, instructions }: Machine): string[] {
  return "translated" in stats && instructions > 0 ? [`${(Number(stats.translated) / instructions * 100).toFixed(1)} % translated`] : [];
}

export class Progress {
  readonly #label: string;
  readonly #target: ProgressTarget;
  readonly #now: () => number;
  #drawn = false;
  #time: number;
  #instructions = 0;

  /** Draws only where `target` is a terminal. `now` is in ms. */
  constructor(label: string, target: ProgressTarget = process.stderr, now: () => number = () => performance.now()) {
    this.#label = label;
    this.#target = target;
    this.#now = now;
    this.#time = now();
  }

  /** Draws the line anew where it is time to. */
  update(machine: Machine): void {
    if (this.#target.isTTY !== true) return;
    const now = this.#now(), elapsed = now - this.#time;
    if (elapsed < INTERVAL) return;
    const mips = Math.max(0, machine.instructions - this.#instructions) / elapsed / 1000;
    this.#time = now;
    this.#instructions = machine.instructions;
    const parts = [`${grouped(machine.instructions / 1e6)} M instructions`, `${grouped(mips)} MIPS`, ...translatedShare(machine), `guest time ${(machine.time / 1e9).toFixed(2)} s`];
    // One column stays free: some terminals go to the next line when the last is written.
    this.#target.write(`${ERASE}${`${this.#label}: ${parts.join(", ")}`.slice(0, Math.max(0, (this.#target.columns || 80) - 1))}`);
    this.#drawn = true;
  }

  /** Takes the line away, before anything else is written to the terminal. */
  erase(): void {
    if (this.#drawn) this.#target.write(ERASE);
    this.#drawn = false;
  }

  /** A flush of `output` that keeps out of the line's way where both are on the terminal: the line waits for the guest to end its own. */
  flush(output: SerialOutput, machine: Machine): void {
    if (!output.toTerminal) {
      output.flush();
      this.update(machine);
      return;
    }
    if (output.pending) this.erase();
    output.flush();
    if (output.atLineStart) this.update(machine);
  }
}
