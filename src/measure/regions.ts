/** The translated regions of a measured run: how many, how large, and the busiest ones in full. */
import { SeenView } from "../../runtime/guest-code.ts";
import type { DropCause } from "../../runtime/code-cache.ts";
import { retiredBy, type Measurement } from "../../runtime/measure/measurement.ts";
import type { Region } from "../../runtime/region.ts";
import { format, picture, type InstructionClass, type PictureBlock, type RegionLimits } from "../../translator/translate.ts";
import type { ClassCounts } from "./classes.ts";
import { regionTime, type CalledTime, type Samples } from "./region-time.ts";

/** Things of sizes `from` to `to`. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

export interface RegionInstruction {
  /** The block of the graph that it stands in. */
  readonly block: number;
  readonly address: number;
  readonly text: string;
  readonly class: InstructionClass;
  /** It was executed by the interpreter in the region's place. */
  readonly stepped: boolean;
  /** In this region. */
  readonly executions: number;
  /** Samples of the host's time, with those of what it alone calls; null where nobody sampled. */
  readonly samples: number | null;
}

/** Samples of the host's time; those of the listing, `frame` and `called` add up to `samples`. */
export interface RegionTimeReport {
  readonly samples: number;
  readonly milliseconds: number;
  readonly frame: number;
  readonly called: readonly CalledTime[];
}

export interface RegionReport {
  readonly address: number;
  readonly ring: "supervisor" | "user";
  /** Instructions retired in it. */
  readonly retired: number;
  readonly entries: number;
  readonly instructions: number;
  readonly blocks: number;
  /** Characters of its source. */
  readonly codeBytes: number;
  /** Why it was dropped; null where it was there at the end. */
  readonly dropped: DropCause | null;
  /** In the order of emission. The graph and the IR are empty where the region cannot be made again. */
  readonly listing: readonly RegionInstruction[];
  /** Null where nobody sampled, or no sample fell here. */
  readonly time: RegionTimeReport | null;
  readonly graph: readonly PictureBlock[];
  readonly ir: readonly string[];
  readonly optimised: readonly string[];
  /** As it is without counters. */
  readonly javascript: string;
}

export interface RegionsReport {
  readonly made: number;
  readonly live: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** Heads at which nothing could be translated. */
  readonly refused: number;
  readonly instructions: number;
  readonly blocks: number;
  readonly codeBytes: number;
  readonly entries: number;
  /** Edges inside regions; branches that took one; branches that left their region. */
  readonly linksMade: number;
  readonly linksUsed: number;
  readonly dispatches: number;
  /** Times that all code was forgotten for want of room. */
  readonly evictions: number;
  /** By instructions and by blocks. */
  readonly sizes: { readonly instructions: readonly Bin[]; readonly blocks: readonly Bin[] };
  /** Pages by the number of regions made with their head on them. */
  readonly translationsPerPage: readonly Bin[];
}

/** So many regions are shown in full. */
export const SHOWN_REGIONS = 100;

const binsOf = (byPower: readonly number[]): Bin[] => byPower.map((count, k) => ({ from: 2 ** k, to: 2 ** (k + 1) - 1, count }));

function powers(values: Iterable<number>): number[] {
  const counts: number[] = [];
  for (const value of values) {
    const power = 31 - Math.clz32(value);
    while (counts.length <= power) counts.push(0);
    counts[power]!++;
  }
  return counts;
}

export function regionsReport(measurement: Measurement, entries: number, { translated }: ClassCounts): RegionsReport {
  const { engine, sizes } = measurement, { regions, cache } = engine!, { made, dropped, refused, instructions, blocks, codeBytes } = regions.stats;
  return {
    made, live: made - dropped, dropped: Object.fromEntries(measurement.dropped), refused, instructions, blocks, codeBytes, entries,
    linksMade: measurement.linksMade, linksUsed: translated.linked, dispatches: translated.dispatched, evictions: cache.stats.evictions,
    sizes: { instructions: binsOf(sizes.instructions), blocks: binsOf(sizes.blocks) },
    translationsPerPage: binsOf(powers(measurement.translationsByPage.values())),
  };
}

/** The busiest regions, of those that are there and those that were dropped. */
export function busiestRegions(measurement: Measurement, samples: Samples | undefined, most = SHOWN_REGIONS): RegionReport[] {
  const live = [...measurement.engine!.regions.live].map((region) => ({ region, cause: null, retired: retiredBy(region) }));
  return [...live, ...measurement.droppedRegions].sort((a, b) => b.retired - a.retired).slice(0, most).map(({ region, cause }) => regionReport(region, cause, measurement.engine!.regions.limits, samples));
}

function regionReport(region: Region, dropped: DropCause | null, limits: RegionLimits, samples: Samples | undefined): RegionReport {
  const { text, counts, linear, entered, space: { mode: { user } } } = region;
  const again = picture(linear, new SeenView(region.seen, region.space), limits, [...text.entries.keys()].slice(1));
  const shown = again?.counted === text.print() ? again : undefined;
  const time = samples === undefined ? undefined : regionTime(region, samples);
  const listing = text.counted.flatMap(({ id, instructions }) => instructions.map((counted, index) => ({ ...counted, id, index }))).map((counted, k): RegionInstruction => ({
    block: counted.id, address: counted.address >>> 0, text: format(counted.instruction, counted.address), class: counted.class, stepped: counted.stepped, executions: counts!.retired[k]!,
    samples: samples === undefined ? null : time?.of(counted.id, counted.index) ?? 0,
  }));
  return {
    address: linear >>> 0, ring: user ? "user" : "supervisor", retired: retiredBy(region), entries: entered, instructions: text.instructions, blocks: text.blocks,
    codeBytes: region.codeBytes, dropped, listing,
    time: time === undefined ? null : { samples: time.samples, milliseconds: time.milliseconds, frame: time.frame, called: time.called }, graph: shown?.blocks ?? [], ir: shown?.ir ?? [], optimised: shown?.optimised ?? [],
    javascript: shown?.javascript ?? text.print(),
  };
}
