/**
 * The virtual CPU: runs guest code until something is the machine's to handle.
 *
 * The loop asks for events at exact instruction counts, delivers interrupts and faults, and lets the interpreter or a region run up to the
 * next event. Both engines poll at the same places: after every instruction that calls the monitor, after every fault, and when the
 * count of the next event is reached.
 */
import { Breakpoints } from "./breakpoints.ts";
import { CodeCache, type CodePage, type CodeSpace } from "./code-cache.ts";
import { limitOnPage, requireInsideLimit } from "./code-limit.ts";
import type { VcpuExit, VcpuHost } from "./exit.ts";
import { currentFault, FREEZE, GuestFault, NO_ERROR_CODE, RETRY, Retry, VECTOR, VECTOR_NAMES } from "./faults.ts";
import { Fpu } from "./fpu/fpu.ts";
import { runtimeFunctions, type Delivery } from "./functions.ts";
import { EXACT, FETCH, type Insn, REGION, STRADDLING } from "./insn.ts";
import { Interpreter, isOfAnotherAddress, noteLinear } from "./interpreter.ts";
import type { Measurement } from "./measure/measurement.ts";
import { saw, Trials, type TrialLengths } from "./trial.ts";
import type { Timer } from "./measure/stopwatch.ts";
import { GuestMemory, linearMemory, MMIO, type MemoryState, SLOW } from "./memory.ts";
import { modeKey, modeOf } from "./mode.ts";
import type { Monitor, PortSpace } from "./monitor/context.ts";
import { ShortWays } from "./monitor/short-ways.ts";
import { readTimestamp } from "./monitor/control.ts";
import { deliverFault, deliverInterrupt } from "./monitor/interrupt.ts";
import { CHANGED } from "./abi.ts";
import { type CodeCheck, type Entry, FAULTED, LEFT_NORMALLY, type Region, Regions } from "./region.ts";
import { resetState } from "./reset.ts";
import { CR4_TSD, type CpuState, IF, IOPL, RF, SLOT, TF } from "./state.ts";
import { Straddlers } from "./straddling.ts";
import { decode, type CodeView, type Instruction } from "../translator/translate.ts";

export type Engine = "translate" | "interpret";

export interface VcpuOptions {
  readonly cpu: CpuState;
  readonly memory: GuestMemory;
  readonly host: VcpuHost;
  readonly ports: PortSpace;
  readonly engine: Engine;
  /** Executions of a backward branch or call target before it is translated. */
  readonly hotThreshold?: number;
  /** For so many instructions at first a frame whose code is rewritten again and again is left to the interpreter. */
  readonly rest?: number;
  /** How long a head is watched before a region is made there. */
  readonly trial?: TrialLengths;
  /** Checks the source of every handler and region before it runs. */
  readonly verifyCode?: CodeCheck | undefined;
  /** Counts and times everything; costs speed. */
  readonly measurement?: Measurement | undefined;
  /** Each block is translated alone. */
  readonly singleBlocks?: boolean;
  /** Optimisations to leave out. */
  readonly off?: ReadonlySet<string>;
  /** A sampling profiler can tell regions and their instructions apart. */
  readonly sampled?: boolean;
}

/** Watches what the loop delivers between instructions. The processor's state is the one before a delivery, then the one behind it. */
export interface DeliveryObserver {
  /** An interrupt, or the exception that the instruction at CS:EIP raised; `errorCode` is NO_ERROR_CODE where none is pushed. */
  delivering(cause: "interrupt" | "exception", vector: number, errorCode: number): void;
  /** Not called where the delivery ended in shutdown. */
  delivered(): void;
}

export interface VcpuState {
  readonly words: Int32Array;
  readonly memory: MemoryState;
  readonly count: number;
  readonly skipped: number;
}

const { eip: EIP, page: PAGE, base1: CS_BASE, limit1: CS_LIMIT, halted: HALTED, shadow: SHADOW, eflags: EFLAGS, left: LEFT, faultId: FAULT_ID } = SLOT;
/** A region returns to the loop after so many instructions at the latest, so that V8 enters its optimised code by the front door. */
const SLICE = 100_000;
/** After so many instructions the sizes of the code caches are looked at: what a guest can make of them meanwhile is bounded. */
const HOT = 12000, REST = 250_000;
const TRIAL: TrialLengths = { stretches: 4, instructions: 3000 };
const LONGEST_WALK = 500_000;
/** So often a region is made anew because a way out that seemed cold was hot. */
const MOST_REMADE = 8;
/** A handler whose first instruction faults, and again: no instruction retires and no time passes, so nothing would ever end it. */
const MOST_BARREN_FAULTS = 100_000;
/** After about so many host ns the owner is asked whether it wants to have the processor back. */
const PATIENCE = 5_000_000;
/** Estimated host ns: an interpreted instruction, one that is executed alone, a fetch from another page, a turn of the loop with its trap or interrupt. */
const INSTRUCTION_COST = 10, STEP_COST = 1000, CALLOUT_COST = 200, FETCH_COST = 200, TURN_COST = 2000, FAULT_COST = 1000, TRANSFER_COST = 200;

