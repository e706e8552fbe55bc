import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Pit, pulseAt, timeOfPulse } from "../../src/devices/pit.ts";
import { PitChannel } from "../../src/devices/pit-channel.ts";
import { SystemControlB } from "../../src/devices/system-ports.ts";
import { Counter8254 } from "./counter-8254.ts";
import { TestClock, TestLine } from "./fixture.ts";

const SECOND = 1_000_000_000, HZ = 1_193_182;

function timer(): { clock: TestClock; line: TestLine; pit: Pit } {
  const clock = new TestClock(), line = new TestLine(clock), pit = clock.drive(new Pit(clock, line));
  return { clock, line, pit };
}

describe("the clock of the timer", () => {
  it("is exactly 1193182 pulses a second, for a century", () => {
    for (const seconds of [0, 1, 2, 3600, 86_400 * 365 * 100]) {
      expect(pulseAt(seconds * SECOND)).toBe(seconds * HZ);
      expect(timeOfPulse(seconds * HZ)).toBe(seconds * SECOND);
    }
  });

  it("has its pulses at the first nanosecond that reaches them (exact rational arithmetic)", () => {
    fc.assert(fc.property(fc.nat({ max: 2 ** 52 }), (time) => {
      const pulse = pulseAt(time);
      expect(BigInt(pulse)).toBe((BigInt(time) * BigInt(HZ)) / 1_000_000_000n);
      const at = timeOfPulse(pulse);
      expect(at <= time && pulseAt(at) === pulse && (at === 0 || pulseAt(at - 1) === pulse - 1)).toBe(true);
    }));
  });
});

describe("a channel against a counter that counts", () => {
  type Action = { readonly wait: number } | { readonly gate: boolean } | { readonly count: number } | { readonly control: number };
  const count = fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 2, max: 12 }) }, { weight: 1, arbitrary: fc.constant(0) });
  const action: fc.Arbitrary<Action> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ wait: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 2, arbitrary: fc.record({ gate: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ count }) },
    { weight: 1, arbitrary: fc.record({ control: fc.integer({ min: 0, max: 5 }) }) },
  );

  for (const mode of [0, 1, 2, 3, 4, 5]) {
    for (const bcd of [false, true]) {
      it(`mode ${mode}${bcd ? ", BCD" : ""}: same output and count at every pulse`, () => {
        fc.assert(fc.property(fc.array(action, { maxLength: 25 }), (actions) => {
          const model = new Counter8254(), channel = new PitChannel(true);
          const control = (to: number, pulse: number): void => {
            model.control(to, bcd);
            channel.control(0x30 | (to << 1) | (bcd ? 1 : 0), pulse);
          };
          let pulse = 100;
          control(mode, pulse);
          for (const what of actions) {
            if ("control" in what) control(what.control, pulse);
            else if ("gate" in what) {
              model.setGate(what.gate);
              channel.setGate(what.gate, pulse);
            } else if ("count" in what) {
              model.firstByte();
              channel.write(bcd ? Number.parseInt(String(what.count), 16) & 0xff : what.count & 0xff, pulse);
              channel.write(0, pulse);
              model.write(what.count === 0 ? (bcd ? 10_000 : 0x10000) : what.count);
            }
            for (let k = ("wait" in what) ? what.wait : 1; k > 0; k--) {
              model.clock();
              pulse++;
              expect(channel.output(pulse)).toBe(model.out);
              channel.latchCount(pulse);
              const latched = channel.state.latchedCount!;
              channel.state.latchedCount = null;
              expect(bcd ? Number(latched.toString(16)) : latched).toBe(model.element);
            }
          }
        }), { numRuns: 200 });
      });
    }
  }

  it("knows each edge of its output before it comes", () => {
    fc.assert(fc.property(fc.constantFrom(0, 1, 2, 3, 4, 5), count, fc.nat({ max: 40 }), (mode, n, from) => {
      const channel = new PitChannel(false);
      channel.control(0x30 | (mode << 1), 0);
      channel.write(n, 0);
      channel.write(0, 0);
      channel.setGate(true, 0);
      const edge = channel.nextEdge(from);
      let found = from + 1;
      const isEdge = (pulse: number): boolean => channel.output(pulse) !== channel.output(pulse - 1) && (!channel.strobes || channel.output(pulse));
      while (found < from + 200 && !isEdge(found)) found++;
      expect(edge < from + 200 ? edge : Infinity).toBe(found < from + 200 ? found : Infinity);
    }));
  });
});

