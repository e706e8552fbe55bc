/**
 * The devices against QEMU's, over random programs of port accesses. What the two are known to do differently is left out
 * where a program is made, with the reason.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PortBus } from "../../src/bus.ts";
import { A20Gate } from "../../src/devices/a20-gate.ts";
import { KeyboardController } from "../../src/devices/keyboard.ts";
import { InterruptController } from "../../src/devices/pic.ts";
import { Uart } from "../../src/devices/uart.ts";
import { TestClock, TestLine } from "./fixture.ts";
import { hasQemu, qemuReads, type PortAction } from "./qemu-ports.ts";

const available = hasQemu();
if (!available) console.warn("skipped: the devices against QEMU need qemu-system-i386");

const byte = fc.integer({ min: 0, max: 255 });
const samples = <T>(arbitrary: fc.Arbitrary<T>, count: number): T[] => fc.sample(arbitrary, { seed: 8259, numRuns: count });

/** Runs a program here, a part of it as it is made, and then in QEMU. */
class Program {
  readonly actions: PortAction[] = [];
  readonly reads: Array<{ readonly value: number; readonly mask: number; readonly what: string }> = [];
  readonly bus = new PortBus();
  pulse: (irq: number) => void = () => {};

  write(port: number, value: number): void {
    this.actions.push({ write: port, value });
    this.bus.write(port, 1, value);
  }
  /** Compares the bits of `mask`. */
  read(port: number, mask = 0xff): number {
    const value = this.bus.read(port, 1);
    this.actions.push({ read: port });
    this.reads.push({ value, mask, what: `read ${this.reads.length} of port ${port.toString(16)}h after ${this.#last()}` });
    return value;
  }
  pulseLine(irq: number): void {
    this.actions.push({ pulse: irq });
    this.pulse(irq);
  }
  #last(): string {
    return this.actions.slice(-12).map((action) => Object.values(action).map((value) => value.toString(16)).join("=")).join(" ");
  }
  compare(): void {
    const theirs = qemuReads(this.actions);
    const different = this.reads.flatMap(({ value, mask, what }, k) =>
      (((value ^ theirs[k]!) & mask) === 0 ? [] : [`${what}: ${value.toString(16)}, QEMU ${theirs[k]!.toString(16)}`]));
    expect(different.slice(0, 5)).toEqual([]);
    expect(theirs.length).toBe(this.reads.length);
  }
}

