/** HACKING.md's example of a device: counts down in microseconds of guest time, then raises its line. No real one. */
import type { Clock, Device, GuestTime, IrqLine, PortDevice, TimedDevice } from "../../src/devices/device.ts";

const MICROSECOND = 1000;

export interface CountdownState { readonly end: GuestTime }

export class Countdown implements Device<CountdownState>, PortDevice, TimedDevice {
  readonly #clock: Clock;
  readonly #line: IrqLine;
  #end = Infinity;

  constructor(clock: Clock, line: IrqLine) {
    this.#clock = clock;
    this.#line = line;
  }

  /** Microseconds left, rounded up; 0 where none run. */
  readPort(): number {
    return this.#end === Infinity ? 0 : Math.ceil((this.#end - this.#clock.now()) / MICROSECOND);
  }

  /** Starts with 1 to 255 µs; 0 stops. Lowers the line. */
  writePort(_offset: number, value: number): void {
    this.#end = value === 0 ? Infinity : this.#clock.now() + value * MICROSECOND;
    this.#line.set(false);
  }

  nextEvent(): GuestTime { return this.#end; }

  advance(now: GuestTime): void {
    if (now < this.#end) return;
    this.#end = Infinity;
    this.#line.set(true);
  }

  save(): CountdownState { return { end: this.#end }; }
  restore({ end }: CountdownState): void { this.#end = end; }
  reset(): void { this.writePort(0, 0); }
}
