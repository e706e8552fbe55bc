/** One run of a case on an engine: what each of its rows took. */
import { createHash } from "node:crypto";
import type { GuestCase, Step } from "./cases/guest-case.ts";
import type { Engine } from "./engines/engine.ts";
import { EngineProcess } from "./engine-process.ts";

/** A part of a long run. */
export interface Lap {
  readonly seconds: number;
  readonly residentMiB: number;
}

export interface Reading {
  readonly row: string;
  readonly seconds: number;
  /** Peak resident set of the process and its children up to here. */
  readonly peakMiB: number;
  /** What the guest printed as its result, or a digest of its output; undefined where there is none. */
  readonly checksum: string | undefined;
  readonly laps: readonly Lap[];
}

/** Throws where the guest does not get to its end. */
export async function runCase(engine: Engine, guest: GuestCase): Promise<Reading[]> {
  const process = new EngineProcess(engine.command(guest));
  try {
    const whole = await runWhole(process, engine, guest);
    const readings = [whole];
    for (const step of guest.dialogue ?? []) readings.push(await runStep(process, step, guest.timeoutSeconds));
    return readings;
  } finally {
    process.close();
  }
}

async function runWhole(process: EngineProcess, engine: Engine, guest: GuestCase): Promise<Reading> {
  let start = process.started;
  if (guest.begin !== undefined) {
    const begun = await process.waitFor([guest.begin], guest.timeoutSeconds);
    if (engine.startsAtOnce !== true) start = begun.time;
  }
  const laps: Lap[] = [];
  for (let last = start; ;) {
    const { output, time } = await process.waitFor(["lap\n", guest.expect], guest.timeoutSeconds);
    if (!output.endsWith(guest.expect)) {
      laps.push({ seconds: (time - last) / 1000, residentMiB: process.residentMiB });
      last = time;
      continue;
    }
    const checksum = /checksum ([0-9a-f]{8})/.exec(output)?.[1];
    return { row: guest.name, seconds: (time - start) / 1000, peakMiB: process.peakMiB, checksum, laps };
  }
}

/** From the typed line to the mark behind the command's output; the marks are not in the echo of the line. */
async function runStep(process: EngineProcess, step: Step, timeoutSeconds: number): Promise<Reading> {
  const start = performance.now();
  process.send(`echo be''gin; ${step.command}; echo e''nd\n`);
  await process.waitFor(["begin\r\n"], timeoutSeconds);
  const { output, time } = await process.waitFor(["end\r\n"], timeoutSeconds);
  await process.waitFor(["# "], timeoutSeconds);
  const checksum = createHash("sha256").update(output).digest("hex").slice(0, 8);
  return { row: step.name, seconds: (time - start) / 1000, peakMiB: process.peakMiB, checksum, laps: [] };
}
