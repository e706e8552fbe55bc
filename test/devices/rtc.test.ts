import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { advanceCalendar, secondsToAlarm, setCalendar } from "../../src/devices/calendar.ts";
import { Rtc } from "../../src/devices/rtc.ts";
import { TestClock, TestLine } from "./fixture.ts";

const SECOND = 1_000_000_000, MIB = 1 << 20;

function board(epoch?: number, memory = 256 * MIB): { clock: TestClock; line: TestLine; rtc: Rtc } {
  const clock = new TestClock(), line = new TestLine(clock);
  return { clock, line, rtc: clock.drive(new Rtc(clock, line, { memory, ...(epoch === undefined ? {} : { epoch }) })) };
}
const read = (rtc: Rtc, index: number): number => {
  rtc.writePort(0, index);
  return rtc.readPort(1);
};
const write = (rtc: Rtc, index: number, value: number): void => {
  rtc.writePort(0, index);
  rtc.writePort(1, value);
};
const TIME = [0x32, 9, 8, 7, 6, 4, 2, 0] as const;
const time = (rtc: Rtc): string => TIME.map((index) => read(rtc, index).toString(16).padStart(2, "0")).join(" ");

describe("the time", () => {
  it("begins at 2026-01-01 00:00:00, a Thursday, in BCD and 24 hours", () => {
    const { rtc } = board();
    expect(time(rtc)).toBe("20 26 01 01 05 00 00 00");
    expect(read(rtc, 0x0a)).toBe(0x26);
    expect(read(rtc, 0x0b)).toBe(0x02);
    expect(read(rtc, 0x0d)).toBe(0x80);
    expect(rtc.readPort(0)).toBe(0xff);
  });

  it("follows guest time over the end of a leap February, a year and a century", () => {
    for (const [from, after, expected] of [
      ["2028-02-28T23:59:59Z", 1, "20 28 02 29 03 00 00 00"],
      ["2026-02-28T23:59:59Z", 1, "20 26 03 01 01 00 00 00"],
      ["2099-12-31T23:59:58Z", 2, "21 00 01 01 06 00 00 00"],
      ["2026-01-01T00:00:00Z", 36 * 3600 + 61, "20 26 01 02 06 12 01 01"],
    ] as const) {
      const { clock, rtc } = board(Date.parse(from));
      clock.pass(after * SECOND - 1);
      expect(time(rtc)).not.toBe(expected);
      clock.pass(1);
      expect(time(rtc)).toBe(expected);
    }
  });

  it("counts as Date does, in all four formats", () => {
    fc.assert(fc.property(
      fc.date({ min: new Date("1980-01-01"), max: new Date("2200-01-01"), noInvalidDate: true }), fc.nat({ max: 1e9 }), fc.boolean(), fc.boolean(),
      (start, seconds, binary, hours24) => {
        const registers = new Uint8Array(128), expected = new Uint8Array(128), format = { binary, hours24 };
        const milliseconds = Math.floor(start.getTime() / 1000) * 1000;
        setCalendar(registers, milliseconds, format);
        advanceCalendar(registers, seconds, format);
        setCalendar(expected, milliseconds + seconds * 1000, format);
        expect(registers).toEqual(expected);
      }));
  });

  it("shows hours by 12 with the afternoon in bit 7, and binary", () => {
    const { clock, rtc } = board(Date.parse("2026-01-01T23:59:58Z"));
    write(rtc, 0x0b, 0x84);
    write(rtc, 4, 0x80 | 11);
    write(rtc, 2, 59);
    write(rtc, 0, 58);
    write(rtc, 7, 31);
    write(rtc, 9, 26);
    write(rtc, 0x32, 20);
    write(rtc, 0x0b, 0x04);
    clock.pass(SECOND);
    expect([read(rtc, 4), read(rtc, 2), read(rtc, 0)]).toEqual([0x8b, 59, 59]);
    clock.pass(SECOND);
    expect([read(rtc, 4), read(rtc, 7), read(rtc, 8)]).toEqual([12, 1, 2]); // 12 AM of 1 February
  });

  it("starts between seconds where its epoch does", () => {
    const { clock, rtc } = board(Date.parse("2026-01-01T00:00:00.750Z"));
    clock.pass(SECOND / 4 - 1);
    expect(read(rtc, 0)).toBe(0);
    clock.pass(1);
    expect(read(rtc, 0)).toBe(1);
  });
});

