/**
 * Runs regions, one after the other, and answers what their code asks of the virtual CPU: steps, calls of the monitor, faults.
 *
 * A fault that is delivered and a transfer into another mode do not end the row: what follows them is entered at once where it is translated
 * and nothing has to be polled.
 */
import * as abi from "./abi.ts";
import { type CodeSpace, KEEP, NOT_RUNNING } from "./code-cache.ts";
import type { Deliveries } from "./delivery.ts";
import * as entryTable from "./entry-table.ts";
import { type Execution, heatOf } from "./execution.ts";
import { currentFault } from "./faults.ts";
import * as steps from "./insn.ts";
import type { Insn } from "./insn.ts";
import { isOfAnotherAddress } from "./interpreter.ts";
import type { Measurement } from "./measure/measurement.ts";
import type { Timer } from "./measure/stopwatch.ts";
import { putTimestamp } from "./monitor/control.ts";
import * as regionFunction from "./region-function.ts";
import { caught } from "./region-function.ts";
import type { RegionRows } from "./region-row.ts";
import { type Entry, MOST_REMADE, type Region, Regions } from "./region.ts";
import type { Stepper } from "./single-step.ts";
import * as state from "./state.ts";
import * as tlb from "./tlb-entry.ts";
import type { Trials } from "./trial.ts";
import type { VcpuOptions } from "./vcpu.ts";
import { CODE, type Instruction } from "../translator/translate.ts";

const { CHANGED, DECLINED } = abi;
const { EMPTY, LINE } = entryTable;
const { linear: AT_LINEAR, bound: AT_BOUND, least: AT_LEAST, index: AT_INDEX, entry: AT_ENTRY, entered: AT_ENTERED } = LINE;
const { REGION } = steps;
const { SLOW } = tlb;
const { FAULTED, LEFT_NORMALLY } = regionFunction;
const { CR4_TSD, IF, IOPL, RF, SLOT, TF } = state;
const { eip: EIP, page: PAGE, base1: CS_BASE, halted: HALTED, shadow: SHADOW, eflags: EFLAGS, left: LEFT, faultId: FAULT_ID } = SLOT;
const { line: AT_LINE, delta: DELTA, leave: LEAVE, entered: ENTERED, space: SPACE, exec: EXEC, depth: DEPTH, isTimed: IS_TIMED, spentLow: SPENT_LOW, spentHigh: SPENT_HIGH } = SLOT;
/** A region that is entered from JavaScript returns after so many instructions at the latest, so that V8 enters its optimised code by the front door. */
const SLICE = 100_000;
/** A region is made anew without runs of x87 instructions after so many were declined, each within so many instructions of the last. */
const MOST_DECLINED = 100, OFTEN_DECLINED = 5000;
/** Estimated host ns: a call of the monitor at its exact count, a fault, a transfer. */
const CALLOUT_COST = 200, FAULT_COST = 1000, TRANSFER_COST = 200;

export class RegionRunner {
  readonly regions: Regions;
  readonly #x: Execution;
  readonly #stepper: Stepper;
  readonly #deliveries: Deliveries;
  readonly #trials: Trials;

