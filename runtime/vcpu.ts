/**
 * The virtual CPU: runs guest code until something is the machine's to handle.
 *
 * The loop asks for events at exact instruction counts, delivers interrupts and faults, and lets the interpreter or a region run up to the
 * next event. Both engines poll at the same places: after every instruction that calls the monitor, after every fault, and when the
 * count of the next event is reached; where nothing can be there to be seen, regions need not leave for it.
 */
import type { CodeCache, CodePage, Keep } from "./code-cache.ts";
import { type DeliveryObserver, Deliveries } from "./delivery.ts";
import { Execution } from "./execution.ts";
import type { VcpuExit, VcpuHost } from "./exit.ts";
import { RETRY, Retry } from "./faults.ts";
import * as steps from "./insn.ts";
import type { Insn } from "./insn.ts";
import type { Interpreter } from "./interpreter.ts";
import type { Measurement } from "./measure/measurement.ts";
import type { GuestMemory, MemoryState } from "./memory.ts";
import type { PortSpace } from "./monitor/context.ts";
import { RegionRunner } from "./region-runner.ts";
import type { Region, Regions } from "./region.ts";
import type { CodeCheck } from "./region-function.ts";
import { resetState } from "./reset.ts";
import { Stepper } from "./single-step.ts";
import * as state from "./state.ts";
import type { CpuState } from "./state.ts";
import { Trials, type TrialLengths } from "./trial.ts";
import type { CodeView } from "../translator/translate.ts";

const { EXACT, FETCH, LINK, REGION, STRADDLING } = steps;
const { IF, SLOT } = state;

export type { DeliveryObserver } from "./delivery.ts";
export type Engine = "translate" | "interpret";

export interface VcpuOptions {
  readonly cpu: CpuState;
  readonly memory: GuestMemory;
  readonly host: VcpuHost;
  readonly ports: PortSpace;
  readonly engine: Engine;
  /** Executions of a backward branch or call target before it is translated; where it is given and `promotion` is not, into a region at once. */
  readonly hotThreshold?: number;
  /** Instructions that a piece of baseline code executes before a region takes its place. */
  readonly promotion?: number;
  /** For so many instructions at first a frame whose code is rewritten again and again is left to the interpreter. */
  readonly rest?: number;
  /** What of decoded and translated code is kept although it may not be used. */
  readonly keep?: Keep;
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

export interface VcpuState {
  readonly words: Int32Array;
  readonly memory: MemoryState;
  readonly count: number;
  readonly skipped: number;
}

const { halted: HALTED, shadow: SHADOW, eflags: EFLAGS, page: PAGE } = SLOT;
const TRIAL: TrialLengths = { stretches: 4, instructions: 3000 };
/** After so many instructions the sizes of the code caches are looked at: what a guest can make of them meanwhile is bounded. */
const LONGEST_WALK = 500_000;
/** After about so many host ns the owner is asked whether it wants to have the processor back. */
const PATIENCE = 5_000_000;
/** Estimated host ns: an interpreted instruction, a fetch from another page, a turn of the loop with its trap or interrupt. */
const INSTRUCTION_COST = 10, FETCH_COST = 200, TURN_COST = 2000;

export class Vcpu {
  readonly cpu: CpuState;
  readonly memory: GuestMemory;
  readonly cache: CodeCache;
  readonly engine: Engine;
  readonly interpreter: Interpreter;
  readonly stats: Execution["stats"];
  readonly #x: Execution;
  readonly #trials: Trials;
  readonly #stepper: Stepper;
  readonly #deliveries: Deliveries;
  readonly #runner: RegionRunner;

  constructor(options: VcpuOptions) {
    const x = this.#x = new Execution(options);
    this.cpu = x.cpu;
    this.memory = x.memory;
    this.cache = x.cache;
    this.engine = options.engine;
    this.interpreter = x.interpreter;
    this.stats = x.stats;
    this.#trials = new Trials(options.trial ?? TRIAL);
    this.#stepper = new Stepper(x, this.#trials);
    this.#deliveries = new Deliveries(x);
    this.#runner = new RegionRunner(x, this.#stepper, this.#deliveries, this.#trials, options);
    this.cache.refuse = () => { throw RETRY; }; // oxlint-disable-line typescript/only-throw-error -- a guest event, not an Error
    this.cache.evicted = (insn) => {
      this.#trials.forget(insn);
      this.#runner.regions.forget(insn);
      if (insn.kind === STRADDLING) this.#stepper.forget(insn);
    };
    if (x.measurement !== undefined) this.#countFor(x.measurement);
    this.reset();
  }

