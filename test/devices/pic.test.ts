import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InterruptController } from "../../src/devices/pic.ts";

/** As Linux's init_8259A does: vectors 30h and 38h, normal EOI. */
function linux(autoEoi = false): InterruptController {
  const pic = new InterruptController();
  pic.master.writePort(1, 0xff);
  for (const [port, vector, cascade] of [[pic.master, 0x30, 4], [pic.slave, 0x38, 2]] as const) {
    port.writePort(0, 0x11);
    port.writePort(1, vector);
    port.writePort(1, cascade);
    port.writePort(1, autoEoi ? 3 : 1);
  }
  return pic;
}

const isr = (port: InterruptController["master"]): number => {
  port.writePort(0, 0x0b);
  const value = port.readPort(0);
  port.writePort(0, 0x0a);
  return value;
};
const pulse = (pic: InterruptController, irq: number): void => {
  pic.line(irq).set(false);
  pic.line(irq).set(true);
};

describe("the 8259A pair", () => {
  it("passes Linux's probe_8259A and shows the masks", () => {
    const pic = new InterruptController();
    pic.slave.writePort(1, 0xff);
    pic.master.writePort(1, 0xfb);
    expect(pic.master.readPort(1)).toBe(0xfb);
    expect(pic.slave.readPort(1)).toBe(0xff);
  });

  it("asks for nothing before the guest unmasks", () => {
    const pic = new InterruptController();
    for (const irq of [0, 1, 8, 15]) pulse(pic, irq);
    expect(pic.requested()).toBe(false);
  });

  it("clears the mask at ICW1 and takes ICW2 to ICW4", () => {
    const pic = linux();
    expect([pic.master.readPort(1), pic.slave.readPort(1)]).toEqual([0, 0]);
    pulse(pic, 3);
    expect(pic.requested()).toBe(true);
    expect(pic.acknowledge()).toBe(0x33);
    expect([pic.requested(), isr(pic.master)]).toEqual([false, 0x08]);
    pic.master.writePort(0, 0x20);
    expect(isr(pic.master)).toBe(0);
  });

  it("skips ICW4 and ICW3 where ICW1 says so", () => {
    const pic = new InterruptController();
    pic.master.writePort(0, 0x12); // SNGL, no ICW4
    pic.master.writePort(1, 0x57);
    pic.master.writePort(1, 0xfe); // the mask already
    expect(pic.master.readPort(1)).toBe(0xfe);
    pulse(pic, 0);
    expect(pic.acknowledge()).toBe(0x50);
  });

  it("nests: only a higher priority interrupts, and the rest waits for the EOI", () => {
    const pic = linux();
    pulse(pic, 4);
    expect(pic.acknowledge()).toBe(0x34);
    pulse(pic, 5);
    expect(pic.requested()).toBe(false);
    pulse(pic, 1);
    expect(pic.acknowledge()).toBe(0x31);
    pic.master.writePort(0, 0x20);
    expect([isr(pic.master), pic.requested()]).toEqual([0x10, false]);
    pic.master.writePort(0, 0x60 | 4);
    expect(pic.acknowledge()).toBe(0x35);
  });

  it("delivers the slave's interrupts through IR2", () => {
    const pic = linux();
    pulse(pic, 12);
    pulse(pic, 9);
    expect(pic.acknowledge()).toBe(0x39);
    expect([isr(pic.master), isr(pic.slave)]).toEqual([0x04, 0x02]);
    expect(pic.requested()).toBe(false);
    pic.slave.writePort(0, 0x61);
    pic.master.writePort(0, 0x62);
    expect(pic.acknowledge()).toBe(0x3c);
  });

  it("has the slave between IRQ 1 and IRQ 3 in priority", () => {
    const pic = linux();
    for (const irq of [3, 15, 8, 1]) pulse(pic, irq);
    const order: number[] = [];
    while (pic.requested()) {
      const vector = pic.acknowledge();
      order.push(vector);
      if (vector >= 0x38) pic.slave.writePort(0, 0x20);
      pic.master.writePort(0, 0x20);
    }
    expect(order).toEqual([0x31, 0x38, 0x3f, 0x33]);
  });

  it("latches an edge once, and takes it back when the line drops", () => {
    const pic = linux();
    pic.line(5).set(true);
    pic.line(5).set(true);
    expect(pic.master.readPort(0)).toBe(0x20);
    pic.line(5).set(false);
    expect([pic.master.readPort(0), pic.requested()]).toEqual([0, false]);
    pic.line(5).set(true);
    pic.acknowledge();
    pic.master.writePort(0, 0x20);
    expect(pic.requested()).toBe(false); // still high: no new edge
  });

  it("keeps an edge that came while masked, and forgets it at ICW1", () => {
    const pic = linux();
    pic.master.writePort(1, 0xff);
    pulse(pic, 6);
    expect(pic.requested()).toBe(false);
    pic.master.writePort(1, 0xbf);
    expect(pic.requested()).toBe(true);
    pic.master.writePort(0, 0x11);
    expect([pic.requested(), pic.master.readPort(0)]).toEqual([false, 0]);
  });

  it("answers 7 and 15 without service where the request has gone", () => {
    const pic = linux();
    expect(pic.acknowledge()).toBe(0x37);
    expect(isr(pic.master)).toBe(0);
    // Linux's spurious test asks the ISR for bit 7.
    pulse(pic, 7);
    expect(pic.acknowledge()).toBe(0x37);
    expect(isr(pic.master)).toBe(0x80);
  });

  it("is level triggered where ELCR says so, but never on inputs 0, 1, 2, 8, 13", () => {
    const pic = linux();
    pic.elcr.writePort(0, 0xff);
    pic.elcr.writePort(1, 0xff);
    expect([pic.elcr.readPort(0), pic.elcr.readPort(1)]).toEqual([0xf8, 0xde]);
    pic.line(11).set(true);
    pic.acknowledge();
    pic.slave.writePort(0, 0x20);
    pic.master.writePort(0, 0x20);
    expect(pic.requested()).toBe(true); // still asserted
    pic.line(11).set(false);
    expect(pic.requested()).toBe(false);
  });

  it("ends interrupts itself in AEOI mode, on both chips", () => {
    const pic = linux(true);
    for (const irq of [10, 9, 4]) pulse(pic, irq);
    expect([pic.acknowledge(), pic.acknowledge(), pic.acknowledge()]).toEqual([0x39, 0x3a, 0x34]);
    expect([isr(pic.master), isr(pic.slave), pic.requested()]).toEqual([0, 0, false]);
  });

  it("rotates: on EOI, by command, and in AEOI mode", () => {
    const pic = linux();
    for (const irq of [3, 4]) pulse(pic, irq);
    expect(pic.acknowledge()).toBe(0x33);
    pic.master.writePort(0, 0xa0); // rotate on non-specific EOI: 3 is lowest, 4 highest
    pulse(pic, 3);
    pulse(pic, 0);
    expect(pic.acknowledge()).toBe(0x34);
    pic.master.writePort(0, 0xe0 | 4); // rotate on specific EOI: 5 is highest, then 6, 7, 0
    expect(pic.acknowledge()).toBe(0x30);
    pic.master.writePort(0, 0x20);
    pic.master.writePort(0, 0xc0 | 7); // set priority: 7 lowest
    expect(pic.acknowledge()).toBe(0x33);

    const automatic = linux(true);
    automatic.master.writePort(0, 0x80);
    for (const irq of [0, 1]) pulse(automatic, irq);
    expect(automatic.acknowledge()).toBe(0x30);
    pulse(automatic, 0);
    expect(automatic.acknowledge()).toBe(0x31);
  });

  it("lets lower priorities through in special mask mode", () => {
    const pic = linux();
    pulse(pic, 1);
    pic.acknowledge();
    pulse(pic, 6);
    expect(pic.requested()).toBe(false);
    pic.master.writePort(1, 0x02);
    pic.master.writePort(0, 0x68);
    expect(pic.acknowledge()).toBe(0x36);
    pic.master.writePort(0, 0x20); // ends 6: the masked 1 is left out
    expect(isr(pic.master)).toBe(0x02);
    pic.master.writePort(0, 0x48);
    pulse(pic, 6);
    expect(pic.requested()).toBe(false);
  });

  it("lets the slave interrupt its own service in special fully nested mode", () => {
    const pic = new InterruptController();
    for (const [port, vector, cascade, mode] of [[pic.master, 0x30, 4, 0x11], [pic.slave, 0x38, 2, 0x01]] as const) {
      for (const [offset, value] of [[0, 0x11], [1, vector], [1, cascade], [1, mode]] as const) port.writePort(offset, value);
    }
    pulse(pic, 12);
    pic.acknowledge();
    pulse(pic, 3);
    expect(pic.requested()).toBe(false);
    pulse(pic, 9);
    expect(pic.acknowledge()).toBe(0x39);
  });

  it("answers a poll in place of an acknowledge cycle", () => {
    const pic = linux();
    pulse(pic, 5);
    pic.master.writePort(0, 0x0c);
    expect(pic.master.readPort(0)).toBe(0x85);
    expect(isr(pic.master)).toBe(0x20);
    pic.master.writePort(0, 0x0c);
    expect(pic.master.readPort(0)).toBe(0);
    expect(pic.master.readPort(0)).toBe(0); // the IRR again
  });

  it("has no line 2 and none beyond 15", () => {
    const pic = new InterruptController();
    for (const irq of [2, 16, -1, 1.5]) expect(() => pic.line(irq)).toThrow(RangeError);
  });

  it("goes on alike after save and restore, whatever was done before", () => {
    const step = fc.oneof(
      fc.record({ irq: fc.constantFrom(0, 1, 3, 4, 5, 6, 7, 8, 9, 12, 15), level: fc.boolean() }),
      fc.record({ chip: fc.constantFrom("master", "slave", "elcr"), offset: fc.constantFrom(0, 1), value: fc.integer({ min: 0, max: 255 }) }),
      fc.record({ chip: fc.constantFrom("master", "slave", "elcr"), offset: fc.constantFrom(0, 1) }),
      fc.constant("acknowledge"),
    );
    const act = (pic: InterruptController, what: typeof step extends fc.Arbitrary<infer T> ? T : never): unknown => {
      if (typeof what === "string") return pic.requested() ? pic.acknowledge() : -1;
      if ("irq" in what) return pic.line(what.irq).set(what.level);
      const port = pic[what.chip as "master" | "slave" | "elcr"];
      return "value" in what ? port.writePort(what.offset, what.value) : port.readPort(what.offset);
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), fc.array(step, { maxLength: 40 }), (before, after) => {
      const pic = linux(), copy = new InterruptController();
      for (const what of before) act(pic, what);
      copy.restore(structuredClone(pic.save()));
      expect(copy.save()).toEqual(pic.save());
      for (const what of after) {
        expect(act(copy, what)).toEqual(act(pic, what));
        expect(copy.requested()).toBe(pic.requested());
      }
      expect(copy.save()).toEqual(pic.save());
    }));
  });
});
