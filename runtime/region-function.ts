/**
 * The function of a region, made of its text.
 *
 * V8 takes a new JavaScript function through a bytecode interpreter, slower than ours, before it optimises it. The WebAssembly that the same text means
 * (translator/wasm/compile.ts) is machine code from the first call. What cannot be said in WebAssembly runs as JavaScript, and so does everything where it is
 * to be looked at: counted, or sampled by lines.
 */
import { GuestFault, Retry } from "./faults.ts";
import { carryOf, conditionOf, flagsOf } from "./flags.ts";
import type { RuntimeFunction } from "./functions.ts";
import { slowPaths } from "./interpreter.ts";
import type { Measurement, RegionCounts } from "./measure/measurement.ts";
import { sampledText } from "./measure/sampled-text.ts";
import type { GuestMemory, Ring } from "./memory.ts";
import type { RegionRows } from "./region-row.ts";
import type { RegionCalls } from "./region.ts";
import type { CpuState } from "./state.ts";
import type { CodeSpace } from "./code-cache.ts";
import { BaselineModule, compileLibrary, compileRegion, FOLLOW, LIBRARY, NotCompiled, type RegionText, Templates } from "../translator/translate.ts";

/** What a region's function returns, beside CHANGED and DECLINED. */
export const LEFT_NORMALLY = 0, FAULTED = 1, MUST_RETRY = 2;

export type RegionFunction = (left: number, entry: number, delta: number) => number;

/** The names that every region may use; `RUNS` is its own. */
export const ABI_NAMES = [
  "state", "ram8", "ram16", "ram32", "readTlb", "writeTlb", "execTlb", "registerPairs", "ramSingles", "ramDoubles", "imul", "clz32", "abs", "fround",
  "load8", "load16", "load32", "store8", "store16", "store32", "modify8", "modify16", "modify32",
  "conditionOf", "carryOf", "flagsOf", "step", "timestamp", "enableInterrupts", "callOut", "calledOut", "caught", "RUNS",
] as const;

/** What templates of baseline code may use: as handlers do, with the runtime functions that regions call. */
const BASELINE_NAMES = [
  "S", "S8", "S16", "MEM8", "MEM16", "MEM32", "READ", "WRITE", "imul", "clz32", "load8", "load16", "load32", "store8", "store16", "store32", "modify8", "modify16", "modify32",
  "conditionOf", "carryOf", "flagsOf", "callOut",
] as const;

/** Arrays that it needs in the machine's memory: under alignment checks the tables are elsewhere. */
const BASELINE_ARRAYS = ["state", "ram8", "readTlb", "writeTlb", "execTlb"] as const;

/** What those that count may use beside them. */
const COUNTING = ["COUNT", "startCallout", "stopCallout"] as const;

/** Proves of generated source that it names nothing but these; throws where it does not. */
export type CodeCheck = (source: string, names: readonly string[]) => void;

export interface RegionFunctionOptions {
  /** Checks every source before it runs. */
  readonly check: CodeCheck | undefined;
  readonly measurement: Measurement | undefined;
  /** Regions run as WebAssembly where they can. */
  readonly isCompiled: boolean;
  /** Regions are JavaScript that a sampling profiler can tell apart, by line. */
  readonly sampled: boolean;
}

/** What a function is made of. */
export interface RegionPlan {
  readonly text: RegionText;
  readonly ring: Ring;
  /** Of all regions that were made. */
  readonly number: number;
  readonly counts: RegionCounts | undefined;
  /** What the text's comparisons of pages expect. */
  readonly mapped: (page: number) => number;
}

export interface MadeFunction {
  readonly run: RegionFunction;
  /** `run` is a WebAssembly function. */
  readonly isCompiled: boolean;
  /** Of its WebAssembly, or characters of its JavaScript. */
  readonly codeBytes: number;
}

