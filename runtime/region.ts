/**
 * Translated regions: made where the profile says, entered at their head, dropped when a byte they were made from changes.
 *
 * A region is bound to linear addresses: its head is found as a decoded instruction (by physical page), so it also compares the linear
 * address it was made for. Where its code is met at another one (each process has shared libraries somewhere else), it is made anew as
 * a *mobile* region, which is told how far away it runs. Other pages it spans are compared with the EXEC entries they had, on the edges
 * that lead there.
 */
import { type CodeCache, type CodeRange, type CodeSpace, type DropCause, type Keep } from "./code-cache.ts";
import { EntryTable } from "./entry-table.ts";
import type { RuntimeFunction } from "./functions.ts";
import { GuestCode, type SeenCode } from "./guest-code.ts";
import { EXACT, type Insn, PLAIN, REGION } from "./insn.ts";
import { regionCounts, type Measurement, type RegionCounts } from "./measure/measurement.ts";
import type { Timer } from "./measure/stopwatch.ts";
import type { Trial, Trials } from "./trial.ts";
import type { GuestMemory } from "./memory.ts";
import { type CodeCheck, type MadeFunction, type RegionFunction, RegionFunctions } from "./region-function.ts";
import { factsOf, orderedText, type RegionFacts, type Workshop } from "./region-order.ts";
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
}

export interface Region extends CodeRange {
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
  /** It is being made anew in another thread. */
  isOrdered: boolean;
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
/** So many characters of source are kept as well. */
const KEPT_SOURCE = 24 << 20;

const COPIED_CALLS = "copied-calls", ENTRIES = "entries", PATCHES = "patches", WEBASSEMBLY = "webassembly", WORKSHOP = "workshop";
/** What can be switched off where a wrong result is hunted: the translator's passes, copies of called functions, regions of several entries, immediates that are read each time, WebAssembly, regions made by another thread. */
export const OPTIMISATIONS: readonly string[] = [...PASSES.map(([name]) => name), CARRY_LOCAL, X87_RUNS, COPIED_CALLS, ENTRIES, PATCHES, WEBASSEMBLY, WORKSHOP];

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
  /** Makes regions in another thread. */
  readonly workshop: Workshop | undefined;
  readonly keep: Keep;
  /** The heat at which an instruction inside a region that is made anew becomes an entry too. */
  readonly warm: number;
  /** The heat that the continuation of a region is given, below the one that makes a head. */
  readonly nearlyHot: number;
  /** Whether an entry was executed often enough at other addresses than its region is bound to. */
  hasMoved(entry: Entry): boolean;
  /** Makes an ordinary instruction stop the interpreter, so that a region can be entered. */
  becomeHead(insn: Insn): boolean;
}

/** Estimated host ns that making a region takes, and having it made by another thread. */
const MAKING_COST = 1_000_000, ORDERING_COST = 200_000;

/** A region, and where its entries are now. */
interface Inside {
  readonly region: Region;
  readonly entries: readonly number[];
}

/** Whether a region was made, or another thread is to make it. */
type Answer = "made" | "ordered" | "none";

/** A region that goes when another one is there. */
interface Replaced {
  readonly region: Region;
  readonly cause: DropCause;
}

interface Discovered {
  readonly found: RegionBlocks;
  /** By linear address, of its own instructions. */
  readonly hosts: ReadonlyMap<number, number>;
  /** Where it may be entered, beside its head. */
  readonly wanted: readonly number[];
}

/** All that a region to be has, but its function. */
interface Plan extends Pick<Region, "head" | "linear" | "space" | "trial" | "isMobile" | "ranges" | "seen">, Pick<Discovered, "hosts" | "wanted"> {
  readonly places: ReadonlyMap<number, Insn>;
  /** By linear page: what comparisons expect. */
  readonly mapped: ReadonlyMap<number, number>;
  readonly options: RegionOptions;
}