describe.runIf(available)("against QEMU", () => {
  it("8259A: masks, requests, service, EOI, rotation, automatic EOI, polling", () => {
    const program = new Program(), pic = new InterruptController();
    program.bus.attach(0x20, 2, pic.master);
    program.bus.attach(0xa0, 2, pic.slave);
    program.pulse = (irq) => { for (const level of [false, true]) pic.line(irq).set(level); };
    // Left out: level triggering by ICW1 and what special mask does to a non-specific EOI (QEMU has neither), lines that drop
    // (QEMU keeps the request), and so the master while the slave's output moves.
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ irq: fc.integer({ min: 0, max: 7 }) }) },
      { weight: 5, arbitrary: fc.record({ ocw2: fc.constantFrom(0x20, 0x20, 0x60, 0xa0, 0xe0, 0xc0, 0x80, 0x00, 0x40), level: fc.nat({ max: 7 }) }) },
      { weight: 5, arbitrary: fc.constant("poll") },
      { weight: 2, arbitrary: fc.record({ mask: byte }) },
      { weight: 1, arbitrary: fc.record({ icw1: fc.constantFrom(0x11, 0x10, 0x13, 0x12), icw4: fc.constantFrom(0x01, 0x03) }) },
    );
    for (const [port, base, steps] of samples(fc.tuple(fc.constantFrom(0x20, 0xa0), fc.constant(0x30), fc.array(step, { minLength: 20, maxLength: 60 })), 60)) {
      const initialize = (icw1: number, icw4: number): void => {
        program.write(port, icw1);
        program.write(port + 1, base);
        if ((icw1 & 2) === 0) program.write(port + 1, 4);
        if ((icw1 & 1) !== 0) program.write(port + 1, icw4);
      };
      initialize(0x11, 0x01);
      for (const what of steps) {
        if (what === "poll") {
          program.write(port, 0x0c);
          program.read(port);
        } else if ("irq" in what) {
          if (port !== 0x20 || what.irq !== 2) program.pulseLine((port === 0x20 ? 0 : 8) + what.irq);
        } else if ("ocw2" in what) program.write(port, what.ocw2 | what.level);
        else if ("mask" in what) program.write(port + 1, what.mask);
        else initialize(what.icw1, what.icw4);
        for (const select of [0x0b, 0x0a]) {
          program.write(port, select);
          program.read(port);
        }
        program.read(port + 1);
      }
      // So that the slave asks the master for nothing in the programs to come.
      initialize(0x11, 0x01);
      program.write(port + 1, 0xff);
    }
    program.compare();
  });

  it("16550A: registers, FIFOs, overrun, interrupt identification, in loopback", () => {
    const program = new Program(), uart = new Uart(new TestClock(), new TestLine());
    program.bus.attach(0x3f8, 8, uart);
    // Left out: modem status interrupts (QEMU has no deltas in loopback), the receiver when it is empty (QEMU reads 0), words of
    // less than 8 bits (QEMU does not cut), clearing a FIFO while the transmitter interrupts (QEMU makes that a new interrupt).
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ send: byte, times: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 20 })) }) },
      { weight: 6, arbitrary: fc.constant("receive") },
      { weight: 3, arbitrary: fc.record({ ier: fc.integer({ min: 0, max: 7 }) }) },
      { weight: 1, arbitrary: fc.record({ fcr: fc.constantFrom(0x00, 0x01, 0x41, 0x81, 0xc1, 0x83, 0x85, 0x87, 0xc0) }) },
      { weight: 1, arbitrary: fc.record({ lcr: fc.constantFrom(0x03, 0x1b), divisor: fc.integer({ min: 1, max: 0xffff }) }) },
      { weight: 1, arbitrary: fc.record({ mcr: fc.integer({ min: 0, max: 15 }), scr: byte }) },
    );
    program.write(0x3fc, 0x18);
    program.write(0x3fb, 0x03);
    for (const what of samples(step, 1500)) {
      if (what === "receive") {
        if (!uart.receiverEmpty) program.read(0x3f8);
      } else if ("send" in what) {
        for (let k = 0; k < what.times; k++) program.write(0x3f8, (what.send + k) & 0xff);
      } else if ("ier" in what) program.write(0x3f9, what.ier);
      else if ("fcr" in what) {
        program.write(0x3f9, 0);
        program.write(0x3fa, what.fcr);
      } else if ("lcr" in what) {
        program.write(0x3fb, what.lcr | 0x80);
        program.write(0x3f8, what.divisor & 0xff);
        program.write(0x3f9, what.divisor >> 8);
        program.read(0x3f8);
        program.read(0x3f9);
        program.write(0x3fb, what.lcr);
      } else {
        program.write(0x3fc, 0x10 | what.mcr);
        program.write(0x3ff, what.scr);
      }
      for (const offset of [1, 2, 3, 4, 5, 6, 7, 2]) program.read(0x3f8 + offset, offset === 6 ? 0xf0 : 0xff);
    }
    program.compare();
  });

  it("8042 with keyboard and mouse: commands, answers, buffers", () => {
    const program = new Program(), line = new TestLine();
    const controller = new KeyboardController({ keyboard: line, mouse: line, a20: new A20Gate(() => {}), reset: () => {} }, { mouse: true });
    program.bus.attach(0x60, 1, controller);
    program.bus.attach(0x64, 1, { readPort: () => controller.readPort(1), writePort: (_offset, value) => controller.writePort(1, value) });
    // Left out: the command bit of the status (QEMU leaves it set), RAM beyond the command byte, resend and scan code set 3.
    const STATUS = 0x21;
    const step = fc.oneof(
      fc.record({ command: fc.constantFrom(0x20, 0xa7, 0xa8, 0xa9, 0xab, 0xad, 0xae, 0xc0, 0xd0, 0xdd, 0xdf, 0xff) }),
      fc.record({ command: fc.constantFrom(0xd2, 0xd3), value: byte }),
      fc.record({ command: fc.constant(0x60), value: fc.constantFrom(0x04, 0x44, 0x47, 0x54, 0x64, 0x74) }),
      fc.record({ keyboard: fc.constantFrom([0xee], [0xf2], [0xf4], [0xf5], [0xf6], [0xff], [0xed, 2], [0xf3, 0x20], [0xf0, 0], [0xf0, 2], [0x12]) }),
      fc.record({ mouse: fc.constantFrom([0xf2], [0xf4], [0xf5], [0xf6], [0xff], [0xe8, 1], [0xf3, 40], [0xe9], [0xe6], [0xe7], [0xea]) }),
    );
    const drain = (): void => { while ((program.read(0x64, STATUS) & 0x01) !== 0) program.read(0x60); };
    program.write(0x64, 0xaa);
    program.read(0x60);
    for (const what of samples(step, 1500)) {
      if ("command" in what) {
        program.write(0x64, what.command);
        if ("value" in what) program.write(0x60, what.value);
        drain();
        continue;
      }
      for (const value of "keyboard" in what ? what.keyboard : what.mouse) {
        if ("mouse" in what) program.write(0x64, 0xd4);
        program.write(0x60, value);
        drain();
      }
    }
    program.compare();
  });
});