export class Vcpu {
  readonly cpu: CpuState;
  readonly memory: GuestMemory;
  readonly cache: CodeCache;
  readonly engine: Engine;
  readonly interpreter: Interpreter;
  /** Instructions retired. */
  count = 0;
  /** `translated`: instructions that regions retired; `entries`: of regions; `exactSteps`: single steps at an exact count. */
  readonly stats = { translated: 0, entries: 0, exactSteps: 0, faults: 0, interrupts: 0, retries: 0 };
  /** For tools; watching changes nothing. */
  observer: DeliveryObserver | undefined;

  readonly #host: VcpuHost;
  readonly #monitor: Monitor;
  /** By mode key. */
  readonly #spaces: Array<CodeSpace | undefined> = [];
  readonly #straddlers: Straddlers;
  readonly #fpu: Fpu;
  readonly #regions: Regions;
  readonly #trials: Trials;
  readonly #breakpoints: Breakpoints;
  readonly #measurement: Measurement | undefined;
  /** Set by an instruction that raises an interrupt itself: no single-step trap follows it. */
  readonly #delivery: Delivery = { interrupted: false, requested: () => this.#host.interruptRequested() };
  #skipped = 0;
  #space: CodeSpace | undefined;
  #spaceKey = -1;

  constructor(options: VcpuOptions) {
    const { cpu, memory } = options;
    this.cpu = cpu;
    this.memory = memory;
    this.engine = options.engine;
    this.#host = options.host;
    this.#monitor = { cpu, memory: linearMemory(memory), short: new ShortWays(cpu, memory), ports: options.ports, now: () => this.now() };
    this.#fpu = new Fpu(cpu);
    this.#fpu.onFerr = () => this.#floatingPointError();
    this.#fpu.onFerrNegated = () => options.host.floatingPointErrorCleared();
    this.cache = new CodeCache(memory, options.rest ?? REST);
    const measurement = this.#measurement = options.measurement;
    const functions = runtimeFunctions(this.#monitor, memory, this.#fpu, this.#delivery);
    this.#breakpoints = new Breakpoints(cpu, memory);
    this.interpreter = new Interpreter(cpu, memory, this.cache, functions, {
      profile: this.engine === "translate", hotThreshold: options.hotThreshold ?? HOT, measurement, check: options.verifyCode,
    });
    this.#trials = new Trials(options.trial ?? TRIAL);
    this.#regions = new Regions(cpu, memory, this.cache, functions, {
      step: (site, left) => this.#stepInRegion(site, left),
      timestamp: (site, left) => this.#timestamp(site, left),
      enableInterrupts: () => this.#enableInterrupts(),
      callOut: (site, left) => { this.#callOut(site, left); },
      calledOut: (site) => this.#calledOut(site),
      startCallout: (site) => { this.#startCallout(this.#measurement!, site); },
      stopCallout: () => { this.#stopCallout(); },
    }, { check: options.verifyCode, measurement, singleBlocks: options.singleBlocks ?? false, off: options.off ?? new Set(), sampled: options.sampled ?? false, trials: this.#trials, warm: (options.hotThreshold ?? HOT) / 8, becomeHead: (insn) => this.interpreter.becomeHead(insn) });
    this.cache.now = () => this.count;
    this.cache.refuse = () => { throw RETRY; }; // oxlint-disable-line typescript/only-throw-error -- a guest event, not an Error
    this.#straddlers = new Straddlers(memory, cpu);
    if (measurement !== undefined) this.#countFor(measurement);
    this.reset();
  }

  /** Lets the measurement fetch what was counted. */
  #countFor(measurement: Measurement): void {
    const fetched = (page: CodePage, insn: Insn): void => {
      measurement.fetchInterpreted(page, insn, () => this.#instructionOf(page, insn));
    };
    measurement.engine = { cache: this.cache, regions: this.#regions };
    this.cache.forgotten = (page, insn) => {
      if (insn.count !== 0) fetched(page, insn);
      measurement.forget(insn);
    };
    measurement.collect = () => {
      this.cache.eachCounted(fetched);
      for (const region of this.#regions.live) measurement.fetchTranslated(region);
    };
  }

  /** What a decoded instruction was decoded from. */
  #instructionOf(page: CodePage, insn: Insn): Instruction | undefined {
    const bytes = insn.kind === STRADDLING ? this.#straddlers.bytesOf(insn) : this.memory.ram.subarray(page.frame * 4096 + insn.o, page.frame * 4096 + 4096);
    const decoded = bytes === undefined ? undefined : decode(bytes, 0, bytes.length, page.space.mode);
    return decoded === undefined || "failure" in decoded ? undefined : decoded;
  }

  /** The regions that may run now. */
  get liveRegions(): Iterable<Region> { return this.#regions.live; }

  /** What was executed in the mode of now, as region discovery sees it; for tools. */
  codeView(): CodeView { return this.#regions.view(this.#currentSpace()); }

  /** Figures of the region cache. */
  get regionStats(): Regions["stats"] { return this.#regions.stats; }

  /** Guest time in ns: instructions retired + time skipped in HLT. */
  now(): number { return this.count + this.#skipped; }

  /** Advances guest time to `time` while halted; never back. */
  skipTo(time: number): void {
    if (time > this.now()) this.#skipped += time - this.now();
  }

  /** Power-on state of the processor (SDM volume 3, 9.1.1); memory, count and time stay. */
  reset(): void {
    resetState(this.cpu);
    this.#fpu.reset();
    this.memory.flushAll();
    this.#modeStale = true;
  }

  save(): VcpuState {
    return { words: this.cpu.words.slice(), memory: this.memory.save(), count: this.count, skipped: this.#skipped };
  }

  restore(state: VcpuState): void {
    this.#forgetCode();
    this.cpu.words.set(state.words);
    this.memory.restore(state.memory);
    this.#modeStale = true;
    this.#faultCount = -1;
    this.count = this.#polledAt = state.count;
    this.#skipped = state.skipped;
  }

  #forgetCode(): void {
    this.cache.clear();
    this.#trials.clear();
    this.#straddlers.clear();
  }

  // --- The loop ----------------------------------------------------------------------------------------------

  /** Runs at most `budget` instructions, to the instruction. */
  run(budget: number): VcpuExit {
    const measurement = this.#measurement;
    if (measurement === undefined) return this.#run(budget);
    const exit = measurement.watch.time(measurement.running, () => this.#run(budget));
    measurement.add(measurement.exits, exit.reason);
    return exit;
  }

  #run(budget: number): VcpuExit {
    const end = this.count + budget;
    this.#modeStale = true; // the owner may have changed the state
    for (;;) {
      const exit = this.#poll(end);
      if (exit !== undefined) return exit;
      if (this.cache.full || this.#regions.full) this.#forgetCode();
      try {
        if (this.#mustStep()) this.#step();
        else this.#walk(Math.min(end, this.#eventCount(), this.count + LONGEST_WALK));
        if (this.#shutdown) { this.#shutdown = false; return { reason: "shutdown" }; }
      } catch (event) {
        if (this.#faulted(event) === "shutdown") return { reason: "shutdown" };
      }
    }
  }

  /** The instruction count at which the machine's next event is due. */
  #eventCount(): number { return this.#host.nextEvent() - this.#skipped; }

  /** Lets due events happen, takes an interrupt; an exit where the machine has to act. */
  #poll(end: number): VcpuExit | undefined {
    const S = this.cpu.words, host = this.#host;
    if (this.now() >= host.nextEvent()) this.#advance();
    if (host.stopRequested()) return { reason: "stop" };
    if ((S[EFLAGS]! & IF) !== 0 && S[SHADOW] === 0 && host.interruptRequested()) this.#interrupt();
    if (this.#shutdown) { this.#shutdown = false; return { reason: "shutdown" }; }
    if (S[HALTED] !== 0) return { reason: "halt", interruptible: (S[EFLAGS]! & IF) !== 0 };
    if (this.count >= end) return { reason: "budget" };
    return this.#paused() ? { reason: "paused" } : undefined;
  }

  /** The count when patience was looked at last. */
  #polledAt = 0;

  #paused(): boolean {
    const { memory } = this;
    memory.patience -= TURN_COST + (this.count - this.#polledAt) * INSTRUCTION_COST;
    this.#polledAt = this.count;
    if (memory.patience >= 0) return false;
    memory.patience = PATIENCE;
    return this.#host.pauseRequested();
  }

  #advance(): void {
    const measurement = this.#measurement;
    if (measurement === undefined) this.#host.advance();
    else measurement.watch.time(measurement.devices, () => this.#host.advance());
  }

  #interrupt(): void {
    this.cpu.halted = 0;
    this.stats.interrupts++;
    this.#modeStale = true;
    const vector = this.#host.acknowledgeInterrupt(), eip = this.cpu.eip;
    this.observer?.delivering("interrupt", vector, NO_ERROR_CODE);
    try {
      const deliver = (): void => deliverInterrupt(this.#monitor, vector);
      if (this.#measurement === undefined) deliver();
      else this.#measurement.watch.time(this.#measurement.eventTimer("interrupt"), deliver);
      this.observer?.delivered();
    } catch (event) {
      this.cpu.eip = eip;
      this.#shutdown ||= this.#faulted(event) === "shutdown";
    }
  }

  /** A triple fault happened. */
  #shutdown = false;

  /** The count at the last fault, and how many faults in a row happened at it. */
  #faultCount = -1;
  #barrenFaults = 0;

  /** Delivers a guest fault at `eip`. Anything else is a fault of ours and is thrown on. A processor that only faults has hung: shutdown. */
  #faulted(event: unknown): "delivered" | "shutdown" {
    this.memory.exact = true;
    this.#modeStale = true;
    if (event === FREEZE) return "delivered";
    if (!(event instanceof GuestFault)) throw event;
    this.stats.faults++;
    if (this.count !== this.#faultCount) this.#barrenFaults = 0;
    this.#faultCount = this.count;
    if (++this.#barrenFaults > MOST_BARREN_FAULTS) return "shutdown";
    this.observer?.delivering("exception", event.vector, event.errorCode);
    const deliver = (): "delivered" | "shutdown" => deliverFault(this.#monitor, event.vector, event.errorCode);
    const measurement = this.#measurement;
    const outcome = measurement === undefined ? deliver() : measurement.watch.time(measurement.eventTimer(`#${VECTOR_NAMES[event.vector] ?? event.vector}`), deliver);
    if (outcome === "delivered") this.observer?.delivered();
    return outcome;
  }

  /** A waiting x87 instruction with CR0.NE = 0 asserts FERR#, and waits for the interrupt unless IGNNE# is active. */
  #floatingPointError(): void {
    this.memory.requireExact();
    if (this.#host.floatingPointError()) return;
    this.cpu.halted = 1;
    this.cpu.shadow = 0;
    throw FREEZE; // oxlint-disable-line typescript/only-throw-error -- a guest event, not an Error
  }

  /** Something ran that may have changed the mode. */
  #modeStale = true;

  /** The code space of the current mode. */
  #currentSpace(): CodeSpace {
    if (!this.#modeStale && this.#space !== undefined) return this.#space;
    this.#modeStale = false;
    const key = modeKey(this.#monitor);
    if (key !== this.#spaceKey || this.#space === undefined) {
      this.#space = this.#spaces[key] ??= this.interpreter.space(modeOf(key));
      this.#spaceKey = key;
    }
    return this.#space;
  }

  #keyNow(): number {
    this.#currentSpace();
    return this.#spaceKey;
  }

  /** The instruction that was looked up last stands on the page of the code limit: step by step. */
  #atLimit = false;

  /** The instruction at CS:EIP, fetched as the processor fetches it: limit, page, accessed bit. May fault. */
  #lookup(): Insn {
    const S = this.cpu.words, space = this.#currentSpace();
    const eip = S[EIP]!;
    if (!space.mode.flat && eip >>> 0 > S[CS_LIMIT]! >>> 0) throw fault(VECTOR.GP, 0);
    const linear = eip + S[CS_BASE]! | 0;
    const entry = this.memory.current.execEntry(linear);
    if ((entry & MMIO) !== 0) throw fault(VECTOR.UD, NO_ERROR_CODE); // all ones: FFh FFh
    S[PAGE] = linear & ~0xfff;
    this.#atLimit = !space.mode.flat && limitOnPage(S, linear);
    const page = space.page((linear ^ entry) >>> 12), insn = page.at(linear & 0xfff);
    if (insn.f === page.undecoded) this.cache.decodeAt(page, insn);
    return insn;
  }

  /** Sets `eip` from a place in the interpreter's walk. */
  #settle(at: Insn): void {
    const S = this.cpu.words;
    if (at.kind !== FETCH) S[EIP] = S[PAGE]! + at.o - S[CS_BASE]! | 0;
  }

  /** Interprets and runs regions until `limit` instructions are retired or something must be polled. */
  #walk(limit: number): void {
    const { interpreter, memory } = this, trials = this.#trials;
    let at = this.#lookup();
    for (;;) {
      const before = trials.running ? Math.min(limit - this.count, trials.left) : limit - this.count;
      if (before <= 0) { this.#settle(at); return; }
      if (this.#atLimit) {
        this.#step();
        if (this.#mustPoll(limit)) return;
        at = this.#lookup();
        continue;
      }
      memory.exact = false;
      try {
        this.#interpret(at, before);
        memory.exact = true;
      } catch (event) {
        memory.exact = true;
        this.count += before - interpreter.left;
        trials.left -= before - interpreter.left;
        this.#settle(interpreter.at);
        if (!(event instanceof Retry)) throw event;
        this.stats.retries++;
        this.#step();
        return;
      }
      this.count += before - interpreter.left;
      trials.left -= before - interpreter.left;
      at = interpreter.at;
      if (interpreter.left === 0 && this.count < limit) continue; // a stretch of a trial has ended
      if (interpreter.left === 0) { this.#settle(at); return; }
      this.#settle(at);
      switch (at.exact && trials.running ? EXACT : at.kind) {
        case FETCH:
          memory.patience -= FETCH_COST;
          if (memory.patience < 0) return;
          at = this.#lookup();
          break;
        case EXACT: case STRADDLING:
          this.#step();
          if (this.#mustPoll(limit)) return;
          at = this.#lookup();
          break;
        case REGION: {
          const next = this.#enter(at, limit);
          if (next === undefined) return;
          at = next;
          break;
        }
        default: return;
      }
    }
  }

  #interpret(at: Insn, limit: number): void {
    const measurement = this.#measurement;
    const base = this.#trials.running ? this.#trials.base : 0;
    if (measurement === undefined) {
      if (base === 0) this.interpreter.run(at, limit);
      else this.interpreter.runCounted(at, limit, this.#currentSpace(), base, this.#trials.went);
      return;
    }
    const { watch, interpreting } = measurement, started = watch.start(interpreting);
    try {
      this.interpreter.runCounted(at, limit, this.#currentSpace(), base, this.#trials.went);
    } finally {
      watch.stop(interpreting, started);
    }
  }

  // --- Regions ------------------------------------------------------------------------------------------------

  /** Budget at the region's entry, and the count that goes with it. */
  #entryBudget = 0;
  #entryCount = 0;
  #event: unknown;

  /** Runs the region at `head` and those that follow it; returns where the interpreter goes on, or undefined to poll. */
  #enter(head: Insn, limit: number): Insn | undefined {
    const S = this.cpu.words, { cache, memory, stats } = this, measured = this.#measurement !== undefined;
    memory.exact = false;
    this.#leave = false;
    const start = this.count;
    let at = head, code = LEFT_NORMALLY, count = start, next: Insn | undefined, space = this.#currentSpace();
    for (;;) {
      const eip = S[EIP]!;
      let entry = at.r as Entry | undefined, budget = limit - count;
      if (entry === undefined || entry.linear !== eip) entry = this.#regions.at(at, eip, space);
      if (budget > SLICE) budget = SLICE;
      if (entry === undefined || budget < entry.region.length) {
        S[PAGE] = eip & ~0xfff;
        next = at;
        break;
      }
      const { region } = entry;
      this.#region = region;
      this.#entryBudget = budget;
      this.#entryCount = count;
      cache.running = region;
      region.entered++;
      this.#resumed = (S[EFLAGS]! & RF) !== 0;
      if (this.#resumed) S[EFLAGS] = S[EFLAGS]! & ~RF;
      code = measured ? this.#runTimed(region, budget, entry.number) : region.run(budget, entry.number);
      count += budget - S[LEFT]!;
      stats.entries++;
      if (code === CHANGED || code === FAULTED) {
        count = code === CHANGED ? this.#leftChanged(region, count) : this.#leftByFault(region, count);
        this.#leave = this.#mustTurn();
        code = LEFT_NORMALLY;
        space = this.#currentSpace();
      }
      if (code !== LEFT_NORMALLY || this.#leave || count >= limit || memory.patience < 0) break;
      if (!space.mode.flat) { next = this.interpreter.fetch; break; }
      const to = S[EIP]!, mapped = space.ring.exec[to >>> 12]!, page = (mapped & SLOW) === 0 ? space.pages[(to ^ mapped) >>> 12] : undefined;
      if (page === undefined) { next = this.interpreter.fetch; break; }
      at = page.at((to ^ mapped) & 0xfff);
      if (at.kind !== REGION && !this.#leftOften(region, at, space)) {
        S[PAGE] = to & ~0xfff;
        next = at;
        break;
      }
    }
    stats.translated += count - start;
    this.count = count;
    cache.running = undefined;
    memory.exact = true;
    if (code !== LEFT_NORMALLY) this.#retry();
    else if (this.#event !== undefined) this.#throwEvent();
    else if (next?.kind === REGION && !this.#trials.running && !isOfAnotherAddress(next, S[EIP]!)) this.#step(); // the head as the instruction that it is
    else if ((S[EFLAGS]! & RF) === 0) return next;
    return undefined;
  }

  /** RF was set when the region was entered: its first instruction clears it. Only instruction breakpoints, of which there are none, would ask. */
  #resumed = false;

  /**
   * A region left to `insn`, which is not the head of one. Where that happens often, the region is made anew with what it did not hold, or
   * `insn` becomes a head. Returns whether it did.
   */
  #leftOften(region: Region, insn: Insn, space: CodeSpace): boolean {
    if (!this.interpreter.leftTo(insn)) return false;
    if (this.#regions.addEntry(insn, this.cpu.words[EIP]!, space)) return true;
    if (region.dropped || !region.text.cold.has(this.cpu.words[EIP]!) || region.trial.remade >= MOST_REMADE) return this.interpreter.becomeHead(insn);
    insn.h = 0;
    this.#regions.tryAgain(region);
    this.interpreter.becomeHead(region.head);
    return false;
  }

  #runTimed(region: Region, budget: number, entry: number): number {
    const { watch, translated } = this.#measurement!, started = watch.start(translated);
    try {
      return region.run(budget, entry);
    } finally {
      watch.stop(translated, started);
      if (region.dropped) this.#measurement!.fetchTranslated(region); // what it counted after it was dropped
    }
  }

  /** The region must not go on: something is to be polled or delivered. */
  #leave = false;
  #region: Region | undefined;

  /** A fault or a retry in generated code: the state is written back, the site says where it is. `count`: at the end of its block. */
  #atSite({ sites, counts }: Region, count: number): void {
    const S = this.cpu.words, id = S[FAULT_ID]!, site = sites[id]!;
    if (counts !== undefined) counts.missed[id]!++;
    this.#stopCallout();
    S[EIP] = site.eip;
    this.count = count - site.rest;
    if (this.#resumed && this.count === this.#entryCount) S[EFLAGS] = S[EFLAGS]! | RF;
  }

  #retry(): void {
    this.#atSite(this.#region!, this.count);
    this.stats.retries++;
    this.#step();
  }

  /** Delivers the fault of generated code; returns the count. */
  #leftByFault(region: Region, count: number): number {
    const { memory } = this;
    this.#atSite(region, count);
    this.cache.running = undefined;
    memory.patience -= FAULT_COST;
    if (this.#faulted(currentFault) === "shutdown") this.#shutdown = true;
    memory.exact = false;
    return this.count;
  }

  /** A region was left behind an instruction that may have changed the mode; returns the count. */
  #leftChanged({ counts }: Region, count: number): number {
    if (counts !== undefined) counts.stopped[this.cpu.words[FAULT_ID]!]!++;
    this.memory.patience -= TRANSFER_COST;
    this.#modeStale = true;
    return this.count = count;
  }

  /** Behind a fault or a transfer: whether something must be seen to before the next instruction, beside RF. No event can have become due. */
  #mustTurn(): boolean {
    const S = this.cpu.words;
    return this.#shutdown || S[HALTED] !== 0 || S[SHADOW] !== 0 || (S[EFLAGS]! & TF) !== 0 || this.#breakpoints.enabled || (S[EFLAGS]! & IF) !== 0 && this.#host.interruptRequested();
  }

  #throwEvent(): never {
    const event = this.#event;
    this.#event = undefined;
    throw event;
  }

  /**
   * A region hands one instruction to the interpreter. Registers are written back. Returns 0 where the region goes on behind it; the state
   * words `left` and, where it does not, `eip` say how.
   */
  #stepInRegion(id: number, left: number): number {
    const S = this.cpu.words, region = this.#region!, site = region.sites[id]!;
    const flushes = this.memory.stats.flushes, key = this.#spaceKey, next = S[EIP] = site.eip;
    this.cache.running = undefined;
    this.memory.exact = true;
    let actual = left + site.rest;
    const first = actual, counts = region.counts;
    const deadline = this.#entryCount + this.#entryBudget;
    this.count = this.#entryCount + this.#entryBudget - actual;
    let again = true;
    try {
      while (again) {
        if (counts === undefined) this.#step();
        else this.#timedStep(this.#measurement!, this.#measurement!.stepTimer(countedAt(region, id)));
        actual--;
        again = S[EIP] === next && actual > region.length && !this.#mustPoll(deadline);
      }
    } catch (event) {
      this.#event = event;
      this.#leave = true;
      if (counts !== undefined) {
        counts.missed[id]!++;
        counts.extra[id]! += first - actual;
      }
      S[LEFT] = actual;
      return 1;
    } finally {
      this.cache.running = region;
      this.memory.exact = false;
    }
    const charged = actual - (site.rest - 1);
    if (counts !== undefined) counts.extra[id]! += first - actual - 1;
    this.#leave = this.#mustPoll(deadline) || this.#keyNow() !== key;
    if (this.#leave || S[EIP] !== site.next || region.dropped || charged < region.length || this.memory.stats.flushes !== flushes) {
      if (counts !== undefined) counts.stopped[id]!++;
      S[LEFT] = actual;
      return 1;
    }
    S[LEFT] = charged;
    return 0;
  }

  /** Flushes before the callout that is being made. */
  #flushes = 0;

  /** A region calls the monitor itself, at the exact count. */
  #callOut(id: number, left: number): void {
    this.count = this.#entryCount + this.#entryBudget - left - this.#region!.sites[id]!.rest;
    this.memory.patience -= CALLOUT_COST;
    if (this.#measurement !== undefined) this.#startCallout(this.#measurement, id);
    this.memory.exact = true;
    this.cache.running = undefined;
    this.#flushes = this.memory.stats.flushes;
  }

  /** The callout that is being timed. */
  #callout: { readonly timer: Timer; readonly started: number } | undefined;

  #startCallout(measurement: Measurement, id: number): void {
    const timer = measurement.stepTimer(countedAt(this.#region!, id));
    this.#callout = { timer, started: measurement.watch.start(timer) };
  }

  #stopCallout(): void {
    const callout = this.#callout;
    if (callout === undefined) return;
    this.#callout = undefined;
    this.#measurement!.watch.stop(callout.timer, callout.started);
  }

  /** Behind it: 0 where the region may go on. */
  #calledOut(id: number): number {
    const region = this.#region!;
    this.count++;
    this.#stopCallout();
    this.memory.exact = false;
    this.cache.running = region;
    this.#leave = this.#mustPoll(this.#entryCount + this.#entryBudget);
    if (!this.#leave && !region.dropped && this.memory.stats.flushes === this.#flushes) return 0;
    if (region.counts !== undefined) region.counts.stopped[id]!++;
    return 1;
  }

  /**
   * STI in a region. Returns 0 where it is done, the shadow of one instruction with it; 1 where it faults and must be executed as any
   * other; 2 where it is done and an interrupt is to be taken behind its shadow.
   */
  #enableInterrupts(): number {
    const { cpu } = this;
    if (cpu.cpl > (cpu.eflags & IOPL) >> 12) return 1;
    if ((cpu.eflags & IF) !== 0) return 0;
    cpu.eflags |= IF;
    cpu.shadow = 1;
    return this.#host.interruptRequested() ? 2 : 0;
  }

  /**
   * RDTSC in a region, at its exact count. Returns 0 with EDX:EAX in the state words, or 1 where it must be executed as any other
   * (CR4.TSD).
   */
  #timestamp(id: number, left: number): number {
    const { cpu } = this;
    if ((cpu.cr4 & CR4_TSD) !== 0) return 1;
    this.count = this.#entryCount + this.#entryBudget - left - this.#region!.sites[id]!.rest;
    if (this.#measurement === undefined) readTimestamp(this.#monitor);
    else this.#measurement.watch.time(this.#measurement.stepTimer(countedAt(this.#region!, id)), () => readTimestamp(this.#monitor));
    return 0;
  }

  /** Whether an event before the count `deadline`, an interrupt or a trap must be seen to before the next instruction. */
  #mustPoll(deadline: number): boolean {
    const S = this.cpu.words, host = this.#host;
    return S[HALTED] !== 0 || this.memory.patience < 0 || this.#mustStep() || host.stopRequested() ||
      this.#eventCount() < deadline || (S[EFLAGS]! & IF) !== 0 && host.interruptRequested();
  }

  // --- One instruction ------------------------------------------------------------------------------------------

  /** Executes exactly one instruction at `eip`, at its exact count. `counted`: for no region, which counts its own. */
  #step(counted = true): void {
    const S = this.cpu.words, shadowed = S[SHADOW] !== 0, trap = (S[EFLAGS]! & TF) !== 0, resumed = (S[EFLAGS]! & RF) !== 0;
    const debugging = this.#breakpoints.enabled;
    const start = S[EIP]!;
    this.stats.exactSteps++;
    this.memory.patience -= STEP_COST;
    this.#delivery.interrupted = false;
    try {
      if (debugging) this.#breakpoints.before(start + S[CS_BASE]! | 0);
      const insn = this.#lookup();
      if (this.#atLimit && insn.kind !== STRADDLING && insn.e !== 0) requireInsideLimit(S, S[PAGE]! + insn.e - 1 | 0);
      if (shadowed && this.#trials.running) saw(insn, this.#trials.base);
      const next = this.#measurement !== undefined && counted ? this.#countedStep(this.#measurement, insn) : this.#executeOne(insn);
      S[SLOT.wasted] = 0;
      if (next.kind !== FETCH) S[EIP] = S[PAGE]! + next.o - S[CS_BASE]! | 0;
    } catch (event) {
      S[SLOT.wasted] = 0;
      S[EIP] = start;
      throw event;
    } finally {
      this.#modeStale = true;
    }
    this.count++;
    if (shadowed) S[SHADOW] = 0;
    if (resumed) this.cpu.eflags &= ~RF;
    if (debugging || trap) {
      this.#breakpoints.after(trap && !this.#delivery.interrupted && S[SHADOW] === 0);
    }
  }

  /** Whether the next instruction must be executed alone: single-stepping, breakpoints, the shadow of STI, RF which it clears. */
  #mustStep(): boolean {
    const S = this.cpu.words;
    return S[SHADOW] !== 0 || (S[EFLAGS]! & (TF | RF)) !== 0 || this.#breakpoints.enabled;
  }

  /** A step that a region counts. */
  #timedStep({ watch }: Measurement, timer: Timer): void {
    const started = watch.start(timer);
    try {
      this.#step(false);
    } finally {
      watch.stop(timer, started);
    }
  }

  #executeOne(insn: Insn): Insn {
    return insn.kind === STRADDLING ? this.#straddlers.execute(insn, this.#currentSpace()) : this.#execute(insn);
  }

  #countedStep(measurement: Measurement, insn: Insn): Insn {
    const space = this.#currentSpace(), linear = this.cpu.words[PAGE]!;
    noteLinear(space, linear);
    const page = space.page((linear ^ space.ring.exec[linear >>> 12]!) >>> 12);
    const exact = insn.exact ? this.#instructionOf(page, insn) : undefined;
    const timer = exact === undefined ? measurement.helperTimer(insn.kind === STRADDLING ? "page-crossing instruction" : "single step") : measurement.stepTimer(exact);
    const started = measurement.watch.start(timer);
    insn.count++;
    try {
      return this.#executeOne(insn);
    } catch (event) {
      insn.count--;
      throw event;
    } finally {
      measurement.watch.stop(timer, started);
    }
  }

  #execute(insn: Insn): Insn {
    const S = this.cpu.words;
    S[EIP] = S[PAGE]! + insn.e - S[CS_BASE]! | 0;
    return insn.g(insn);
  }
}

/** The instruction at a site of a counted region. */
function countedAt({ text, sites }: Region, id: number): Instruction {
  const { block, rest } = sites[id]!, { instructions } = text.counted[block]!;
  return instructions[instructions.length - rest]!.instruction;
}

/** A fault that the loop itself finds. */
function fault(vector: number, errorCode: number): GuestFault {
  currentFault.vector = vector;
  currentFault.errorCode = errorCode;
  return currentFault;
}