  /** Lets the measurement fetch what was counted. */
  #countFor(measurement: Measurement): void {
    const { regions } = this.#runner;
    const fetched = (page: CodePage, insn: Insn): void => {
      measurement.fetchInterpreted(page, insn, () => this.#stepper.instructionOf(page, insn));
    };
    measurement.engine = { cache: this.cache, regions };
    this.cache.forgotten = (page, insn) => {
      if (insn.count !== 0) fetched(page, insn);
      measurement.forget(insn);
    };
    measurement.collect = () => {
      this.cache.eachCounted(fetched);
      for (const region of regions.live) measurement.fetchTranslated(region);
    };
  }

  /** Instructions retired. */
  get count(): number { return this.#x.count; }

  /** For tools; watching changes nothing. */
  get observer(): DeliveryObserver | undefined { return this.#deliveries.observer; }
  set observer(observer: DeliveryObserver | undefined) { this.#deliveries.observer = observer; }

  /** The regions that may run now. */
  get liveRegions(): Iterable<Region> { return this.#runner.regions.live; }

  /** What was executed in the mode of now, as region discovery sees it; for tools. */
  codeView(): CodeView { return this.#runner.regions.view(this.#x.currentSpace()); }

  /** Figures of the decoded instructions. */
  get codeStats(): CodeCache["stats"] { return this.cache.stats; }

  /** Figures of the region cache. */
  get regionStats(): Regions["stats"] { return this.#runner.regions.stats; }

  /** Guest time in ns: instructions retired + time skipped in HLT. */
  now(): number { return this.#x.now(); }

  /** Advances guest time to `time` while halted; never back. */
  skipTo(time: number): void {
    if (time > this.now()) this.#x.skipped += time - this.now();
  }

  /** Power-on state of the processor (SDM volume 3, 9.1.1); memory, count and time stay. */
  reset(): void {
    resetState(this.cpu);
    this.#x.fpu.reset();
    this.memory.flushAll();
    this.#x.modeStale = true;
  }

  save(): VcpuState {
    return { words: this.cpu.words.slice(), memory: this.memory.save(), count: this.count, skipped: this.#x.skipped };
  }

  restore(state: VcpuState): void {
    this.#forgetCode();
    this.cpu.words.set(state.words);
    this.memory.restore(state.memory);
    this.#x.modeStale = true;
    this.#deliveries.reset();
    this.#x.count = this.#polledAt = state.count;
    this.#x.skipped = state.skipped;
  }

  #forgetCode(): void {
    this.cache.clear();
    this.#trials.clear();
    this.#stepper.clear();
  }

  // --- The loop ----------------------------------------------------------------------------------------------

  /** Runs at most `budget` instructions, to the instruction. */
  run(budget: number): VcpuExit {
    const measurement = this.#x.measurement;
    if (measurement === undefined) return this.#run(budget);
    const exit = measurement.watch.time(measurement.running, () => this.#run(budget));
    measurement.add(measurement.exits, exit.reason);
    return exit;
  }

  #run(budget: number): VcpuExit {
    const end = this.#x.count + budget;
    this.#x.modeStale = true; // the owner may have changed the state
    for (;;) {
      const exit = this.#poll(end);
      if (exit !== undefined) return exit;
      if (this.#runner.regions.crowded) this.#runner.regions.evict();
      if (this.cache.crowded) this.cache.evict();
      try {
        if (this.#x.mustStep()) this.#stepper.step();
        else this.#walk(Math.min(end, this.#x.eventCount(), this.#x.count + LONGEST_WALK));
        if (this.#deliveries.shutdown) { this.#deliveries.shutdown = false; return { reason: "shutdown" }; }
      } catch (event) {
        if (this.#deliveries.faulted(event) === "shutdown") return { reason: "shutdown" };
        this.#isArrival = true;
      }
    }
  }

  /** Lets due events happen, takes an interrupt; an exit where the machine has to act. */
  #poll(end: number): VcpuExit | undefined {
    const S = this.cpu.words, { host } = this.#x;
    if (this.now() >= host.nextEvent()) this.#advance();
    if (host.stopRequested()) return { reason: "stop" };
    if ((S[EFLAGS]! & IF) !== 0 && S[SHADOW] === 0 && host.interruptRequested()) {
      this.#deliveries.interrupt();
      this.#isArrival = true;
    }
    if (this.#deliveries.shutdown) { this.#deliveries.shutdown = false; return { reason: "shutdown" }; }
    if (S[HALTED] !== 0) return { reason: "halt", interruptible: (S[EFLAGS]! & IF) !== 0 };
    if (this.#x.count >= end) return { reason: "budget" };
    return this.#paused() ? { reason: "paused" } : undefined;
  }

  /** The count when patience was looked at last. */
  #polledAt = 0;

  #paused(): boolean {
    const { memory } = this;
    memory.patience -= TURN_COST + (this.#x.count - this.#polledAt) * INSTRUCTION_COST;
    this.#polledAt = this.#x.count;
    if (memory.patience >= 0) return false;
    memory.patience = PATIENCE;
    return this.#x.host.pauseRequested();
  }

  #advance(): void {
    const measurement = this.#x.measurement;
    if (measurement === undefined) this.#x.host.advance();
    else measurement.watch.time(measurement.devices, () => this.#x.host.advance());
  }

  /** Interprets and runs regions until `limit` instructions are retired or something must be polled. */
  #walk(limit: number): void {
    const { interpreter, memory } = this, trials = this.#trials;
    let at = this.#isArrival ? this.#reached() : this.#x.lookup();
    for (;;) {
      const before = trials.running ? Math.min(limit - this.#x.count, trials.left) : limit - this.#x.count;
      if (before <= 0) { this.#x.settle(at); return; }
      if (this.#x.atLimit) {
        this.#stepper.step();
        if (this.#x.count >= limit || this.#x.mustPoll(limit)) return; // an interrupt comes before the fetch
        at = this.#x.lookup();
        continue;
      }
      memory.exact = false;
      try {
        this.#interpret(at, before);
        memory.exact = true;
      } catch (event) {
        memory.exact = true;
        this.#x.count += before - interpreter.left;
        trials.left -= before - interpreter.left;
        this.#x.settle(interpreter.at);
        if (!(event instanceof Retry)) throw event;
        this.#x.stats.retries++;
        this.#stepper.step();
        return;
      }
      this.#x.count += before - interpreter.left;
      trials.left -= before - interpreter.left;
      at = interpreter.at;
      if (interpreter.left === 0 && this.#x.count < limit) continue; // a stretch of a trial has ended
      if (interpreter.left === 0) { this.#x.settle(at); return; }
      this.#x.settle(at);
      switch (at.exact && trials.running ? EXACT : at.kind) {
        case FETCH:
          memory.patience -= FETCH_COST;
          if (memory.patience < 0) return;
          at = this.#x.lookup();
          break;
        case EXACT: case STRADDLING: {
          const before = at, from = this.cpu.words[PAGE]! + before.o;
          this.#stepper.step();
          if (this.#x.count >= limit || this.#x.mustPoll(limit)) return; // an interrupt comes before the fetch
          const follows = before.kind !== STRADDLING && before.n.kind !== LINK && this.cpu.eip === this.cpu.words[PAGE]! + before.n.o;
          at = follows ? this.#x.lookup() : this.#reached();
          if (trials.running && before.kind === STRADDLING) trials.went(before, this.cpu.words[PAGE]! + at.o - from | 0);
          break;
        }
        case REGION: {
          const next = this.#runner.enter(at, limit);
          if (next === undefined) return;
          at = next;
          break;
        }
        default: return;
      }
    }
  }

  /** A fault or an interrupt was delivered since the last walk. */
  #isArrival = false;

  /**
   * Where a fault, an interrupt, a far transfer or an instruction on two pages has led; gathers heat there, as branches and calls do where they lead.
   */
  #reached(): Insn {
    this.#isArrival = false;
    const at = this.#x.lookup();
    if (this.engine === "translate" && !this.#trials.running && this.#x.currentSpace().mode.flat && this.interpreter.leftTo(at)) this.interpreter.becomeHead(at);
    return at;
  }

  #interpret(at: Insn, limit: number): void {
    const measurement = this.#x.measurement;
    const base = this.#trials.running ? this.#trials.base : 0;
    if (measurement === undefined) {
      if (base === 0) this.interpreter.run(at, limit);
      else this.interpreter.runCounted(at, limit, this.#x.currentSpace(), base, this.#trials.went);
      return;
    }
    const { watch, interpreting } = measurement, started = watch.start(interpreting);
    try {
      this.interpreter.runCounted(at, limit, this.#x.currentSpace(), base, this.#trials.went);
    } finally {
      watch.stop(interpreting, started);
    }
  }
}
