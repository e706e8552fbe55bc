/** In the page and in Node alike: runs one guest for a number of instructions and times it. */
import { createMachine } from "../../src/api.ts";

export interface GuestRun {
  readonly seconds: number;
  readonly instructions: number;
  /** Why the machine came back last. */
  readonly end: string;
  readonly output: string;
}

export interface GuestJob {
  readonly image: Uint8Array;
  readonly engine: "translate" | "interpret";
  readonly memory: number;
  readonly maxInstructions: number;
}

/** Runs until the guest ends or has executed `maxInstructions`. */
export function runGuest(job: GuestJob): GuestRun {
  const output: number[] = [];
  const machine = createMachine({ engine: job.engine, memory: job.memory });
  machine.onSerial = (byte: number) => { output.push(byte); };
  machine.boot({ kernel: { name: "guest", bytes: job.image } });
  const start = performance.now();
  let end = "asleep";
  while (end === "asleep" || end === "budget") {
    const left = job.maxInstructions - machine.instructions;
    if (left <= 0) break;
    end = machine.run({ maxInstructions: left }).reason;
  }
  const seconds = (performance.now() - start) / 1000;
  return { seconds, instructions: machine.instructions, end, output: String.fromCharCode(...output.slice(-2000)) };
}

declare global {
  var runGuestImage: ((url: string, engine: GuestJob["engine"], memory: number, maxInstructions: number) => Promise<GuestRun>) | undefined;
}

globalThis.runGuestImage = async (url, engine, memory, maxInstructions) => {
  const image = new Uint8Array(await (await fetch(url)).arrayBuffer());
  return runGuest({ image, engine, memory, maxInstructions });
};
