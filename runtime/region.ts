/**
 * Translated regions: made where the profile says, entered at their head, dropped when a byte they were made from changes.
 *
 * A region is bound to linear addresses: its head is found as a decoded instruction (by physical page), so it also compares the linear
 * address it was made for. Where its code is met at another one (each process has shared libraries somewhere else), it is made anew as
 * a *mobile* region, which is told how far away it runs. Other pages it spans are compared with the EXEC entries they had, on the edges
 * that lead there.
 */
import { allowance, bytesOf } from "./baseline.ts";
import { BaselineHeads, type BaselinePiece, NOTHING_THERE, WAITS } from "./baseline-heads.ts";
import { type CodeCache, type CodeRange, type CodeSpace, type DropCause, type Keep } from "./code-cache.ts";
import { EntryTable } from "./entry-table.ts";
import type { RuntimeFunction } from "./functions.ts";
import { GuestCode, SeenView, type SeenCode } from "./guest-code.ts";
import { EXACT, type Insn, PLAIN, REGION } from "./insn.ts";
import { regionCounts, type Measurement, type RegionCounts } from "./measure/measurement.ts";
import type { Timer } from "./measure/stopwatch.ts";
import type { Trial, Trials } from "./trial.ts";
import type { GuestMemory } from "./memory.ts";
import { type CodeCheck, type MadeFunction, type RegionFunction, RegionFunctions } from "./region-function.ts";
import { regionRows, type RegionRows } from "./region-row.ts";
import { type CpuState } from "./state.ts";
import { CARRY_LOCAL, discover, PASSES, regionText, X87_RUNS, type CodeView, type RegionBlocks, type RegionLimits, type RegionOptions, type RegionText, type Site } from "../translator/translate.ts";

/** What `Insn.r` holds: a place where a region may be entered. */
export interface Entry {
  readonly region: Region;
  readonly insn: Insn;
  /** Where it was when the region was made. */
  readonly linear: number;
  readonly host: number;
  /** What the region's function is called with. */
  readonly number: number;
  /** How often the interpreter executed it at another address. */
  away: number;
  /** Of baseline code: so much was executed from here that an optimised region is to take its place. */
  isHot: boolean;
  /** The entry of baseline code that this one has taken the place of. */
  readonly below: Entry | undefined;
}

export interface Region extends CodeRange {
  /** It was put together from templates. */
  readonly isBaseline: boolean;
  /** Of baseline code: its own branches or calls lead to its head. */
  readonly isLoop: boolean;
  /** Instructions that may be executed until somebody looks at it, from the beginning and each time. */
  heat: number;
  readonly head: Insn;
  /** It can be entered at any linear address that maps its code; otherwise at that of its making alone. */
  readonly isMobile: boolean;
  readonly linear: number;
  readonly space: CodeSpace;
  /** The head's is the first. */
  readonly entries: readonly Entry[];
  readonly run: RegionFunction;
  /** `run` is a WebAssembly function. */
  readonly isCompiled: boolean;
  readonly sites: readonly Site[];
  /** Least budget at entry. */
  readonly length: number;
  /** Its JavaScript is put together anew when it is asked for. */
  readonly text: Omit<RegionText, "tree">;
  /** Of the function: of its WebAssembly, or characters of its JavaScript. */
  readonly codeBytes: number;
  /** Host addresses of its instructions; without those of functions that were copied in. */
  readonly owned: number[];
  /** What discovery saw; from it the blocks can be found again. */
  readonly seen: SeenCode;
  dropped: boolean;
  /** How often it was entered, beside what the table of entries still holds, and had been when regions were last evicted. */
  entered: number;
  enteredBefore: number;
  /** How often in a row it left an x87 instruction to the interpreter, and at which count. */
  declined: number;
  declinedAt: number;
  /** What it was made after. */
  readonly trial: Trial;
  readonly counts: RegionCounts | undefined;
  /** Of all that were made. */
  readonly number: number;
}

/** What regions ask of the virtual CPU: `site` says where, `left` is the budget there. Results: 0 to go on. */
export interface RegionCalls {
  /** Between two regions: the EXEC entry of an address, filled where that can be. */
  fetch(linear: number): number;
  /** Let the interpreter execute one instruction on the written-back state. */
  step(site: number, left: number): number;
  /** Before RDTSC: the time when the budget is spent into the state words. */
  timestamp(site: number): number;
  /** STI and its shadow in the state words. */
  enableInterrupts(): number;
  /** Before a call of the monitor at its exact count, `left` being what it was before the instruction, and behind it; registers stay with the region. */
  callOut(site: number, left: number): void;
  calledOut(site: number): number;
  /** In regions that count: around other calls of the monitor. */
  startCallout(site: number): void;
  stopCallout(): void;
}