export class RegionFunctions {
  readonly #cpu: CpuState;
  readonly #memory: GuestMemory;
  readonly #functions: (name: string) => RuntimeFunction;
  readonly #calls: RegionCalls;
  readonly #options: RegionFunctionOptions;
  readonly #isCompiled: boolean;
  /** The values of the names that all regions of a ring share. */
  readonly #shared = new Map<Ring, readonly unknown[]>();
  readonly #places = new Map<Ring, ReadonlyMap<string, number>>();
  readonly #libraries = new Map<Ring, ReadonlyMap<string, unknown>>();

  constructor(cpu: CpuState, memory: GuestMemory, functions: (name: string) => RuntimeFunction, calls: RegionCalls, options: RegionFunctionOptions) {
    this.#cpu = cpu;
    this.#memory = memory;
    this.#functions = functions;
    this.#calls = calls;
    this.#options = options;
    this.#isCompiled = options.isCompiled && !options.sampled && options.measurement === undefined && javascriptTag() !== undefined;
  }

  make(plan: RegionPlan): MadeFunction {
    const { text, counts, ring } = plan;
    const names = [...ABI_NAMES, ...text.pages.map((_page, k) => `PAGE${k}`), ...text.functions, ...(counts === undefined ? [] : COUNTING)];
    this.#options.check?.(text.print(), names);
    const compiled = this.#isCompiled ? this.#webAssembly(plan) : undefined;
    return compiled ?? this.#javascript(plan, names, [
      ...this.#sharedBy(ring), Int32Array.from(text.runs), ...text.pages.map((page) => plan.mapped(page)), ...text.functions.map((name) => this.#functions(name)),
      ...(counts === undefined ? [] : [counts.words, this.#calls.startCallout, this.#calls.stopCallout]),
    ]);
  }

