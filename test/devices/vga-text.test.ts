import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { glyph } from "../../src/devices/code-page-437.ts";
import { VgaText, textScreen } from "../../src/devices/vga-text.ts";
import { TestClock } from "./fixture.ts";

function board(): { clock: TestClock; vga: VgaText; in: (port: number) => number; out: (port: number, value: number) => void } {
  const clock = new TestClock(), vga = new VgaText(clock);
  return { clock, vga, in: (port) => vga.readPort(port - 0x3b0), out: (port, value) => vga.writePort(port - 0x3b0, value) };
}
function memoryWith(text: string, cell = 0): Uint8Array {
  const memory = new Uint8Array(0xc0000);
  for (let k = 0; k < text.length; k++) memory[0xb8000 + 2 * (cell + k)] = text.charCodeAt(k);
  return memory;
}

describe("the screen", () => {
  it("is 25 rows of 80 characters of code page 437", () => {
    const memory = memoryWith("Hello");
    memory.set([0xe1, 7, 0xb0, 7, 0x01, 7, 0xff, 7, 0xdb, 7], 0xb8000 + 2 * 80 * 24 + 2 * 75);
    const rows = textScreen(memory);
    expect([rows.length, new Set(rows.map((row) => row.length))]).toEqual([25, new Set([80])]);
    expect(rows[0]!.trimEnd()).toBe("Hello");
    expect(rows[24]!.trimStart()).toBe("ß░☺\u00a0█");
  });

  it("has ASCII where ASCII is, and 256 different looks but for the blanks", () => {
    for (let code = 0x20; code < 0x7f; code++) expect(glyph(code)).toBe(String.fromCharCode(code));
    expect(new Set(Array.from({ length: 256 }, (_code, code) => glyph(code))).size).toBe(255);
    expect([0x80, 0x9c, 0xc9, 0xe3, 0xf1].map(glyph).join("")).toBe("Ç£╔π±");
  });

  it("follows the start address, with which vgacon scrolls, and wraps in 32 KiB", () => {
    const { vga, out } = board();
    out(0x3d4, 0x0c);
    out(0x3d5, 0x3f);
    out(0x3d4, 0x0d);
    out(0x3d5, 0xb0); // 16304 cells: 80 before the end
    const memory = memoryWith("second");
    memory[0xb8000 + 2 * 0x3fb0] = 0x31;
    const rows = vga.screen(memory);
    expect([rows[0]![0], rows[1]!.trimEnd()]).toEqual(["1", "second"]);
  });

  it("has a cursor", () => {
    const { vga, out } = board();
    expect(vga.cursor).toEqual({ row: 0, column: 0 });
    const position = 3 * 80 + 7;
    out(0x3d4, 0x0e);
    out(0x3d5, position >> 8);
    out(0x3d4, 0x0f);
    out(0x3d5, position & 255);
    expect(vga.cursor).toEqual({ row: 3, column: 7 });
    out(0x3d4, 0x0a);
    out(0x3d5, 0x20);
    expect(vga.cursor).toBeUndefined();
  });
});

