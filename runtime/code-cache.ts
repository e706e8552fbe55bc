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
 */
import { decode, Forms, x87Opcode, type Form, type Instruction, type Mode } from "../translator/translate.ts";
import * as steps from "./insn.ts";
import { Insn, type Handler } from "./insn.ts";
import { MarkedBytes } from "./marked-bytes.ts";
import type { GuestMemory, Ring } from "./memory.ts";
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

/** Why a region goes: a store into its code, a page that is written again and again, other ways have become hot, it is wanted at another address, it became a part of another, or everything is forgotten. */
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
  /** @internal What all modes know of the frame together. */
  readonly shared: Frame;
  readonly space: CodeSpace;
  /** Offset → position in `insns`, 0 where there is none. */
  readonly index = new Uint16Array(4096);
  readonly insns: Insn[] = [];
  /** The linear page at which it was last executed, while somebody counts; -1 before. */
  linear = -1;
  readonly undecoded: Handler;
  /** Its code runs at several linear addresses. */
  isMobile = false;

  constructor(shared: Frame, space: CodeSpace) {
    this.frame = shared.number;
    this.shared = shared;
    this.space = space;
    this.undecoded = (insn) => {
      space.cache.decodeAt(this, insn);
      return insn.f(insn);
    };
    this.insns.push(new Insn(-1, this.undecoded, PLAIN)); // position 0 means "none"
  }

  /** Its regions were dropped again and again because code on the frame is written: none is to be made of it for a while. */
  get isResting(): boolean { return this.space.cache.now() < this.shared.calmAt; }

  /** The instruction at an offset below 4096, made undecoded where there is none yet. */
  at(offset: number): Insn {
    const position = this.index[offset]!;
    if (position !== 0) return this.insns[position]!;
    const made = new Insn(offset, this.undecoded, PLAIN);
    this.index[offset] = this.insns.length;
    this.insns.push(made);
    this.space.cache.stats.insns++;
    return made;
  }

  /** The step at an offset that may lie on another page: the instruction, or a link. */
  step(offset: number, link = this.space.source.link): Insn {
    return offset >= 0 && offset < 4096 ? this.at(offset) : new Insn(offset, link, LINK);
  }

  /** The target of a direct branch or call. */
  target(insn: Insn, { row: { mnemonic } }: Instruction, distance: number): Insn {
    const { hotLink, link } = this.space.source;
    return this.step(insn.e + distance, distance < 0 || mnemonic === "call" ? hotLink : link);
  }
}

/** The code pages of one mode. */
export class CodeSpace {
  readonly cache: CodeCache;
  /** Of all spaces of the cache. */
  readonly number: number;
  readonly mode: Mode;
  readonly forms: Forms;
  readonly source: HandlerSource;
  readonly ring: Ring;
  /** By frame. */
  readonly pages: Array<CodePage | undefined>;

