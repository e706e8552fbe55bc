/**
 * What the parts of the virtual CPU share: the machine's state and caches, the exact count, the mode of now and the code of that mode,
 * and what has to be seen to before the next instruction.
 */
import { Breakpoints } from "./breakpoints.ts";
import { CodeCache, KEEP, type CodeSpace } from "./code-cache.ts";
import { limitOnPage } from "./code-limit.ts";
import type { VcpuHost } from "./exit.ts";
import { currentFault, FREEZE, type GuestFault, NO_ERROR_CODE, VECTOR } from "./faults.ts";
import { Fpu } from "./fpu/fpu.ts";
import { runtimeFunctions, type Delivery, type RuntimeFunction } from "./functions.ts";
import * as steps from "./insn.ts";
import type { Insn } from "./insn.ts";
import { Interpreter } from "./interpreter.ts";
import type { Measurement } from "./measure/measurement.ts";
import { linearMemory } from "./linear-memory.ts";
import type { GuestMemory } from "./memory.ts";
import * as tlb from "./tlb-entry.ts";
import { modeKey, modeOf } from "./mode.ts";
import type { Monitor } from "./monitor/context.ts";
import { ShortWays } from "./monitor/short-ways.ts";
import * as state from "./state.ts";
import type { CpuState } from "./state.ts";
import type { VcpuOptions } from "./vcpu.ts";

const { FETCH } = steps;
const { MMIO } = tlb;
const { IF, RF, SLOT, TF } = state;
const { eip: EIP, page: PAGE, base1: CS_BASE, limit1: CS_LIMIT, halted: HALTED, shadow: SHADOW, eflags: EFLAGS } = SLOT;
/** Executions that make a head hot, with baseline code and without, and the rest of rewritten code, where the options do not say. */
const LUKEWARM = 120, HOT = 12_000;
const REST = 250_000;
/** Instructions that a piece of baseline code executes before a region takes its place. */
const PROMOTION = 8_000_000;

/** The heat at which code is translated first, and what baseline code may execute; undefined where there is none. */
export function heatOf({ hotThreshold, promotion, off, measurement, sampled, singleBlocks }: VcpuOptions): { readonly hotThreshold: number; readonly baseline: number | undefined } {
  const hasBaseline = off?.has("baseline") !== true && off?.has("wasm") !== true && measurement === undefined && sampled !== true && singleBlocks !== true;
  const baseline = hasBaseline ? promotion ?? (hotThreshold === undefined ? PROMOTION : undefined) : undefined;
  return { hotThreshold: hotThreshold ?? (baseline === undefined ? HOT : LUKEWARM), baseline };
}

export class Execution {
  readonly cpu: CpuState;
  readonly memory: GuestMemory;
  readonly host: VcpuHost;
  readonly monitor: Monitor;
  readonly fpu: Fpu;
  readonly cache: CodeCache;
  readonly interpreter: Interpreter;
  readonly functions: (name: string) => RuntimeFunction;
  readonly breakpoints: Breakpoints;
  readonly measurement: Measurement | undefined;
  /** Set by an instruction that raises an interrupt itself: no single-step trap follows it. */
  readonly delivery: Delivery = { interrupted: false, requested: () => this.host.interruptRequested() };
  /** `translated`: instructions that regions retired; `entries`: of regions; `exactSteps`: single steps at an exact count. */
  readonly stats = { translated: 0, entries: 0, exactSteps: 0, faults: 0, interrupts: 0, retries: 0 };
  /** Instructions retired. */
  count = 0;
  /** Time skipped in HLT, in ns. */
  skipped = 0;
  /** By mode key. */
  readonly #spaces: Array<CodeSpace | undefined> = [];
  #space: CodeSpace | undefined;
  #spaceKey = -1;

  constructor(options: VcpuOptions) {
    const { cpu, memory, host, measurement } = options;
    this.cpu = cpu;
    this.memory = memory;
    this.host = host;
    this.measurement = measurement;
    this.monitor = { cpu, memory: linearMemory(memory), short: new ShortWays(cpu, memory), ports: options.ports, now: () => this.now() };
    this.fpu = new Fpu(cpu);
    this.fpu.onFerr = () => this.#floatingPointError();
    this.fpu.onFerrNegated = () => host.floatingPointErrorCleared();
    this.cache = new CodeCache(memory, options.rest ?? REST, options.keep ?? KEEP);
    this.cache.now = () => this.count;
    this.functions = runtimeFunctions(this.monitor, memory, this.fpu, this.delivery);
    this.breakpoints = new Breakpoints(cpu, memory);
    this.interpreter = new Interpreter(cpu, memory, this.cache, this.functions, {
      profile: options.engine === "translate", hotThreshold: heatOf(options).hotThreshold, measurement, check: options.verifyCode,
    });
  }

