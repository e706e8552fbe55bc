/** How much of the guest's code makes up how much of its execution. */
import type { Executed } from "../../runtime/measure/executed.ts";

/** So many of the busiest make up `percent` of all executed instructions. */
export interface CoverageStep {
  readonly percent: number;
  readonly count: number;
}

export interface Coverage {
  readonly distinct: number;
  readonly steps: readonly CoverageStep[];
  /** For a picture: at ever larger counts. */
  readonly curve: readonly CoverageStep[];
}

export interface CoverageReport {
  readonly instructions: Coverage;
  readonly blocks: Coverage;
}

const PERCENT = [50, 80, 90, 95, 99, 99.9] as const;
const POINTS_PER_DECADE = 12;

const executions = (record: Executed): number => record.interpreted + record.translated;

/**
 * Basic blocks as execution shows them: adjacent instructions of one ring that were executed equally often, none but the last of which ends a
 * block. Returns the instructions that each executed in all.
 */
export function blockExecutions(records: readonly Executed[]): number[] {
  const open = new Map<string, { end: number; each: number }>(), blocks: number[] = [];
  for (const record of records) { // by address
    const each = executions(record);
    if (each === 0) continue;
    const key = `${record.linear * 2 + (record.user ? 1 : 0)}:${each}`, before = open.get(key);
    const at = before === undefined ? blocks.push(0) - 1 : before.end;
    blocks[at]! += each;
    open.delete(key);
    if (!record.row.ends) open.set(`${(record.linear + record.length) * 2 + (record.user ? 1 : 0)}:${each}`, { end: at, each });
  }
  return blocks;
}

/** `weights`: instructions that each piece of code executed. */
export function coverageOf(weights: readonly number[]): Coverage {
  const sorted = Float64Array.from(weights.filter((weight) => weight > 0)).sort().reverse();
  const total = sorted.reduce((sum, weight) => sum + weight, 0), steps: CoverageStep[] = [], curve: CoverageStep[] = [];
  let sum = 0, nextPoint = 1;
  sorted.forEach((weight, k) => {
    sum += weight;
    while (steps.length < PERCENT.length && sum * 100 >= PERCENT[steps.length]! * total) steps.push({ percent: PERCENT[steps.length]!, count: k + 1 });
    if (k + 1 < nextPoint && k + 1 < sorted.length) return;
    curve.push({ percent: sum / total * 100, count: k + 1 });
    while (nextPoint <= k + 1) nextPoint = Math.max(nextPoint + 1, Math.floor(nextPoint * 10 ** (1 / POINTS_PER_DECADE)));
  });
  return { distinct: sorted.length, steps, curve };
}

export function coverage(records: readonly Executed[]): CoverageReport {
  return { instructions: coverageOf(records.map(executions)), blocks: coverageOf(blockExecutions(records)) };
}
