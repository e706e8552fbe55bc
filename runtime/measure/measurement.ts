/**
 * What a virtual CPU counts and times while it is measured: executions of every instruction as interpreted or translated, calls of the
 * monitor with their reasons and times, slow memory accesses, and where the host's time goes.
 *
 * Invariant: what `executed` holds after `collect` adds up to the instructions retired. Counts are kept where they arise (in decoded
 * instructions and in the regions' own words) and fetched from there when one is dropped and when somebody asks.
 */
import type { Instruction, RegionText, Row } from "../../translator/translate.ts";
import type { CodeCache, CodePage, DropCause } from "../code-cache.ts";
import { type Insn, STRADDLING } from "../insn.ts";
import { MMIO, SLOW, UNFILLED } from "../tlb-entry.ts";
import type { Region, Regions } from "../region.ts";
import { calloutReason } from "./callout-reason.ts";
import { type Executed, ExecutedTable } from "./executed.ts";
import { Stopwatch, Timer } from "./stopwatch.ts";

/** Why an access did not take the fast path; `neighbour`: it shares a probe that failed for another. */
export type SlowCause = "page walk" | "watched page" | "device" | "page crossing" | "misaligned" | "neighbour";

/** The counters of one region, beside those that its own code counts. All by site. */
export interface RegionCounts {
  /** Two words for each block: executions, ways out behind its branch. */
  readonly words: Float64Array;
  /** Left before the instruction retired; left behind it; how often it retired beyond once for each execution. */
  readonly missed: Float64Array;
  readonly stopped: Float64Array;
  readonly extra: Float64Array;
  /** What was fetched so far, for good: executions by instruction in the order of `counted`; ways out by block. */
  readonly retired: Float64Array;
  readonly left: Float64Array;
}

export function regionCounts({ blocks, sites: { length: sites }, instructions }: Omit<RegionText, "tree">): RegionCounts {
  const zeros = (length: number): Float64Array => new Float64Array(length);
  return { words: zeros(2 * (blocks + sites)), missed: zeros(sites), stopped: zeros(sites), extra: zeros(sites), retired: zeros(instructions), left: zeros(blocks) };
}

/** A region that was dropped, as long as it is among the busiest. */
export interface DroppedRegion {
  readonly region: Region;
  readonly cause: DropCause;
  readonly retired: number;
}

/** So many dropped regions are kept at least, and twice as many at most. */
const KEPT_REGIONS = 200;

/** Sizes of all regions that were made, by powers of two: `[k]` counts those of 2^k to 2^(k+1) - 1. */
export interface RegionSizes {
  readonly instructions: number[];
  readonly blocks: number[];
}

export class Measurement {
  readonly watch: Stopwatch;
  /** The virtual CPU's loop; by and in it, what it does. */
  readonly running = new Timer();
  readonly interpreting = new Timer();
  readonly translated = new Timer();
  readonly discovery = new Timer();
  readonly emission = new Timer();
  readonly compilation = new Timer();
  readonly devices = new Timer();
  readonly slowMemory = new Timer();
  readonly executed = new ExecutedTable();
  /** Calls of the monitor by reason; the same of steps that are no sensitive instruction (x87, strings, page-crossing instructions). */
  readonly callouts = new Map<string, Timer>();
  readonly helpers = new Map<string, Timer>();
  /** Faults by vector, and external interrupts. */
  readonly events = new Map<string, Timer>();
  readonly slow: Record<SlowCause, number> = { "page walk": 0, "watched page": 0, device: 0, "page crossing": 0, misaligned: 0, neighbour: 0 };
  /** Regions dropped, by cause; the busiest of them. */
  readonly dropped = new Map<string, number>();
  readonly droppedRegions: DroppedRegion[] = [];
  readonly sizes: RegionSizes = { instructions: [], blocks: [] };
  /** Regions made, by the linear page of their head; edges inside regions, of all that were made. */
  readonly translationsByPage = new Map<number, number>();
  linksMade = 0;
  /** Returns to the machine, by reason. */
  readonly exits = new Map<string, number>();
  /** Makes `executed` complete: brings counts that are still elsewhere. Set by the virtual CPU. */
  collect: () => void = () => {};
  /** The engine's caches. Set by the virtual CPU. */
  engine: { readonly cache: CodeCache; readonly regions: Regions } | undefined = undefined;
  readonly #timers = new Map<Row, Timer>();

  /** `clock` answers milliseconds. */
  constructor(clock: () => number) { this.watch = new Stopwatch(clock); }

  /** Records of decoded instructions that were fetched before. */
  readonly #records = new WeakMap<Insn, Executed>();

