import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InterruptController } from "../../src/devices/pic.ts";
import { Uart } from "../../src/devices/uart.ts";
import { TestClock, TestLine } from "./fixture.ts";

const RBR = 0, THR = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7;

interface Port {
  readonly clock: TestClock;
  readonly line: TestLine;
  readonly uart: Uart;
  readonly sent: number[];
  readonly in: (offset: number) => number;
  readonly out: (offset: number, value: number) => void;
}

function board(): Port {
  const clock = new TestClock(), line = new TestLine(clock), uart = clock.drive(new Uart(clock, line)), sent: number[] = [];
  uart.onTransmit = (byte) => sent.push(byte);
  return { clock, line, uart, sent, in: (offset) => uart.readPort(offset), out: (offset, value) => uart.writePort(offset, value) };
}
/** 115200 8N1, FIFOs with trigger level 8, OUT2. */
function ready(): ReturnType<typeof board> {
  const port = board();
  for (const [offset, value] of [[LCR, 0x80], [0, 1], [1, 0], [LCR, 3], [FCR, 0x81], [MCR, 0x0b]] as const) port.out(offset, value);
  return port;
}

describe("what Linux 6.1's 8250 driver asks of a port", () => {
  it("is found to be a 16550A by autoconfig", () => {
    const { in: inb, out: outb } = board();
    // Existence: the upper bits of IER stay 0.
    const ier = inb(IER);
    outb(IER, 0);
    const first = inb(IER) & 0x0f;
    outb(IER, 0x0f);
    const second = inb(IER) & 0x0f;
    outb(IER, ier);
    expect([first, second]).toEqual([0, 0x0f]);
    // Loopback: RTS and OUT2 come back as CTS and DCD.
    const mcr = inb(MCR);
    outb(MCR, 0x10 | 0x0a);
    expect(inb(MSR) & 0xf0).toBe(0x90);
    outb(MCR, mcr);
    outb(LCR, 0xbf);
    outb(2, 0);
    outb(LCR, 0);
    outb(FCR, 1);
    expect(inb(IIR) >> 6).toBe(3);
    // autoconfig_16550a: no EFR ...
    outb(LCR, 0x80);
    expect(inb(2)).not.toBe(0);
    outb(LCR, 0xbf);
    expect(inb(2)).not.toBe(0);
    // ... no EXCR1 of an NS16550A Super I/O ...
    outb(LCR, 0);
    const status = inb(MCR);
    outb(LCR, 0xe0);
    expect((inb(2) ^ status) & 0x10).toBe(0);
    outb(LCR, 0);
    outb(MCR, status ^ 0x10);
    outb(LCR, 0xe0);
    const excr1 = inb(2);
    outb(LCR, 0);
    outb(MCR, status);
    expect((excr1 ^ status) & 0x10).toBe(0);
    // ... no 64-byte FIFO of a TI16750 ...
    outb(FCR, 0x21);
    expect(inb(IIR) >> 5).toBe(6);
    outb(FCR, 0x01);
    outb(LCR, 0x80);
    outb(FCR, 0x21);
    expect(inb(IIR) >> 5).toBe(6);
    outb(LCR, 0);
    // ... and no UART unit enable of an XScale.
    const saved = inb(IER);
    outb(IER, saved | 0x40);
    expect(inb(IER) & 0x40).toBe(0);
  });

  it("reasserts THRE when its interrupt is enabled again, as serial8250_do_startup tests", () => {
    const { in: inb, out: outb } = ready();
    for (let round = 0; round < 2; round++) {
      outb(IER, 0x02);
      expect(inb(IIR) & 0x01).toBe(0);
      outb(IER, 0x00);
    }
    // UART_BUG_TXEN
    outb(IER, 0x02);
    expect(inb(LSR) & 0x40).toBe(0x40);
    expect(inb(IIR)).toBe(0xc2);
  });

  it("finds the interrupt line by autoconfig_irq: OUT2 gates it", () => {
    const { in: inb, out: outb, line } = board();
    outb(MCR, 0);
    outb(IER, 0x0f);
    expect(line.level).toBe(false);
    outb(MCR, 0x08);
    expect(line.level).toBe(true);
    inb(LSR);
    inb(RBR);
    inb(IIR);
    inb(MSR);
    outb(THR, 0xff);
    expect(line.level).toBe(true);
    outb(IER, 0);
    expect(line.level).toBe(false);
  });

  it("drains a transmit buffer by interrupts, 16 bytes each, through the interrupt controller", () => {
    const clock = new TestClock(), pic = new InterruptController(), uart = new Uart(clock, pic.line(4)), sent: number[] = [];
    uart.onTransmit = (byte) => sent.push(byte);
    for (const [offset, value] of [[0, 0x11], [1, 0x30], [1, 4], [1, 1], [1, 0xef]] as const) pic.master.writePort(offset, value);
    uart.writePort(FCR, 0x81);
    uart.writePort(LCR, 3);
    uart.writePort(MCR, 0x0b);
    const text = Array.from({ length: 100 }, (_byte, k) => 0x20 + k);
    let left = text, interrupts = 0;
    uart.writePort(IER, 0x02);
    while (pic.requested()) {
      expect(pic.acknowledge()).toBe(0x34);
      interrupts++;
      while ((uart.readPort(IIR) & 1) === 0) {
        for (const byte of left.slice(0, 16)) uart.writePort(THR, byte);
        left = left.slice(16);
        if (left.length === 0) uart.writePort(IER, 0);
      }
      pic.master.writePort(0, 0x20);
    }
    expect(sent).toEqual(text);
    expect(interrupts).toBe(1);
  });
});

