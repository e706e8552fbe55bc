/**
 * A process of its own that runs a kernel under calque and copies each line of its serial output to standard output at once: the command
 * line hands output on every 20 ms only, too coarse for short kernels. Its argument is the job as JSON.
 */
import { readFileSync, writeSync } from "node:fs";
import { createMachine } from "../../src/api.ts";
import "../../src/cli/v8-flags.ts";
import { keepYoungGeneration } from "../../src/cli/heap.ts";

interface Job {
  kernel: string; engine: "translate" | "interpret"; memoryMiB: number;
}

const SLICE = 5_000_000;
const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const machine = createMachine({ engine: job.engine, memory: job.memoryMiB << 20 });

let line: number[] = [];
machine.onSerial = (byte: number) => {
  line.push(byte);
  if (byte !== 10) return;
  writeSync(1, Uint8Array.from(line));
  line = [];
};
machine.boot({ kernel: { name: "kernel", bytes: readFileSync(job.kernel) } });
for (let end = "asleep"; end === "asleep" || end === "budget";) {
  keepYoungGeneration();
  end = machine.run({ maxInstructions: SLICE }).reason;
}
