/**
 * Translated regions: made where the profile says, entered at their head, dropped when a byte they were made from changes.
 *
 * A region is bound to linear addresses: its head is found as a decoded instruction (by physical page), so it also compares the linear
 * address it was made for. Other pages it spans are compared with the EXEC entries they had, on the edges that lead there.
 */
import { type CodeCache, type CodePage, type CodeRange, type CodeSpace, type DropCause } from "./code-cache.ts";
import { GuestFault, Retry } from "./faults.ts";
import { carryOf, conditionOf, flagsOf } from "./flags.ts";
import type { RuntimeFunction } from "./functions.ts";
import { EXACT, type Insn, PLAIN, REGION, STRADDLING } from "./insn.ts";
import { slowPaths } from "./interpreter.ts";
import { regionCounts, type Measurement, type RegionCounts } from "./measure/measurement.ts";
import type { Timer } from "./measure/stopwatch.ts";
import type { Trial, Trials } from "./trial.ts";
import { SLOW, type GuestMemory } from "./memory.ts";
import { type CpuState } from "./state.ts";
import { decode, discover, formOf, regionText, type CodeView, type Fields, type Mode, type RegionText, type Site } from "../translator/translate.ts";

/** What a region's function returns. */
export const LEFT_NORMALLY = 0, FAULTED = 1, MUST_RETRY = 2;

export type RegionFunction = (left: number) => number;

export interface Region extends CodeRange {
  readonly head: Insn;
  readonly linear: number;
  readonly run: RegionFunction;
  readonly sites: readonly Site[];
  /** Least budget at entry. */
  readonly length: number;
  readonly text: RegionText;
  /** The mode it was made for. */
  readonly mode: Mode;
  /** What discovery saw: linear addresses of instructions and their weights, in turn. From these the blocks can be found again. */
  readonly seen: Int32Array;
  dropped: boolean;
  /** How often it was entered. */
  entries: number;
  /** What it was made after. */
  readonly trial: Trial;
  /** Code of ring 3. */
  readonly user: boolean;
  readonly counts: RegionCounts | undefined;
}

/** The names that every region may use. */
export const ABI_NAMES = [
  "S", "MEM8", "MEM16", "MEM32", "READ", "WRITE", "EXEC", "imul", "clz32",
  "load8", "load16", "load32", "store8", "store16", "store32", "modify8", "modify16", "modify32",
  "conditionOf", "carryOf", "flagsOf", "step", "timestamp", "caught",
] as const;

/** What regions ask of the virtual CPU: `site` says where, `left` is the budget there. Results: 0 to go on. */
export interface RegionCalls {
  /** Let the interpreter execute one instruction on the written-back state. */
  step(site: number, left: number): number;
  /** RDTSC into the state words. */
  timestamp(site: number, left: number): number;
}

export const LIMITS = { instructions: 200, depth: 3 } as const;
const NO_TRIAL: Trial = { base: -1, stretches: 0, remade: 0 };
/** A head at which nothing could be translated is not tried again so soon. */
const COOL = -1_000_000;
/** A region costs the host 10 KB and some 15 bytes for each of its source. Debian's boot has 563 of together 9 MB. */
const MOST_REGIONS = 16_000, MOST_SOURCE = 32 << 20;

export interface RegionsOptions {
  /** Checks every source before it runs. */
  readonly check: CodeCheck | undefined;
  /** Regions count their executions for it. */
  readonly measurement: Measurement | undefined;
}

/** Proves of generated source that it names nothing but these; throws where it does not. */
export type CodeCheck = (source: string, names: readonly string[]) => void;

/** Estimated host ns that making a region takes. */
const MAKING_COST = 1_000_000;

export class Regions {
  readonly stats = { made: 0, dropped: 0, instructions: 0, blocks: 0, codeBytes: 0, refused: 0 };
  readonly #cpu: CpuState;
  readonly #memory: GuestMemory;
  readonly #cache: CodeCache;
  readonly #functions: (name: string) => RuntimeFunction;
  readonly #calls: RegionCalls;
  readonly #check: CodeCheck | undefined;
  readonly #measurement: Measurement | undefined;
  readonly #live = new Set<Region>();
  #liveBytes = 0;