describe("channel 0 and its interrupt", () => {
  it("ticks at 18.2 Hz until the guest says otherwise, as firmware leaves it", () => {
    const { clock, line } = timer();
    clock.pass(10 * SECOND);
    expect(line.rises.length).toBe(1 + Math.floor((10 * HZ) / 65536));
  });

  it("gives Linux's periodic tick of 250 Hz without drift (mode 2)", () => {
    const { clock, line, pit } = timer();
    const latch = Math.floor((HZ + 125) / 250);
    pit.writePort(3, 0x34);
    pit.writePort(0, latch & 0xff);
    pit.writePort(0, latch >> 8);
    line.rises.length = 0;
    const events = clock.pass(20 * SECOND);
    const expected = Array.from({ length: Math.floor((20 * HZ - 1) / latch) }, (_tick, k) => timeOfPulse(1 + latch * (k + 1)));
    expect(line.rises).toEqual(expected);
    expect(events).toBe(expected.length);
    expect(line.level).toBe(true);
  });

  it("strikes once in Linux's one-shot mode 4 and is silent after it", () => {
    const { clock, line, pit } = timer();
    pit.writePort(3, 0x38);
    line.rises.length = 0;
    pit.writePort(0, 0xe8);
    pit.writePort(0, 0x03);
    expect(pit.nextEvent()).toBe(timeOfPulse(1 + 1000 + 1));
    clock.pass(SECOND);
    expect(line.rises).toEqual([timeOfPulse(1002)]);
    expect(pit.nextEvent()).toBe(Infinity);
  });

  it("is a level in mode 0: low from the control word to the end of the count", () => {
    const { clock, line, pit } = timer();
    pit.writePort(3, 0x30);
    expect(line.level).toBe(false);
    pit.writePort(0, 10);
    pit.writePort(0, 0);
    clock.pass(timeOfPulse(10));
    expect(line.level).toBe(false);
    clock.pass(1000);
    expect([line.level, line.rises.at(-1)]).toEqual([true, timeOfPulse(11)]);
    pit.writePort(0, 10); // the first byte lowers it
    expect(line.level).toBe(false);
  });

  it("is a square wave in mode 3", () => {
    const { clock, line, pit } = timer();
    pit.writePort(3, 0x16); // low byte only
    pit.writePort(0, 101);
    line.rises.length = 0;
    const events = clock.pass(timeOfPulse(1 + 1010));
    expect(line.rises).toEqual(Array.from({ length: 10 }, (_cycle, k) => timeOfPulse(1 + 101 * (k + 1))));
    expect(events).toBe(20);
  });
});

describe("reading back", () => {
  it("latches a count until it is read", () => {
    const { clock, pit } = timer();
    pit.writePort(3, 0x34);
    pit.writePort(0, 0x00);
    pit.writePort(0, 0x80);
    clock.pass(timeOfPulse(1 + 0x100));
    pit.writePort(3, 0x00);
    clock.pass(timeOfPulse(50));
    pit.writePort(3, 0x00); // no effect
    expect([pit.readPort(0), pit.readPort(0)]).toEqual([0x00, 0x7f]);
    pit.writePort(3, 0x00);
    expect(pit.readPort(0) | (pit.readPort(0) << 8)).toBe(0x8000 - 0x100 - 50);
  });

  it("reads back status and count, status first", () => {
    const { clock, pit } = timer();
    pit.writePort(3, 0xb1); // channel 2, both bytes, mode 0, BCD
    pit.writePort(2, 0x34);
    pit.writePort(3, 0xe8); // status of channel 2
    expect(pit.readPort(2)).toBe(0x40 | 0x31); // output low, null count
    pit.writePort(2, 0x12);
    pit.setGate2(true);
    clock.pass(timeOfPulse(1 + 100) - clock.now());
    pit.writePort(3, 0xc8); // both
    expect([pit.readPort(2), pit.readPort(2), pit.readPort(2)]).toEqual([0x31, 0x34, 0x11]);
    expect(pit.readPort(3)).toBe(0xff);
  });
});

