/**
 * What a region is made from, as data that can be sent to another thread, and what is made of it there.
 *
 * Making a region takes as long as a hundred thousand interpreted instructions. Nothing in it touches the machine, so where the host has a thread to spare the
 * guest goes on meanwhile: it cannot tell when its code is translated.
 */
import { SeenView, type SeenCode } from "./guest-code.ts";
import { compileRegion, discover, NotCompiled, regionText, type Mode, type RegionLimits, type RegionOptions, type RegionText, type WasmImport } from "../translator/translate.ts";

export interface RegionOrder {
  readonly linear: number;
  readonly mode: Mode;
  readonly seen: SeenCode;
  readonly limits: RegionLimits;
  /** Where it may be entered, beside its head. */
  readonly entries: readonly number[];
  readonly options: RegionOptions;
  /** Where the ABI's arrays begin in the machine's memory. */
  readonly arrays: ReadonlyMap<string, number>;
  /** By linear page: what the comparisons of pages expect. */
  readonly pages: ReadonlyMap<number, number>;
}

/** All of a text but the JavaScript. */
export type RegionFacts = Omit<RegionText, "tree" | "print">;

/** A function that wants the machine's memory and functions to run. */
export interface CompiledRegion {
  readonly module: WebAssembly.Module;
  readonly imports: readonly WasmImport[];
  readonly codeBytes: number;
}

export interface RegionParts extends CompiledRegion {
  readonly facts: RegionFacts;
}

/** Another thread that makes regions. */
export interface Workshop {
  /** False before it is up, and where it is busy. */
  readonly takesOrders: boolean;
  /** Whether something is made that was not taken. */
  readonly hasParts: boolean;
  order(number: number, order: RegionOrder): void;
  /** What was made, by number of the order; undefined where that must run as JavaScript. */
  take(): ReadonlyArray<readonly [number: number, parts: RegionParts | undefined]>;
}

/** The text's function as WebAssembly; undefined where it has to run as JavaScript. */
export function compileText({ tree, pages }: Pick<RegionText, "tree" | "pages">, arrays: ReadonlyMap<string, number>, mapped: (page: number) => number): CompiledRegion | undefined {
  try {
    const { bytes, imports } = compileRegion(tree, { arrays, constants: new Map(pages.map((page, k) => [`PAGE${k}`, mapped(page)])) });
    return { module: new WebAssembly.Module(bytes), imports, codeBytes: bytes.length };
  } catch (error) {
    if (error instanceof NotCompiled) return undefined;
    throw error;
  }
}

/** The text of an order. */
export function orderedText({ linear, mode, seen, limits, entries, options }: Pick<RegionOrder, "linear" | "mode" | "seen" | "limits" | "entries" | "options">): RegionText {
  return regionText(discover(linear, new SeenView(seen, mode), limits, entries)!, options);
}

export function makeParts(order: RegionOrder): RegionParts | undefined {
  const text = orderedText(order), compiled = compileText(text, order.arrays, (page) => order.pages.get(page)!);
  return compiled === undefined ? undefined : { ...compiled, facts: factsOf(text) };
}

/** What is kept of a text: the tree is a hundred times as large as the code. */
export function factsOf(text: RegionText): RegionFacts {
  const { tree: _tree, print: _print, ...facts } = text;
  return facts;
}
