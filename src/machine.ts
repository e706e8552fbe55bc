/**
 * The machine: a virtual CPU, memory and a board of devices, run in bounded, synchronous steps.
 *
 * Invariant: all that happens, happens at a guest time (instructions retired + time skipped in HLT, in ns). Where `run` stops
 * and is called again changes nothing that the guest can see, so a caller may slice as it likes.
 */
import type { PortSpace } from "../runtime/monitor/context.ts";
import type { VcpuExit, VcpuHost } from "../runtime/exit.ts";
import type { Measurement } from "../runtime/measure/measurement.ts";
import type { Region } from "../runtime/region.ts";
import type { DeliveryObserver } from "../runtime/vcpu.ts";
import type { CodeView } from "../translator/translate.ts";
import { HostMemory } from "../runtime/host-memory.ts";
import { GuestMemory, type MmioSpace } from "../runtime/memory.ts";
import { CpuState, STATE_BYTES } from "../runtime/state.ts";
import type { Clock, GuestTime } from "./devices/device.ts";
import { CalqueError } from "./error.ts";
import { InputQueue, Script, type InputEvent, type InputQueueState, type Receiver, type ScriptState, type ScriptStep } from "./input.ts";
import { boot, checkMemorySize, type BootOptions, type ImageKind } from "./loaders/recognize.ts";
import { RamHash, hashState } from "./state-hash.ts";

/** What ended the guest, or asks for attention, at the instruction that did it. */
export type StopEvent =
  | { readonly reason: "reset"; readonly source: string }
  | { readonly reason: "power-off" }
  | { readonly reason: "debug-exit"; readonly value: number }
  /** The last expected text was seen. */
  | { readonly reason: "expected" };

/** Why `Machine.run` came back. */
export type MachineExit =
  | StopEvent
  /** `maxInstructions` were executed. */
  | { readonly reason: "budget" }
  /** Guest time reached `untilTime`. */
  | { readonly reason: "time" }
  /** HLT with interrupts on, and no event is due ever: only input can go on. */
  | { readonly reason: "idle" }
  /** HLT through a long row of events none of which interrupts; call again to go on. */
  | { readonly reason: "asleep" }
  /** `RunLimits.pause` said so; call again to go on. */
  | { readonly reason: "paused" }
  /** HLT with interrupts off: the guest has ended. */
  | { readonly reason: "halted" }
  /** Triple fault. */
  | { readonly reason: "shutdown" };

export interface RunLimits {
  /** Instructions; no limit where it is absent. */
  readonly maxInstructions?: number;
  /** Guest time in ns; halted time beyond it is not skipped. */
  readonly untilTime?: GuestTime;
  /** Asked every few ms of host time: whether to come back at once. */
  readonly pause?: () => boolean;
}

/** What the machine asks of its processor; runtime/vcpu.ts is one. */
export interface VirtualCpu {
  /** Runs at most `budget` instructions, to the instruction. */
  run(budget: number): VcpuExit;
  /** Instructions retired. */
  readonly count: number;
  now(): GuestTime;
  /** While halted: moves guest time forward. */
  skipTo(time: GuestTime): void;
  /** Processor, memory, count and time; owned by the caller. */
  save(): unknown;
  restore(state: unknown): void;
  /** Figures about the run so far; plain data. */
  readonly stats: object;
  /** The same of the translated regions. */
  readonly regionStats?: object;
  /** And of decoded instructions. */
  readonly codeStats?: object;
  /** For tools that look on: told of interrupts and exceptions; the regions of now; what was executed in the mode of now. */
  observer?: DeliveryObserver | undefined;
  readonly liveRegions?: Iterable<Region>;
  codeView?(): CodeView;
}

export interface VirtualCpuParts {
  readonly cpu: CpuState;
  readonly memory: GuestMemory;
  readonly host: VcpuHost;
  readonly ports: PortSpace;
  readonly engine: "translate" | "interpret";
  readonly verifyCode: boolean;
  readonly measurement: Measurement | undefined;
  readonly singleBlocks: boolean;
  readonly off: ReadonlySet<string>;
  readonly sampled: boolean;
}

/** The devices behind the ports, as the machine sees them together. */
export interface Board {
  readonly ports: PortSpace;
  readonly mmio: MmioSpace;
  readonly serial: Receiver;
  nextEvent(): GuestTime;
  /** Whether `nextEvent` may answer otherwise than it did when this was asked last. */
  eventMoved(): boolean;
  advance(now: GuestTime): void;
  interruptRequested(): boolean;
  acknowledgeInterrupt(): number;
  floatingPointError(): boolean;
  floatingPointErrorCleared(): void;
  save(): unknown;
  restore(state: unknown): void;
}