describe("time by port 61h", () => {
  it("passes Linux's pit_calibrate_tsc: 10 ms through channel 2 in mode 0", () => {
    const { clock, pit } = timer();
    const port61 = new SystemControlB(clock, pit);
    port61.writePort(0, (port61.readPort() & ~0x02) | 0x01);
    const latch = Math.floor(HZ / (1000 / 10));
    pit.writePort(3, 0xb0);
    pit.writePort(2, latch & 0xff);
    pit.writePort(2, latch >> 8);
    let loops = 0;
    for (; (port61.readPort() & 0x20) === 0; loops++) clock.pass(100);
    expect(clock.now()).toBeGreaterThan(timeOfPulse(latch));
    expect(clock.now()).toBeLessThan(timeOfPulse(latch + 2) + 100);
    expect(loops).toBeGreaterThan(1000); // pitcnt > loopmin
  });

  it("passes Linux's quick_pit_calibrate: the high byte falls every 256 pulses", () => {
    const { clock, pit } = timer();
    new SystemControlB(clock, pit).writePort(0, 0x01);
    pit.writePort(3, 0xb0);
    pit.writePort(2, 0xff);
    pit.writePort(2, 0xff);
    const verify = (value: number): boolean => {
      clock.pass(20);
      pit.readPort(2);
      return pit.readPort(2) === value;
    };
    verify(0); // "the PIT counts down; wait for the first"
    let before = 0;
    for (let high = 0xff; high > 0xf0; high--) {
      let count = 0;
      for (; verify(high); count++);
      expect(count).toBeGreaterThan(5);
      if (high < 0xff) expect(Math.abs(clock.now() - before - (256 / HZ) * SECOND)).toBeLessThan(100);
      before = clock.now();
    }
  });

  it("toggles the refresh bit every 18 pulses and keeps the enables", () => {
    const { clock, pit } = timer();
    const port61 = new SystemControlB(clock, pit);
    port61.writePort(0, 0xff);
    let toggles = 0;
    for (let k = 0, last = port61.readPort(); k < 2000; k++) {
      clock.pass(500);
      const now = port61.readPort();
      if (((now ^ last) & 0x10) !== 0) toggles++;
      last = now;
    }
    expect(toggles).toBe(Math.floor(pulseAt(1_000_000) / 18));
    expect(port61.readPort() & 0xcf).toBe(0x0f);
    pit.setGate2(false);
    expect(port61.readPort() & 0x01).toBe(0);
  });
});

describe("a snapshot", () => {
  it("goes on alike, whatever was done before, and looking at it changes nothing", () => {
    const step = fc.oneof(
      fc.record({ pass: fc.nat({ max: 100_000 }) }),
      fc.record({ read: fc.constantFrom(0, 1, 2) }),
      fc.record({ port: fc.constantFrom(0, 1, 2, 3), value: fc.integer({ min: 0, max: 255 }) }),
      fc.record({ gate: fc.boolean() }),
    );
    type Step = { pass: number } | { read: number } | { port: number; value: number } | { gate: boolean };
    const act = ({ clock, pit }: ReturnType<typeof timer>, what: Step): unknown => {
      if ("pass" in what) return clock.pass(what.pass);
      if ("read" in what) return pit.readPort(what.read);
      if ("gate" in what) return pit.setGate2(what.gate);
      return pit.writePort(what.port, what.value);
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 30 }), fc.array(step, { maxLength: 30 }), (before, after) => {
      const one = timer(), two = timer();
      for (const what of before) act(one, what);
      const saved = structuredClone(one.pit.save());
      one.pit.advance(one.clock.now());
      expect(one.pit.save()).toEqual(saved);
      two.clock.time = one.clock.time;
      two.line.level = one.line.level;
      two.pit.restore(saved);
      one.line.rises.length = two.line.rises.length = 0;
      for (const what of after) expect(act(two, what)).toEqual(act(one, what));
      expect(two.line.rises).toEqual(one.line.rises);
      expect(two.pit.save()).toEqual(one.pit.save());
    }));
  });
});
