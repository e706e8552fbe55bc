/**
 * Speed and classes over the run: samples at equal distances in instructions. When there are too many, every second one goes and the
 * distance doubles, so that a run of any length has between 100 and 200.
 */
import type { Measurement } from "../../runtime/measure/measurement.ts";
import type { Machine } from "../machine.ts";
import { INTERPRETED, TRANSLATED, type ByInterpretedClass, type ByTranslatedClass } from "./classes.ts";

const FIRST_DISTANCE = 10_000, MOST_SAMPLES = 200;

/** What was counted since the start. */
interface Sample {
  readonly instructions: number;
  /** Host milliseconds, without those that sampling took. */
  readonly milliseconds: number;
  readonly translated: ByTranslatedClass;
  readonly interpreted: ByInterpretedClass;
  readonly regions: number;
}

/** One stretch of the run. */
export interface Interval {
  /** Retired before its end, since the start. */
  readonly instructions: number;
  /** Host seconds since the start at its end, and of its own. */
  readonly time: number;
  readonly seconds: number;
  readonly translated: ByTranslatedClass;
  readonly interpreted: ByInterpretedClass;
  /** Regions made in it. */
  readonly regions: number;
}

export interface TimelineReport {
  /** Instructions in each interval but the last. */
  readonly distance: number;
  readonly intervals: readonly Interval[];
}

export class Timeline {
  readonly #machine: Machine;
  readonly #measurement: Measurement;
  readonly #clock: () => number;
  /** The instruction count at the start. */
  readonly first: number;
  #distance = FIRST_DISTANCE;
  #samples: Sample[] = [];
  /** The clock at the start, and what sampling took since. */
  readonly #origin: number;

  #lost = 0;

  /** `clock` answers milliseconds. The run begins now. */
  constructor(machine: Machine, measurement: Measurement, clock: () => number) {
    this.#machine = machine;
    this.#measurement = measurement;
    this.#clock = clock;
    this.#origin = clock();
    this.first = machine.instructions;
    this.#samples.push(this.#sample());
  }

  /** Samples where one is due. Returns how many instructions may be executed before the next call. */
  readonly next = (): number => {
    const instructions = this.#machine.instructions - this.first;
    if (instructions >= this.#due()) {
      if (this.#samples.length > MOST_SAMPLES) {
        this.#samples = this.#samples.filter((_sample, k) => k % 2 === 0);
        this.#distance *= 2;
      }
      if (instructions >= this.#due()) this.#samples.push(this.#sample());
    }
    return this.#due() - instructions;
  };

  #due(): number { return this.#samples.at(-1)!.instructions + this.#distance; }

  #sample(): Sample {
    const now = this.#clock(), { executed, engine } = this.#measurement;
    this.#measurement.collect();
    const sample: Sample = {
      instructions: this.#machine.instructions - this.first, milliseconds: now - this.#origin - this.#lost,
      translated: { ...executed.totals.translated }, interpreted: { ...executed.totals.interpreted }, regions: engine?.regions.stats.made ?? 0,
    };
    this.#lost += this.#clock() - now;
    return sample;
  }

  /** Host seconds of the run, without sampling. */
  get seconds(): number { return (this.#clock() - this.#origin - this.#lost) / 1000; }

  report(): TimelineReport {
    if (this.#machine.instructions === this.first) return { distance: this.#distance, intervals: [] };
    const last = this.#sample(), samples = this.#samples.filter(({ instructions }) => instructions < last.instructions);
    const intervals = [...samples.slice(1), last].map((sample, k) => difference(sample, samples[k]!));
    return { distance: this.#distance, intervals };
  }
}

function difference(after: Sample, before: Sample): Interval {
  const less = <Name extends string>(names: readonly Name[], a: Readonly<Record<Name, number>>, b: Readonly<Record<Name, number>>): Record<Name, number> =>
    Object.fromEntries(names.map((name) => [name, a[name] - b[name]])) as Record<Name, number>;
  return {
    instructions: after.instructions, time: after.milliseconds / 1000, seconds: (after.milliseconds - before.milliseconds) / 1000,
    translated: less(TRANSLATED, after.translated, before.translated), interpreted: less(INTERPRETED, after.interpreted, before.interpreted),
    regions: after.regions - before.regions,
  };
}
