/** Runs the functions of regions over a small memory, without a processor around them. */
import { GuestFault, Retry } from "../../runtime/faults.ts";
import { arithmeticFlags, carryOf, conditionOf, flagsOf, setArithmeticFlags } from "../../runtime/flags.ts";
import { Fpu } from "../../runtime/fpu/fpu.ts";
import { runtimeFunctions } from "../../runtime/functions.ts";
import { slowPaths } from "../../runtime/interpreter.ts";
import { linearMemory } from "../../runtime/linear-memory.ts";
import { GuestMemory } from "../../runtime/memory.ts";
import { ABI_NAMES, type RegionFunction } from "../../runtime/region-function.ts";
import { resetState } from "../../runtime/reset.ts";
import { CpuState, SLOT } from "../../runtime/state.ts";
import { checkCode, type RegionText } from "../../translator/translate.ts";

const RAM_BYTES = 64 << 10;
const FAULTED = 1, RETRIED = 2;
const DIRECTORY = 0xf000, TABLE = 0xe000, PRESENT = 1, WRITABLE = 2, CR0_PAGING = -0x7fff0000; // PG and WP

export interface InitialState {
  readonly registers: readonly number[];
  /** EFLAGS bits. */
  readonly flags: number;
  /** What memory is filled with. */
  readonly pattern: number;
  readonly budget: number;
  /** Paging is on: neighbours lie apart, some pages cannot be written, some are not there. */
  readonly scattered?: boolean;
}

/** What the rest of the machine sees of a run. */
export interface Outcome {
  readonly code: number;
  readonly registers: readonly number[];
  readonly flags: number;
  readonly eip: number;
  readonly left: number;
  /** Where it faulted, -1 where it did not. */
  readonly site: number;
  readonly memory: string;
  /** States at which an instruction was handed to the interpreter. */
  readonly steps: readonly string[];
}

export class RegionHost {
  readonly #cpu = new CpuState();
  readonly #memory: GuestMemory;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #functions: ReturnType<typeof runtimeFunctions>;
  /** All state words after a reset: instructions that call the monitor change more than registers and flags. */
  readonly #pristine: Int32Array;
  #steps: string[] = [];

  constructor() {
    const cpu = this.#cpu, memory = this.#memory = new GuestMemory(RAM_BYTES, cpu), [ring] = memory.rings;
    const monitor = { cpu, memory: linearMemory(memory), ports: { read: () => 0xff, write: () => {} }, now: () => 0 };
    resetState(cpu);
    memory.exact = false;
    this.#pristine = cpu.words.slice();
    this.#functions = runtimeFunctions(monitor, memory, new Fpu(cpu), { interrupted: false, requested: () => false });
    this.#values = {
      state: cpu.words, ram8: memory.ram, ram16: memory.ram16, ram32: memory.ram32, readTlb: ring.read, writeTlb: ring.write, execTlb: ring.exec,
      registerPairs: cpu.pairs, ramSingles: memory.singles, ramDoubles: memory.doubles, imul: Math.imul, clz32: Math.clz32, abs: Math.abs, fround: Math.fround, ...slowPaths(ring, cpu.words), conditionOf, carryOf, flagsOf,
      step: (site: number, left: number) => this.#step(site, left),
      enableInterrupts: () => 1,
      callOut: (site: number, left: number) => { this.#step(site, left); },
      calledOut: () => 0,
      timestamp: (site: number, left: number) => this.#step(site, left),
      caught: (event: unknown) => {
        if (event instanceof GuestFault) return FAULTED;
        if (event instanceof Retry) return RETRIED;
        throw event;
      },
    };
  }

  /** In the interpreter's place: notes what it would see, and changes the flags. */
  #step(site: number, left: number): number {
    const { words } = this.#cpu, flags = arithmeticFlags(words);
    this.#steps.push(`${site} ${left} ${flags} ${[...words.subarray(0, 8)].join(" ")}`);
    setArithmeticFlags(words, flags ^ site);
    words[SLOT.left] = left;
    return 0;
  }

  compile({ print, functions, pages, runs }: RegionText): RegionFunction {
    const source = print();
    const names = [...ABI_NAMES, ...pages.map((_page, k) => `PAGE${k}`), ...functions];
    checkCode(source, names);
    const values = ABI_NAMES.map((name) => {
      if (name === "RUNS") return Int32Array.from(runs);
      if (!(name in this.#values)) throw new Error(`the test host has no ${name}`);
      return this.#values[name];
    });
    const make = new Function(...names, `"use strict"; return ${source};`) as (...args: unknown[]) => RegionFunction;
    return make(...values, ...pages.map((page) => this.#memory.rings[0].exec[page]), ...functions.map((name) => this.#functions(name)));
  }

  /** Linear page k is physical page 5k + 3 modulo 14; every fifth cannot be written, page 11 is absent. */
  #scatter(): void {
    const { words } = this.#cpu, { ram32 } = this.#memory;
    ram32.fill(0, TABLE >> 2, RAM_BYTES >> 2);
    ram32[DIRECTORY >> 2] = TABLE | PRESENT | WRITABLE;
    for (let k = 0; k < 14; k++) ram32[(TABLE >> 2) + k] = (((5 * k + 3) % 14) << 12) | (k === 11 ? 0 : PRESENT) | (k % 5 === 4 ? 0 : WRITABLE);
    words[SLOT.cr0] = words[SLOT.cr0]! | CR0_PAGING;
    words[SLOT.cr3] = DIRECTORY;
  }

  run(region: RegionFunction, initial: InitialState): Outcome {
    const { words } = this.#cpu, memory = this.#memory;
    for (let k = 0; k < memory.ram32.length; k++) memory.ram32[k] = Math.imul(k ^ initial.pattern, 0x9e3779b1);
    words.set(this.#pristine);
    words.set(initial.registers, 0);
    if (initial.scattered === true) this.#scatter();
    memory.flushAll();
    setArithmeticFlags(words, initial.flags);
    words[SLOT.faultId] = -1;
    this.#steps = [];
    const code = region(initial.budget, 0, 0);
    let sum = 0;
    for (const word of memory.ram32) sum = Math.imul(sum ^ word, 0x01000193) + 1 | 0;
    return {
      code, registers: [...words.subarray(0, 8)], flags: arithmeticFlags(words), eip: code === 0 ? words[SLOT.eip]! : 0, left: words[SLOT.left]!,
      site: code === 0 ? -1 : words[SLOT.faultId]!, memory: (sum >>> 0).toString(16), steps: this.#steps,
    };
  }
}
