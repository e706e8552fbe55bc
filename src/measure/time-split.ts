/** Where the host's time went, and what for. Times of what happens often are samples, multiplied. */
import type { Measurement } from "../../runtime/measure/measurement.ts";
import type { Timer } from "../../runtime/measure/stopwatch.ts";

export interface Activity {
  readonly activity: string;
  readonly count: number;
  readonly milliseconds: number;
  /** Of the time in the virtual CPU. */
  readonly percent: number;
}

/** Something with a reason. */
export interface Reason {
  readonly reason: string;
  readonly count: number;
  /** For each 1,000 instructions retired. */
  readonly perThousand: number;
  readonly milliseconds: number;
}

export interface TimeReport {
  /** In the virtual CPU, in all. */
  readonly milliseconds: number;
  readonly activities: readonly Activity[];
}

export function reasonsOf(timers: ReadonlyMap<string, Timer>, instructions: number): Reason[] {
  return [...timers].map(([reason, { count, milliseconds }]) => ({ reason, count, perThousand: instructions === 0 ? 0 : count / instructions * 1000, milliseconds }))
    .sort((a, b) => b.count - a.count);
}

function sumOf(timers: Iterable<Timer>): { count: number; milliseconds: number } {
  let count = 0, milliseconds = 0;
  for (const timer of timers) {
    count += timer.count;
    milliseconds += timer.milliseconds;
  }
  return { count, milliseconds };
}

export function timeReport(m: Measurement): TimeReport {
  const parts: Array<readonly [string, { readonly count: number; readonly milliseconds: number }]> = [
    ["dispatch", m.running], ["interpreter", m.interpreting], ["translated code", m.translated], ["decoding and discovery", m.discovery], ["passes and emission", m.emission],
    ["compilation by the host", m.compilation], ["callouts", sumOf(m.callouts.values())], ["helpers", sumOf(m.helpers.values())],
    ["faults and interrupts", sumOf(m.events.values())], ["slow memory accesses", m.slowMemory], ["devices", m.devices],
  ];
  const total = parts.reduce((sum, [, { milliseconds }]) => sum + milliseconds, 0);
  const activities = parts.map(([activity, { count, milliseconds }]) => ({ activity, count, milliseconds, percent: total === 0 ? 0 : milliseconds / total * 100 }));
  return { milliseconds: total, activities };
}