  constructor(cpu: CpuState, memory: GuestMemory, cache: CodeCache, functions: (name: string) => RuntimeFunction, calls: RegionCalls, options: RegionsOptions) {
    this.#cpu = cpu;
    this.#memory = memory;
    this.#cache = cache;
    this.#functions = functions;
    this.#calls = calls;
    this.#check = options.check;
    this.#measurement = options.measurement;
  }

  /** The regions that may run now. */
  get live(): Iterable<Region> { return this.#live; }
  /** What was ever executed in a mode; for tools. */
  view(space: CodeSpace): CodeView { return new GuestCode(this.#memory, space, NO_TRIAL.base); }

  /** Whether there are more regions, or more of their source, than the host should hold; the engine then forgets them all. */
  get full(): boolean { return this.#live.size > MOST_REGIONS || this.#liveBytes > MOST_SOURCE; }

  /** The region that begins at `head`, now at linear address `linear`; made if there is none. Undefined where the interpreter must go on. */
  at(head: Insn, linear: number, space: CodeSpace, trials: Trials): Region | undefined {
    const known = head.r as Region | undefined;
    if (known !== undefined) return known.linear === linear ? known : undefined;
    const trial = space.mode.flat ? trials.at(head) : NO_TRIAL;
    if (trial === undefined) return undefined;
    const made = space.mode.flat ? this.#make(head, linear, space, trial) : undefined;
    if (made === undefined) {
      this.stats.refused++;
      release(head);
      head.h = COOL;
    }
    return made;
  }

  #make(head: Insn, linear: number, space: CodeSpace, trial: Trial): Region | undefined {
    const measurement = this.#measurement;
    const timed = <T>(timer: Timer | undefined, action: () => T): T => (measurement === undefined || timer === undefined ? action() : measurement.watch.time(timer, action));
    const view = new GuestCode(this.#memory, space, trial.base);
    const blocks = timed(measurement?.discovery, () => discover(linear, view, LIMITS));
    if (blocks === undefined) return undefined;
    const text = timed(measurement?.emission, () => regionText(blocks, { counters: measurement !== undefined }));
    this.#memory.patience -= MAKING_COST;
    return timed(measurement?.compilation, () => this.#compile({ head, linear, user: space.mode.user, mode: space.mode, text, trial }, space, view));
  }

  #compile(planned: Pick<Region, "head" | "linear" | "user" | "mode" | "text" | "trial">, space: CodeSpace, view: GuestCode): Region {
    const { text } = planned;
    const measurement = this.#measurement, counts = measurement === undefined ? undefined : regionCounts(text.blocks, text.sites.length);
    const { ring } = space;
    const pageNames = text.pages.map((_page, k) => `PAGE${k}`);
    const names = [...ABI_NAMES, ...pageNames, ...text.functions, ...(counts === undefined ? [] : ["COUNT"])];
    this.#check?.(text.source, names);
    const values: unknown[] = [
      this.#cpu.words, this.#memory.ram, this.#memory.ram16, this.#memory.ram32, ring.read, ring.write, ring.exec, Math.imul, Math.clz32,
      ...Object.values(slowPaths(ring, this.#cpu.words, measurement)), conditionOf, carryOf, flagsOf, this.#calls.step, this.#calls.timestamp, caught,
      ...text.pages.map((page) => view.entry(page)), ...text.functions.map((name) => this.#functions(name)), counts?.words,
    ];
    const make = new Function(...names, `"use strict"; return ${text.source};`) as (...args: unknown[]) => RegionFunction;
    return this.#add({ ...planned, run: make(...values), ranges: view.ranges(), seen: view.seen(), counts });
  }

  /** Apart from `#make`, so that the region's closure keeps nothing of the view alive. */
  #add(made: Pick<Region, "head" | "linear" | "user" | "mode" | "run" | "text" | "trial" | "ranges" | "seen" | "counts">): Region {
    const { head, text } = made;
    const region: Region = { ...made, sites: text.sites, length: text.length, dropped: false, entries: 0, drop: (cause) => this.#drop(region, cause) };
    head.r = region;
    this.#live.add(region);
    this.#liveBytes += text.source.length;
    this.#cache.addRange(region);
    this.stats.made++;
    this.stats.instructions += text.instructions;
    this.stats.blocks += text.blocks;
    this.stats.codeBytes += text.source.length;
    return region;
  }

  #drop(region: Region, cause: DropCause): void {
    region.dropped = true;
    this.#measurement?.fetchTranslated(region);
    this.#measurement?.add(this.#measurement.dropped, cause);
    this.stats.dropped++;
    region.head.r = undefined;
    this.#live.delete(region);
    this.#liveBytes -= region.text.source.length;
    if (region.head.kind === REGION) release(region.head);
    region.head.h = 0;
  }
}

/** Takes the detour away from a head. */
function release(head: Insn): void {
  head.f = head.g;
  head.kind = PLAIN;
}

/** The catch of every region: guest events become a code, anything else is ours and goes on. */
function caught(error: unknown): number {
  if (error instanceof GuestFault) return FAULTED;
  if (error instanceof Retry) return MUST_RETRY;
  throw error;
}

/** Guest code as region discovery may see it: through EXEC entries that are filled, and only what is hot. */
class GuestCode implements CodeView {
  readonly #memory: GuestMemory;
  readonly #space: CodeSpace;
  readonly #base: number;
  readonly #seen = new Map<number, ReturnType<CodeView["executed"]>>();
  readonly #bytes = new Map<number, number>();

  /** `base`: of the trial that says what is hot. */
  constructor(memory: GuestMemory, space: CodeSpace, base: number) {
    this.#base = base;
    this.#memory = memory;
    this.#space = space;
  }

  entry(page: number): number { return this.#space.ring.exec[page]!; }

  executed(address: number): ReturnType<CodeView["executed"]> {
    if (!this.#seen.has(address)) this.#seen.set(address, this.#look(address));
    return this.#seen.get(address);
  }

  #look(address: number): ReturnType<CodeView["executed"]> {
    const entry = this.entry(address >>> 12);
    if ((entry & SLOW) !== 0) return undefined;
    const host = address ^ entry, page: CodePage | undefined = this.#space.pages[host >>> 12];
    const position = page?.index[host & 0xfff] ?? 0;
    const insn = position === 0 ? undefined : page!.insns[position];
    if (insn === undefined || insn.f === page!.undecoded || insn.e === 0 || insn.kind === STRADDLING || insn.seen <= this.#base) return undefined;
    if (insn.kind !== PLAIN && insn.kind !== EXACT && insn.kind !== REGION) return undefined;
    const instruction = decode(this.#memory.ram, host, 4096 - (host & 0xfff), this.#space.mode);
    if ("failure" in instruction) return undefined;
    const fields: Fields = { d: 0, s: 0, b: 8, x: 8, c: 0, p: 0, m: 0, k: 0 };
    const form = formOf(instruction, this.#space.mode, fields);
    this.#bytes.set(host, host + instruction.length);
    return { instruction, form, fields, weight: insn.seen };
  }

  /** The instructions that were looked at, each followed by its weight. */
  seen(): Int32Array { return Int32Array.from([...this.#seen].flatMap(([address, found]) => (found === undefined ? [] : [address, found.weight ?? 0]))); }

  /** The host bytes that were looked at, joined where they touch, cut at page ends. */
  ranges(): Array<readonly [number, number]> {
    const joined: Array<[number, number]> = [];
    for (const [from, to] of [...this.#bytes].sort((a, b) => a[0] - b[0])) {
      const last = joined.at(-1);
      if (last !== undefined && from <= last[1] && from >>> 12 === last[0] >>> 12) last[1] = Math.max(last[1], to);
      else joined.push([from, to]);
    }
    return joined;
  }
}
