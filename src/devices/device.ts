/**
 * What a device model may know: how to be read and written at an offset of its own, a line to pull, and
 * a clock. No address, no host, no other device. Its state is a plain object, so a snapshot is a
 * structured clone.
 */

/** Guest time in nanoseconds since power-on; an integer below 2^53. */
export type GuestTime = number;

export interface Clock {
  /** Now, exact to the instruction that asks. */
  now(): GuestTime;
}

/** A level: the interrupt controller makes edges of it. */
export interface IrqLine {
  set(level: boolean): void;
}

export interface Device<State = unknown> {
  /** A plain, structured-cloneable object that `restore` takes back. */
  save(): State;
  restore(state: State): void;
  /** Power-on or reset-line state. */
  reset(): void;
}

/** A device that answers to I/O ports. Offsets count from the start of the range it was given. */
export interface PortDevice {
  /** `size` is 1, 2 or 4 bytes; returns an unsigned value. Where a device knows only bytes, the bus splits. */
  readPort(offset: number): number;
  writePort(offset: number, value: number): void;
}

/** A device that wants to be called at a guest time. */
export interface TimedDevice {
  /** The next time at which something happens (a line changes), or Infinity. Never in the past once `advance` has run. */
  nextEvent(): GuestTime;
  /** Lets everything up to and including `now` happen. */
  advance(now: GuestTime): void;
}
