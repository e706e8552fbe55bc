/** What samples of a guest add up to: functions by ring and name, and stacks of them, each kept once. */
import type { SymbolTable } from "../symbols.ts";

/** A function as code of one ring runs it. */
export interface ProfiledFunction {
  readonly ring: number;
  readonly name: string;
}

/** Samples of a function: where it ran itself, and where it was on the stack. */
export interface FunctionShare extends ProfiledFunction {
  readonly self: number;
  readonly total: number;
}

/** Indices of functions, outermost first. */
type Stack = readonly number[];

const PAGE = 0xfff;

/** A symbol, or where there is none the page: "[c0123000]". */
export function functionName(address: number, symbols: SymbolTable): string {
  return symbols.at(address)?.name ?? `[${((address & ~PAGE) >>> 0).toString(16).padStart(8, "0")}]`;
}

export class Profile {
  readonly functions: ProfiledFunction[] = [];
  readonly stacks: Stack[] = [];
  /** In the order of their taking: which stack, and how many instructions lie between the sample before and this one. */
  readonly samples: Array<{ readonly stack: number; readonly distance: number }> = [];
  readonly #symbols: SymbolTable;
  readonly #functionIndex = new Map<string, number>();
  readonly #stackIndex = new Map<string, number>();

  constructor(symbols: SymbolTable) { this.#symbols = symbols; }

  /** Adds a sample: linear addresses as `walkStack` gives them. A return address belongs to the call before it. */
  add(ring: number, addresses: readonly number[], distance: number): void {
    const stack = addresses.map((address, k) => this.#function(ring, functionName(k === 0 ? address : address - 1 >>> 0, this.#symbols))).toReversed();
    const key = stack.join(" ");
    let index = this.#stackIndex.get(key);
    if (index === undefined) {
      index = this.stacks.push(stack) - 1;
      this.#stackIndex.set(key, index);
    }
    this.samples.push({ stack: index, distance });
  }

  /** How many samples each stack has. */
  stackCounts(): number[] {
    const counts = this.stacks.map(() => 0);
    for (const { stack } of this.samples) counts[stack]! += 1;
    return counts;
  }

  /** All functions, those with most samples of their own first. A function that is on a stack several times counts once. */
  shares(): FunctionShare[] {
    const self = this.functions.map(() => 0), total = this.functions.map(() => 0);
    for (const [k, count] of this.stackCounts().entries()) {
      const stack = this.stacks[k]!;
      self[stack.at(-1)!]! += count;
      for (const index of new Set(stack)) total[index]! += count;
    }
    return this.functions.map((known, k) => ({ ...known, self: self[k]!, total: total[k]! }))
      .toSorted((a, b) => b.self - a.self || b.total - a.total || (a.name < b.name ? -1 : 1));
  }

  #function(ring: number, name: string): number {
    const key = `${ring} ${name}`, known = this.#functionIndex.get(key);
    if (known !== undefined) return known;
    const index = this.functions.push({ ring, name }) - 1;
    this.#functionIndex.set(key, index);
    return index;
  }
}