  /** Takes the executions of a decoded instruction over. `decoded` says what it is. */
  fetchInterpreted(page: CodePage, insn: Insn, decoded: () => Instruction | undefined): void {
    const linear = (page.linear + insn.o) >>> 0;
    let record = this.#records.get(insn);
    if (record?.linear !== linear || insn.kind === STRADDLING) { // half of its bytes may have changed unseen
      const instruction = decoded();
      if (instruction === undefined) return;
      record = this.executed.at(linear, page.space.mode.user, instruction.row, instruction.length);
      this.#records.set(insn, record);
    }
    this.executed.addInterpreted(record, insn.count);
    insn.count = 0;
  }

  /** A decoded instruction is about to become another one. */
  forget(insn: Insn): void { this.#records.delete(insn); }

  regionMade({ linear, text }: Region): void {
    const page = linear >>> 12;
    this.translationsByPage.set(page, (this.translationsByPage.get(page) ?? 0) + 1);
    for (const { links } of text.counted) this.linksMade += links;
    countSize(this.sizes.instructions, text.instructions);
    countSize(this.sizes.blocks, text.blocks);
  }

  regionDropped(region: Region, cause: DropCause): void {
    this.fetchTranslated(region);
    this.add(this.dropped, cause);
    this.droppedRegions.push({ region, cause, retired: retiredBy(region) });
    if (this.droppedRegions.length < 2 * KEPT_REGIONS) return;
    this.droppedRegions.sort((a, b) => b.retired - a.retired);
    this.droppedRegions.length = KEPT_REGIONS;
  }

  /** Takes the executions of a region over. */
  fetchTranslated({ counts, text, sites, space }: Region): void {
    if (counts === undefined) return;
    const first = 2 * text.blocks;
    for (let id = 0; id < sites.length; id++) {
      counts.extra[id]! += counts.words[first + 2 * id]!;
      counts.stopped[id]! += counts.words[first + 2 * id + 1]!;
    }
    const siteAt = new Map(sites.map(({ block, rest }, id) => [block * 65536 + rest, id]));
    let index = 0;
    text.counted.forEach(({ instructions, links }, k) => {
      counts.left[k]! += counts.words[2 * k + 1]!;
      let running = counts.words[2 * k]!;
      instructions.forEach((counted, at) => {
        const id = siteAt.get(k * 65536 + instructions.length - at), { instruction } = counted;
        const record = this.executed.at(counted.address, space.mode.user, instruction.row, instruction.length);
        record.class = counted.class;
        record.isTranslated = true;
        if (id !== undefined) running -= counts.missed[id]!;
        const executions = running + (id === undefined ? 0 : counts.extra[id]!), branches = at === instructions.length - 1 && counted.class === "branch";
        if (branches && links > 0) record.isLinked = true;
        this.executed.addTranslated(record, executions, branches ? counts.words[2 * k + 1]! : 0);
        counts.retired[index++]! += executions;
        if (id !== undefined) running -= counts.stopped[id]!;
      });
    });
    for (const words of [counts.words, counts.missed, counts.stopped, counts.extra]) words.fill(0);
  }

  /** What a step by the monitor or a plain helper is charged to. */
  stepTimer(instruction: Instruction): Timer {
    const { row } = instruction, known = this.#timers.get(row);
    if (known !== undefined) return known;
    const sensitive = row.class === "callout" || row.class === "inline";
    const timer = timerOf(sensitive ? this.callouts : this.helpers, calloutReason(instruction));
    if (row.semantics !== "mov_to_cr") this.#timers.set(row, timer);
    return timer;
  }

  helperTimer(reason: string): Timer { return timerOf(this.helpers, reason); }
  eventTimer(reason: string): Timer { return timerOf(this.events, reason); }

  add(counts: Map<string, number>, name: string): void { counts.set(name, (counts.get(name) ?? 0) + 1); }

  /** A slow memory access: counted by its cause, and timed now and then. */
  slowAccess<T>(entry: number, linear: number, size: number, action: () => T): T {
    this.slow[slowCause(entry, linear, size)]++;
    const started = this.watch.start(this.slowMemory);
    try {
      return action();
    } finally {
      this.watch.stop(this.slowMemory, started);
    }
  }
}

function countSize(sizes: number[], size: number): void {
  const power = 31 - Math.clz32(size);
  while (sizes.length <= power) sizes.push(0);
  sizes[power]!++;
}

/** Instructions that a region retired, as far as they were fetched. */
export function retiredBy({ counts }: Region): number { return counts === undefined ? 0 : counts.retired.reduce((sum, each) => sum + each, 0); }

function timerOf(timers: Map<string, Timer>, reason: string): Timer {
  let timer = timers.get(reason);
  if (timer === undefined) timers.set(reason, (timer = new Timer()));
  return timer;
}

function slowCause(entry: number, linear: number, size: number): SlowCause {
  if (entry === UNFILLED) return "page walk";
  if ((entry & MMIO) !== 0) return "device";
  if ((entry & SLOW) !== 0) return "watched page";
  if ((linear & 0xfff) + size > 4096) return "page crossing";
  return (linear & (size - 1)) === 0 ? "neighbour" : "misaligned";
}