describe("registers", () => {
  it("has the divisor behind DLAB", () => {
    const { in: inb, out: outb, sent } = board();
    outb(LCR, 0x83);
    outb(0, 0x0c);
    outb(1, 0x34);
    expect([inb(0), inb(1)]).toEqual([0x0c, 0x34]);
    outb(LCR, 0x03);
    expect([inb(1), inb(LCR), sent.length]).toEqual([0, 3, 0]);
  });

  it("sends as many bits as LCR says, at once", () => {
    const { in: inb, out: outb, sent } = board();
    for (const bits of [0, 1, 2, 3]) {
      outb(LCR, bits);
      outb(THR, 0xff);
      expect(inb(LSR)).toBe(0x60);
    }
    expect(sent).toEqual([0x1f, 0x3f, 0x7f, 0xff]);
  });

  it("has a scratch register, and ports that do not take writes", () => {
    const { in: inb, out: outb } = board();
    outb(SCR, 0x5a);
    outb(LSR, 0xff);
    outb(MSR, 0xff);
    expect([inb(SCR), inb(LSR), inb(MSR), inb(IIR)]).toEqual([0x5a, 0x60, 0xb0, 0x01]);
  });

  it("loops back data and modem lines, sends nothing, and hears nothing", () => {
    const { in: inb, out: outb, sent, uart, line } = ready();
    outb(MCR, 0x1f);
    expect(inb(MSR) & 0xf0).toBe(0xf0);
    expect(uart.receive(0x41)).toBe(false);
    outb(THR, 0x55);
    expect([inb(LSR) & 1, inb(RBR), sent.length]).toEqual([1, 0x55, 0]);
    outb(IER, 0x0f);
    expect(line.level).toBe(false); // OUT2 is off at the pins
  });

  it("shows modem changes once; of ring only the end", () => {
    const { in: inb, out: outb } = board();
    outb(MCR, 0x10);
    expect(inb(MSR)).toBe(0x0b); // CTS, DSR and DCD went off
    outb(MCR, 0x14);
    expect(inb(MSR)).toBe(0x40);
    outb(MCR, 0x10);
    expect(inb(MSR)).toBe(0x04);
    expect(inb(MSR)).toBe(0x00);
  });
});