describe("updates", () => {
  it("announces them by UIP for 244 µs", () => {
    const { clock, rtc } = board();
    clock.pass(SECOND - 244_001);
    expect(read(rtc, 0x0a) & 0x80).toBe(0);
    clock.pass(1);
    expect(read(rtc, 0x0a) & 0x80).toBe(0x80);
    clock.pass(243_999);
    expect([read(rtc, 0x0a) & 0x80, read(rtc, 0)]).toEqual([0x80, 0]);
    clock.pass(1);
    expect([read(rtc, 0x0a) & 0x80, read(rtc, 0)]).toEqual([0, 1]);
  });

  it("gives Linux's mc146818_get_time a consistent time, begun at any moment", () => {
    const { clock, rtc } = board(Date.parse("2026-12-31T23:59:58Z"));
    clock.pass(SECOND - 400_000);
    for (let k = 0; k < 400; k++) {
      clock.pass(2_000);
      // mc146818_avoid_UIP: no update begins between the two looks at UIP and at the seconds.
      for (;;) {
        const seconds = read(rtc, 0);
        if ((read(rtc, 0x0a) & 0x80) !== 0) { clock.pass(100_000); continue; }
        const text = time(rtc);
        if ((read(rtc, 0x0a) & 0x80) !== 0 || seconds !== read(rtc, 0)) continue;
        expect(text).toBe(`20 26 12 31 05 23 59 ${clock.now() < SECOND ? 58 : 59}`);
        break;
      }
    }
  });

  it("stops while SET is 1 and goes on in the same phase", () => {
    const { clock, rtc } = board();
    clock.pass(300_000_000);
    write(rtc, 0x0b, 0x92);
    expect(read(rtc, 0x0b)).toBe(0x82); // SET takes UIE back
    clock.pass(10 * SECOND);
    expect(read(rtc, 0)).toBe(0);
    clock.pass(699_900_000);
    expect(read(rtc, 0x0a) & 0x80).toBe(0);
    write(rtc, 0, 0x30);
    write(rtc, 0x0b, 0x02);
    clock.pass(100_000);
    expect(read(rtc, 0)).toBe(0x31);
  });

  it("takes a time as Linux's mc146818_set_time writes it: the next second half a second later", () => {
    const { clock, rtc } = board();
    clock.pass(123_456_789);
    const control = read(rtc, 0x0b), frequency = read(rtc, 0x0a);
    write(rtc, 0x0b, control | 0x80);
    write(rtc, 0x0a, frequency | 0x70);
    clock.pass(5 * SECOND);
    for (const [index, value] of [[9, 0x27], [8, 0x02], [7, 0x28], [4, 0x23], [2, 0x59], [0, 0x59], [0x32, 0x20]] as const) write(rtc, index, value);
    write(rtc, 0x0b, control);
    write(rtc, 0x0a, frequency);
    clock.pass(SECOND / 2 - 1);
    expect(time(rtc)).toBe("20 27 02 28 05 23 59 59");
    clock.pass(1);
    expect(time(rtc)).toBe("20 27 03 01 06 00 00 00");
  });
});

