/**
 * Where the next region is found, by address.
 *
 * Regions follow one another every few dozen instructions. What that asks for (is this address an entry, at this mapping and in this mode;
 * how much budget; which function, with which arguments) stands in one line of the host's cache, and not behind the decoded instruction,
 * its entry and its region.
 *
 * A line is filled after the long way was gone, and tells nothing that the long way would not. Those of a region are emptied when it is dropped.
 */
import type { Region } from "./region.ts";
import type { RegionFunction } from "./region-function.ts";
import type { RowLayout } from "../translator/translate.ts";
import type { HostMemory } from "./host-memory.ts";
import * as tlb from "./tlb-entry.ts";

const { SLOW } = tlb;

const LINES = 16384;
/** Words of a line, as a power of two; 32 bytes. */
const LINE_SHIFT = 3, WORDS = 1 << LINE_SHIFT;
const LAST = (LINES - 1) * WORDS;
/**
 * The words of a line by their place. `mapped`: the EXEC entry of the page; `space`: the number of the code space, inverted where the region's function is
 * JavaScript, so that the WebAssembly that runs rows does not find it; `least`: budget.
 */
export const LINE = { eip: 0, mapped: 1, space: 2, least: 3, index: 4, entry: 5, delta: 6, entered: 7 } as const;
/** Regions that there is room for at first, and at most. */
const FUNCTIONS = 1024, MOST = 1 << 16;
/** In the word `mapped` of a line that is not to be found: no entry of a page that can be fetched from looks like it. */
const EMPTY = -1;

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
    this.words = new Int32Array(host.buffer, host.take(4 * LINES * WORDS), LINES * WORDS).fill(EMPTY);
    this.heat = new Int32Array(host.buffer, host.take(4 * MOST), MOST);
  }

  /** How a row finds lines, and the heat of a region. */
  get layout(): Omit<RowLayout, "state"> { return { table: this.words.byteOffset, line: LINE, lines: LINES, lineShift: LINE_SHIFT, heat: this.heat.byteOffset }; }

  /** Whether there is no index any more. */
  get isFull(): boolean { return this.#free.length === 0 && this.regions.length === MOST; }

  /** The first word of the line that an address is in. Where it is in none, of one of the two that it could be in. */
  line(eip: number): number {
    const { words } = this, first = Math.imul(eip ^ eip >>> 11, WORDS) & LAST, other = first ^ WORDS;
    return words[first + LINE.eip] !== eip && words[other + LINE.eip] === eip ? other : first;
  }

  /** The line that an address is to be in: its own, one that tells nothing, or either. */
  #lineFor(eip: number): number {
    const { words } = this, at = this.line(eip), other = at ^ WORDS;
    if (words[at + LINE.eip] === eip || words[at + LINE.mapped] === EMPTY) return at;
    return words[other + LINE.mapped] === EMPTY || (this.#fills++ & 1) !== 0 ? other : at;
  }

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
    const { index } = region, { words } = this;
    for (let at = 0; at < words.length; at += WORDS) if (words[at + LINE.index] === index) this.#empty(at);
    if (region.isCompiled) this.functions.set(index, null);
    this.#free.push(index);
  }

  /** A place where a region can be entered is not to be found any more. */
  forget({ index }: Region, entry: number): void {
    const { words } = this;
    for (let at = 0; at < words.length; at += WORDS) if (words[at + LINE.index] === index && words[at + LINE.entry] === entry) this.#empty(at);
  }

  #empty(at: number): void {
    this.#settle(at);
    this.words[at + LINE.mapped] = EMPTY;
  }

  /** From now on `eip` is found at once where it is mapped so and can be fetched from; at any rate its line can be read now. */
  fill(eip: number, mapped: number, space: number, { index, length, isCompiled }: Region, entry: number, delta: number): void {
    const { words } = this, at = this.#lineFor(eip);
    this.#settle(at);
    words[at + LINE.eip] = eip;
    words[at + LINE.mapped] = (mapped & SLOW) === 0 ? mapped : EMPTY;
    words[at + LINE.space] = isCompiled ? space : ~space;
    words[at + LINE.least] = length;
    words[at + LINE.index] = index;
    words[at + LINE.entry] = entry;
    words[at + LINE.delta] = delta;
    words[at + LINE.entered] = 0;
  }

  /** Adds to every region how often it was entered by way of the table. */
  settle(): void {
    for (let at = 0; at < this.words.length; at += WORDS) this.#settle(at);
  }

  #settle(at: number): void {
    const { words } = this;
    if (words[at + LINE.index] === EMPTY) return;
    this.regions[words[at + LINE.index]!]!.entered += words[at + LINE.entered]!;
    words[at + LINE.entered] = 0;
  }
}