describe("registers", () => {
  it("keeps what Linux's vgacon_startup and vgacon_set_cursor_size do", () => {
    const { in: inb, out: outb } = board();
    for (let colour = 0; colour < 16; colour++) {
      inb(0x3da);
      outb(0x3c0, colour);
      outb(0x3c0, colour);
    }
    outb(0x3c0, 0x20);
    for (let colour = 0; colour < 16; colour++) {
      outb(0x3c8, colour);
      for (const part of [colour, 0x2a, 0xff]) outb(0x3c9, part);
    }
    outb(0x3c7, 5);
    expect([inb(0x3c7), inb(0x3c9), inb(0x3c9), inb(0x3c9), inb(0x3c9)]).toEqual([3, 5, 0x2a, 0x3f, 6]);
    inb(0x3da);
    outb(0x3c0, 0x0c);
    expect(inb(0x3c1)).toBe(0x0c);
    outb(0x3d4, 0x0a);
    expect(inb(0x3d5)).toBe(0x0d);
    outb(0x3d5, (inb(0x3d5) & 0xc0) | 0x06);
    expect([inb(0x3d4), inb(0x3d5)]).toEqual([0x0a, 0x06]);
  });

  it("has the attribute flip-flop, and a palette that is closed while the video is on", () => {
    const { in: inb, out: outb } = board();
    inb(0x3da);
    outb(0x3c0, 0x21);
    outb(0x3c0, 0x3f); // closed
    outb(0x3c0, 0x01);
    expect(inb(0x3c1)).toBe(0x01);
    outb(0x3c0, 0x3f);
    expect([inb(0x3c0), inb(0x3c1)]).toEqual([0x01, 0x3f]);
    outb(0x3c0, 0x10); // an index ...
    inb(0x3da);
    outb(0x3c0, 0x02); // ... and again an index
    expect(inb(0x3c1)).toBe(0x02);
  });

  it("protects the CRT controller's timing, but for the line compare bit", () => {
    const { in: inb, out: outb } = board();
    const crtc = (index: number, value: number): number => {
      outb(0x3d4, index);
      outb(0x3d5, value);
      return inb(0x3d5);
    };
    expect([crtc(0x00, 0x11), crtc(0x07, 0x00)]).toEqual([0x5f, 0x0f]);
    crtc(0x11, 0x0e);
    expect([crtc(0x00, 0x11), crtc(0x07, 0x00), crtc(0x30, 5)]).toEqual([0x11, 0x00, 0]);
  });

  it("answers at 3Bxh in place of 3Dxh where the output register says monochrome", () => {
    const { in: inb, out: outb } = board();
    expect([inb(0x3cc), inb(0x3b5), inb(0x3ba)]).toEqual([0x67, 0xff, 0xff]);
    outb(0x3c2, 0x66);
    outb(0x3b4, 0x0a);
    expect([inb(0x3b5), inb(0x3d5), inb(0x3da)]).toEqual([0x0d, 0xff, 0xff]);
    expect(inb(0x3ba) & 0xf6).toBe(0);
  });

  it("has sequencer and graphics registers of mode 3", () => {
    const { in: inb, out: outb } = board();
    const indexed = (port: number, count: number): number[] => Array.from({ length: count }, (_register, index) => {
      outb(port, index);
      return inb(port + 1);
    });
    expect(indexed(0x3c4, 5)).toEqual([3, 0, 3, 0, 2]);
    expect(indexed(0x3ce, 9)).toEqual([0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff]);
    outb(0x3ce, 4);
    outb(0x3cf, 2);
    expect([inb(0x3ce), inb(0x3cf), inb(0x3c6)]).toEqual([4, 2, 0xff]);
  });

  it("retraces 70 times a second, and blanks around it", () => {
    const { clock, in: inb } = board();
    let retraces = 0, blanks = 0, last = 0;
    for (let k = 0; k < 100_000; k++) {
      clock.pass(10_000);
      const status = inb(0x3da);
      if ((status & ~last & 0x08) !== 0) retraces++;
      if ((status & 0x08) !== 0) expect(status & 0x01).toBe(0x01);
      if ((status & 0x01) !== 0) blanks++;
      last = status;
    }
    expect(retraces).toBe(70);
    expect(blanks / 100_000).toBeCloseTo(1 - (400 / 449) * 0.8, 1);
  });
});

describe("a snapshot", () => {
  it("restores every register, whatever was written", () => {
    const write = fc.tuple(fc.integer({ min: 0, max: 47 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(fc.property(fc.array(write, { maxLength: 60 }), fc.array(fc.nat({ max: 47 }), { maxLength: 20 }), (writes, reads) => {
      const one = board(), two = board();
      for (const [offset, value] of writes) one.vga.writePort(offset, value);
      two.vga.restore(structuredClone(one.vga.save()));
      for (const offset of reads) expect(two.vga.readPort(offset)).toBe(one.vga.readPort(offset));
      expect(two.vga.save()).toEqual(one.vga.save());
      one.vga.reset();
      expect(one.vga.save()).toEqual(board().vga.save());
    }));
  });
});
