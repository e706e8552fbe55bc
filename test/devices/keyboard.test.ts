import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { A20Gate } from "../../src/devices/a20-gate.ts";
import { KeyboardController } from "../../src/devices/keyboard.ts";
import { set2Bytes, translateToSet1 } from "../../src/devices/scancodes.ts";
import { SystemControlA } from "../../src/devices/system-ports.ts";
import { TestLine } from "./fixture.ts";

const OBF = 0x01, CMD = 0x08, AUX = 0x20, TIMEOUT = 0x40;

class Board {
  readonly irq1 = new TestLine();
  readonly irq12 = new TestLine();
  readonly a20: boolean[] = [];
  resets = 0;
  readonly gate = new A20Gate((open) => this.a20.push(open));
  readonly controller: KeyboardController;

  constructor(mouse = false) {
    this.controller = new KeyboardController({ keyboard: this.irq1, mouse: this.irq12, a20: this.gate, reset: () => { this.resets++; } }, { mouse });
  }

  get status(): number { return this.controller.readPort(1); }
  data(value: number): void { this.controller.writePort(0, value); }
  command(value: number, ...data: number[]): void {
    this.controller.writePort(1, value);
    for (const byte of data) this.data(byte);
  }
  /** All that waits, with AUX and TIMEOUT of the status in bits 8 and 9. */
  drain(): number[] {
    const bytes: number[] = [];
    for (let status = this.status; (status & OBF) !== 0; status = this.status) {
      bytes.push(this.controller.readPort(0) | ((status & AUX) === 0 ? 0 : 0x100) | ((status & TIMEOUT) === 0 ? 0 : 0x200));
    }
    return bytes;
  }
  ask(value: number, ...data: number[]): number[] {
    this.command(value, ...data);
    return this.drain();
  }
  tell(...data: number[]): number[] {
    for (const byte of data) this.data(byte);
    return this.drain();
  }
}

describe("the controller", () => {
  it("passes Linux's i8042 probe with nothing on the auxiliary port", () => {
    const board = new Board();
    expect(board.drain()).toEqual([]); // i8042_flush
    const [control] = board.ask(0x20);
    expect(control).toBe(0x65);
    // i8042_controller_init: interrupts off, keyboard off.
    expect(board.ask(0x60, (control! | 0x10) & ~0x01)).toEqual([]);
    expect(board.ask(0x20)).toEqual([0x74]);
    expect(board.ask(0xaa)).toEqual([0x55]);
    // i8042_check_aux: the loop works, so there is an auxiliary port ...
    expect(board.ask(0xd3, 0x5a)).toEqual([0x15a]);
    expect(board.ask(0xa9)).toEqual([0x00]);
    board.command(0xa7);
    expect(board.ask(0x20)[0]! & 0x20).toBe(0x20);
    board.command(0xa8);
    expect(board.ask(0x20)[0]! & 0x20).toBe(0);
    // ... which is not multiplexed ...
    for (const byte of [0xf0, 0x56, 0xa4]) expect(board.ask(0xd3, byte)).toEqual([0x100 | byte]);
    // ... and delivers its interrupt,
    board.command(0x60, 0x46);
    board.command(0xd3, 0xa5);
    expect([board.irq12.level, board.irq1.level]).toEqual([true, false]);
    expect(board.drain()).toEqual([0x1a5]);
    expect(board.irq12.level).toBe(false);
    // but no mouse answers psmouse_probe.
    expect(board.ask(0xd4, 0xf2)).toEqual([0x3fe]);
    // The keyboard port: atkbd_probe, with the identification translated.
    board.command(0x60, 0x45);
    expect(board.tell(0xf2)).toEqual([0xfa, 0xab, 0x41]);
    expect(board.tell(0xed, 0x00)).toEqual([0xfa, 0xfa]);
    expect(board.tell(0xf3, 0x00)).toEqual([0xfa, 0xfa]);
    expect(board.tell(0xf4)).toEqual([0xfa]);
  });

  it("tells commands from data in its status, and keeps the last byte readable", () => {
    const board = new Board();
    expect(board.status).toBe(0x14);
    board.command(0xab);
    expect(board.status).toBe(0x14 | CMD | OBF);
    expect([board.controller.readPort(0), board.controller.readPort(0)]).toEqual([0, 0]);
    board.data(0xee);
    expect(board.status).toBe(0x14 | OBF);
    expect([board.drain(), board.controller.readPort(0)]).toEqual([[0xee], 0xee]);
  });

  it("has 32 bytes of RAM and answers the simple commands", () => {
    const board = new Board();
    board.command(0x7f, 0x99);
    expect(board.ask(0x3f)).toEqual([0x99]);
    expect(board.ask(0xa4)).toEqual([0xf1]);
    expect(board.ask(0xc0)).toEqual([0x80]);
    expect(board.ask(0xd2, 0x77)).toEqual([0x77]);
    expect(board.ask(0xff)).toEqual([]);
  });

  it("resets the processor by the pulse of output bit 0 and by the output port", () => {
    const board = new Board();
    for (const command of [0xf1, 0xff, 0xfd]) board.command(command);
    expect(board.resets).toBe(0);
    board.command(0xfe);
    expect(board.resets).toBe(1);
    board.command(0xd1, 0xfe);
    expect(board.resets).toBe(2);
  });

  it("opens and closes A20, which port 92h shares", () => {
    const board = new Board(), port92 = new SystemControlA(board.gate, () => { board.resets++; });
    board.command(0xd1, 0xdd);
    expect(board.ask(0xd0)).toEqual([0xcd]);
    expect(port92.readPort()).toBe(0);
    board.command(0xdf);
    expect(port92.readPort()).toBe(2);
    port92.writePort(0, 0);
    board.command(0xd1, 0xdf);
    port92.writePort(0, 0x02);
    board.command(0xdd);
    expect(board.a20).toEqual([false, true, false, true, false]);
    port92.writePort(0, 0x03);
    port92.writePort(0, 0x03);
    expect([board.resets, port92.readPort(), board.gate.open]).toEqual([1, 3, true]);
  });
});