/** A region that another thread makes. Where a byte that it is made from changes, it is not wanted any more. */
interface Order extends CodeRange {
  readonly plan: Plan;
  readonly replaced: Replaced | undefined;
  isCancelled: boolean;
}

/** Of no region that could run. */
const ORDERED = -2;

interface Owner {
  readonly region: Region;
  readonly linear: number;
}

export class Regions {
  readonly stats = { made: 0, dropped: 0, instructions: 0, blocks: 0, codeBytes: 0, refused: 0, evictions: 0 };
  readonly #memory: GuestMemory;
  readonly #cache: CodeCache;
  readonly #code: RegionFunctions;
  readonly #workshop: Workshop | undefined;
  readonly #options: RegionsOptions;
  readonly limits: RegionLimits;
  /** Regions are entered at their head only. */
  readonly #oneEntry: boolean;
  /** Where the regions of now are entered. */
  readonly table: EntryTable;
  readonly #live = new Set<Region>();
  /** By host address: the region that it is part of, functions that were copied in apart, and the linear address there. */
  readonly #owners = new Map<CodeSpace, Map<number, Owner>>();
  #liveBytes = 0;
  #most: number;
  #mostBytes = KEPT_SOURCE;

  constructor(cpu: CpuState, memory: GuestMemory, cache: CodeCache, functions: (name: string) => RuntimeFunction, calls: RegionCalls, options: RegionsOptions) {
    this.#memory = memory;
    this.table = new EntryTable(memory.host);
    this.#cache = cache;
    this.#options = options;
    this.#workshop = options.off.has(WORKSHOP) ? undefined : options.workshop;
    this.#most = options.keep.regions;
    const { singleBlocks, off, check, measurement, sampled } = options;
    this.#code = new RegionFunctions(cpu, memory, functions, calls, { check, measurement, sampled, isCompiled: !off.has(WEBASSEMBLY) });
    this.limits = singleBlocks ? { ...LIMITS, depth: 0, blocks: 1 } : off.has(COPIED_CALLS) ? { ...LIMITS, depth: 0 } : LIMITS;
    this.#oneEntry = singleBlocks || off.has(ENTRIES);
  }

  /** The regions that may run now. */
  get live(): Iterable<Region> {
    this.table.settle();
    return this.#live;
  }

  /** What was ever executed in a mode; for tools. */
  view(space: CodeSpace): CodeView {
    return new GuestCode(this.#memory, space, -1, { targets: (insn, linear) => this.#options.trials.targets(insn, linear), elsewhere: () => false, isPatchable: true });
  }

  /** Whether there are so many regions that the engine is to call `evict` between two instructions. */
  get crowded(): boolean { return this.#live.size > this.#most || this.#liveBytes > this.#mostBytes; }

  /** Forgets the regions that were not entered since the last time. */
  evict(): void {
    for (const region of this.live) {
      if (region.entered === region.enteredBefore) this.#forget(region, "eviction");
      region.enteredBefore = region.entered;
    }
    const { regions, share } = this.#options.keep;
    this.#most = this.#live.size * (1 + share) + regions;
    this.#mostBytes = this.#liveBytes * (1 + share) + KEPT_SOURCE;
    this.stats.evictions++;
  }

  /** Where a region is entered at `head`, now at linear address `linear`; made if there is none. Undefined where the interpreter must go on. */
  at(head: Insn, linear: number, space: CodeSpace): Entry | undefined {
    const known = head.r as Entry | undefined;
    if (known !== undefined) {
      if (known.linear === linear || known.region.isMobile) return known;
      return this.#options.hasMoved(known) ? this.#move(known, linear, space) : undefined;
    }
    if (!space.mode.flat) return this.#refuse(head);
    if (isResting(space, linear)) return this.#refuse(head, 0);
    switch (this.addEntry(head, linear, space)) {
      case "made": return head.r as Entry | undefined;
      case "ordered": return wait(head);
      case "none": break;
    }
    const trial = this.#options.trials.at(head);
    if (trial === undefined) return undefined;
    switch (this.#make({ head, linear, space, trial }, trial.entries.map((distance) => linear + distance | 0))) {
      case "made": return head.r as Entry | undefined;
      case "ordered": return wait(head);
      case "none": return this.#refuse(head);
    }
  }

  /** Makes a region anew that is bound to another address, so that it can be entered at any. */
  #move(entry: Entry, linear: number, space: CodeSpace): Entry | undefined {
    const { insn, region, linear: from } = entry, delta = linear - from | 0, wanted = region.entries.slice(1).map((each) => each.linear + delta | 0);
    if (region.isOrdered) {
      entry.away = 0;
      return undefined;
    }
    space.decodedAt(linear)!.page.isMobile = true;
    const answer = this.#make({ head: region.head, linear: region.linear + delta | 0, space, trial: region.trial }, wanted, { region, cause: "moved" });
    if (answer === "ordered") {
      entry.away = COOL;
      return undefined;
    }
    const moved = insn.r as Entry | undefined;
    if (moved === undefined) insn.h = COOL;
    return moved;
  }

  #refuse(head: Insn, heat = COOL): undefined {
    this.stats.refused++;
    release(head);
    head.h = heat;
    return undefined;
  }

