/** HACKING.md, "Add a device": the device by itself, then on a board, with a guest that uses it. */
import { describe, expect, it } from "vitest";
import { PortBus } from "../../src/bus.ts";
import { createBoard } from "../../src/board.ts";
import { Machine, type Board, type BoardHooks, type BoardOptions } from "../../src/machine.ts";
import { Vcpu } from "../../runtime/vcpu.ts";
import { TestClock, TestLine } from "../devices/fixture.ts";
import { Countdown } from "./countdown.ts";

describe("the countdown", () => {
  it("counts down, then raises its line", () => {
    const clock = new TestClock(), line = new TestLine(clock), device = clock.drive(new Countdown(clock, line));
    device.writePort(0, 5);
    clock.pass(1500);
    expect([device.readPort(), line.level]).toEqual([4, false]);
    clock.pass(10_000);
    expect([device.readPort(), line.rises]).toEqual([0, [5000]]);
  });

  it("goes on where a snapshot was taken", () => {
    const clock = new TestClock(), line = new TestLine(clock), first = new Countdown(clock, line);
    first.writePort(0, 7);
    const second = clock.drive(new Countdown(clock, line));
    second.restore(structuredClone(first.save()));
    clock.pass(7000);
    expect(line.rises).toEqual([7000]);
  });
});

const PORT = 0x300;

/** The PC's board with the countdown on it: what a line each in src/board.ts does. */
function boardWithCountdown(hooks: BoardHooks, options: BoardOptions): Board {
  const board = createBoard(hooks, options), device = new Countdown(hooks.clock, { set: () => {} });
  if (!(board.ports instanceof PortBus)) throw new Error("the board's ports are no bus");
  board.ports.attach(PORT, 1, device);
  return {
    ...board,
    nextEvent: () => Math.min(board.nextEvent(), device.nextEvent()),
    advance: (now) => { board.advance(now); device.advance(now); },
    save: () => ({ board: board.save(), countdown: device.save() }),
    restore: (state) => {
      const saved = state as { board: unknown; countdown: ReturnType<Countdown["save"]> };
      board.restore(saved.board);
      device.restore(saved.countdown);
    },
  };
}

describe.each(["translate", "interpret"] as const)("a guest (%s)", (engine) => {
  it("waits for it, for as many instructions as the time says", () => {
    const machine = new Machine({ engine, memory: 1 << 20 }, { createVcpu: (parts) => new Vcpu({ ...parts, verifyCode: undefined }), createBoard: boardWithCountdown });
    // mov edx, 300h; mov al, 100; out dx, al; again: in al, dx; test al, al; jnz again; cli; hlt
    const code = [0xba, 0x00, 0x03, 0x00, 0x00, 0xb0, 100, 0xee, 0xec, 0x84, 0xc0, 0x75, 0xfb, 0xfa, 0xf4];
    machine.boot({ kernel: { name: "countdown", bytes: Uint8Array.from(code) }, loadAt: 0x10000, bits: 32 });
    expect(machine.run()).toEqual({ reason: "halted" });
    // The OUT is instruction 3, at time 2: the event comes at 100,002. The first IN after it is at time 3 + 3k.
    expect(machine.instructions).toBe(3 + 3 * Math.ceil((100_002 - 3) / 3) + 3 + 2);
  });
});
