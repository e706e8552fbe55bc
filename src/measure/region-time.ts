/**
 * The host's time by guest instruction, in translated code: samples of a profiler that knows lines, laid on the instructions that the lines are of.
 *
 * What an instruction calls counts as its own where no other instruction of the region calls the same; the profiler does not say from which line a
 * function was called. The interpreter runs every instruction of a form by the same handler, so there is no time per instruction there.
 */
import type { Region } from "../../runtime/region.ts";
import type { LineOwner } from "../../translator/translate.ts";

/** Samples of one region. */
export interface RegionSamples {
  /** In its own code, by line of its source, from 0. */
  readonly lines: ReadonlyMap<number, number>;
  /** In what it called, by the name of the function. */
  readonly called: ReadonlyMap<string, number>;
}

/** What a sampling profiler saw. */
export interface Samples {
  /** Host ms that one sample stands for. */
  readonly milliseconds: number;
  /** By `Region.number`. */
  readonly regions: ReadonlyMap<number, RegionSamples>;
}

export interface CalledTime {
  readonly name: string;
  readonly samples: number;
  /** Instructions of the region that call it. */
  readonly callers: number;
}

/** The samples of a region: those of its instructions, of its own frame and of what it called add up to all. */
export interface RegionTime {
  readonly samples: number;
  readonly milliseconds: number;
  /** Of entry, way out, budget and counters. */
  readonly frame: number;
  /** In functions that several of its instructions call, or none by that name; most first. */
  readonly called: readonly CalledTime[];
  /** Of the instruction at a place in the region, with what it alone calls. */
  of(block: number, index: number): number;
}

const key = (block: number, index: number): number => block * 65536 + index;

/** The time of a region; undefined where it has no lines or was never seen. */
export function regionTime({ number, text }: Pick<Region, "number" | "text">, { milliseconds, regions }: Samples): RegionTime | undefined {
  const seen = regions.get(number);
  if (seen === undefined || text.lines.length === 0) return undefined;
  const byInstruction = new Map<number, number>(), owners = [...new Set(text.lines)].filter((owner) => owner !== undefined);
  let frame = 0, samples = 0;
  const add = ({ block, index }: LineOwner, count: number): void => { byInstruction.set(key(block, index), (byInstruction.get(key(block, index)) ?? 0) + count); };
  for (const [line, count] of seen.lines) {
    const owner = text.lines[line];
    samples += count;
    if (owner === undefined) frame += count;
    else add(owner, count);
  }
  const called: CalledTime[] = [];
  for (const [name, count] of seen.called) {
    const callers = owners.filter(({ calls }) => calls.has(name)), [only] = callers;
    samples += count;
    if (callers.length === 1) add(only!, count);
    else called.push({ name, samples: count, callers: callers.length });
  }
  called.sort((a, b) => b.samples - a.samples);
  return { samples, milliseconds: samples * milliseconds, frame, called, of: (block, index) => byInstruction.get(key(block, index)) ?? 0 };
}
