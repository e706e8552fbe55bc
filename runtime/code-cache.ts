/**
 * Decoded instructions by physical page, mode and offset.
 *
 * One decoding serves every process that maps the page: operands and links are relative to the page. A frame that holds decoded
 * or translated bytes is watched; a store that hits such bytes drops exactly the instructions and regions on them.
 *
 * Invariants:
 * - An `Insn` never moves and is never replaced: dropping makes it "undecoded" again, so links stay right.
 * - A byte of a frame is marked while an instruction or region that was made from it may run; only marked bytes cost a drop.
 * - Links inside a page are direct; a link to another page compares the linear address and the EXEC entry.
 * - The pages of a frame go all at once, and only where the virtual CPU holds no `Insn`. Their instructions become others then: a link from
 *   another page has noted the frame's `epoch`, which is a new one, and is followed anew.
 */
import { Forms, Patterns, type Form, type Mode, type PatchedImmediate, type Pattern } from "../translator/translate.ts";
import * as steps from "./insn.ts";
import { Insn, type Handler } from "./insn.ts";
import { MarkedBytes, WORDS } from "./marked-bytes.ts";
import type { GuestMemory, Ring } from "./memory.ts";
import { Spares } from "./spares.ts";
import * as tlb from "./tlb-entry.ts";

const { EXACT, LINK, PLAIN, STRADDLING } = steps;
const { SLOW } = tlb;

export interface MadeHandler {
  readonly handler: Handler;
  /** It must run at an exact count. */
  readonly exact: boolean;
}

/** What the cache asks of the engine that executes its instructions. */
export interface HandlerSource {
  /** The handler of a form of the mode; `backward`: a direct branch that goes back. */
  readonly handler: (form: Form, backward: boolean) => MadeHandler;
  /** Detours: an instruction that must stop the loop; a link to another page. */
  readonly stop: Handler;
  readonly link: Handler;
  /** The same from a backward branch or a call: what it leads to gathers heat. */
  readonly hotLink: Handler;
  /** Handler of bytes that are no instruction (#UD) or too long (#GP). */
  readonly undefinedOpcode: Handler;
  readonly tooLong: Handler;
}

/** Why a region goes: a store into its code, a page that is written again and again, other ways have become hot, it is wanted at another address, it became a part of another, or it is forgotten to make room. */
export type DropCause = "store" | "data page" | "remade" | "moved" | "absorbed" | "eviction";

/** A translated region as the cache needs to know it. */
export interface CodeRange {
  /** Among those of now. */
  readonly index: number;
  /** Host byte ranges [from, to) that it was made from. */
  readonly ranges: ReadonlyArray<readonly [from: number, to: number]>;
  /** Forgets the region; called once. */
  drop(cause: DropCause): void;
}

/** The index of no region. */
export const NOT_RUNNING = -1;

/** All decoded instructions of one frame in one mode. */
export class CodePage {
  readonly frame: number;
  /** What all modes know of the frame together. */
  readonly shared: Frame;
  readonly space: CodeSpace;
  /** Offset → position in `insns`, 0 where there is none. */
  readonly index: Uint16Array;
  readonly insns: Insn[] = [];
  /** The linear page at which it was last executed, while somebody counts; -1 before. */
  linear = -1;
  readonly undecoded: Handler;
  /** Instructions, by offset, of which nothing but the immediate was overwritten while they were decoded, and how often. */
  readonly #patches = new Map<number, number>();
  /** Its code runs at several linear addresses. */
  isMobile = false;

  /** `index` is all 0. */
  constructor(shared: Frame, space: CodeSpace, index: Uint16Array) {
    this.frame = shared.number;
    this.shared = shared;
    this.space = space;
    this.index = index;
    this.undecoded = (insn) => {
      space.cache.decodeAt(this, insn);
      return insn.f(insn);
    };
    this.insns.push(new Insn(-1, this.undecoded, PLAIN)); // position 0 means "none"
  }

