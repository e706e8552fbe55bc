/** A function's text, run as JavaScript and as WebAssembly on memories that begin alike. */
import { parseExpressionAt } from "acorn";
import type { FunctionExpression } from "estree";
import { compileRegion } from "../../translator/translate.ts";
import { Draw, RAM_BYTES } from "./trees.ts";

const STATE = 64, READ = 1024, PAIRS = 2048, RAM = 65536 - RAM_BYTES;
const PAGE0 = 0x12345;
const RUNS = Int32Array.of(0, -1, 7, 0x7fffffff, -5, 6, 100, 3);

/** What came of a call. */
export interface Outcome {
  readonly result: number;
  readonly words: readonly number[];
  readonly ram: readonly number[];
  readonly pairs: readonly number[];
  /** Arguments of all calls, in order. */
  readonly asked: ReadonlyArray<readonly number[]>;
}

class Host {
  readonly memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  readonly asked: number[][] = [];
  readonly arrays: Readonly<Record<string, Int32Array | Uint8Array | Uint16Array | Float32Array | Float64Array>>;

  constructor(seed: number) {
    const { buffer } = this.memory, draw = new Draw(seed);
    this.arrays = {
      state: new Int32Array(buffer, STATE, 64), readTlb: new Int32Array(buffer, READ, 16), registerPairs: new Float64Array(buffer, PAIRS, 16),
      ram8: new Uint8Array(buffer, RAM, RAM_BYTES), ram16: new Uint16Array(buffer, RAM, RAM_BYTES / 2), ram32: new Int32Array(buffer, RAM, RAM_BYTES / 4),
      ramSingles: new Float32Array(buffer, RAM, RAM_BYTES / 4), ramDoubles: new Float64Array(buffer, RAM, RAM_BYTES / 8),
    };
    for (const name of ["state", "readTlb", "ram32"]) this.arrays[name]!.forEach((_value, k, all) => { all[k] = draw.of([draw.word(), draw.below(100), 0, -1]); });
    this.arrays["registerPairs"]!.forEach((_value, k, all) => { all[k] = draw.of([draw.word() / 7, -draw.below(9), 0.5]); });
  }

  /** Throws now and then. */
  readonly ask = (...args: number[]): number => {
    this.asked.push(args);
    const [a = 0, b = 0] = args, answer = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) + (b | 0) | 0;
    if (answer % 11 === 0) throw new Error("asked for too much");
    return answer;
  };

  get functions(): Readonly<Record<string, (...args: number[]) => number>> {
    return {
      ask: this.ask, x87Integer: () => this.arrays["state"]![7]! + 0.25, caught: (error: unknown) => error instanceof Error && error.message === "asked for too much" ? 1 : 2,
    } as Readonly<Record<string, (...args: number[]) => number>>;
  }

  outcome(result: number): Outcome {
    return { result, words: [...this.arrays["state"]!], ram: [...this.arrays["ram8"]!], pairs: [...this.arrays["registerPairs"]!], asked: this.asked };
  }
}

/** The tree of a function expression in brackets. */
export function parsed(text: string): FunctionExpression { return parseExpressionAt(text, 1, { ecmaVersion: 2022 }) as unknown as FunctionExpression; }

export function asJavaScript(text: string, seed: number, args: readonly number[]): Outcome {
  const host = new Host(seed), { ask, x87Integer, caught } = host.functions, names = [...Object.keys(host.arrays), "ask", "x87Integer", "caught", "imul", "clz32", "abs", "fround", "PAGE0", "RUNS"];
  const make = new Function(...names, `"use strict"; return ${text};`) as (...values: unknown[]) => (...args: readonly number[]) => number;
  return host.outcome(make(...Object.values(host.arrays), ask, x87Integer, caught, Math.imul, Math.clz32, Math.abs, Math.fround, PAGE0, RUNS)(...args));
}

export function asWebAssembly(text: string, seed: number, args: readonly number[]): Outcome {
  const host = new Host(seed), { memory } = host;
  const arrays = new Map(Object.entries(host.arrays).map(([name, array]) => [name, array.byteOffset])), { bytes, imports } = compileRegion(parsed(text), { arrays, constants: new Map([["PAGE0", PAGE0]]) });
  const functions: Record<string, unknown> = { ...host.functions, RUNS: (index: number) => RUNS[index] };
  const imported = Object.fromEntries(imports.map(({ name }, k) => [k, functions[name] as WebAssembly.ImportValue]));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: { m: memory, e: (WebAssembly as unknown as { JSTag: WebAssembly.ImportValue }).JSTag }, i: imported });
  return host.outcome((exports["r"] as (...args: readonly number[]) => number)(...args));
}