describe("keys", () => {
  it("arrive in set 1 through translation, each with its interrupt", () => {
    const board = new Board();
    board.controller.press([0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8]);
    const bytes: number[] = [];
    while ((board.status & OBF) !== 0) {
      expect(board.irq1.level).toBe(true);
      bytes.push(board.controller.readPort(0));
    }
    expect(bytes).toEqual([0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8]);
    expect([board.irq1.rises.length, board.irq1.level]).toEqual([6, false]);
  });

  it("arrive in set 2 without it, and raw in set 1", () => {
    const board = new Board();
    board.command(0x60, 0x05);
    board.controller.press([0x1e, 0x9e]);
    expect(board.drain()).toEqual([0x1c, 0xf0, 0x1c]);
    board.controller.press([0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5]); // Pause
    expect(board.drain()).toEqual([0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77]);
    expect(board.tell(0xf0, 0x01)).toEqual([0xfa, 0xfa]);
    board.controller.press([0x1e, 0x9e]);
    expect(board.drain()).toEqual([0x1e, 0x9e]);
    expect(board.tell(0xf0, 0x00)).toEqual([0xfa, 0xfa, 0x01]);
  });

  it("survive the way to set 2 and back for every key", () => {
    for (let code = 0x01; code < 0x7f; code++) {
      if (code === 0x60 || code === 0x61) continue; // their break codes would be the prefixes E0h and E1h: no key has them
      const [make] = set2Bytes(code), [prefix, again] = set2Bytes(code | 0x80);
      expect([translateToSet1(make!, false), prefix, translateToSet1(again!, true)]).toEqual([code, 0xf0, code | 0x80]);
    }
    // A few of IBM's table: Esc, F7, F9, right Shift, keypad +, SysRq.
    expect([0x01, 0x41, 0x43, 0x36, 0x4e, 0x54].map((code) => set2Bytes(code)[0])).toEqual([0x76, 0x83, 0x01, 0x59, 0x79, 0x84]);
  });

  it("wait while the interface is off, and are lost while scanning is", () => {
    const board = new Board();
    board.command(0xad);
    board.controller.press([0x10]);
    expect([board.status & OBF, board.ask(0x20)]).toEqual([0, [0x75]]);
    board.command(0xae);
    expect(board.drain()).toEqual([0x10]);
    expect(board.tell(0xf5)).toEqual([0xfa]);
    board.controller.press([0x10]);
    expect(board.drain()).toEqual([]);
    expect(board.tell(0xf4)).toEqual([0xfa]);
    board.controller.press([0x11]);
    expect(board.drain()).toEqual([0x11]);
  });

  it("end in an overrun code where nobody reads", () => {
    const board = new Board();
    board.command(0x60, 0x04);
    board.controller.press(Array.from({ length: 40 }, () => 0x1e));
    const bytes = board.drain();
    expect(bytes.length).toBe(17); // 16 in the keyboard, one in the controller
    expect(bytes.slice(0, 16)).toEqual(Array.from({ length: 16 }, () => 0x1c));
    expect(bytes.at(-1)).toBe(0x00);
  });
});

