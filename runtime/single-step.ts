/** Execution of one instruction alone, at its exact count, with all that may surround it: breakpoints, traps, shadows, RF, the code limit. */
import type { CodePage } from "./code-cache.ts";
import { requireInsideLimit } from "./code-limit.ts";
import type { Execution } from "./execution.ts";
import * as steps from "./insn.ts";
import type { Insn } from "./insn.ts";
import { noteLinear } from "./interpreter.ts";
import type { Measurement } from "./measure/measurement.ts";
import type { Timer } from "./measure/stopwatch.ts";
import * as state from "./state.ts";
import { Straddlers } from "./straddling.ts";
import { saw, type Trials } from "./trial.ts";
import { decode, type Instruction } from "../translator/translate.ts";

const { FETCH, STRADDLING } = steps;
const { RF, SLOT, TF } = state;
const { eip: EIP, page: PAGE, base1: CS_BASE, shadow: SHADOW, eflags: EFLAGS } = SLOT;
/** Estimated host ns. */
const STEP_COST = 1000;

export class Stepper {
  readonly #x: Execution;
  readonly #trials: Trials;
  readonly #straddlers: Straddlers;

  constructor(execution: Execution, trials: Trials) {
    this.#x = execution;
    this.#trials = trials;
    this.#straddlers = new Straddlers(execution.memory, execution.cpu);
  }

  /** Forgets all decodings of instructions that lie on two pages. */
  clear(): void { this.#straddlers.clear(); }

  /** As `clear`, of one instruction. */
  forget(insn: Insn): void { this.#straddlers.forget(insn); }

  /** What a decoded instruction was decoded from. */
  instructionOf(page: CodePage, insn: Insn): Instruction | undefined {
    const bytes = insn.kind === STRADDLING ? this.#straddlers.bytesOf(insn) : this.#x.memory.ram.subarray(page.frame * 4096 + insn.o, page.frame * 4096 + 4096);
    const decoded = bytes === undefined ? undefined : decode(bytes, 0, bytes.length, page.space.mode);
    return decoded === undefined || "failure" in decoded ? undefined : decoded;
  }

  /** Executes exactly one instruction at `eip`, at its exact count. `counted`: for no region, which counts its own. */
  step(counted = true): void {
    const S = this.#x.cpu.words, shadowed = S[SHADOW] !== 0, trap = (S[EFLAGS]! & TF) !== 0, resumed = (S[EFLAGS]! & RF) !== 0;
    const debugging = this.#x.breakpoints.enabled;
    const start = S[EIP]!;
    this.#x.stats.exactSteps++;
    this.#x.memory.patience -= STEP_COST;
    this.#x.delivery.interrupted = false;
    try {
      if (debugging) this.#x.breakpoints.before(start + S[CS_BASE]! | 0);
      if (resumed) this.#x.cpu.eflags &= ~RF; // before the instruction, for IRET may set it again
      const insn = this.#x.lookup();
      if (this.#x.atLimit && insn.kind !== STRADDLING && insn.e !== 0) requireInsideLimit(S, S[PAGE]! + insn.e - 1 | 0);
      if (shadowed && this.#trials.running) saw(insn, this.#trials.base);
      const next = this.#x.measurement !== undefined && counted ? this.#countedStep(this.#x.measurement, insn) : this.#executeOne(insn);
      S[SLOT.wasted] = 0;
      if (next.kind !== FETCH) S[EIP] = S[PAGE]! + next.o - S[CS_BASE]! | 0;
    } catch (event) {
      S[SLOT.wasted] = 0;
      S[EIP] = start;
      if (resumed) this.#x.cpu.eflags |= RF;
      throw event;
    } finally {
      this.#x.modeStale = true;
    }
    this.#x.count++;
    if (shadowed) S[SHADOW] = 0;
    if (debugging || trap) {
      this.#x.breakpoints.after(trap && !this.#x.delivery.interrupted && S[SHADOW] === 0);
    }
  }

  /** A step that a region counts. */
  timedStep({ watch }: Measurement, timer: Timer): void {
    const started = watch.start(timer);
    try {
      this.step(false);
    } finally {
      watch.stop(timer, started);
    }
  }

  #executeOne(insn: Insn): Insn {
    return insn.kind === STRADDLING ? this.#straddlers.execute(insn, this.#x.currentSpace()) : this.#execute(insn);
  }

  #countedStep(measurement: Measurement, insn: Insn): Insn {
    const space = this.#x.currentSpace(), linear = this.#x.cpu.words[PAGE]!;
    noteLinear(space, linear);
    const page = space.page((linear ^ space.ring.exec[linear >>> 12]!) >>> 12);
    const exact = insn.exact ? this.instructionOf(page, insn) : undefined;
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
    const S = this.#x.cpu.words;
    S[EIP] = S[PAGE]! + insn.e - S[CS_BASE]! | 0;
    return insn.g(insn);
  }
}