describe("interrupts", () => {
  it("come periodically at 1024 Hz once enabled, one for each read of register C", () => {
    const { clock, line, rtc } = board();
    expect(rtc.nextEvent()).toBe(Infinity);
    write(rtc, 0x0b, 0x42);
    let served = 0;
    for (const end = clock.now() + SECOND; rtc.nextEvent() <= end;) {
      clock.pass(rtc.nextEvent() - clock.now());
      expect(line.level).toBe(true);
      expect(rtc.nextEvent()).toBe(Infinity);
      expect(read(rtc, 0x0c) & 0xc0).toBe(0xc0);
      expect(line.level).toBe(false);
      served++;
    }
    expect(served).toBe(1024);
    expect(line.rises[1]! - line.rises[0]!).toBeCloseTo(SECOND / 1024, -1);
    expect(line.rises.at(-1)).toBe(SECOND);
  });

  it("come at the rates of the datasheet", () => {
    for (const [rate, hertz] of [[1, 256], [2, 128], [3, 8192], [6, 1024], [15, 2]] as const) {
      const { clock, line, rtc } = board();
      write(rtc, 0x0a, 0x20 | rate);
      write(rtc, 0x0b, 0x42);
      clock.pass(Math.ceil(SECOND / hertz) - 1);
      expect(line.level).toBe(false);
      clock.pass(1);
      expect(line.level).toBe(true);
    }
    const { rtc } = board();
    write(rtc, 0x0a, 0x20);
    write(rtc, 0x0b, 0x42);
    expect(rtc.nextEvent()).toBe(Infinity);
  });

  it("come at the end of each update", () => {
    const { clock, line, rtc } = board();
    write(rtc, 0x0b, 0x12);
    for (let second = 1; second <= 3; second++) {
      clock.pass(SECOND);
      expect(line.rises.at(-1)).toBe(second * SECOND);
      expect(read(rtc, 0x0c)).toBe(0xd0);
    }
  });

  it("come at the alarm, and with bytes from C0h on each hour, minute or second", () => {
    for (const [alarm, expected] of [
      [[0x05, 0x30, 0x02], [2 * 3600 + 30 * 60 + 5, 26 * 3600 + 30 * 60 + 5]],
      [[0x05, 0x30, 0xc0], [30 * 60 + 5, 90 * 60 + 5]],
      [[0x05, 0xff, 0xff], [5, 65]],
      [[0xc0, 0xc0, 0xc0], [1, 2]],
      [[0x00, 0x00, 0x00], [86_400, 2 * 86_400]],
    ] as const) {
      const { clock, line, rtc } = board();
      alarm.forEach((value, k) => write(rtc, 1 + 2 * k, value));
      write(rtc, 0x0b, 0x22);
      const events = expected.map(() => {
        const event = rtc.nextEvent();
        clock.pass(event - clock.now());
        expect(read(rtc, 0x0c) & 0xa0).toBe(0xa0);
        return event;
      });
      expect(events).toEqual(expected.map((second) => second * SECOND));
      expect(line.rises).toEqual(events);
    }
  });

  it("knows no alarm that cannot be", () => {
    const { rtc } = board();
    write(rtc, 1, 0x75);
    write(rtc, 0x0b, 0x22);
    expect(rtc.nextEvent()).toBe(Infinity);
  });

  it("finds the same alarm second as a search through the day", () => {
    const byte = fc.oneof(fc.integer({ min: 0, max: 59 }), fc.constant(0xff));
    fc.assert(fc.property(fc.nat({ max: 86_399 }), byte, byte, byte, (now, second, minute, hour) => {
      const registers = new Uint8Array(128), format = { binary: true, hours24: true };
      setCalendar(registers, Date.UTC(2026, 0, 1) + now * 1000, format);
      [registers[1], registers[3], registers[5]] = [second, minute, hour];
      const fits = (alarm: number, value: number): boolean => alarm >= 0xc0 || alarm === value;
      let found = Infinity;
      for (let n = 1; n <= 86_400 && found === Infinity; n++) {
        const at = (now + n) % 86_400;
        if (fits(hour, Math.floor(at / 3600)) && fits(minute, Math.floor(at / 60) % 60) && fits(second, at % 60)) found = n;
      }
      expect(secondsToAlarm(registers, format)).toBe(found);
    }), { numRuns: 60 });
  });

  it("collects flags that are not enabled, and raises the line when they are enabled later", () => {
    const { clock, line, rtc } = board();
    clock.pass(2 * SECOND);
    expect(read(rtc, 0x0c)).toBe(0x50); // PF, UF; the alarm of 00:00:00 not
    expect(read(rtc, 0x0c)).toBe(0);
    clock.pass(SECOND);
    expect(line.level).toBe(false);
    write(rtc, 0x0b, 0x12);
    expect(line.level).toBe(true);
    expect(read(rtc, 0x0c)).toBe(0xd0);
  });

  it("end with the reset line, which leaves the time", () => {
    const { clock, line, rtc } = board();
    write(rtc, 0x0b, 0x72);
    write(rtc, 0x40, 0x5a);
    clock.pass(3 * SECOND);
    expect(line.level).toBe(true);
    rtc.reset();
    expect([line.level, read(rtc, 0x0b), read(rtc, 0x0c), read(rtc, 0), read(rtc, 0x40)]).toEqual([false, 0x02, 0, 3, 0x5a]);
  });
});

