/**
 * Where the next region is found, by the address that the host has its code at: so code that several processes map, each somewhere else, stands in it once.
 *
 * Regions follow one another every few dozen instructions. What that asks for (is this address an entry, at this mapping and in this mode;
 * how much budget; which function, with which arguments) stands in one line of the host's cache, and not behind the decoded instruction,
 * its entry and its region.
 *
 * A line is filled after the long way was gone, and tells nothing that the long way would not. Those of a region are emptied when it is dropped.
 */
import type { Entry, Region } from "./region.ts";
import type { RegionFunction } from "./region-function.ts";
import type { RowLayout } from "../translator/translate.ts";
import type { HostMemory } from "./host-memory.ts";

/** Some tens of thousands of entries are in use while a guest starts short processes. */
const LINES = 65536;
/** Words of a line, as a power of two; 32 bytes. */
const LINE_SHIFT = 3, WORDS = 1 << LINE_SHIFT;
const LAST = (LINES - 1) * WORDS;
/**
 * The words of a line by their place. `host`: of the entry; `space`: the number of the code space, inverted where the region's function is JavaScript, so that
 * the WebAssembly that runs rows does not find it; `linear`: where the entry was when the region was made; `bound`: bits of the distance from there that must be 0,
 * all where the region can run there alone; `least`: budget.
 */
export const LINE = { host: 0, space: 1, linear: 2, bound: 3, least: 4, index: 5, entry: 6, entered: 7 } as const;
/** Regions that there is room for at first, and at most. */
const FUNCTIONS = 1024, MOST = 1 << 16;
/** In the word `host` of a line that is not to be found. */
export const EMPTY = -1;
/** `bound` of a region that can run at one address, and of one that can run anywhere. */
const THERE_ALONE = -1, ANYWHERE = 0;

export class EntryTable {
  readonly words: Int32Array;
  /** The regions by index; one that was dropped stays until its index is used again. */
  readonly regions: Region[] = [];
  /** What they are run by. */
  readonly runs: RegionFunction[] = [];
  /** The same for rows, as far as they are WebAssembly. */
  readonly functions = new WebAssembly.Table({ element: "anyfunc", initial: FUNCTIONS });
  /** What each region may execute until somebody is to look at it, as far as rows run it. */
  readonly heat: Int32Array;
  readonly #free: number[] = [];

  constructor(host: HostMemory) {
    this.words = new Int32Array(host.buffer, host.take(4 * LINES * WORDS), LINES * WORDS);
    this.heat = new Int32Array(host.buffer, host.take(4 * MOST), MOST);
  }

  /** How a row finds lines, and the heat of a region. */
  get layout(): Omit<RowLayout, "state"> { return { table: this.words.byteOffset, line: LINE, lines: LINES, lineShift: LINE_SHIFT, heat: this.heat.byteOffset }; }

  /** Whether there is no index any more. */
  get isFull(): boolean { return this.#free.length === 0 && this.regions.length === MOST; }

  /** The first word of the line that a host address is in. Where it is in none, of one of the two that it could be in. */
  line(host: number, space: number): number {
    const first = Math.imul(host ^ host >>> 11, WORDS) & LAST, other = first ^ WORDS;
    return !this.isAt(first, host, space) && this.isAt(other, host, space) ? other : first;
  }

  /** Whether a line is that of a host address. */
  isAt(line: number, host: number, space: number): boolean {
    const { words } = this, number = words[line + LINE.space]!;
    return words[line + LINE.host] === host && (number ^ number >> 31) === space;
  }

  /** The line that a host address is to be in: its own, one that tells nothing, or either. */
  #lineFor(host: number, space: number): number {
    const at = this.line(host, space), other = at ^ WORDS;
    if (this.isAt(at, host, space) || this.#isFree(at)) return at;
    return this.#isFree(other) || (this.#fills++ & 1) !== 0 ? other : at;
  }

  /** Whether a line is not to be found, or was never filled: no space has the number 0. */
  #isFree(line: number): boolean { return this.words[line + LINE.host] === EMPTY || this.words[line + LINE.space] === 0; }

  #fills = 0;

  /** An index for a region to be. */
  take(): number { return this.#free.pop() ?? this.regions.length; }

  add(region: Region): void {
    this.regions[region.index] = region;
    this.runs[region.index] = region.run;
    this.heat[region.index] = region.heat;
    const { functions } = this;
    if (!region.isCompiled) return;
    if (region.index >= functions.length) functions.grow(functions.length);
    functions.set(region.index, region.run);
  }

  drop(region: Region): void {
    for (const entry of region.entries) this.forget(entry);
    if (region.isCompiled) this.functions.set(region.index, null);
    this.#free.push(region.index);
  }

  /** A place where a region can be entered is not to be found any more. */
  forget(entry: Entry): void {
    const at = this.#lineOf(entry);
    if (at === undefined) return;
    this.#settle(at);
    this.words[at + LINE.host] = EMPTY;
  }

  /** How often a region was entered at a place, since its line was filled. */
  timesEntered(entry: Entry): number {
    const at = this.#lineOf(entry);
    return at === undefined ? 0 : this.words[at + LINE.entered]!;
  }

  /** The line of an entry, where it has one. */
  #lineOf({ host, number, region: { index, space } }: Entry): number | undefined {
    const { words } = this, at = this.line(host, space.number);
    return this.isAt(at, host, space.number) && words[at + LINE.index] === index && words[at + LINE.entry] === number ? at : undefined;
  }

  /** From now on an entry at `host`, which was at `linear` when its region was made, is found at once; where it cannot be fetched from (EMPTY), never. Answers its line. */
  fill(host: number, space: number, { index, length, isCompiled, isMobile }: Region, entry: number, linear: number): number {
    const { words } = this, at = this.#lineFor(host, space);
    this.#settle(at);
    words[at + LINE.host] = host;
    words[at + LINE.space] = isCompiled ? space : ~space;
    words[at + LINE.linear] = linear;
    words[at + LINE.bound] = isMobile ? ANYWHERE : THERE_ALONE;
    words[at + LINE.least] = length;
    words[at + LINE.index] = index;
    words[at + LINE.entry] = entry;
    words[at + LINE.entered] = 0;
    return at;
  }

  /** Adds to every region how often it was entered by way of the table. */
  settle(): void {
    for (let at = 0; at < this.words.length; at += WORDS) this.#settle(at);
  }

  #settle(at: number): void {
    const { words } = this;
    if (words[at + LINE.entered] === 0) return;
    this.regions[words[at + LINE.index]!]!.entered += words[at + LINE.entered]!;
    words[at + LINE.entered] = 0;
  }
}
