/** Guests that treat devices as no driver would: every port, every value, extreme rates. */
import { describe, expect, it } from "vitest";
import type { Assembler } from "./assembler.ts";
import { dword } from "./assembler.ts";
import { DATA, EAX, ECX, EDI, EDX, ESI, ORIGIN, STACK, chance, escapeHere, programPics, survives } from "./shelter.ts";

/** mov edx, ebx; and edx, FFFFh */
const portFromEbx = [0x89, 0xda, 0x81, 0xe2, 0xff, 0xff, 0, 0];
/** in and out of all three sizes at DX */
const IN = [[0xec], [0x66, 0xed], [0xed]], OUT = [[0xee], [0x66, 0xef], [0xef]];

/** One pass over all ports, and again. */
function everyPort(a: Assembler, accesses: readonly number[][]): void {
  escapeHere(a).label("again");
  chance(a).bytes(...portFromEbx, 0x81, 0xc3, 0x2f, 0, 0, 0); // add ebx, 2Fh: in another order, all of them in the end
  for (const access of accesses) a.bytes(...access);
  a.jump("again");
}

/** Random values to a few ports, interrupts on. */
function nonsense(a: Assembler, ports: readonly number[], { reads = true, interrupts = true } = {}): void {
  programPics(a);
  escapeHere(a);
  if (interrupts) a.bytes(0xfb);
  a.label("again");
  for (const port of ports) {
    chance(a).set(EDX, port).bytes(0xee);
    if (reads) a.bytes(0xec);
  }
  a.jump("again");
}

describe("ports", () => {
  it("are all read, in all sizes", () => { survives((a) => everyPort(a, IN), { budget: 700_000 }); });
  it("are all written, in all sizes", () => { survives((a) => everyPort(a, OUT), { budget: 700_000 }); });
  it("are all read and written, with interrupts coming when they like", () => {
    survives((a) => { programPics(a); everyPort(a, [[0xfb], ...IN, ...OUT]); }, { budget: 500_000 });
  });

  it("are strings' sources and destinations", () => {
    survives((a) => {
      escapeHere(a).label("again");
      chance(a).bytes(...portFromEbx, 0x81, 0xc3, 0x35, 0, 0, 0).set(ESI, DATA).set(EDI, DATA + 0xffe).set(ECX, 700).bytes(0xf3, 0x6f).set(ECX, 700).bytes(0xf3, 0x6d);
      a.jump("again");
    }, { budget: 60_000 });
  });

  it("endless serial output leaves nothing behind in the host", () => {
    let bytes = 0;
    survives((a) => { escapeHere(a).set(EDX, 0x3f8).label("again").bytes(0x40, 0xee).jump("again"); }, {
      budget: 1_500_000, prepare: (machine) => { machine.onSerial = () => { bytes++; }; },
    });
    expect(bytes).toBeGreaterThan(800_000);
  });
});

describe("nonsense is survived by", () => {
  it.each<readonly [string, readonly number[]]>([
    ["the PICs", [0x20, 0x21, 0xa0, 0xa1]],
    ["the PICs with every trigger mode", [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1]],
    ["the timer", [0x40, 0x41, 0x42, 0x43]],
    ["the timer and the speaker's gate", [0x43, 0x42, 0x61, 0x43, 0x40]],
    ["the clock", [0x70, 0x71]],
    ["the keyboard controller and the A20 gate", [0x60, 0x64]],
    ["the serial port", [0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff]],
    ["the display", [0x3c0, 0x3c4, 0x3c5, 0x3ce, 0x3cf, 0x3d4, 0x3d5]],
    ["the PCI configuration ports", [0xcf8, 0xcf9, 0xcfa, 0xcfb, 0xcfc, 0xcfe]],
    ["system control", [0x92, 0x61, 0x80, 0x604, 0x605]],
  ])("%s", (_, ports) => { survives((a) => nonsense(a, ports), { budget: 250_000 }); });

  it("the PCI data port at every register", () => {
    survives((a) => {
      escapeHere(a).label("again").set(EDX, 0xcf8);
      chance(a).with32([0x25], 0x00ffffff).with32([0x0d], 0x80000000).bytes(0xef, 0xb2, 0xfc, 0xed, 0xef); // and, or eax; out dx, eax; mov dl, FCh; in, out
      a.jump("again");
    }, { budget: 200_000 });
  });
});

