/**
 * The 8254 programmable interval timer (Intel 8254 datasheet, 231164), clocked at 1.193182 MHz.
 *
 * Idea: nothing counts. The clock's pulses are numbered from power-on, pulse n falling at the first nanosecond t with
 * t * 1193182 / 10^9 >= n, and a channel is a few numbers from which its count and its output at any pulse follow
 * (pit-channel.ts). Only an edge of channel 0's output that moves the interrupt line is an event.
 */
import type { Clock, Device, GuestTime, IrqLine, PortDevice, TimedDevice } from "./device.ts";
import { PitChannel, type PitChannelState } from "./pit-channel.ts";

// 1193182 / 10^9 in lowest terms; both products below stay under 2^53.
const PULSES = 596_591, NANOSECONDS = 500_000_000;

/** The number of the last clock pulse at or before a guest time. */
export function pulseAt(time: GuestTime): number {
  const whole = Math.floor(time / NANOSECONDS);
  return whole * PULSES + Math.floor(((time - whole * NANOSECONDS) * PULSES) / NANOSECONDS);
}

/** The guest time of a clock pulse. */
export function timeOfPulse(pulse: number): GuestTime {
  if (pulse === Infinity) return Infinity;
  const whole = Math.floor(pulse / PULSES);
  return whole * NANOSECONDS + Math.ceil(((pulse - whole * PULSES) * NANOSECONDS) / PULSES);
}

/** Clock pulses between memory refreshes, as firmware sets channel 1. */
export const REFRESH_PERIOD = 18;

const CONTROL = 3; // the control word's port; the three counters come before it
const READ_BACK = 3; // in place of a counter's number
const READ_BACK_NO_COUNT = 0b0010_0000;
const READ_BACK_NO_STATUS = 0b0001_0000;

export interface PitState {
  readonly channels: readonly PitChannelState[];
  /** The level of the interrupt line. */
  readonly irq: boolean;
  /** The pulse of the next edge of channel 0's output; null where there is none. */
  readonly edge: number | null;
}

export class Pit implements Device<PitState>, PortDevice, TimedDevice {
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  readonly #channels = [new PitChannel(true), new PitChannel(true), new PitChannel(false)] as const;
  #level = false;
  #edge = Infinity;
  #event: GuestTime = Infinity;

  constructor(clock: Clock, irq: IrqLine) {
    this.#clock = clock;
    this.#irq = irq;
    this.#start(0);
  }

  readPort(offset: number): number {
    const channel = this.#channels[offset];
    // The control word cannot be read: the bus floats.
    return channel === undefined ? 0xff : channel.read(this.#pulse());
  }

  writePort(offset: number, value: number): void {
    const now = this.#clock.now(), pulse = pulseAt(now);
    this.advance(now);
    if (offset === CONTROL) this.#control(value, pulse);
    else this.#channels[offset]?.write(value, pulse);
    this.#settle(pulse);
  }

  #control(value: number, pulse: number): void {
    const counter = value >> 6;
    if (counter !== READ_BACK) return this.#channels[counter]!.control(value, pulse);
    this.#channels.forEach((channel, k) => {
      if ((value & (2 << k)) === 0) return;
      if ((value & READ_BACK_NO_COUNT) === 0) channel.latchCount(pulse);
      if ((value & READ_BACK_NO_STATUS) === 0) channel.latchStatus(pulse);
    });
  }

  /** The gate of channel 2, from port 61h. */
  setGate2(level: boolean): void { this.#channels[2].setGate(level, this.#pulse()); }

  get gate2(): boolean { return this.#channels[2].gate; }

  /** The output of channel 2, to port 61h and the speaker. */
  get output2(): boolean { return this.#channels[2].output(this.#pulse()); }

  #pulse(): number { return pulseAt(this.#clock.now()); }

  nextEvent(): GuestTime { return this.#event; }

  advance(now: GuestTime): void {
    if (now < this.#event) return;
    const pulse = pulseAt(now), [channel] = this.#channels;
    // A strobe is over within one pulse: its end, the rising edge, is all that the controller sees.
    if (channel.strobes || channel.output(pulse) === this.#level) {
      this.#setLevel(!this.#level);
      this.#setLevel(!this.#level);
    }
    this.#settle(pulse);
  }

  /** Brings the line to channel 0's output at this pulse and finds the next edge. */
  #settle(pulse: number): void {
    const [channel] = this.#channels;
    this.#setLevel(channel.strobes || channel.output(pulse));
    this.#schedule(channel.nextEdge(pulse));
  }

  #schedule(edge: number): void {
    this.#edge = edge;
    this.#event = timeOfPulse(edge);
  }

  #setLevel(level: boolean): void {
    if (level === this.#level) return;
    this.#level = level;
    this.#irq.set(level);
  }

  save(): PitState {
    const edge = this.#edge === Infinity ? null : this.#edge;
    return { channels: this.#channels.map((channel) => structuredClone(channel.state)), irq: this.#level, edge };
  }

  restore(state: PitState): void {
    this.#channels.forEach((channel, k) => { channel.state = structuredClone(state.channels[k]!); });
    this.#level = state.irq;
    this.#schedule(state.edge ?? Infinity);
  }

  /** As a PC's firmware leaves it: 18.2 Hz on channel 0, refresh on channel 1, channel 2 silent. */
  reset(): void { this.#start(this.#pulse()); }

  #start(pulse: number): void {
    this.#channels.forEach((channel, k) => channel.reset(pulse, k === 1 ? REFRESH_PERIOD : 0x10000, k === 1 ? 2 : 3, k !== 2));
    this.#settle(pulse);
  }
}