export const LIMITS: RegionLimits = { instructions: 400, copied: 200, depth: 3 };
/** A region that could be entered everywhere would have no structure. */
const MOST_ENTRIES = 40;
/** A head at which nothing could be translated is not tried again so soon. */
const COOL = -1_000_000;
/** So many bytes of code are kept as well. */
const KEPT_CODE = 24 << 20;

const COPIED_CALLS = "copied-calls", ENTRIES = "entries", PATCHES = "patches", WASM = "wasm", BASELINE = "baseline";
/** What can be switched off where a wrong result is hunted: the translator's passes, copies of called functions, regions of several entries, immediates that are read each time, WebAssembly, baseline code. */
export const OPTIMISATIONS: readonly string[] = [...PASSES.map(([name]) => name), CARRY_LOCAL, X87_RUNS, COPIED_CALLS, ENTRIES, PATCHES, WASM, BASELINE];

/** How regions are made. */
export interface RegionsOptions {
  /** Checks every source before it runs. */
  readonly check: CodeCheck | undefined;
  /** Regions count their executions for it. */
  readonly measurement: Measurement | undefined;
  /** Each block is a region of its own. */
  readonly singleBlocks: boolean;
  /** Optimisations to leave out, of `OPTIMISATIONS`. */
  readonly off: ReadonlySet<string>;
  /** A sampling profiler can tell regions apart; each knows which of its lines is of which instruction. */
  readonly sampled: boolean;
  readonly trials: Trials;
  readonly keep: Keep;
  /** How many instructions baseline code executes before a region takes its place; undefined where there is none. */
  readonly baseline: number | undefined;
  /** The heat at which it is made, where it is large. */
  readonly lukewarm: number;
  /** The heat at which an instruction inside a region that is made anew becomes an entry too. */
  readonly warm: number;
  /** The heat that the continuation of a region is given, below the one that makes a head. */
  readonly nearlyHot: number;
  /** Whether an entry was executed often enough at other addresses than its region is bound to. */
  hasMoved(entry: Entry): boolean;
  /** Makes an ordinary instruction stop the interpreter, so that a region can be entered. */
  becomeHead(insn: Insn): boolean;
}

/** Estimated host ns that making a region takes. */
const MAKING_COST = 1_000_000;
/** What is never used up; and what is soon. */
const NO_HEAT = 0x7fffffff, SOON = 500_000;
/** A head that is entered so much less often than another place is entered seldom. */
const SELDOM = 8;
/** So often a region is made anew because a way out that seemed cold was hot. */
export const MOST_REMADE = 8;
/** What tools are told of baseline code. */
const NO_TEXT: Region["text"] = {
  print: () => "", functions: [], sites: [], length: 0, pages: [], instructions: 0, blocks: 0, entries: new Map(), addresses: [], cold: new Set(), counted: [], runs: [], lines: [],
};
const NOTHING_SEEN: SeenCode = { weights: new Int32Array(), bytes: new Uint8Array(), targets: new Map(), elsewhere: new Set(), patched: new Map() };
const NO_TRIAL: Trial = { base: 0, stretches: 0, remade: 0, entries: [] };

/** A region, and where its entries are now. */
interface Inside {
  readonly region: Region;
  readonly entries: readonly number[];
}

interface Discovered {
  readonly found: RegionBlocks;
  /** By linear address, of its own instructions. */
  readonly hosts: ReadonlyMap<number, number>;
  readonly inside: readonly Inside[];
}

/** What a region to be has, before its code is there. */
interface Plan extends Pick<Region, "head" | "linear" | "space" | "trial" | "isMobile">, Pick<Discovered, "hosts"> {
  readonly options: RegionOptions;
}

/** All of an entry to be but its region. */
type Place = Omit<Entry, "region" | "away" | "isHot" | "below">;

type RegionFacts = Omit<RegionText, "tree" | "print">;

interface Owner {
  readonly region: Region;
  readonly linear: number;
}

