/** A processor that follows a script in place of guest code, and a board with one serial port and one timer. */
import type { VcpuExit } from "../../runtime/exit.ts";
import type { MemoryState } from "../../runtime/memory.ts";
import type { Board, BoardHooks, StopEvent, VirtualCpu, VirtualCpuParts } from "../../src/machine.ts";
import type { Receiver } from "../../src/input.ts";

/** One instruction: retires, writes a port, reads the receiver, halts, or ends everything. */
export type Step = "nop" | "hlt" | "cli; hlt" | "shutdown" | { readonly out: number; readonly value: number } | "read";

export const SERIAL = 0x3f8, TIMER = 0x40, STOP = 0xf4;

export class ScriptedCpu implements VirtualCpu {
  readonly #parts: VirtualCpuParts;
  readonly #program: readonly Step[];
  readonly received: Array<readonly [time: number, byte: number]> = [];
  count = 0;
  #skipped = 0;
  #position = 0;

  constructor(parts: VirtualCpuParts, program: readonly Step[]) {
    this.#parts = parts;
    this.#program = program;
  }

  now(): number { return this.count + this.#skipped; }

  skipTo(time: number): void {
    if (time < this.now()) throw new Error("guest time cannot go back");
    this.#skipped = time - this.count;
  }

  run(budget: number): VcpuExit {
    const { host, cpu, ports } = this.#parts, end = this.count + budget;
    for (;;) {
      if (host.nextEvent() <= this.now()) host.advance();
      if (host.stopRequested()) return { reason: "stop" };
      if (cpu.halted !== 0 && host.interruptRequested()) {
        host.acknowledgeInterrupt();
        cpu.halted = 0;
      }
      if (cpu.halted !== 0) return { reason: "halt", interruptible: (cpu.eflags & 0x200) !== 0 };
      if (this.count >= end) return { reason: "budget" };
      const step = this.#program[this.#position++ % this.#program.length]!;
      if (step === "shutdown") return { reason: "shutdown" };
      this.count++;
      if (step === "hlt" || step === "cli; hlt") { cpu.halted = 1; cpu.eflags = step === "hlt" ? 0x202 : 2; }
      else if (step === "read") {
        const byte = ports.read(SERIAL, 1);
        if (byte !== 0xff) this.received.push([this.now(), byte]);
      } else if (typeof step === "object") ports.write(step.out, 1, step.value);
      if (host.stopRequested()) return { reason: "stop" };
    }
  }

  save(): unknown { return { words: this.#parts.cpu.words.slice(), memory: this.#parts.memory.save(), count: this.count, skipped: this.#skipped, position: this.#position }; }

  restore(state: unknown): void {
    const saved = state as { words: Int32Array; memory: MemoryState; count: number; skipped: number; position: number };
    this.#parts.cpu.words.set(saved.words);
    this.#parts.memory.restore(saved.memory);
    this.count = saved.count;
    this.#skipped = saved.skipped;
    this.#position = saved.position;
  }

  readonly stats = {};
}

/** A write of n to TIMER interrupts n microseconds later; one to STOP ends the machine. */
export function scriptedBoard(hooks: BoardHooks): Board {
  let state: { due: number; pending: boolean; byte: number | undefined } = { due: Infinity, pending: false, byte: undefined };
  const serial: Receiver = {
    get receiverEmpty() { return state.byte === undefined; },
    receive: (byte) => { state.byte = byte; },
  };
  const stops: readonly StopEvent[] = [{ reason: "power-off" }, { reason: "reset", source: "test" }];
  return {
    serial,
    mmio: { read: () => -1, write: () => {} },
    ports: {
      read: () => { const byte = state.byte ?? 0xff; state.byte = undefined; return byte; },
      write: (port, _size, value) => {
        if (port === SERIAL) hooks.transmitted(value);
        else if (port === TIMER) state.due = hooks.clock.now() + value * 1000;
        else hooks.stop(stops[value] ?? { reason: "debug-exit", value });
      },
    },
    nextEvent: () => state.due,
    eventMoved: () => true,
    advance: (now) => { if (now >= state.due) { state.due = Infinity; state.pending = true; } },
    interruptRequested: () => state.pending,
    acknowledgeInterrupt: () => { state.pending = false; return 8; },
    floatingPointError: () => true, floatingPointErrorCleared: () => {},
    save: () => ({ ...state }),
    restore: (saved) => { state = { ...(saved as typeof state) }; },
  };
}