  constructor(cache: CodeCache, number: number, mode: Mode, source: HandlerSource, ring: Ring, pages: Array<CodePage | undefined>) {
    this.cache = cache;
    this.number = number;
    this.mode = mode;
    this.forms = new Forms(mode);
    this.source = source;
    this.ring = ring;
    this.pages = pages;
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
interface Frame {
  readonly number: number;
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
/** So many hits in a row and the page is taken for data: all of it is dropped. */
const HITS_TO_DATA = 64;
/** The rest of a frame doubles each time, up to a limit. */
const MOST_DOUBLINGS = 8;
/** Upper bound of decoded instructions; beyond it everything is dropped (188 MB at 1.35 M). */
const MOST_INSNS = 1_500_000;

export class CodeCache {
  readonly stats = { insns: 0, decoded: 0, drops: 0, hits: 0, falseHits: 0, evictions: 0 };
  /** The index of the region that is running now: a store that would drop it must be left to the interpreter. */
  running = NOT_RUNNING;
  /** Told of every instruction that is to be forgotten. */
  forgotten: (page: CodePage, insn: Insn) => void = () => {};
  /** Instructions retired so far. */
  now: () => number = () => 0;
  /** Called instead of dropping the running region; must throw. */
  refuse: () => void = () => {};

  readonly #memory: GuestMemory;
  /** By number. */
  readonly #frames: Array<Frame | undefined>;

  readonly #rest: number;
  #spaces = 0;

  /** `rest`: for so many instructions at first a frame whose code is rewritten is left to the interpreter. */
  constructor(memory: GuestMemory, rest: number) {
    this.#rest = rest;
    this.#memory = memory;
    this.#frames = Array.from<undefined>({ length: memory.size >>> 12 });
    memory.watcher = this;
  }

  #frame(number: number): Frame {
    return (this.#frames[number] ??= { number, pages: [], marked: new MarkedBytes(), hits: 0, rewritten: 0, calmAt: 0, ranges: new Set() });
  }

  newSpace(mode: Mode, source: HandlerSource, ring: Ring, pages: Array<CodePage | undefined>): CodeSpace {
    return new CodeSpace(this, this.#spaces++, mode, source, ring, pages);
  }

  /** @internal A new, empty code page. */
  open(number: number, space: CodeSpace): CodePage {
    const shared = this.#frame(number), page = new CodePage(shared, space);
    shared.pages.push(page);
    return page;
  }

  /** Whether the cache has outgrown its bound; the engine then calls `clear` between instructions. */
  get full(): boolean { return this.stats.insns > MOST_INSNS; }

  // --- Decoding -----------------------------------------------------------------------------------------------

  /** Turns an undecoded instruction into what its bytes say now. */
  decodeAt(page: CodePage, insn: Insn): void {
    const host = page.frame * 4096 + insn.o, { space } = page, { source, mode } = space;
    const room = 4096 - insn.o;
    const decoded = decode(this.#memory.ram, host, room, mode);
    if ("failure" in decoded) {
      if (decoded.failure === "truncated") { this.#becomes(insn, source.stop, source.stop, STRADDLING); return; }
      this.#mark(page.shared, insn.o, insn.o + Math.min(room, LONGEST));
      this.#becomes(insn, decoded.failure === "too-long" ? source.tooLong : source.undefinedOpcode, undefined, PLAIN);
      return;
    }
    this.#mark(page.shared, insn.o, insn.o + decoded.length);
    const form = space.forms.of(decoded, insn);
    if (decoded.row.mnemonic.startsWith("f")) insn.m = x87Opcode(this.#memory.ram, host);
    const last = decoded.operands.at(-1), direct = last?.kind === "rel" ? last.value : 0;
    const { handler, exact } = source.handler(form, direct < 0);
    insn.e = insn.o + decoded.length;
    insn.n = page.step(insn.e);
    if (last?.kind === "rel" && mode.flat) insn.t = page.target(insn, decoded, direct);
    this.#becomes(insn, exact ? source.stop : handler, handler, exact ? EXACT : PLAIN);
    this.stats.decoded++;
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
    else this.stats.falseHits++;
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
        if (insn.f !== page.undecoded && (insn.e > from || insn.e === 0)) this.#undecode(page, insn);
      }
    }
    frame.marked.unmark(from, to);
    if (frame.marked.empty) this.#memory.unwatchCode(frame.number);
  }

  #dropRanges(frame: Frame, from: number, to: number, cause: DropCause): void {
    const before = frame.ranges.size;
    for (const range of frame.ranges) {
      if (!range.ranges.some(([start, end]) => start < to && end > from)) continue;
      if (range.index === this.running) this.refuse();
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
    for (const frame of this.#frames) for (const page of frame?.pages ?? []) for (const insn of page.insns) if (insn.count !== 0) action(page, insn);
  }

  /** Forgets every instruction and region. The engine must hold no `Insn` afterwards. */
  clear(): void {
    for (const frame of this.#frames) {
      if (frame === undefined) continue;
      this.#dropAll(frame, "eviction");
      for (const page of frame.pages) page.space.pages[frame.number] = undefined;
    }
    this.#frames.fill(undefined);
    this.stats.insns = 0;
    this.stats.evictions++;
  }
}