export class Regions {
  readonly stats = { made: 0, dropped: 0, instructions: 0, blocks: 0, codeBytes: 0, refused: 0, evictions: 0, baseline: { made: 0, dropped: 0, instructions: 0, codeBytes: 0 } };
  readonly #memory: GuestMemory;
  readonly #cache: CodeCache;
  readonly #code: RegionFunctions;
  readonly #heads: BaselineHeads;
  readonly #options: RegionsOptions;
  readonly limits: RegionLimits;
  /** Regions are entered at their head only. */
  readonly #oneEntry: boolean;
  /** Where the regions of now are entered. */
  readonly table: EntryTable;
  readonly #cpu: CpuState;
  readonly #fetch: RegionCalls["fetch"];
  #rows: RegionRows | undefined;
  readonly #live = new Set<Region>();
  /** By host address: the region that it is part of, functions that were copied in apart, and the linear address there. */
  readonly #owners = new Map<CodeSpace, Map<number, Owner>>();
  #liveBytes = 0;
  #most: number;
  #mostBytes = KEPT_CODE;

  constructor(cpu: CpuState, memory: GuestMemory, cache: CodeCache, functions: (name: string) => RuntimeFunction, calls: RegionCalls, options: RegionsOptions) {
    this.#cpu = cpu;
    this.#fetch = calls.fetch;
    this.#memory = memory;
    this.table = new EntryTable(memory.host);
    this.#cache = cache;
    this.#options = options;
    this.#most = options.keep.regions;
    const { singleBlocks, off, check, measurement, sampled } = options;
    this.#code = new RegionFunctions(cpu, memory, functions, calls, { check, measurement, sampled, isCompiled: !off.has(WASM) });
    this.#heads = new BaselineHeads(memory, this.#code, {
      lukewarm: options.lukewarm, isPatchable: !off.has(PATCHES),
      release: (head, executions) => {
        release(head);
        head.h = options.lukewarm - executions;
      },
    });
    this.limits = singleBlocks ? { ...LIMITS, depth: 0, blocks: 1 } : off.has(COPIED_CALLS) ? { ...LIMITS, depth: 0 } : LIMITS;
    this.#oneEntry = singleBlocks || off.has(ENTRIES);
  }

  /** The optimised regions that may run now. */
  get live(): Iterable<Region> { return this.#settled().filter(({ isBaseline }) => !isBaseline); }

  /** What runs regions that are WebAssembly; undefined where the host cannot. */
  get rows(): RegionRows | undefined { return (this.#rows ??= regionRows(this.#memory.host, this.#cpu.words, this.table, this.#fetch)); }

  #settled(): Region[] {
    this.table.settle();
    return [...this.#live];
  }

  /** What was ever executed in a mode; for tools. */
  view(space: CodeSpace): CodeView {
    return new GuestCode(this.#memory, space, -1, { targets: (insn, linear) => this.#options.trials.targets(insn, linear), elsewhere: () => false, isPatchable: true });
  }

  /** Whether there are so many regions that the engine is to call `evict` between two instructions. */
  get crowded(): boolean { return this.#live.size > this.#most || this.#liveBytes > this.#mostBytes; }

  /** Forgets the regions that were not entered since the last time. */
  evict(): void {
    for (const region of this.#settled()) {
      if (region.entered === region.enteredBefore) this.#forget(region, "eviction");
      region.enteredBefore = region.entered;
    }
    const { regions, share } = this.#options.keep;
    this.#most = this.#live.size * (1 + share) + regions;
    this.#mostBytes = this.#liveBytes * (1 + share) + KEPT_CODE;
    this.stats.evictions++;
  }

  /** Where a region is entered at `head`, now at linear address `linear`; made if there is none. Undefined where the interpreter must go on. */
  at(head: Insn, linear: number, space: CodeSpace, isLeft = false): Entry | undefined {
    const known = head.r as Entry | undefined;
    if (known?.isHot === true && this.#holdAnew(known)) return known;
    if (known !== undefined && !known.isHot) {
      if (known.linear === linear || known.region.isMobile) return known;
      return this.#options.hasMoved(known) ? this.#move(known, linear, space) : undefined;
    }
    if (!space.mode.flat) return this.#refuse(head);
    if (isResting(space, linear)) return this.#refuse(head, 0);
    if (known === undefined && this.#options.baseline !== undefined && this.rows !== undefined && !this.table.isFull) {
      const made = this.#heads.at(head, linear, space, isLeft, this.rows);
      if (made === WAITS) return undefined;
      if (made !== undefined && made !== NOTHING_THERE) for (const piece of made) this.#addBaseline(piece, space, this.#options.baseline);
      if (made !== undefined) return head.r as Entry | undefined ?? this.#refuse(head);
    }
    if (this.addEntry(head, linear, space)) return head.r as Entry | undefined;
    const trial = this.#options.trials.at(head);
    if (trial === undefined) return undefined;
    return this.#make({ head, linear, space, trial }, trial.entries.map((distance) => linear + distance | 0)) ? head.r as Entry | undefined : this.#refuse(head);
  }

  // --- Baseline code ------------------------------------------------------------------------------------------

  #addBaseline({ head, linear, page, instructions, templates, isLoop, text: { sites, length, codeBytes, entries: places }, run }: BaselinePiece, space: CodeSpace, most: number): void {
    if (this.table.isFull) return;
    const entries: Entry[] = [];
    const region: Region = {
      isBaseline: true, isLoop, heat: allowance(most, instructions, templates), head, isMobile: true, linear, space, entries, run, isCompiled: true, sites, length, text: NO_TEXT, codeBytes, owned: [], seen: NOTHING_SEEN, dropped: false,
      index: this.table.take(), entered: 0, enteredBefore: 0, declined: 0, declinedAt: 0, trial: NO_TRIAL, counts: undefined, number: -1,
      ranges: bytesOf(page, instructions), drop: (cause) => this.#drop(region, cause),
    };
    for (const [address, number] of places) {
      const insn = page.at(address & 0xfff);
      if (insn.r === undefined && (insn.kind === REGION || this.#options.becomeHead(insn))) this.#enterAt({ insn, linear: address, host: page.frame << 12 | address & 0xfff, number }, region, entries);
    }
    this.#live.add(region);
    this.table.add(region);
    this.#liveBytes += codeBytes;
    this.#cache.addRange(region);
    const { baseline } = this.stats;
    baseline.made++;
    baseline.instructions += instructions.length;
    baseline.codeBytes += codeBytes;
  }

  /**
   * So much of a piece of baseline code was executed that an optimised region is to take its place: from its head on, which a loop or a call has chosen, unless that is entered
   * seldom and no way inside leads there; then from where it is entered most.
   */
  promote(region: Region): void {
    this.table.heat[region.index] = region.heat;
    if (!region.isBaseline) return;
    const times = (entry: Entry): number => this.table.timesEntered(entry);
    const open = region.entries.filter((entry) => entry.insn.r === entry && !entry.isHot).sort((one, other) => times(other) - times(one)), [most] = open;
    if (most === undefined) return;
    const head = open.find(({ insn }) => insn === region.head);
    this.#becomeHot(head !== undefined && (region.isLoop || times(head) * SELDOM >= times(most)) ? head : most);
  }

  #becomeHot(entry: Entry): void {
    entry.isHot = true;
    this.table.forget(entry);
  }

  /**
   * A region was left too often to baseline code that is hot now, because it had seemed cold: a new trial begins at the head of that region. Whether there is such
   * a one.
   */
  #holdAnew(entry: Entry): boolean {
    const { linear, region: { space } } = entry;
    for (const region of this.#live) {
      if (region.isBaseline || region.space !== space || !region.text.cold.has(linear) || region.trial.remade >= MOST_REMADE) continue;
      entry.isHot = false;
      this.tryAgain(region);
      this.#options.becomeHead(region.head);
      const below = region.head.r as Entry | undefined;
      if (below !== undefined) this.#becomeHot(below);
      return true;
    }
    return false;
  }

  /** Baseline code inside a region, or to which one leaves, has less to execute until that region is made anew with it. */
  #hurry({ space, text }: Region): void {
    for (const address of [...text.addresses, ...text.cold]) {
      const piece = (space.decodedAt(address)?.insn.r as Entry | undefined)?.region;
      if (piece?.isBaseline !== true || piece.heat <= SOON) continue;
      piece.heat = SOON;
      this.table.heat[piece.index] = Math.min(this.table.heat[piece.index]!, SOON);
    }
  }

  /** From now on `region` is entered at a place, in place of baseline code that may be entered there. */
  #enterAt(place: Place, region: Region, entries: Entry[]): void {
    const { insn } = place, below = insn.r as Entry | undefined, entry: Entry = { ...place, region, away: 0, isHot: false, below };
    if (below !== undefined) {
      below.isHot = false;
      this.table.forget(below);
    }
    insn.r = entry;
    entries.push(entry);
  }

  /** Makes a region anew that is bound to another address, so that it can be entered at any. */
  #move({ insn, region, linear: from }: Entry, linear: number, space: CodeSpace): Entry | undefined {
    const delta = linear - from | 0, wanted = region.entries.slice(1).map((entry) => entry.linear + delta | 0);
    space.decodedAt(linear)!.page.isMobile = true;
    this.#forget(region, "moved");
    this.#make({ head: region.head, linear: region.linear + delta | 0, space, trial: region.trial }, wanted);
    const moved = insn.r as Entry | undefined;
    if (moved === undefined) insn.h = COOL;
    return moved;
  }

  #refuse(head: Insn, heat = COOL): Entry | undefined {
    this.stats.refused++;
    const baseline = head.r as Entry | undefined;
    if (baseline !== undefined) {
      baseline.isHot = false;
      return baseline;
    }
    release(head);
    head.h = heat;
    return undefined;
  }

  // --- What belongs together ----------------------------------------------------------------------------------

  /** Makes the region that `insn` is a part of anew, so that it can be entered there too. False where there is none, or it has too many entries. */
  addEntry(insn: Insn, linear: number, space: CodeSpace): boolean {
    const owner = this.#ownerOf(space, linear);
    if (owner === undefined || this.#oneEntry || owner.region.entries.length >= MOST_ENTRIES || isOptimised(insn)) return false;
    const { region } = owner, delta = linear - owner.linear | 0;
    const wanted = [...region.entries.slice(1).map((entry) => entry.linear + delta | 0), linear, ...this.#warm(region, delta)];
    if (delta !== 0) space.decodedAt(linear)!.page.isMobile = true;
    this.#forget(region, "remade");
    if (this.#make({ ...region, linear: region.linear + delta | 0 }, wanted) && isOptimised(insn)) return true;
    insn.h = COOL;
    return false;
  }

  #ownerOf(space: CodeSpace, linear: number): Owner | undefined {
    const host = space.hostOf(linear);
    return host === undefined ? undefined : this.#owners.get(space)?.get(host);
  }

  /** Places inside a region, now `delta` away, that are on their way to becoming entries: making it anew for each of them costs too much. */
  #warm({ text, space }: Region, delta: number): number[] {
    return text.addresses.map((address) => address + delta | 0).filter((address) => {
      const insn = space.decodedAt(address)?.insn;
      return insn !== undefined && (insn.r === undefined ? insn.h >= this.#options.warm : (insn.r as Entry).isHot);
    });
  }

  /** Forgets a region of which the profile was wrong; a new trial begins at its head. */
  tryAgain(region: Region): void {
    this.#forget(region, "remade");
    this.#options.trials.again(region.head, region.trial, region.entries.slice(1).map((entry) => entry.linear - region.linear | 0));
  }

  /** Makes a region anew, after another trial, in which x87 instructions are calls. */
  leaveRunsOut(region: Region): void {
    this.#withoutRuns.add(region.head);
    if (!region.dropped) this.tryAgain(region);
  }

  readonly #withoutRuns = new WeakSet<Insn>();

  /** The instruction goes for good; its object may become another. */
  forget(insn: Insn): void {
    this.#withoutRuns.delete(insn);
    this.#heads.forget(insn);
  }

  /** Whether a region that is too large to become a part of another can be entered here. */
  #isLargeEntry(space: CodeSpace, address: number): boolean {
    const owner = this.#ownerOf(space, address);
    return owner !== undefined && owner.region.text.instructions >= this.limits.instructions / 2 && owner.region.entries.some(({ linear }) => linear === owner.linear);
  }

  #forget(region: Region, cause: DropCause): void {
    this.#cache.removeRange(region);
    region.drop(cause);
  }

  /** Regions that are a part of what was found, with all their entries: where these are now. */
  #inside(space: CodeSpace, hosts: ReadonlyMap<number, number>): Inside[] {
    const owners = this.#owners.get(space);
    if (this.#oneEntry || owners === undefined) return [];
    const found = new Map<number, number>(), regions = new Set<Region>();
    for (const [address, host] of hosts) {
      const owner = owners.get(host);
      found.set(host, address);
      if (owner !== undefined) regions.add(owner.region);
    }
    return [...regions].flatMap((region): Inside[] => {
      const entries = region.entries.map(({ host }) => found.get(host));
      return entries.includes(undefined) ? [] : [{ region, entries: entries as number[] }];
    });
  }

  // --- Making ------------------------------------------------------------------------------------------------

  /** Makes a region at a head; false where nothing there can be translated. */
  #make(planned: Pick<Region, "head" | "linear" | "space" | "trial">, entries: readonly number[]): boolean {
    const { linear, space, trial } = planned, { measurement, trials, off } = this.#options;
    if (this.table.isFull) return false;
    const timed = <T>(timer: Timer | undefined, action: () => T): T => (measurement === undefined || timer === undefined ? action() : measurement.watch.time(timer, action));
    const view = new GuestCode(this.#memory, space, trial.base, {
      targets: (insn, at) => trials.targets(insn, at),
      elsewhere: (address) => this.#isLargeEntry(space, address),
      isPatchable: !off.has(PATCHES),
    });
    const discovered = timed(measurement?.discovery, () => this.#discover(linear, space, view, entries));
    if (discovered === undefined) return false;
    const { found, hosts, inside } = discovered, { page } = space.decodedAt(linear)!;
    page.isMobile ||= inside.some(wasElsewhere);
    const { isMobile } = page, passesOff = this.#withoutRuns.has(planned.head) ? new Set([...off, X87_RUNS]) : off;
    const options: RegionOptions = { isMobile, counters: measurement !== undefined, lines: this.#options.sampled, passesOff };
    const text = timed(measurement?.emission, () => regionText(found, options));
    for (const { region, entries: now } of inside) if (now.every((address) => text.entries.has(address))) this.#forget(region, "absorbed");
    this.#memory.patience -= MAKING_COST;
    timed(measurement?.compilation, () => { this.#compile({ ...planned, isMobile, hosts, options }, text, view); });
    for (const address of found.continued) this.#continueAt(space, address);
    return true;
  }

  /** Straight-line code that is longer than a region: what is behind has been executed as often, and needs little more to be the next region's head. */
  #continueAt(space: CodeSpace, address: number): void {
    const insn = space.decodedAt(address)?.insn;
    if (insn !== undefined && insn.h >= 0) insn.h = Math.max(insn.h, this.#options.nearlyHot);
  }

  /** The blocks of a region, which may be entered wherever a region inside it could. */
  #discover(linear: number, space: CodeSpace, view: GuestCode, entries: readonly number[]): Discovered | undefined {
    const found = discover(linear, view, this.limits, entries);
    if (found === undefined) return undefined;
    const first = this.#discovered(space, found), more = first.inside.flatMap((part) => part.entries).filter((address) => address !== linear && !entries.includes(address));
    if (more.length === 0) return first;
    const all = discover(linear, view, this.limits, [...entries, ...more]);
    return all === undefined ? undefined : this.#discovered(space, all);
  }

  #discovered(space: CodeSpace, found: RegionBlocks): Discovered {
    const hosts = hostsOf(space, found);
    return { found, hosts, inside: this.#inside(space, hosts) };
  }

  #compile(plan: Plan, text: RegionText, view: GuestCode): void {
    const { isMobile, space: { ring }, hosts } = plan, number = this.stats.made, counts = this.#options.measurement === undefined ? undefined : regionCounts(text);
    const made = this.#code.make({ text, ring, number, counts, mapped: (page) => (isMobile ? view.entry(page) ^ page << 12 : view.entry(page)) });
    const places = [...text.entries].flatMap(([linear, entry]): Place[] => {
      const insn = view.insn(linear), host = hosts.get(linear);
      return insn === undefined || host === undefined ? [] : [{ insn, linear, host, number: entry }];
    });
    this.#add(plan, { ...made, ranges: view.ranges(), seen: view.seen(), counts, number }, factsOf(text), places);
  }

  /** Apart from `#compile`, so that the region's closures keep nothing of the view alive. */
  #add(plan: Plan, made: MadeFunction & Pick<Region, "ranges" | "seen" | "counts" | "number">, facts: RegionFacts, places: readonly Place[]): void {
    const { hosts, options, ...planned } = plan, entries: Entry[] = [], { linear, space } = planned;
    const region: Region = {
      isBaseline: false, isLoop: false, heat: NO_HEAT, ...planned, ...made, entries, owned: [], sites: facts.sites, length: facts.length, dropped: false,
      text: { ...facts, print: printAgain(made.seen, space, linear, this.limits, facts.entries, options) },
      index: this.table.take(), entered: 0, enteredBefore: 0, declined: 0, declinedAt: 0, drop: (cause) => this.#drop(region, cause),
    };
    for (const place of places) {
      const { insn } = place;
      if (!isOptimised(insn) && (insn.kind === REGION || this.#options.becomeHead(insn))) this.#enterAt(place, region, entries);
    }
    this.#own(region, hosts);
    this.#live.add(region);
    this.table.add(region);
    this.#liveBytes += made.codeBytes;
    this.#cache.addRange(region);
    this.stats.made++;
    this.stats.instructions += facts.instructions;
    this.stats.blocks += facts.blocks;
    this.stats.codeBytes += made.codeBytes;
    this.#options.measurement?.regionMade(region);
    if (this.#options.baseline !== undefined) this.#hurry(region);
  }

  #own(region: Region, hosts: ReadonlyMap<number, number>): void {
    let owners = this.#owners.get(region.space);
    if (owners === undefined) this.#owners.set(region.space, (owners = new Map()));
    for (const linear of region.text.addresses) {
      const host = hosts.get(linear);
      if (host === undefined) continue;
      if (!owners.has(host)) owners.set(host, { region, linear });
      region.owned.push(host);
    }
  }

  #drop(region: Region, cause: DropCause): void {
    const { measurement } = this.#options, owners = this.#owners.get(region.space);
    region.dropped = true;
    this.#cpu.drops++;
    if (region.isBaseline) this.stats.baseline.dropped++;
    else {
      measurement?.regionDropped(region, cause);
      this.stats.dropped++;
    }
    this.#live.delete(region);
    this.table.drop(region);
    this.#liveBytes -= region.codeBytes;
    for (const host of region.owned) if (owners?.get(host)?.region === region) owners.delete(host);
    for (const entry of region.entries) {
      const { insn, below } = entry;
      if (insn.r !== entry) continue;
      insn.r = below?.region.dropped === false ? below : undefined;
      if (insn.r !== undefined) continue;
      insn.h = 0;
      if (insn.kind === REGION) release(insn);
    }
  }
}

