/**
 * The small ports of a PC's chip set (Intel 82371SB datasheet, 290550: NMI status and control, port 92h, reset control;
 * PC/AT Technical Reference: port 80h).
 */
import type { A20Gate } from "./a20-gate.ts";
import type { Clock, Device, PortDevice } from "./device.ts";
import { REFRESH_PERIOD, pulseAt } from "./pit.ts";

const NSC_GATE = 0x01; // gate of timer channel 2
const NSC_ENABLES = 0x0e; // speaker, SERR# masked, IOCHK# masked
const NSC_REFRESH = 0x10; // toggles with each refresh cycle
const NSC_OUTPUT = 0x20; // output of timer channel 2

/** The timer's channel 2 as port 61h is wired to it. */
export interface SpeakerTimer {
  setGate2(level: boolean): void;
  readonly gate2: boolean;
  readonly output2: boolean;
}

/** Port 61h: NMI status and control, the speaker, and what programs measure time by. */
export class SystemControlB implements Device<number>, PortDevice {
  readonly #clock: Clock;
  readonly #timer: SpeakerTimer;
  #enables = 0;

  constructor(clock: Clock, timer: SpeakerTimer) {
    this.#clock = clock;
    this.#timer = timer;
  }

  readPort(): number {
    const refresh = Math.floor(pulseAt(this.#clock.now()) / REFRESH_PERIOD) % 2;
    return this.#enables | (this.#timer.gate2 ? NSC_GATE : 0) | (refresh === 0 ? 0 : NSC_REFRESH) | (this.#timer.output2 ? NSC_OUTPUT : 0);
  }

  writePort(_offset: number, value: number): void {
    this.#enables = value & NSC_ENABLES;
    this.#timer.setGate2((value & NSC_GATE) !== 0);
  }

  save(): number { return this.#enables; }
  restore(state: number): void { this.#enables = state; }
  reset(): void { this.writePort(0, 0); }
}

/** Port 80h: shows how far firmware came; programs write it to wait for a bus cycle. */
export class PostCode implements Device<number>, PortDevice {
  #code = 0;

  /** The last code written. */
  get code(): number { return this.#code; }

  readPort(): number { return this.#code; }
  writePort(_offset: number, value: number): void { this.#code = value; }
  save(): number { return this.#code; }
  restore(state: number): void { this.#code = state; }
  reset(): void { this.#code = 0; }
}

const FAST_RESET = 0x01, FAST_A20 = 0x02, FAST_STORED = 0xfd;

/** Port 92h, system control A: fast A20 and fast reset. */
export class SystemControlA implements Device<number>, PortDevice {
  readonly #a20: A20Gate;
  readonly #onReset: () => void;
  #value = 0;

  /** `onReset` is called when the guest resets the processor. */
  constructor(a20: A20Gate, onReset: () => void) {
    this.#a20 = a20;
    this.#onReset = onReset;
  }

  readPort(): number { return this.#value | (this.#a20.open ? FAST_A20 : 0); }

  writePort(_offset: number, value: number): void {
    const resets = (value & ~this.#value & FAST_RESET) !== 0;
    this.#value = value & FAST_STORED;
    this.#a20.set((value & FAST_A20) !== 0);
    if (resets) this.#onReset();
  }

  save(): number { return this.#value; }
  restore(state: number): void { this.#value = state; }
  reset(): void { this.#value = 0; }
}

const RST_CPU = 0x04, RST_STORED = 0x0e;

/** Port CF9h, reset control: a rising reset bit resets the system. */
export class ResetControl implements Device<number>, PortDevice {
  readonly #onReset: () => void;
  #value = 0;

  constructor(onReset: () => void) { this.#onReset = onReset; }

  readPort(): number { return this.#value; }

  writePort(_offset: number, value: number): void {
    const resets = (value & ~this.#value & RST_CPU) !== 0;
    this.#value = value & RST_STORED;
    if (resets) this.#onReset();
  }

  save(): number { return this.#value; }
  restore(state: number): void { this.#value = state; }
  reset(): void { this.#value = 0; }
}