/** What the devices ask of the machine. */
export interface BoardHooks {
  readonly clock: Clock;
  setA20(open: boolean): void;
  transmitted(byte: number): void;
  stop(event: StopEvent): void;
}

export interface BoardOptions {
  /** Bytes of RAM. */
  readonly memory: number;
  /** What the real-time clock shows at power-on, in ms since 1970 UTC. */
  readonly rtc: number;
  /** The port of the debug-exit device, where there is one. */
  readonly debugExit: number | undefined;
}

export interface MachineOptions {
  /** Bytes of RAM; 256 MiB where it is absent. */
  readonly memory?: number;
  readonly engine?: "translate" | "interpret";
  /** ms since 1970 UTC; 2026-01-01 where it is absent. */
  readonly rtc?: number;
  readonly debugExit?: number;
  readonly script?: readonly ScriptStep[];
  /** Every generated function is checked before it runs. */
  readonly verifyCode?: boolean;
  /** Counts and times what the virtual CPU does. */
  readonly measurement?: Measurement;
  /** Each basic block is translated alone, to see what regions are worth. */
  readonly singleBlocks?: boolean;
  /** Names of optimisations to leave out. */
  readonly off?: ReadonlySet<string>;
  /** Regions can be told apart by a sampling profiler, and their lines known by instruction. */
  readonly sampled?: boolean;
}

export interface MachineFactories {
  createVcpu(parts: VirtualCpuParts): VirtualCpu;
  createBoard(hooks: BoardHooks, options: BoardOptions): Board;
}

/** A snapshot; structured-cloneable. */
export interface MachineState {
  readonly vcpu: unknown;
  readonly board: unknown;
  readonly input: InputQueueState;
  readonly script: ScriptState;
  readonly started: boolean;
}

const DEFAULT_MEMORY = 256 << 20, DEFAULT_RTC = Date.UTC(2026, 0, 1);
/** Events in one HLT after which `run` comes back, so that it stays bounded. */
const SLEEP_LIMIT = 10_000;

function hostMemory(size: number): HostMemory {
  try {
    return new HostMemory(size);
  } catch (error) {
    if (error instanceof RangeError) throw new CalqueError(`the host has no ${size >>> 20} MiB for the guest`, "--memory");
    throw error;
  }
}

export class Machine {
  readonly cpu: CpuState;
  readonly memory: GuestMemory;
  readonly vcpu: VirtualCpu;
  readonly engine: "translate" | "interpret";
  /** Gets every byte that the guest sends on COM1. */
  onSerial: (byte: number) => void = () => {};
  readonly #board: Board;
  readonly #input: InputQueue;
  readonly #script: Script;
  readonly #ramHash: RamHash;
  #started = false;
  #stop: StopEvent | undefined;
  #pause: () => boolean = () => false;