  /** Guest time in ns: instructions retired + time skipped in HLT. */
  now(): number { return this.count + this.skipped; }

  /** The instruction count at which the machine's next event is due. */
  eventCount(): number { return this.host.nextEvent() - this.skipped; }

  /** Whether the next instruction must be executed alone: single-stepping, breakpoints, the shadow of STI, RF which it clears. */
  mustStep(): boolean {
    const S = this.cpu.words;
    return S[SHADOW] !== 0 || (S[EFLAGS]! & (TF | RF)) !== 0 || this.breakpoints.enabled;
  }

  /** Whether an event before the count `deadline`, an interrupt or a trap must be seen to before the next instruction. */
  mustPoll(deadline: number): boolean {
    const S = this.cpu.words, eflags = S[EFLAGS]!, { host } = this;
    return (S[HALTED]! | S[SHADOW]! | eflags & (TF | RF)) !== 0 || this.memory.patience < 0 || this.breakpoints.enabled || host.stopRequested() ||
      host.nextEvent() - this.skipped < deadline || (eflags & IF) !== 0 && host.interruptRequested();
  }

  /** The same behind a port access in a region: the processor's state is as it was, and so is the next event unless a device moved it. */
  mustPollBehindPort(deadline: number): boolean {
    const { host } = this;
    return this.memory.patience < 0 || host.stopRequested() || host.eventMoved() && this.eventCount() < deadline ||
      (this.cpu.words[EFLAGS]! & IF) !== 0 && host.interruptRequested();
  }

  /** A waiting x87 instruction with CR0.NE = 0 asserts FERR#, and waits for the interrupt unless IGNNE# is active. */
  #floatingPointError(): void {
    this.memory.requireExact();
    if (this.host.floatingPointError()) return;
    this.cpu.halted = 1;
    this.cpu.shadow = 0;
    throw FREEZE; // oxlint-disable-line typescript/only-throw-error -- a guest event, not an Error
  }

  /** Something ran that may have changed the mode. */
  modeStale = true;

  /** The code space of the current mode. */
  currentSpace(): CodeSpace {
    if (!this.modeStale && this.#space !== undefined) return this.#space;
    this.modeStale = false;
    const key = modeKey(this.monitor);
    if (key !== this.#spaceKey || this.#space === undefined) {
      this.#space = this.#spaces[key] ??= this.interpreter.space(modeOf(key));
      this.#spaceKey = key;
    }
    return this.#space;
  }

  keyNow(): number {
    this.currentSpace();
    return this.#spaceKey;
  }

  /** The instruction that was looked up last stands on the page of the code limit: step by step. */
  atLimit = false;

  /** The instruction at CS:EIP, fetched as the processor fetches it: limit, page, accessed bit. May fault. */
  lookup(): Insn {
    const S = this.cpu.words, space = this.currentSpace();
    const eip = S[EIP]!;
    if (!space.mode.flat && eip >>> 0 > S[CS_LIMIT]! >>> 0) throw fault(VECTOR.GP, 0);
    const linear = eip + S[CS_BASE]! | 0;
    const entry = this.memory.current.execEntry(linear);
    if ((entry & MMIO) !== 0) throw fault(VECTOR.UD, NO_ERROR_CODE); // all ones: FFh FFh
    S[PAGE] = linear & ~0xfff;
    this.atLimit = !space.mode.flat && limitOnPage(S, linear);
    const page = space.page((linear ^ entry) >>> 12), insn = page.at(linear & 0xfff);
    page.shared.used = true;
    if (insn.f === page.undecoded) this.cache.decodeAt(page, insn);
    return insn;
  }

  /** Sets `eip` from a place in the interpreter's walk. */
  settle(at: Insn): void {
    const S = this.cpu.words;
    if (at.kind !== FETCH) S[EIP] = S[PAGE]! + at.o - S[CS_BASE]! | 0;
  }
}

/** A fault that the loop itself finds. */
function fault(vector: number, errorCode: number): GuestFault {
  currentFault.vector = vector;
  currentFault.errorCode = errorCode;
  return currentFault;
}
