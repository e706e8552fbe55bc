/** A clock that the test turns, a line that remembers, and one that does what a machine does: everything due, in order. */
import type { Clock, GuestTime, IrqLine, TimedDevice } from "../../src/devices/device.ts";

export class TestClock implements Clock {
  time: GuestTime = 0;
  readonly #devices: TimedDevice[] = [];

  now(): GuestTime { return this.time; }

  drive<T extends TimedDevice>(device: T): T {
    this.#devices.push(device);
    return device;
  }

  /** Lets guest time pass, stopping at each event as the machine does. Returns the number of events. */
  pass(duration: GuestTime): number {
    const end = this.time + duration;
    for (let events = 0; ; events++) {
      const next = Math.min(...this.#devices.map((device) => device.nextEvent()));
      if (next > end) {
        this.time = end;
        return events;
      }
      this.time = Math.max(this.time, next);
      for (const device of this.#devices) device.advance(this.time);
    }
  }
}

export class TestLine implements IrqLine {
  level = false;
  /** Guest times of rising edges, where a clock was given, else zeros. */
  readonly rises: GuestTime[] = [];
  readonly #clock: Clock | undefined;

  constructor(clock?: Clock) { this.#clock = clock; }

  set(level: boolean): void {
    if (level && !this.level) this.rises.push(this.#clock?.now() ?? 0);
    this.level = level;
  }
}