  /** Throws `CalqueError` for a memory size out of range. */
  constructor(options: MachineOptions, factories: MachineFactories) {
    this.engine = options.engine ?? "translate";
    const size = checkMemorySize(options.memory ?? DEFAULT_MEMORY), host = hostMemory(size);
    this.cpu = new CpuState(host.buffer, host.take(STATE_BYTES));
    this.memory = new GuestMemory(size, this.cpu, host);
    this.#ramHash = new RamHash(this.memory.size >>> 12);
    let vcpu: VirtualCpu | undefined = undefined;
    this.#board = factories.createBoard({
      // Devices look at the clock from their making on, when there is no processor yet.
      clock: { now: () => vcpu?.now() ?? 0 },
      setA20: (open) => { this.memory.a20 = open; },
      transmitted: (byte) => this.#transmitted(byte),
      stop: (event) => { this.#stop ??= event; },
    }, { memory: this.memory.size, rtc: options.rtc ?? DEFAULT_RTC, debugExit: options.debugExit });
    this.memory.mmio = this.#board.mmio;
    this.#input = new InputQueue(this.#board.serial);
    this.#script = new Script(options.script);
    this.#script.onSend = (bytes) => this.sendSerial(bytes);
    this.vcpu = vcpu = factories.createVcpu({
      cpu: this.cpu, memory: this.memory, host: this.#host(), ports: this.#board.ports, engine: this.engine, verifyCode: options.verifyCode ?? false, measurement: options.measurement, singleBlocks: options.singleBlocks ?? false, off: options.off ?? new Set(), sampled: options.sampled ?? false,
    });
  }

  /** Loads an image and sets the processor to its entry. Throws `CalqueError`. */
  boot(options: BootOptions): ImageKind {
    return boot(this, options);
  }

  /** Guest time in ns. */
  get time(): GuestTime { return this.vcpu.now(); }
  /** Instructions retired. */
  get instructions(): number { return this.vcpu.count; }
  get halted(): boolean { return this.cpu.halted !== 0; }
  /** The first expected text that the guest has not sent yet. */
  get missingText(): Uint8Array | undefined { return this.#script.missing; }

  /** The guest time at which something happens next without an instruction, or Infinity. */
  nextEvent(): GuestTime {
    return Math.min(this.#board.nextEvent(), this.#input.nextEvent());
  }

  /** Queues serial input at a guest time, now where it is absent. */
  sendSerial(bytes: Uint8Array, time: GuestTime = this.time): void {
    this.#input.queue({ time, bytes });
  }

  /** Told of all serial input with the guest time at which it was queued. */
  set onInput(listener: (event: InputEvent) => void) { this.#input.onQueued = listener; }

  /** Runs the guest. Where neither limit is given, until something happens. */
  run(limits: RunLimits = {}): MachineExit {
    const until = limits.untilTime ?? Infinity, end = this.instructions + (limits.maxInstructions ?? Infinity);
    this.#stop = undefined;
    this.#pause = limits.pause ?? (() => false);
    this.#start();
    for (let sleeps = 0; sleeps < SLEEP_LIMIT;) {
      if (this.#stop !== undefined) return this.#stop;
      const left = Math.min(end - this.instructions, until - this.time);
      if (left <= 0) return { reason: this.instructions >= end ? "budget" : "time" };
      const before = this.instructions;
      const exit = this.vcpu.run(Math.min(left, Number.MAX_SAFE_INTEGER));
      switch (exit.reason) {
        case "budget": break;
        case "paused": return { reason: "paused" };
        case "shutdown": return { reason: "shutdown" };
        case "stop":
          if (this.#stop === undefined) throw new Error("the virtual CPU stopped without a request");
          return this.#stop;
        case "halt": {
          if (!exit.interruptible) return { reason: "halted" };
          sleeps = this.instructions === before ? sleeps + 1 : 0;
          const end = this.#sleep(until);
          if (end !== undefined) return end;
          break;
        }
        default: exit satisfies never;
      }
    }
    return { reason: "asleep" };
  }

  /** Skips to the next event, or to `until` where that is sooner. */
  #sleep(until: GuestTime): MachineExit | undefined {
    const next = this.nextEvent();
    if (next === Infinity && until === Infinity) return { reason: "idle" };
    if (next > until) {
      this.vcpu.skipTo(until);
      return { reason: "time" };
    }
    if (next > this.time) this.vcpu.skipTo(next);
    this.#advance();
    return undefined;
  }

  #start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#script.start();
  }

  #transmitted(byte: number): void {
    this.onSerial(byte);
    if (this.#script.satisfied) return;
    this.#script.transmitted(byte);
    if (this.#script.satisfied) this.#stop ??= { reason: "expected" };
  }

  #advance(): void {
    const now = this.time;
    this.#board.advance(now);
    this.#input.advance(now);
  }

  #host(): VcpuHost {
    return {
      nextEvent: () => this.nextEvent(),
      eventMoved: () => this.#board.eventMoved(),
      advance: () => this.#advance(),
      interruptRequested: () => this.#board.interruptRequested(),
      acknowledgeInterrupt: () => this.#board.acknowledgeInterrupt(),
      floatingPointError: () => this.#board.floatingPointError(),
      floatingPointErrorCleared: () => this.#board.floatingPointErrorCleared(),
      pauseRequested: () => this.#pause(),
      stopRequested: () => this.#stop !== undefined,
    };
  }

  /** A snapshot that any machine of the same memory size takes back, whatever its engine. */
  save(): MachineState {
    return {
      vcpu: this.vcpu.save(), board: structuredClone(this.#board.save()),
      input: this.#input.save(), script: this.#script.save(), started: this.#started,
    };
  }

  restore(state: MachineState): void {
    this.vcpu.restore(state.vcpu);
    this.#board.restore(structuredClone(state.board));
    this.#input.restore(state.input);
    this.#script.restore(state.script);
    this.#started = state.started;
    this.#stop = undefined;
  }

  /** Device state and queued input, by device; plain data to look at. */
  deviceState(): Readonly<Record<string, unknown>> {
    const board = this.#board.save();
    return { ...(typeof board === "object" ? board : {}), input: this.#input.save() };
  }

  /**
   * 16 hexadecimal digits over all that the guest can observe. RAM counts by the pages written since the call before;
   * `everyPage` hashes all of it anew.
   */
  stateHash(everyPage = false): string {
    const written = this.memory.takeDirtyPages();
    const pages = everyPage ? Array.from({ length: this.memory.size >>> 12 }, (_, page) => page) : written;
    for (const page of pages) this.#ramHash.update(this.memory.ram32, page);
    return hashState(this.cpu, this.deviceState(), this.instructions, this.time, this.#ramHash);
  }
}