describe("receiving", () => {
  it("without FIFOs: one byte, and the next one overruns it", () => {
    const { in: inb, out: outb, uart } = board();
    outb(LCR, 3);
    expect(uart.receive(0x41)).toBe(true);
    expect(uart.receive(0x42)).toBe(false);
    expect([inb(LSR), inb(LSR), inb(RBR), inb(LSR), inb(RBR)]).toEqual([0x63, 0x61, 0x42, 0x60, 0x42]);
  });

  it("with FIFOs: 16 bytes in order, the 17th is lost", () => {
    const { in: inb, uart } = ready();
    for (let k = 0; k < 17; k++) expect(uart.receive(k)).toBe(k < 16);
    expect(inb(LSR)).toBe(0x63);
    expect(Array.from({ length: 16 }, () => inb(RBR))).toEqual(Array.from({ length: 16 }, (_byte, k) => k));
    expect(uart.receiverEmpty).toBe(true);
  });

  it("interrupts at the trigger level", () => {
    for (const [bits, level] of [[0x00, 1], [0x40, 4], [0x80, 8], [0xc0, 14]] as const) {
      const { in: inb, out: outb, uart, line } = ready();
      outb(FCR, bits | 1);
      outb(IER, 1);
      for (let k = 1; k < level; k++) uart.receive(k);
      expect([line.level, inb(IIR)]).toEqual([false, 0xc1]);
      uart.receive(0);
      expect([line.level, inb(IIR)]).toEqual([true, 0xc4]);
      inb(RBR);
      expect(line.level).toBe(false);
    }
  });

  it("times out four characters after the last byte came or was read", () => {
    const { clock, in: inb, out: outb, uart, line } = ready();
    const four = Math.ceil((4 * 10 * 1e9) / 115_200);
    outb(IER, 1);
    uart.receive(0x61);
    clock.pass(four - 1);
    uart.receive(0x62);
    clock.pass(four - 1);
    expect(line.level).toBe(false);
    clock.pass(1);
    expect([line.level, inb(IIR)]).toEqual([true, 0xcc]);
    expect(inb(RBR)).toBe(0x61);
    expect(line.level).toBe(false);
    clock.pass(four);
    expect([line.level, inb(RBR), line.level]).toEqual([true, 0x62, false]);
    expect([inb(LSR), uart.nextEvent()]).toEqual([0x60, Infinity]);
  });

  it("has no event while the guest does not listen, and none without FIFOs", () => {
    const { out: outb, uart, line } = ready();
    uart.receive(1);
    expect(uart.nextEvent()).toBe(Infinity);
    outb(FCR, 0);
    outb(IER, 1);
    uart.receive(2);
    expect([uart.nextEvent(), line.level]).toEqual([Infinity, true]);
  });

  it("clears the receiver with FCR, and when FIFOs are switched", () => {
    const { in: inb, out: outb, uart } = ready();
    uart.receive(1);
    outb(FCR, 0x83);
    expect([inb(LSR) & 1, inb(IIR)]).toEqual([0, 0xc1]);
    uart.receive(2);
    outb(FCR, 0xc0); // without the enable bit the others do not count
    expect([inb(LSR) & 1, inb(IIR)]).toEqual([0, 0x01]);
  });

  it("ranks line status, data, transmitter, modem", () => {
    const { in: inb, out: outb, uart, line } = board();
    outb(LCR, 3);
    outb(MCR, 0x08);
    outb(IER, 0x0f);
    outb(MCR, 0x18);
    outb(MCR, 0x08); // modem lines changed
    uart.receive(1);
    uart.receive(2);
    const seen: number[] = [];
    for (const clear of [LSR, RBR, IIR, MSR]) {
      seen.push(inb(IIR));
      expect(line.level).toBe(true);
      if (clear !== IIR) inb(clear);
    }
    expect(seen).toEqual([0x06, 0x04, 0x02, 0x00]);
    expect([line.level, inb(IIR)]).toEqual([false, 0x01]);
  });

  it("receives a break as a zero with its flag", () => {
    const { in: inb, out: outb, uart, line } = ready();
    outb(IER, 0x04);
    uart.receiveBreak();
    expect([line.level, inb(IIR), inb(LSR), line.level, inb(RBR), inb(LSR)]).toEqual([true, 0xc6, 0xf1, false, 0, 0x60]);
  });
});

describe("interrupts are edges", () => {
  it("makes a new one for each byte sent, even where IIR is not read", () => {
    const { out: outb, line } = ready();
    outb(IER, 0x02);
    outb(THR, 1);
    outb(THR, 2);
    expect(line.rises.length).toBe(3);
  });
});

describe("a snapshot", () => {
  it("goes on alike, whatever was done before", () => {
    type Step = { pass: number } | { receive: number } | { offset: number; value?: number };
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.record({ pass: fc.nat({ max: 2_000_000 }) }), fc.record({ receive: fc.integer({ min: 0, max: 255 }) }),
      fc.record({ offset: fc.nat({ max: 7 }) }), fc.record({ offset: fc.nat({ max: 7 }), value: fc.integer({ min: 0, max: 255 }) }),
    );
    const act = ({ clock, uart }: ReturnType<typeof board>, what: Step): unknown => {
      if ("pass" in what) return clock.pass(what.pass);
      if ("receive" in what) return uart.receive(what.receive);
      return what.value === undefined ? uart.readPort(what.offset) : uart.writePort(what.offset, what.value);
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 30 }), fc.array(step, { maxLength: 30 }), (before, after) => {
      const one = ready(), two = board();
      for (const what of before) act(one, what);
      two.clock.time = one.clock.time;
      two.uart.restore(structuredClone(one.uart.save()));
      one.sent.length = 0;
      for (const what of after) {
        expect(act(two, what)).toEqual(act(one, what));
        expect(two.line.level).toBe(one.line.level);
      }
      expect(two.uart.save()).toEqual(one.uart.save());
      expect(two.sent).toEqual(one.sent);
    }));
  });

  it("resets to silence", () => {
    const { in: inb, out: outb, uart, line } = ready();
    outb(IER, 0x0f);
    uart.receive(1);
    uart.reset();
    expect([line.level, inb(IER), inb(IIR), inb(LCR), inb(MCR), inb(LSR)]).toEqual([false, 0, 1, 0, 0, 0x60]);
  });
});