describe("CMOS RAM", () => {
  it("tells the memory as firmware notes it", () => {
    const word = (rtc: Rtc, index: number): number => read(rtc, index) | (read(rtc, index + 1) << 8);
    for (const [memory, extended, above16] of [[48, 47 * 1024, 32 * 16], [256, 0xffff, 240 * 16], [1, 0, 0], [2047, 0xffff, 2031 * 16]] as const) {
      const { rtc } = board(undefined, memory * MIB);
      expect([word(rtc, 0x15), word(rtc, 0x17), word(rtc, 0x30), word(rtc, 0x34)]).toEqual([640, extended, extended, above16]);
      let sum = 0;
      for (let index = 0x10; index <= 0x2d; index++) sum += read(rtc, index);
      expect((read(rtc, 0x2e) << 8) | read(rtc, 0x2f)).toBe(sum);
    }
  });

  it("keeps what is written, the shutdown byte too, but not registers C and D", () => {
    const { rtc } = board();
    for (const index of [0x0f, 0x20, 0x7f]) {
      write(rtc, index, 0xa5);
      expect(read(rtc, index)).toBe(0xa5);
    }
    write(rtc, 0x0c, 0xff);
    write(rtc, 0x0d, 0x00);
    expect([read(rtc, 0x0c), read(rtc, 0x0d)]).toEqual([0, 0x80]);
  });

  it("masks NMI by bit 7 of the index", () => {
    const { rtc } = board();
    rtc.writePort(0, 0x8d);
    expect([rtc.nmiMasked, rtc.readPort(1)]).toEqual([true, 0x80]);
    rtc.writePort(0, 0x0d);
    expect(rtc.nmiMasked).toBe(false);
  });
});

describe("a snapshot", () => {
  it("goes on alike, whatever was done before", () => {
    type Step = { pass: number } | { index: number; value?: number };
    const index = fc.oneof(fc.integer({ min: 0, max: 13 }), fc.constantFrom(0x32, 0x50));
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.record({ pass: fc.oneof(fc.nat({ max: 3_000_000 }), fc.nat({ max: 3 * SECOND })) }), fc.record({ index }),
      fc.record({ index, value: fc.integer({ min: 0, max: 255 }) }),
    );
    const act = ({ clock, rtc }: ReturnType<typeof board>, what: Step): unknown => {
      if ("pass" in what) {
        // Periodic interrupts nobody answers stay asserted, so events stay few.
        return clock.pass(what.pass);
      }
      return what.value === undefined ? read(rtc, what.index) : write(rtc, what.index, what.value);
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 25 }), fc.array(step, { maxLength: 25 }), (before, after) => {
      const one = board(), two = board();
      for (const what of before) act(one, what);
      const saved = structuredClone(one.rtc.save());
      one.rtc.advance(one.clock.now());
      expect(one.rtc.save()).toEqual(saved);
      two.clock.time = one.clock.time;
      two.rtc.restore(saved);
      expect(two.line.level).toBe(one.line.level);
      for (const what of after) {
        expect(act(two, what)).toEqual(act(one, what));
        expect(two.line.level).toBe(one.line.level);
      }
      expect(two.rtc.save()).toEqual(one.rtc.save());
    }));
  });
});