/** All of a text but the JavaScript, whose tree is a hundred times as large as the code. */
function factsOf(text: RegionText): RegionFacts {
  const { tree: _tree, print: _print, ...facts } = text;
  return facts;
}

/** Makes the JavaScript anew of the code as it was seen. A function of its own, so that what it returns keeps nothing else alive. */
function printAgain(seen: SeenCode, space: CodeSpace, linear: number, limits: RegionLimits, entries: RegionText["entries"], options: RegionOptions): () => string {
  return () => regionText(discover(linear, new SeenView(seen, space), limits, [...entries.keys()].slice(1))!, options).print();
}

/** Where the region's own instructions are, by linear address. */
function hostsOf(space: CodeSpace, { blocks }: RegionBlocks): ReadonlyMap<number, number> {
  const hosts = new Map<number, number>();
  for (const { isRoot, instructions } of blocks) {
    if (!isRoot) continue;
    for (const { address } of instructions) {
      const host = space.hostOf(address);
      if (host !== undefined) hosts.set(address, host);
    }
  }
  return hosts;
}

/** Whether the code at an executed address is being rewritten. */
function isResting(space: CodeSpace, linear: number): boolean {
  const host = space.hostOf(linear);
  return host !== undefined && space.pages[host >>> 12]?.isResting === true;
}

/** A part that was made for another address than where it is now, or for any. */
function wasElsewhere({ region, entries }: Inside): boolean {
  return region.isMobile || region.entries.some(({ linear }, k) => linear !== entries[k]);
}

/** Whether a region other than baseline code begins here. */
function isOptimised({ r }: Insn): boolean { return r !== undefined && !(r as Entry).region.isBaseline; }

/** Takes the detour away from a head; one that must run at an exact count keeps it, as its own. */
function release(head: Insn): void {
  if (!head.exact) head.f = head.g;
  head.kind = head.exact ? EXACT : PLAIN;
}
