/** x87 errors with CR0.NE = 0: FERR# through IRQ 13, IGNNE# through port F0h (SDM volume 1, appendix D). */
import { describe, expect, it } from "vitest";
import type { Machine } from "../../src/machine.ts";
import { CoprocessorError } from "../../src/devices/coprocessor-error.ts";
import { TestLine } from "../devices/fixture.ts";
import { Assembler, dword } from "../hostile/assembler.ts";
import { DATA, ECX, programPics, survives } from "../hostile/shelter.ts";

const IDT = 0x2000, CODE_SELECTOR = 0x10, VECTOR = 0x2d;
const COUNT = DATA, FROM = DATA + 4, STATUS = DATA + 8, CONTROL = DATA + 12, PASSED = DATA + 16;
const ZE_UNMASKED = 0x037b, STATUS_ES_ZE = 0x84, TURNS = 50;
const FNINIT = [0xdb, 0xe3], FNCLEX = [0xdb, 0xe2], FLD1 = [0xd9, 0xe8], FLDZ = [0xd9, 0xee], FDIVP = [0xde, 0xf9], FWAIT = [0x9b], STI = 0xfb, CLI = 0xfa, IRET = 0xcf;
/** fnstsw [STATUS] */
const STORE_STATUS = [0xdd, 0x3d, ...dword(STATUS)];

/** Counts, notes where it came from and the status word, takes the request back, and clears the error where it is told to. */
function interruptHandler(a: Assembler, clears: boolean): void {
  a.label("handler").bytes(0x50, 0xff, 0x05, ...dword(COUNT), 0x8b, 0x44, 0x24, 4, 0xa3, ...dword(FROM), ...STORE_STATUS);
  a.out(0xf0, 0);
  if (clears) a.bytes(...FNCLEX);
  a.out(0xa0, 0x20).out(0x20, 0x20).bytes(0x58, IRET);
}

/** The PICs, CR0.NE = 0, an FPU with ZE unmasked, and the handler in the IDT. */
function prologue(a: Assembler, clears: boolean): void {
  a.jump("start");
  interruptHandler(a, clears);
  const handler = a.at("handler");
  a.label("start");
  programPics(a);
  a.out(0x21, 0xfb).out(0xa1, 0xdf); // the slave and IRQ 13 alone
  a.store(IDT + 8 * VECTOR, CODE_SELECTOR << 16 | handler & 0xffff).store(IDT + 8 * VECTOR + 4, handler & ~0xffff | 0x8e00);
  a.bytes(0x0f, 0x20, 0xc0, 0x83, 0xe0, ~0x20, 0x0f, 0x22, 0xc0); // mov eax, cr0; and eax, ~NE; mov cr0, eax
  a.store(CONTROL, ZE_UNMASKED).bytes(...FNINIT, 0xd9, 0x2d, ...dword(CONTROL));
}

const word = (machine: Machine, address: number): number => machine.memory.ram32[address >>> 2]!;

describe("x87 errors with CR0.NE = 0", () => {
  it("interrupt at the next waiting instruction, once each; it is executed after FNCLEX", () => {
    let waiting = 0;
    const pair = survives((a) => {
      prologue(a, true);
      a.bytes(STI).set(ECX, TURNS).label("again").bytes(...FNINIT, 0xd9, 0x2d, ...dword(CONTROL), ...FLD1, ...FLDZ, ...FDIVP, 0x90);
      waiting = a.here;
      a.bytes(...FLD1, 0xff, 0x05, ...dword(PASSED)).short([0xe2], "again").bytes(CLI, 0xf4);
    }, { budget: 100_000, ends: ["halted"] });
    for (const machine of [pair.translated, pair.interpreted]) {
      expect([word(machine, COUNT), word(machine, PASSED), word(machine, FROM), word(machine, STATUS) & STATUS_ES_ZE]).toEqual([TURNS, TURNS, waiting, STATUS_ES_ZE]);
    }
  });

  it("go on while IGNNE# is active, and interrupt again with the next error", () => {
    const pair = survives((a) => {
      prologue(a, false);
      a.bytes(STI).set(ECX, TURNS).label("again").bytes(...FNINIT, 0xd9, 0x2d, ...dword(CONTROL), ...FLD1, ...FLDZ, ...FDIVP);
      a.bytes(...FWAIT, ...FLD1, ...FLD1, 0xff, 0x05, ...dword(PASSED), ...FNCLEX).short([0xe2], "again").bytes(CLI, 0xf4);
    }, { budget: 100_000, ends: ["halted"] });
    for (const machine of [pair.translated, pair.interpreted]) expect([word(machine, COUNT), word(machine, PASSED)]).toEqual([TURNS, TURNS]);
  });

  it("stop the processor for good where interrupts are off", () => {
    let waiting = 0;
    const pair = survives((a) => {
      prologue(a, true);
      a.bytes(CLI, ...FLD1, ...FLDZ, ...FDIVP);
      waiting = a.here;
      a.bytes(...FLD1, 0xff, 0x05, ...dword(PASSED), 0xf4);
    }, { budget: 100_000, ends: ["halted"] });
    expect([pair.translated.cpu.eip, word(pair.translated, PASSED), word(pair.translated, COUNT)]).toEqual([waiting, 0, 0]);
  });
});

describe("port F0h", () => {
  it("takes the request back, and ignores the error that there is until it is gone", () => {
    const line = new TestLine(), device = new CoprocessorError(line);
    device.writePort();
    expect(device.assert()).toBe(false); // nothing was there to be ignored
    expect(line.level).toBe(true);
    device.writePort();
    expect([line.level, device.assert()]).toEqual([false, true]);
    const saved = device.save();
    device.negate();
    expect(device.assert()).toBe(false);
    expect([line.level, line.rises.length]).toEqual([true, 2]);
    device.restore(saved);
    expect([line.level, device.assert()]).toEqual([false, true]);
  });
});