describe("extreme rates", () => {
  const rate = (a: Assembler, mode: number, divisor: number): void => {
    programPics(a).out(0x43, 0x30 | mode << 1).out(0x40, divisor & 255).out(0x40, divisor >> 8);
  };
  it.each([[2, 1], [2, 2], [3, 1], [3, 2], [3, 3], [0, 1], [4, 1], [2, 0]])("of the timer: mode %i, count %i", (mode, divisor) => {
    survives((a) => { rate(a, mode, divisor); escapeHere(a).bytes(0xfb).label("again").set(ECX, 100).bytes(0xe2, 0xfe).jump("again"); }, { budget: 150_000 });
  });

  it("of the timer, reprogrammed all the time", () => {
    survives((a) => {
      programPics(a);
      escapeHere(a).bytes(0xfb).label("again");
      chance(a).bytes(0x24, 0x3e, 0xe6, 0x43); // and al, 3Eh; out 43h, al
      chance(a).bytes(0x24, 3, 0xe6, 0x40, 0xe6, 0x40).set(ECX, 20).bytes(0xe2, 0xfe).jump("again");
    }, { budget: 300_000 });
  });

  it("of the clock: periodic, update-ended and alarm interrupts at once", () => {
    survives((a) => {
      programPics(a);
      for (const [register, value] of [[0x0a, 0x23], [0x0b, 0x72], [1, 0xff], [3, 0xff], [5, 0xff]] as const) a.out(0x70, register).out(0x71, value);
      escapeHere(a).out(0x70, 0x0c).bytes(0xe4, 0x71, 0xfb).label("again").set(ECX, 1000).bytes(0xe2, 0xfe).jump("again");
    }, { budget: 1_000_000 });
  });

  it("of HLT against a timer that nobody hears", () => {
    const pair = survives((a) => { programPics(a).out(0x43, 0x34).out(0x40, 2).out(0x40, 0).out(0x21, 0xff).bytes(0xfb, 0xf4); }, { budget: 1000, every: 1000, ends: ["asleep", "idle"] });
    expect(pair.interpreted.halted).toBe(true);
  });
});

describe("HLT", () => {
  const halts = [[0xf4], [0xfa, 0xf4], [0xfb, 0xf4], [0xfb, 0x90, 0xf4], [0x9c, 0x80, 0x4c, 0x24, 1, 2, 0x9d, 0xf4], [0x9c, 0x80, 0x4c, 0x24, 1, 3, 0x9d, 0xf4], [0x16, 0x17, 0xf4]];
  it.each(halts.map((bytes) => [bytes.map((byte) => byte.toString(16)).join(" "), bytes] as const))("after %s", (_, bytes) => {
    survives((a) => {
      programPics(a).out(0x43, 0x34).out(0x40, 100).out(0x40, 0);
      escapeHere(a).bytes(...bytes).jump("end").label("end").bytes(0x40).set(EDX, STACK - 64).bytes(0xf4).set(EAX, ORIGIN).bytes(0xff, 0xe0);
    }, { budget: 30_000, ends: ["halted", "idle", "asleep"] });
  });

  it("in an endless loop of timer interrupts", () => {
    survives((a) => {
      programPics(a).out(0x43, 0x34).out(0x40, 20).out(0x40, 0);
      escapeHere(a).bytes(0xff, 0x05, ...dword(DATA), 0xfb).label("again").bytes(0xf4).jump("again");
    }, { budget: 100_000 });
  });
});

it("video memory takes all sizes at all places, and runs as code", () => {
  survives((a) => {
    a.bytes(0x0f, 0x20, 0xc0, 0x83, 0xc8, 0x20, 0x0f, 0x22, 0xc0); // CR0.NE: x87 errors fault, as no interrupt would end the wait for IRQ 13
    escapeHere(a).label("again");
    chance(a).bytes(0x89, 0xc3).with32([0x81, 0xe3], 0x1ffff).with32([0x81, 0xc3], 0xa0000); // mov ebx, eax; and ebx, 1FFFFh; add ebx, A0000h
    a.bytes(0x89, 0x03, 0x66, 0x89, 0x43, 1, 0x88, 0x43, 3, 0x01, 0x03, 0x87, 0x03, 0x8b, 0x0b, 0x8a, 0x0b, 0xd8, 0x03, 0xd9, 0x1b);
    a.bytes(0xa9).bytes(...dword(15)).short([0x75], "again").bytes(0xff, 0xe3).jump("again"); // now and then: jmp ebx
  }, { budget: 200_000 });
});