  /** As WebAssembly, with the machine that it runs on; undefined where it has to be JavaScript. */
  #webAssembly({ text: { tree, pages, runs }, ring, mapped }: RegionPlan): MadeFunction | undefined {
    try {
      const { bytes, imports } = compileRegion(tree, { arrays: this.#placesOf(ring), constants: new Map(pages.map((page, k) => [`PAGE${k}`, mapped(page)])) });
      const library = this.#libraryOf(ring);
      const exports = this.#instance(bytes, imports.map(({ name }): unknown => (name === "RUNS" ? (index: number) => runs[index]! : library.get(name) ?? this.#valueOf(ring, name))));
      return { run: exports["r"] as RegionFunction, isCompiled: true, codeBytes: bytes.length };
    } catch (error) {
      if (error instanceof NotCompiled) return undefined;
      throw error;
    }
  }

  /** The templates of a mode; undefined where regions do not run as WebAssembly. */
  templatesOf({ ring, number }: CodeSpace): Templates | undefined {
    if (!this.#isCompiled || !BASELINE_ARRAYS.every((name) => this.#placesOf(ring).has(name))) return undefined;
    let templates = this.#templates[number];
    if (templates === undefined) {
      const { bytes, halves } = this.#cpu, { host } = this.#memory, { check } = this.#options;
      const arrays = new Map([...this.#placesOf(ring), ["stateBytes", host.placeOf(bytes)!], ["stateHalves", host.placeOf(halves)!]] as const);
      const checked = check === undefined ? undefined : (source: string, names: readonly string[]): void => { check(source, [...BASELINE_NAMES, ...names]); };
      this.#templates[number] = templates = new Templates({ arrays, constants: new Map() }, checked);
    }
    return templates;
  }
  readonly #templates: Templates[] = [];

  /** A module for baseline code of a mode that has templates. */
  baselineModule({ ring }: CodeSpace, templates: Templates): BaselineModule {
    const places = this.#placesOf(ring);
    return new BaselineModule(templates, { state: places.get("state")!, ram: places.get("ram8")!, exec: places.get("execTlb")! });
  }

  /** What it exports: its functions by their number. They call by way of `rows`. */
  baselineFunctions(module: BaselineModule, { ring }: CodeSpace, { follow }: RegionRows): Readonly<Record<number, RegionFunction>> {
    const library = this.#libraryOf(ring);
    return this.#instance(module.bytes(), module.imports.map(({ name }) => (name === FOLLOW ? follow : library.get(name) ?? this.#valueOf(ring, name)))) as unknown as Record<number, RegionFunction>;
  }

  /** Where the ABI's arrays begin in the machine's memory, as far as they are there. */
  #placesOf(ring: Ring): ReadonlyMap<string, number> {
    const known = this.#places.get(ring);
    if (known !== undefined) return known;
    const shared = this.#sharedBy(ring), places = new Map<string, number>();
    ABI_NAMES.forEach((name, k) => {
      const value = shared[k], at = ArrayBuffer.isView(value) ? this.#memory.host.placeOf(value) : undefined;
      if (at !== undefined) places.set(name, at);
    });
    this.#places.set(ring, places);
    return places;
  }

  #sharedBy(ring: Ring): readonly unknown[] {
    const known = this.#shared.get(ring), { words, pairs } = this.#cpu, memory = this.#memory, calls = this.#calls;
    if (known !== undefined) return known;
    const shared: readonly unknown[] = [
      words, memory.ram, memory.ram16, memory.ram32, ring.read, ring.write, ring.exec, pairs, memory.singles, memory.doubles, Math.imul, Math.clz32, Math.abs, Math.fround,
      ...Object.values(slowPaths(ring, words, this.#options.measurement)), conditionOf, carryOf, flagsOf,
      calls.step, calls.timestamp, calls.enableInterrupts, calls.callOut, calls.calledOut, caught,
    ];
    this.#shared.set(ring, shared);
    return shared;
  }

  #javascript({ text, number }: RegionPlan, names: readonly string[], values: readonly unknown[]): MadeFunction {
    const source = text.print(), body = this.#options.sampled ? sampledText(source, number) : `"use strict"; return ${source};`;
    const make = new Function(...names, body) as (...args: readonly unknown[]) => RegionFunction;
    return { run: make(...values), isCompiled: false, codeBytes: source.length };
  }

  /** What stands for functions of the ABI in the WebAssembly of a ring. */
  #libraryOf(ring: Ring): ReadonlyMap<string, unknown> {
    const known = this.#libraries.get(ring);
    if (known !== undefined) return known;
    const { host, codePages, codeBytes, dirty } = this.#memory, frames = Object.entries({ codePages, codeBytes, dirtyPages: dirty }).map(([name, array]) => [name, host.placeOf(array)!] as const);
    const { bytes, imports } = compileLibrary({ arrays: new Map([...this.#placesOf(ring), ...frames]), constants: new Map() });
    const exports = this.#instance(bytes, imports.map(({ name }) => this.#valueOf(ring, name)));
    const made = new Map([...LIBRARY].map(([name, own]) => [name, exports[own]]));
    this.#libraries.set(ring, made);
    return made;
  }

  /** What a name of the ABI, or of a runtime function, stands for. */
  #valueOf(ring: Ring, name: string): unknown { return this.#sharedBy(ring)[(ABI_NAMES as readonly string[]).indexOf(name)] ?? this.#functions(name); }

  #instance(bytes: Uint8Array<ArrayBuffer>, values: readonly unknown[]): WebAssembly.Exports {
    const imported = Object.fromEntries(values.map((value, k) => [k, value as WebAssembly.ImportValue]));
    return new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: { m: this.#memory.host.memory, e: javascriptTag()! }, i: imported }).exports;
  }
}

/** What stands for JavaScript's exceptions in WebAssembly; undefined where the host has none. */
export function javascriptTag(): WebAssembly.ImportValue | undefined { return (WebAssembly as unknown as { JSTag?: WebAssembly.ImportValue }).JSTag; }

/** The catch of every region: guest events become a code, anything else is ours and goes on. */
export function caught(error: unknown): number {
  if (error instanceof GuestFault) return FAULTED;
  if (error instanceof Retry) return MUST_RETRY;
  throw error;
}