  /** Its regions were dropped again and again because code on the frame is written: none is to be made of it for a while. */
  get isResting(): boolean { return this.space.cache.now() < this.shared.calmAt; }

  /** The instruction at an offset is about to be overwritten from one offset to another. */
  willChange(offset: number, from: number, to: number): void {
    const { patterns, cache } = this.space, immediate = patterns.find(cache.ram, this.frame * 4096 + offset)?.immediate;
    if (immediate !== undefined && from >= offset + immediate.at && to <= offset + immediate.at + immediate.size) this.#patches.set(offset, (this.#patches.get(offset) ?? 0) + 1);
    else if (this.#patches.size > 0) this.#patches.delete(offset);
  }

  /** The immediate of the instruction at an offset, where the guest writes it again and again. */
  patchedAt(offset: number): PatchedImmediate | undefined {
    if ((this.#patches.get(offset) ?? 0) < PATCHES) return undefined;
    const host = this.frame * 4096 + offset, pattern = this.space.patterns.find(this.space.cache.ram, host), immediate = pattern?.immediate;
    if (immediate === undefined || offset + pattern!.length > 4096) return undefined;
    return { host: host + immediate.at, size: immediate.size, isSigned: immediate.isSigned };
  }

  /** The instruction at an offset below 4096, made undecoded where there is none yet. */
  at(offset: number): Insn {
    const position = this.index[offset]!;
    if (position !== 0) return this.insns[position]!;
    const made = this.space.cache.spares.insn(offset, this.undecoded, PLAIN);
    this.index[offset] = this.insns.length;
    this.insns.push(made);
    this.space.cache.stats.insns++;
    return made;
  }

  /** The step at an offset that may lie on another page: the instruction, or a link. */
  step(offset: number, link = this.space.source.link): Insn {
    return offset >= 0 && offset < 4096 ? this.at(offset) : this.space.cache.spares.insn(offset, link, LINK);
  }

  /** The target of a direct branch or call at an instruction's end and a distance. */
  target(end: number, distance: number, isCall: boolean): Insn {
    const { hotLink, link } = this.space.source;
    return this.step(end + distance, isCall || distance < 0 ? hotLink : link);
  }
}

/** The code pages of one mode. */
export class CodeSpace {
  readonly cache: CodeCache;
  /** Of all spaces of the cache, from 1 on. */
  readonly number: number;
  readonly mode: Mode;
  readonly forms: Forms;
  readonly patterns: Patterns;
  readonly source: HandlerSource;
  readonly ring: Ring;
  /** By frame. */
  readonly pages: Array<CodePage | undefined>;

  constructor(cache: CodeCache, number: number, mode: Mode, source: HandlerSource, ring: Ring, pages: Array<CodePage | undefined>) {
    this.cache = cache;
    this.number = number;
    this.mode = mode;
    this.forms = new Forms(mode);
    this.patterns = new Patterns(this.forms);
    this.source = source;
    this.ring = ring;
    this.pages = pages;
  }

  /** By number of a pattern. */
  readonly #forward: Array<MadeHandler | undefined> = [];
  readonly #backward: Array<MadeHandler | undefined> = [];

  /** The handler of a pattern; `backward`: a direct branch that goes back. */
  handlerOf({ number, form }: Pattern, backward: boolean): MadeHandler {
    if (number === 0) return this.source.handler(form, backward);
    const made = backward ? this.#backward : this.#forward;
    while (made.length <= number) made.push(undefined);
    return (made[number] ??= this.source.handler(form, backward));
  }

  page(frame: number): CodePage {
    return (this.pages[frame] ??= this.cache.open(frame, this));
  }

  /** The host address behind a linear one, where a fetch has nothing to do. */
  hostOf(linear: number): number | undefined {
    const entry = this.ring.exec[linear >>> 12]!;
    return (entry & SLOW) === 0 ? linear ^ entry : undefined;
  }

  /** What was decoded at a linear address, where a fetch has nothing to do. */
  decodedAt(linear: number): { readonly insn: Insn; readonly page: CodePage; readonly host: number } | undefined {
    const host = this.hostOf(linear), page = host === undefined ? undefined : this.pages[host >>> 12];
    if (host === undefined || page === undefined) return undefined;
    const position = page.index[host & 0xfff]!;
    return position === 0 ? undefined : { insn: page.insns[position]!, page, host };
  }
}

/** What is known of one frame that holds code. */
export interface Frame {
  readonly number: number;
  /** It was entered, from another page or by the loop, since frames were last evicted. */
  used: boolean;
  /** How often its pages were evicted. */
  epoch: number;
  readonly pages: CodePage[];
  /** Bytes that something was decoded or translated from. */
  readonly marked: MarkedBytes;
  /** Stores that hit marked bytes since something was decoded here. */
  hits: number;
  /** Stores that dropped a region, and the instruction count until which no region is made of code here. */
  rewritten: number;
  calmAt: number;
  readonly ranges: Set<CodeRange>;
}

const LONGEST = 15;
/** An immediate that was overwritten so often is one that changes. */
const PATCHES = 2;
/** So many hits in a row and the page is taken for data: all of it is dropped. */
const HITS_TO_DATA = 64;
/** The rest of a frame doubles each time, up to a limit. */
const MOST_DOUBLINGS = 8;
/** What the caches of code keep although it may not be used. */
export interface Keep {
  /** So many decoded instructions and regions beyond those that were left the last time that some were evicted, */
  readonly instructions: number;
  readonly regions: number;
  /** and this share of those that were left. */
  readonly share: number;
}

/** A decoded instruction takes some 200 bytes, a region 100 KB and more with all that V8 has of it. */
export const KEEP: Keep = { instructions: 20_000, regions: 1000, share: 0.25 };

export class CodeCache {
  /** `insns`: that there are now, the others since the beginning. */
  readonly stats = { insns: 0, decoded: 0, drops: 0, hits: 0, evictions: 0 };
  /** The index of the region that is running now: a store that would drop it must be left to the interpreter. */
  running: () => number = () => NOT_RUNNING;
  /** @internal */
  readonly spares = new Spares();
  /** Told of every instruction that is to be forgotten. */
  forgotten: (page: CodePage, insn: Insn) => void = () => {};
  /** Told of every instruction that goes for good. */
  evicted: (insn: Insn) => void = () => {};
  /** Instructions retired so far. */
  now: () => number = () => 0;
  /** Called instead of dropping the running region; must throw. */
  refuse: () => void = () => {};

  readonly #memory: GuestMemory;
  /** By number. */
  readonly #frames: Array<Frame | undefined>;
  /** Those with pages. */
  readonly #open = new Set<Frame>();
  readonly #rest: number;
  #spaces = 1;
  #most: number;
  readonly #keep: Keep;

  /** `rest`: for so many instructions at first a frame whose code is rewritten is left to the interpreter. */
  constructor(memory: GuestMemory, rest: number, keep: Keep) {
    this.#rest = rest;
    this.#keep = keep;
    this.#most = keep.instructions;
    this.#memory = memory;
    this.#frames = Array.from<undefined>({ length: memory.size >>> 12 });
    memory.watcher = this;
  }

  #frame(number: number): Frame {
    return (this.#frames[number] ??= { number, used: true, epoch: 0, pages: [], marked: new MarkedBytes(this.#memory.codeBytes, number * WORDS), hits: 0, rewritten: 0, calmAt: 0, ranges: new Set() });
  }

  /** The host's memory that the guest has. */
  get ram(): Uint8Array { return this.#memory.ram; }

  newSpace(mode: Mode, source: HandlerSource, ring: Ring, pages: Array<CodePage | undefined>): CodeSpace {
    return new CodeSpace(this, this.#spaces++, mode, source, ring, pages);
  }

  /** @internal A new, empty code page. */
  open(number: number, space: CodeSpace): CodePage {
    const shared = this.#frame(number), page = new CodePage(shared, space, this.spares.index());
    shared.pages.push(page);
    shared.used = true;
    this.#open.add(shared);
    return page;
  }

  /** Whether there are so many decoded instructions that the engine is to call `evict` between two instructions. */
  get crowded(): boolean { return this.stats.insns > this.#most; }

  /** Forgets the frames that were not used since the last time and hold no region. The engine must hold no `Insn` afterwards but those in links. */
  evict(): void {
    for (const frame of this.#open) {
      if (frame.used || frame.ranges.size > 0) frame.used = false;
      else this.#evictFrame(frame);
    }
    const { instructions, share } = this.#keep, room = instructions + Math.floor(this.stats.insns * share);
    this.#most = this.stats.insns + room;
    this.spares.keep(room);
    this.stats.evictions++;
  }

  #evictFrame(frame: Frame): void {
    for (const page of frame.pages) {
      for (const insn of page.insns) {
        if (insn.o < 0) continue;
        if (insn.f !== page.undecoded) this.forgotten(page, insn);
        this.evicted(insn);
        this.spares.give(insn);
      }
      this.stats.insns -= page.insns.length - 1;
      this.spares.giveIndex(page.index);
      page.insns.length = 0;
      page.space.pages[frame.number] = undefined;
    }
    frame.epoch++;
    frame.pages.length = 0;
    frame.marked.clear();
    frame.hits = 0;
    this.#memory.unwatchCode(frame.number);
    this.#open.delete(frame);
    if (frame.rewritten === 0) this.#frames[frame.number] = undefined;
  }

  // --- Decoding -----------------------------------------------------------------------------------------------

  /** Turns an undecoded instruction into what its bytes say now. */
  decodeAt(page: CodePage, insn: Insn): void {
    const { space, frame } = page, { ram } = this.#memory, offset = insn.o, host = frame * 4096 + offset;
    const pattern = space.patterns.at(ram, host, 4096 - offset);
    if ("failure" in pattern) { this.#decodeNothing(page, insn, pattern.failure); return; }
    const end = offset + pattern.length;
    pattern.fill(ram, host, insn);
    this.#mark(page.shared, offset, end);
    const direct = pattern.isRelative ? insn.k : 0, { handler, exact } = space.handlerOf(pattern, direct < 0);
    insn.e = end;
    insn.n = page.step(end);
    if (pattern.isRelative && space.mode.flat) insn.t = page.target(end, direct, pattern.isCall);
    this.#becomes(insn, exact ? space.source.stop : handler, handler, exact ? EXACT : PLAIN);
    this.stats.decoded++;
  }

  /** The bytes are no instruction, or go on on the next page. */
  #decodeNothing(page: CodePage, insn: Insn, failure: "truncated" | "too-long" | "invalid"): void {
    const { source } = page.space;
    if (failure === "truncated") { this.#becomes(insn, source.stop, source.stop, STRADDLING); return; }
    this.#mark(page.shared, insn.o, Math.min(insn.o + LONGEST, 4096));
    this.#becomes(insn, failure === "too-long" ? source.tooLong : source.undefinedOpcode, undefined, PLAIN);
  }

  #becomes(insn: Insn, f: Handler, g: Handler | undefined, kind: number): void {
    insn.f = f;
    insn.g = g ?? f;
    insn.kind = kind;
    insn.exact = kind === EXACT;
    insn.h = 0;
  }

  // --- Watching ------------------------------------------------------------------------------------------------

  #mark(frame: Frame, from: number, to: number): void {
    frame.hits = 0;
    if (frame.marked.empty) this.#memory.watchCode(frame.number);
    frame.marked.mark(from, to);
  }

  /** Watches the bytes of a region, beyond those that were decoded. */
  addRange(range: CodeRange): void {
    for (const [from, to] of range.ranges) {
      const frame = this.#frame(from >>> 12), base = frame.number * 4096;
      this.#mark(frame, from - base, to - base);
      frame.ranges.add(range);
    }
  }

  removeRange(range: CodeRange): void {
    for (const [from] of range.ranges) this.#frames[from >>> 12]?.ranges.delete(range);
  }

  /** A store of `size` bytes at `host`, inside one page, is about to happen. */
  storing(host: number, size: number): void {
    const frame = this.#frames[host >>> 12];
    if (frame === undefined) return;
    const from = host & 0xfff, to = from + size;
    if (frame.marked.hit(from, to)) this.#dropBytes(frame, from, to);
    else this.#memory.stats.besideCode++;
  }

  #dropBytes(frame: Frame, from: number, to: number): void {
    const base = frame.number * 4096;
    this.#dropRanges(frame, base + from, base + to, "store");
    this.stats.hits++;
    if (++frame.hits >= HITS_TO_DATA) { this.#dropAll(frame, "data page"); return; }
    for (const page of frame.pages) {
      for (let offset = Math.max(0, from - LONGEST + 1); offset < to; offset++) {
        const position = page.index[offset]!;
        if (position === 0) continue;
        const insn = page.insns[position]!;
        if (insn.f !== page.undecoded && (insn.e > from || insn.e === 0)) {
          page.willChange(offset, from, to);
          this.#undecode(page, insn);
        }
      }
    }
    frame.marked.unmark(from, to);
    if (frame.marked.empty) this.#memory.unwatchCode(frame.number);
  }

  #dropRanges(frame: Frame, from: number, to: number, cause: DropCause): void {
    const before = frame.ranges.size;
    for (const range of frame.ranges) {
      if (!range.ranges.some(([start, end]) => start < to && end > from)) continue;
      if (range.index === this.running()) this.refuse();
      this.removeRange(range);
      range.drop(cause);
    }
    if (frame.ranges.size < before && frame.rewritten++ > 0) frame.calmAt = this.now() + this.#rest * 2 ** Math.min(frame.rewritten - 2, MOST_DOUBLINGS);
  }

  #undecode(page: CodePage, insn: Insn): void {
    this.stats.drops++;
    this.forgotten(page, insn);
    this.#becomes(insn, page.undecoded, page.undecoded, PLAIN);
    insn.e = 0;
  }

  /** Drops everything on a frame. */
  #dropAll(frame: Frame, cause: DropCause): void {
    const base = frame.number * 4096;
    this.#dropRanges(frame, base, base + 4096, cause);
    for (const page of frame.pages) for (const insn of page.insns) if (insn.o >= 0 && insn.f !== page.undecoded) this.#undecode(page, insn);
    frame.marked.clear();
    frame.hits = 0;
    this.#memory.unwatchCode(frame.number);
  }

  /** Frames that hold code now. */
  get watchedFrames(): number {
    let watched = 0;
    for (const frame of this.#frames) if (frame?.marked.empty === false) watched++;
    return watched;
  }

  /** Every instruction that was counted since its count was fetched. */
  eachCounted(action: (page: CodePage, insn: Insn) => void): void {
    for (const { pages } of this.#open) for (const page of pages) for (const insn of page.insns) if (insn.count !== 0) action(page, insn);
  }

  /** Forgets every instruction and region. The engine must hold no `Insn` afterwards. */
  clear(): void {
    for (const frame of this.#frames) {
      if (frame === undefined) continue;
      this.#dropAll(frame, "eviction");
      for (const page of frame.pages) page.space.pages[frame.number] = undefined;
    }
    this.#frames.fill(undefined);
    this.#open.clear();
    this.stats.insns = 0;
    this.#most = this.#keep.instructions;
  }
}