describe("the keyboard's commands", () => {
  it("are answered as the manual says", () => {
    const board = new Board();
    board.command(0x60, 0x05);
    expect(board.tell(0xee)).toEqual([0xee]);
    expect(board.tell(0xf2)).toEqual([0xfa, 0xab, 0x83]);
    expect(board.tell(0xff)).toEqual([0xfa, 0xaa]);
    expect(board.tell(0xfe)).toEqual([0xaa]);
    expect(board.tell(0xf6)).toEqual([0xfa]);
    expect(board.tell(0xfa)).toEqual([0xfa]);
    expect(board.tell(0x12)).toEqual([0xfe]);
    expect(board.tell(0xf0, 0x03)).toEqual([0xfa, 0xfe]); // set 3 is not there
    expect(board.tell(0xed, 0x02)).toEqual([0xfa, 0xfa]);
    expect(board.controller.leds).toBe(2);
    expect(board.tell(0xed, 0xf4)).toEqual([0xfa, 0xfa]); // a command in place of the argument
    expect(board.controller.leds).toBe(2);
  });

  it("switch the interface on again", () => {
    const board = new Board();
    board.command(0xad);
    expect(board.tell(0xee)).toEqual([0xee]);
    expect(board.ask(0x20)).toEqual([0x65]);
  });

  it("are answered before waiting keys", () => {
    const board = new Board();
    board.command(0x60, 0x44);
    board.controller.press([0x10, 0x11, 0x12]);
    board.data(0xee);
    expect(board.drain()).toEqual([0x10, 0xee, 0x11, 0x12]);
  });
});

describe("a mouse", () => {
  it("answers psmouse's probe and reports movement on IRQ 12", () => {
    const board = new Board(true);
    const mouse = (...bytes: number[]): number[] => bytes.flatMap((byte) => board.ask(0xd4, byte));
    board.command(0x60, 0x47);
    expect(mouse(0xf2)).toEqual([0x1fa, 0x100]);
    expect(mouse(0xff)).toEqual([0x1fa, 0x1aa, 0x100]);
    expect(mouse(0xe8, 0x03, 0xf3, 0x28)).toEqual([0x1fa, 0x1fa, 0x1fa, 0x1fa]);
    expect(mouse(0xe9)).toEqual([0x1fa, 0x100, 0x103, 0x128]);
    board.controller.moveMouse(1, 1, 1);
    expect(board.drain()).toEqual([]); // not reporting yet
    expect(mouse(0xf4)).toEqual([0x1fa]);
    board.irq12.rises.length = 0;
    board.controller.moveMouse(4, -3, 5);
    expect(board.drain()).toEqual([0x12d, 0x105, 0x1fe]);
    expect([board.irq12.rises.length, board.irq1.level]).toEqual([3, false]);
    board.controller.moveMouse(1000, -1000, 0);
    expect(board.drain()).toEqual([0x1e8, 0x1ff, 0x100]);
    expect(mouse(0xeb)).toEqual([0x1fa, 0x108, 0x100, 0x100]);
    expect(mouse(0x00)).toEqual([0x1fc]);
    expect(mouse(0xee, 0x42, 0xec)).toEqual([0x1fa, 0x142, 0x1fa]);
  });
});

describe("a snapshot", () => {
  it("goes on alike, whatever was done before", () => {
    type Step = { press: number } | { offset: number; value?: number } | { move: number };
    const byte = fc.integer({ min: 0, max: 255 }), offset = fc.constantFrom(0, 1);
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.record({ press: byte }), fc.record({ offset }), fc.record({ offset, value: byte }), fc.record({ move: fc.integer({ min: -300, max: 300 }) }),
    );
    const act = ({ controller }: Board, what: Step): unknown => {
      if ("press" in what) return controller.press([what.press]);
      if ("move" in what) return controller.moveMouse(what.move, -what.move, 1);
      return what.value === undefined ? controller.readPort(what.offset) : controller.writePort(what.offset, what.value);
    };
    fc.assert(fc.property(fc.boolean(), fc.array(step, { maxLength: 40 }), fc.array(step, { maxLength: 40 }), (mouse, before, after) => {
      const one = new Board(mouse), two = new Board(mouse);
      for (const what of before) act(one, what);
      two.controller.restore(structuredClone(one.controller.save()));
      two.gate.restore(one.gate.save());
      for (const what of after) {
        expect(act(two, what)).toEqual(act(one, what));
        expect([two.irq1.level, two.irq12.level]).toEqual([one.irq1.level, one.irq12.level]);
      }
      expect(two.controller.save()).toEqual(one.controller.save());
      one.controller.reset();
      expect(one.controller.save()).toEqual(new Board(mouse).controller.save());
    }));
  });
});