  constructor(execution: Execution, stepper: Stepper, deliveries: Deliveries, trials: Trials, options: VcpuOptions) {
    this.#x = execution;
    this.#stepper = stepper;
    this.#deliveries = deliveries;
    this.#trials = trials;
    const { cpu, memory, cache, functions, measurement, interpreter } = execution, { baseline, hotThreshold } = heatOf(options);
    this.#hasBaseline = baseline !== undefined;
    this.regions = new Regions(cpu, memory, cache, functions, {
      fetch: (linear) => this.#fetch(linear),
      step: (site, left) => this.#stepInRegion(site, left),
      timestamp: (site) => this.#timestamp(site),
      enableInterrupts: () => this.#enableInterrupts(),
      callOut: (site, left) => { this.#callOut(site, left); },
      calledOut: (site) => this.#calledOut(site),
      startCallout: (site) => { this.#startCallout(measurement!, site); },
      stopCallout: () => { this.#stopCallout(); },
    }, {
      check: options.verifyCode, measurement, singleBlocks: options.singleBlocks ?? false, off: options.off ?? new Set(),
      sampled: options.sampled ?? false, trials, keep: options.keep ?? KEEP,
      baseline, lukewarm: hotThreshold, warm: hotThreshold / 8, nearlyHot: Math.floor(hotThreshold * 7 / 8), becomeHead: (insn) => interpreter.becomeHead(insn),
      hasMoved: (entry) => interpreter.hasMoved(entry),
    });
    cache.running = () => (this.#isInside ? this.#index : NOT_RUNNING);
  }

  readonly #hasBaseline: boolean;
  /** The count at the entry of the region, or of the row that it is in; the count at which the budget there is spent. */
  #entryCount = 0;
  #spent = 0;
  /** The count up to which regions may follow one another; a device that moves an event to an earlier one lowers it. */
  #limit = 0;
  #event: unknown;
  /** Undefined until a region is WebAssembly. */
  #rows: RegionRows | undefined;
  /** A region's code is running, and not what it calls at an exact count. */
  #isInside = false;

  /** Runs the region at `head` and those that follow it; returns where the interpreter goes on, or undefined to poll. */
  enter(head: Insn, walked: number): Insn | undefined {
    const S = this.#x.cpu.words, { memory, stats } = this.#x, start = this.#x.count;
    memory.exact = false;
    S[LEAVE] = 0;
    this.#limit = walked;
    let limit = walked, code = LEFT_NORMALLY, count = start, next: Insn | undefined, space = this.#x.currentSpace();
    for (let known: Insn | undefined = head; ; known = undefined) {
      let isMissing = true;
      if (this.#rows !== undefined && (S[EFLAGS]! & RF) === 0) {
        code = this.#runRow(this.#rows, space, count, limit);
        if (S[ENTERED] !== 0) {
          stats.entries += S[ENTERED]!;
          count = limit - S[LEFT]!;
          known = undefined;
        }
        if (this.regions.table.heat[this.#index]! < 0 && S[ENTERED] !== 0) this.regions.promote(this.#region);
        isMissing = code === LEFT_NORMALLY && S[LEAVE] === 0;
        if (isMissing && (count >= limit || memory.patience < 0)) break;
      }
      if (isMissing) {
        const budget = Math.min(limit - count, SLICE);
        next = this.#find(known, budget, space);
        if (next !== undefined) break;
        code = this.#runOne(space, count, budget);
        stats.entries += 1 + S[ENTERED]!;
        count = this.#spent - S[LEFT]!;
      }
      if (code === CHANGED || code === FAULTED) {
        count = code === CHANGED ? this.#leftChanged(this.#region, count) : this.#leftByFault(this.#region, count);
        S[LEAVE] = Number(this.#mustTurn(count >= limit));
        code = LEFT_NORMALLY;
        space = this.#x.currentSpace();
      } else if (S[LEAVE] !== 0 && code === LEFT_NORMALLY && this.#event === undefined) {
        this.#x.count = count;
        limit = this.#limit = Math.min(limit, this.#x.eventCount());
        S[LEAVE] = Number(this.#mustTurn(count >= limit));
        space = this.#x.currentSpace();
      }
      if (code !== LEFT_NORMALLY || S[LEAVE] !== 0 || count >= limit || memory.patience < 0) break;
    }
    stats.translated += count - start;
    this.#x.count = count;
    this.#isInside = false;
    memory.exact = true;
    if (code === DECLINED) this.#declined(this.#region!);
    if (code !== LEFT_NORMALLY) this.#retry();
    else if (this.#event !== undefined) this.#throwEvent();
    else if (next?.kind === REGION && !this.#trials.running && !isOfAnotherAddress(next, S[EIP]!)) this.#stepper.step(); // the head as the instruction that it is
    else if ((S[EFLAGS]! & RF) === 0 && limit === walked) return next;
    return undefined;
  }

  /** Runs regions from EIP on as long as each next one stands in the table; returns the code of the last. */
  #runRow(rows: RegionRows, space: CodeSpace, count: number, limit: number): number {
    this.#begin(space, count, limit);
    this.#resumed = false;
    this.#x.cpu.words[LEFT] = limit - count;
    return rows.run();
  }

  /** Regions of `space` are to run, the budget being spent at the count `spent`. */
  #begin({ number, ring }: CodeSpace, count: number, spent: number): void {
    const S = this.#x.cpu.words;
    this.#isInside = true;
    this.#entryCount = count;
    this.#spent = spent;
    S[SPACE] = number;
    S[EXEC] = ring.exec.byteOffset;
    S[DEPTH] = S[ENTERED] = S[IS_TIMED] = 0;
  }

  /** Between two regions, none of which runs: the page tables lie where code may lie too. */
  #fetch(linear: number): number {
    const { memory } = this.#x;
    if (memory.patience < 0) return SLOW;
    this.#isInside = false;
    memory.exact = true;
    const entry = memory.fetchAhead(linear);
    memory.exact = false;
    this.#isInside = true;
    return entry;
  }

  /** The line of the region at EIP, where one was found. */
  #line = 0;

  /** Runs the region that was found at EIP, from JavaScript; returns its code. */
  #runOne(space: CodeSpace, count: number, budget: number): number {
    const S = this.#x.cpu.words, { table } = this.regions, { words } = table, line = this.#line, index = words[line + AT_INDEX]!;
    this.#begin(space, count, count + budget);
    S[AT_LINE] = line << 2;
    words[line + AT_ENTERED] = words[line + AT_ENTERED]! + 1;
    this.#resumed = (S[EFLAGS]! & RF) !== 0;
    if (this.#resumed) S[EFLAGS] = S[EFLAGS]! & ~RF;
    const entry = words[line + AT_ENTRY]!, delta = S[DELTA] = S[EIP]! - words[line + AT_LINEAR]! | 0;
    try {
      return this.#x.measurement === undefined ? table.runs[index]!(budget, entry, delta) & CODE : this.#runTimed(this.#region, budget, entry, delta);
    } catch (error) { // of baseline code; others have caught it
      return caught(error);
    }
  }

  /** Returns where the interpreter goes on; undefined where the table has a line for EIP now. */
  #find(known: Insn | undefined, budget: number, space: CodeSpace): Insn | undefined {
    const { table } = this.regions, { words } = table, eip = this.#x.cpu.words[EIP]!, mapped = space.ring.exec[eip >>> 12]!;
    if ((mapped & SLOW) === 0) {
      const host = eip ^ mapped, line = this.#line = table.line(host, space.number), isThere = table.isAt(line, host, space.number) && (eip - words[line + AT_LINEAR]! & words[line + AT_BOUND]!) === 0;
      if (isThere && budget >= words[line + AT_LEAST]!) return undefined;
    }
    return this.#lookUp(known, eip, mapped, budget, space);
  }

  /**
   * The long way to the region at `eip`, where `known` stands if it was looked up: fills the table's line, or returns where the interpreter
   * goes on.
   */
  #lookUp(known: Insn | undefined, eip: number, mapped: number, budget: number, space: CodeSpace): Insn | undefined {
    const S = this.#x.cpu.words, { interpreter } = this.#x;
    let at = known;
    if (at === undefined) {
      const page = (mapped & SLOW) === 0 && space.mode.flat ? space.pages[(eip ^ mapped) >>> 12] : undefined;
      if (page === undefined) return interpreter.fetch;
      page.shared.used = true;
      at = page.at((eip ^ mapped) & 0xfff);
    }
    if (at.kind === REGION || known !== undefined || this.#leftOften(at, space)) {
      let entry = at.r as Entry | undefined;
      if (entry === undefined || entry.isHot || entry.linear !== eip && !entry.region.isMobile) entry = this.regions.at(at, eip, space, known === undefined);
      if (entry !== undefined && budget >= entry.region.length) {
        this.#line = this.regions.table.fill((mapped & SLOW) === 0 ? eip ^ mapped : EMPTY, space.number, entry.region, entry.number, entry.linear);
        if (entry.region.isCompiled) this.#rows ??= this.regions.rows;
        return undefined;
      }
    }
    S[PAGE] = (eip + S[CS_BASE]!) & ~0xfff;
    return at;
  }

  /** RF was set when the region was entered: its first instruction clears it. Only what that raises, and breakpoints, of which there are none, would ask. */
  #resumed = false;

  /**
   * A region left to `insn`, which is not the head of one. Where that happens often, the region is made anew with what it did not hold, or
   * `insn` becomes a head. Returns whether it did.
   */
  #leftOften(insn: Insn, space: CodeSpace): boolean {
    if (!this.#x.interpreter.leftTo(insn)) return false;
    if (this.#hasBaseline) return this.#x.interpreter.becomeHead(insn);
    if (this.regions.addEntry(insn, this.#x.cpu.words[EIP]!, space)) return true;
    const region = this.#region;
    if (region.dropped || !region.text.cold.has(this.#x.cpu.words[EIP]! - this.#delta | 0) || region.trial.remade >= MOST_REMADE) return this.#x.interpreter.becomeHead(insn);
    insn.h = 0;
    this.regions.tryAgain(region);
    this.#x.interpreter.becomeHead(region.head);
    return false;
  }

  #runTimed(region: Region, budget: number, entry: number, delta: number): number {
    const { watch, translated } = this.#x.measurement!, started = watch.start(translated);
    try {
      return region.run(budget, entry, delta);
    } finally {
      watch.stop(translated, started);
      if (region.dropped) this.#x.measurement!.fetchTranslated(region); // what it counted after it was dropped
    }
  }

  /** Of the region that runs, or ran last. */
  get #index(): number { return this.regions.table.words[(this.#x.cpu.words[AT_LINE]! >> 2) + AT_INDEX]!; }
  get #region(): Region { return this.regions.table.regions[this.#index]!; }
  /** How far its code is from where it was made. */
  get #delta(): number { return this.#x.cpu.words[DELTA]!; }

  /** A fault or a retry in generated code: the state is written back, the site says where it is. `count`: at the end of its block. */
  #atSite({ sites, counts }: Region, count: number): void {
    const S = this.#x.cpu.words, id = S[FAULT_ID]!, site = sites[id]!;
    if (counts !== undefined) counts.missed[id]!++;
    this.#stopCallout();
    S[EIP] = site.eip + this.#delta;
    this.#x.count = count - site.rest;
    this.#resumeAgain();
  }

  /** No instruction has ended since the region was entered: RF is for this one. */
  #resumeAgain(): void {
    if (this.#resumed && this.#x.count === this.#entryCount) this.#x.cpu.eflags |= RF;
  }

  /** A run of x87 instructions left one to the interpreter. Where that happens often, the region is made anew without runs. */
  #declined(region: Region): void {
    const { count } = this.#x;
    if (count - region.declinedAt > OFTEN_DECLINED) region.declined = 0;
    region.declinedAt = count;
    if (++region.declined === MOST_DECLINED && !region.dropped) this.#remake = region;
  }

  #remake: Region | undefined;

  #retry(): void {
    this.#atSite(this.#region, this.#x.count);
    this.#x.stats.retries++;
    this.#stepper.step();
    if (this.#remake === undefined) return;
    this.regions.leaveRunsOut(this.#remake);
    this.#x.interpreter.becomeHead(this.#remake.head);
    this.#remake = undefined;
  }

  /** Delivers the fault of generated code; returns the count. */
  #leftByFault(region: Region, count: number): number {
    const { memory } = this.#x;
    this.#atSite(region, count);
    this.#isInside = false;
    memory.patience -= FAULT_COST;
    if (this.#deliveries.faulted(currentFault) === "shutdown") this.#deliveries.shutdown = true;
    memory.exact = false;
    return this.#x.count;
  }

  /** A region was left behind an instruction that may have changed the mode; returns the count. */
  #leftChanged({ counts }: Region, count: number): number {
    if (counts !== undefined) counts.stopped[this.#x.cpu.words[FAULT_ID]!]!++;
    this.#x.memory.patience -= TRANSFER_COST;
    this.#x.modeStale = true;
    return this.#x.count = count;
  }

  /**
   * Behind a fault, a transfer, or a step or call at an exact count: whether something must be seen to before the next instruction, beside RF.
   * No event can have become due unless the count is `spent`; an interrupt is taken here.
   */
  #mustTurn(spent: boolean): boolean {
    const x = this.#x, S = x.cpu.words;
    if (spent || this.#deliveries.shutdown || S[SHADOW] !== 0 || (S[EFLAGS]! & TF) !== 0 || x.breakpoints.enabled || x.host.stopRequested()) return true;
    if ((S[EFLAGS]! & IF) === 0 || !x.host.interruptRequested()) return S[HALTED] !== 0;
    this.#isInside = false;
    x.memory.exact = true;
    this.#deliveries.interrupt();
    x.memory.exact = false;
    return this.#deliveries.shutdown;
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
    const S = this.#x.cpu.words, region = this.#region, site = region.sites[id]!;
    const flushes = this.#x.memory.stats.flushes, key = this.#x.keyNow(), next = S[EIP] = site.eip + this.#delta | 0;
    this.#isInside = false;
    this.#x.memory.exact = true;
    let actual = left + site.rest;
    const first = actual, counts = region.counts;
    this.#x.count = this.#spent - actual;
    this.#resumeAgain();
    let again = true;
    try {
      while (again) {
        if (counts === undefined) this.#stepper.step();
        else this.#stepper.timedStep(this.#x.measurement!, this.#x.measurement!.stepTimer(countedAt(region, id)));
        actual--;
        again = S[EIP] === next && actual > region.length && !this.#x.mustPoll(this.#limit);
      }
    } catch (event) {
      this.#event = event;
      S[LEAVE] = 1;
      if (counts !== undefined) {
        counts.missed[id]!++;
        counts.extra[id]! += first - actual;
      }
      S[LEFT] = actual;
      return 1;
    } finally {
      this.#isInside = true;
      this.#x.memory.exact = false;
    }
    const charged = actual - (site.rest - 1);
    if (counts !== undefined) counts.extra[id]! += first - actual - 1;
    S[IS_TIMED] = 0; // it may have been WRMSR
    S[LEAVE] = Number(this.#x.mustPoll(this.#limit) || this.#x.keyNow() !== key);
    if (S[LEAVE] !== 0 || S[EIP] !== (site.next + this.#delta | 0) || region.dropped || charged < region.length || this.#x.memory.stats.flushes !== flushes) {
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
    const x = this.#x, { memory } = x;
    x.count = this.#spent - left;
    memory.patience -= CALLOUT_COST;
    if (x.measurement !== undefined) this.#startCallout(x.measurement, id);
    memory.exact = true;
    this.#isInside = false;
    this.#flushes = memory.stats.flushes;
  }

  /** The callout that is being timed. */
  #callout: { readonly timer: Timer; readonly started: number } | undefined;

  #startCallout(measurement: Measurement, id: number): void {
    const timer = measurement.stepTimer(countedAt(this.#region, id));
    this.#callout = { timer, started: measurement.watch.start(timer) };
  }

  #stopCallout(): void {
    const callout = this.#callout;
    if (callout === undefined) return;
    this.#callout = undefined;
    this.#x.measurement!.watch.stop(callout.timer, callout.started);
  }

  /** Behind it: 0 where the region may go on. */
  #calledOut(id: number): number {
    const x = this.#x, region = this.#region;
    x.count++;
    if (x.measurement !== undefined) this.#stopCallout();
    x.memory.exact = false;
    this.#isInside = true;
    const mustLeave = x.mustPollBehindPort(this.#limit);
    x.cpu.words[LEAVE] = Number(mustLeave);
    if (!mustLeave && !region.dropped && x.memory.stats.flushes === this.#flushes) return 0;
    if (region.counts !== undefined) region.counts.stopped[id]!++;
    return 1;
  }

  /**
   * STI in a region. Returns 0 where it is done, the shadow of one instruction with it; 1 where it faults and must be executed as any
   * other; 2 where it is done and an interrupt is to be taken behind its shadow.
   */
  #enableInterrupts(): number {
    const { cpu } = this.#x;
    if (cpu.cpl > (cpu.eflags & IOPL) >> 12) return 1;
    if ((cpu.eflags & IF) !== 0) return 0;
    cpu.eflags |= IF;
    cpu.shadow = 1;
    return this.#x.host.interruptRequested() ? 2 : 0;
  }

  /**
   * Before an RDTSC in a region that does not know the time: what the counter will be when the budget is spent, into the state words. Returns 1 where it must be
   * executed as any other (CR4.TSD).
   */
  #timestamp(id: number): number {
    const { cpu, measurement } = this.#x;
    if ((cpu.cr4 & CR4_TSD) !== 0) return 1;
    const put = (): void => { putTimestamp(cpu, this.#spent + this.#x.skipped, SPENT_LOW, SPENT_HIGH); };
    if (measurement === undefined) put();
    else measurement.watch.time(measurement.stepTimer(countedAt(this.#region, id)), put);
    cpu.words[IS_TIMED] = Number(measurement === undefined);
    return 0;
  }
}

/** The instruction at a site of a counted region. */
function countedAt({ text, sites }: Region, id: number): Instruction {
  const { block, rest } = sites[id]!, { instructions } = text.counted[block]!;
  return instructions[instructions.length - rest]!.instruction;
}