  // --- What belongs together ----------------------------------------------------------------------------------

  /** Makes the region that `insn` is a part of anew, so that it can be entered there too. None where there is no such region, or it has too many entries. */
  addEntry(insn: Insn, linear: number, space: CodeSpace): Answer {
    const owner = this.#ownerOf(space, linear);
    if (owner === undefined || this.#oneEntry || owner.region.entries.length >= MOST_ENTRIES || insn.r !== undefined) return "none";
    const { region } = owner, delta = linear - owner.linear | 0;
    insn.h = region.isOrdered ? this.#options.warm : COOL;
    if (region.isOrdered) return "ordered";
    const wanted = [...region.entries.slice(1).map((entry) => entry.linear + delta | 0), linear, ...this.#warm(region, delta)];
    if (delta !== 0) space.decodedAt(linear)!.page.isMobile = true;
    const answer = this.#make({ ...region, linear: region.linear + delta | 0 }, wanted, { region, cause: "remade" });
    return answer === "made" && insn.r === undefined ? "none" : answer;
  }

  #ownerOf(space: CodeSpace, linear: number): Owner | undefined {
    const host = space.hostOf(linear);
    return host === undefined ? undefined : this.#owners.get(space)?.get(host);
  }

  /** Places inside a region, now `delta` away, that are on their way to becoming entries: making it anew for each of them costs too much. */
  #warm({ text, space }: Region, delta: number): number[] {
    return text.addresses.map((address) => address + delta | 0).filter((address) => {
      const insn = space.decodedAt(address)?.insn;
      return insn !== undefined && insn.r === undefined && insn.h >= this.#options.warm;
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
  forget(insn: Insn): void { this.#withoutRuns.delete(insn); }

  /** Whether a region that is too large to become a part of another can be entered here; `but` goes. */
  #isLargeEntry(space: CodeSpace, address: number, but: Region | undefined): boolean {
    const owner = this.#ownerOf(space, address);
    return owner !== undefined && owner.region !== but && owner.region.text.instructions >= this.limits.instructions / 2 && owner.region.entries.some(({ linear }) => linear === owner.linear);
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

  #make(planned: Pick<Region, "head" | "linear" | "space" | "trial">, entries: readonly number[], replaced?: Replaced): Answer {
    const { linear, space, trial } = planned, { measurement, trials, off } = this.#options;
    const timed = <T>(timer: Timer | undefined, action: () => T): T => (measurement === undefined || timer === undefined ? action() : measurement.watch.time(timer, action));
    const view = new GuestCode(this.#memory, space, trial.base, {
      targets: (insn, at) => trials.targets(insn, at),
      elsewhere: (address) => this.#isLargeEntry(space, address, replaced?.region),
      isPatchable: !off.has(PATCHES),
    });
    const isAwaited = this.#workshop?.takesOrders === true && this.#code.isCompiled && this.#options.check === undefined;
    if (!isAwaited) this.#replace(replaced);
    const discovered = timed(measurement?.discovery, () => this.#discover(linear, space, view, entries));
    if (discovered === undefined) {
      this.#replace(replaced);
      return "none";
    }
    const { found, hosts, wanted } = discovered, inside = this.#inside(space, hosts), { page } = space.decodedAt(linear)!;
    page.isMobile ||= inside.some(wasElsewhere);
    const { isMobile } = page, passesOff = this.#withoutRuns.has(planned.head) ? new Set([...off, X87_RUNS]) : off;
    const options: RegionOptions = { isMobile, counters: measurement !== undefined, lines: this.#options.sampled, passesOff };
    for (const address of found.continued) this.#continueAt(space, address);
    const plan: Plan = { ...planned, isMobile, hosts, places: placesOf(view, hosts), ranges: view.ranges(), seen: view.seen(), mapped: pagesOf(view, found, isMobile), options, wanted };
    if (isAwaited) {
      this.#order(plan, replaced);
      return "ordered";
    }
    const text = timed(measurement?.emission, () => regionText(found, options));
    this.#memory.patience -= MAKING_COST;
    timed(measurement?.compilation, () => this.#finish(plan, text));
    return "made";
  }

  #replace(replaced: Replaced | undefined): void {
    if (replaced !== undefined && !replaced.region.dropped) this.#forget(replaced.region, replaced.cause);
  }

  /** A region of this thread's making. */
  #finish(plan: Plan, text: RegionText): void {
    const counts = this.#options.measurement === undefined ? undefined : regionCounts(text);
    const made = this.#code.make({ text, ring: plan.space.ring, number: this.stats.made, counts, mapped: (page) => plan.mapped.get(page)! });
    this.#add(plan, made, factsOf(text), counts);
  }

  // --- Made by another thread --------------------------------------------------------------------------------

  readonly #orders = new Map<number, Order>();
  #ordered = 0;

  #order(plan: Plan, replaced: Replaced | undefined): void {
    const { linear, space: { mode, ring }, seen, options, wanted, ranges, mapped } = plan, number = this.#ordered++;
    const order: Order = { plan, replaced, isCancelled: false, index: ORDERED, ranges, drop: () => { order.isCancelled = true; } };
    if (replaced !== undefined) replaced.region.isOrdered = true;
    this.#orders.set(number, order);
    this.#cache.addRange(order);
    this.#memory.patience -= ORDERING_COST;
    this.#workshop!.order(number, { linear, mode, seen, limits: this.limits, entries: wanted, options, arrays: this.#code.placesOf(ring), pages: mapped });
  }

  /** Takes what the other thread has made, between two instructions. */
  collect(): void {
    if (this.#workshop?.hasParts !== true) return;
    for (const [number, parts] of this.#workshop.take()) {
      const order = this.#orders.get(number)!, { plan, replaced, isCancelled } = order;
      this.#orders.delete(number);
      if (replaced !== undefined) replaced.region.isOrdered = false;
      if (isCancelled) {
        if (plan.head.r === undefined) plan.head.h = 0;
        continue;
      }
      this.#cache.removeRange(order);
      this.#replace(replaced);
      if (parts === undefined) this.#finish(plan, orderedText({ ...plan, mode: plan.space.mode, limits: this.limits, entries: plan.wanted }));
      else this.#add(plan, this.#code.instantiate(parts, parts.facts, plan.space.ring), parts.facts, undefined);
    }
  }

  /** Straight-line code that is longer than a region: what is behind has been executed as often, and needs little more to be the next region's head. */
  #continueAt(space: CodeSpace, address: number): void {
    const insn = space.decodedAt(address)?.insn;
    if (insn !== undefined && insn.h >= 0) insn.h = Math.max(insn.h, this.#options.nearlyHot);
  }

  /** The blocks of a region, which may be entered wherever a region inside it could; where its own instructions are; and where it was wanted to be entered. */
  #discover(linear: number, space: CodeSpace, view: GuestCode, entries: readonly number[]): Discovered | undefined {
    const found = discover(linear, view, this.limits, entries);
    if (found === undefined) return undefined;
    const hosts = hostsOf(space, found), more = this.#inside(space, hosts).flatMap((part) => part.entries).filter((address) => address !== linear && !entries.includes(address));
    if (more.length === 0) return { found, hosts, wanted: entries };
    const wanted = [...entries, ...more], again = discover(linear, view, this.limits, wanted);
    return again === undefined ? undefined : { found: again, hosts: hostsOf(space, again), wanted };
  }

  #add(plan: Plan, made: MadeFunction, facts: RegionFacts, counts: RegionCounts | undefined): void {
    const { head, isMobile, linear, space, trial, ranges, seen, hosts, places, options, wanted } = plan, entries: Entry[] = [], number = this.stats.made;
    for (const { region, entries: now } of this.#inside(space, hosts)) if (now.every((address) => facts.entries.has(address))) this.#forget(region, "absorbed");
    const region: Region = {
      ...made, head, isMobile, linear, space, trial, ranges, seen, counts, number, entries, owned: [], sites: facts.sites, length: facts.length, dropped: false, isOrdered: false,
      text: { ...facts, print: printed({ linear, mode: space.mode, seen, limits: this.limits, entries: wanted, options }) },
      index: this.table.take(), entered: 0, enteredBefore: 0, declined: 0, declinedAt: 0, drop: (cause) => this.#drop(region, cause),
    };
    for (const [address, entryNumber] of facts.entries) {
      const insn = places.get(address), host = hosts.get(address);
      if (insn === undefined || host === undefined || insn.r !== undefined || !(insn.kind === REGION || this.#options.becomeHead(insn))) continue;
      const entry = { insn, linear: address, host, number: entryNumber, region, away: 0 };
      insn.r = entry;
      entries.push(entry);
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
    measurement?.regionDropped(region, cause);
    this.stats.dropped++;
    this.#live.delete(region);
    this.table.drop(region);
    this.#liveBytes -= region.codeBytes;
    for (const host of region.owned) if (owners?.get(host)?.region === region) owners.delete(host);
    for (const { insn } of region.entries) {
      insn.r = undefined;
      insn.h = 0;
      if (insn.kind === REGION) release(insn);
    }
  }
}

/** Prints a region's JavaScript anew. A function of its own, so that what it returns keeps nothing else alive. */
function printed(order: Parameters<typeof orderedText>[0]): () => string { return () => orderedText(order).print(); }

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

/** The decoded instructions there. */
function placesOf(view: GuestCode, hosts: ReadonlyMap<number, number>): ReadonlyMap<number, Insn> {
  return new Map([...hosts.keys()].flatMap((address) => {
    const insn = view.insn(address);
    return insn === undefined ? [] : [[address, insn] as const];
  }));
}

/** What the comparisons of pages expect, of all pages that there may be one of. */
function pagesOf(view: GuestCode, { blocks }: RegionBlocks, isMobile: boolean): ReadonlyMap<number, number> {
  const pages = new Map<number, number>();
  for (const { instructions } of blocks) {
    for (const { address, instruction: { length } } of instructions) {
      for (const page of [address >>> 12, address + length - 1 >>> 12]) if (!pages.has(page)) pages.set(page, isMobile ? view.entry(page) ^ page << 12 : view.entry(page));
    }
  }
  return pages;
}

/** The head waits for the region that another thread makes. */
function wait(head: Insn): undefined {
  if (head.kind === REGION) release(head);
  head.h = COOL;
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

/** Takes the detour away from a head; one that must run at an exact count keeps it, as its own. */
function release(head: Insn): void {
  if (!head.exact) head.f = head.g;
  head.kind = head.exact ? EXACT : PLAIN;
}
