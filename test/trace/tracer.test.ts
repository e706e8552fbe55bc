/** A trace tells what happened, of any part of a run, and changes nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Machine } from "../../src/machine.ts";
import { createMachine } from "../../src/pc.ts";
import { ownSymbols } from "../../src/symbols.ts";
import { QemuFormat } from "../../src/trace/qemu-format.ts";
import { BlockFormat, InstructionFormat } from "../../src/trace/text-format.ts";
import { Tracer, type TraceFormat, type TraceSelection } from "../../src/trace/tracer.ts";

const DEMO = { name: "demo.elf", bytes: readFileSync(join(import.meta.dirname, "../guests/demo/demo.elf")) };
const EVERYTHING: TraceSelection = { from: 0, to: Infinity, ranges: [], ring: undefined };
const symbols = ownSymbols(DEMO);

function demo(): Machine {
  const machine = createMachine({ memory: 32 << 20 });
  machine.boot({ kernel: DEMO, commandLine: "quick" });
  return machine;
}

function flat(...code: number[]): Machine {
  const machine = createMachine({ memory: 2 << 20 });
  machine.boot({ kernel: { name: "flat", bytes: Uint8Array.from(code) }, loadAt: 0x100000 });
  return machine;
}

const instructions = (machine: Machine): TraceFormat => new InstructionFormat(machine, { symbols: undefined, registers: false });

function trace(machine: Machine, format: (machine: Machine) => TraceFormat, selection: Partial<TraceSelection>, most: number): string[] {
  let text = "";
  const tracer = new Tracer(machine, format(machine), { ...EVERYTHING, ...selection }, (part) => { text += part; });
  for (;;) {
    const before = machine.instructions, exit = tracer.run({ maxInstructions: most - before });
    if (exit.reason !== "budget" || machine.instructions >= most) break;
  }
  tracer.flush();
  return text.split("\n").slice(0, -1);
}

const countOf = (line: string): number => Number(line.slice(0, 12));
const isDelivery = (line: string): boolean => line.includes(" -> ");

describe("lines of instructions", () => {
  it("tell count, ring, place, bytes, text and changes", () => {
    const machine = flat(0xb8, 5, 0, 0, 0, 0x48, 0x75, 0xfd, 0xfa, 0xf4);
    expect(trace(machine, instructions, { to: 4 }, 4)).toEqual([
      "           0 0 0010:00100000  b8 05 00 00 00          mov eax, 5                               eax=00000005",
      "           1 0 0010:00100005  48                      dec eax                                  eax=00000004",
      "           2 0 0010:00100006  75 fd                   jne 0x100005",
      "           3 0 0010:00100005  48                      dec eax                                  eax=00000003 efl=00000006",
    ]);
  });

  it("number all instructions of a run without a gap, and the run stays what it is", () => {
    const most = 120_000, traced = demo(), plain = demo();
    const lines = trace(traced, instructions, {}, most);
    plain.run({ maxInstructions: most });
    expect(traced.stateHash(true)).toBe(plain.stateHash(true));
    expect(lines.filter((line) => !isDelivery(line)).map(countOf)).toEqual(Array.from({ length: most }, (_, k) => k));
    expect(lines.filter(isDelivery).length).toBe((plain.vcpu.stats as { faults: number }).faults + (plain.vcpu.stats as { interrupts: number }).interrupts);
  });

  it("of a part of a run are those of the whole run", () => {
    const whole = trace(demo(), instructions, { to: 60_000 }, 60_000), part = trace(demo(), instructions, { from: 50_000, to: 60_000 }, 60_000);
    expect(part).toEqual(whole.filter((line) => countOf(line) >= 50_000));
  });

  it("of a symbol or a ring are those of the whole run that lie there", () => {
    const named = (machine: Machine): TraceFormat => new InstructionFormat(machine, { symbols, registers: true });
    const whole = trace(demo(), named, {}, 120_000), user = trace(demo(), named, { ring: 3 }, 120_000);
    const inRing = (line: string): boolean => line[13] === "3" || / -> ring 3 /.test(line);
    expect(user.length).toBeGreaterThan(100);
    expect(user).toEqual(whole.filter(inRing));
    const range = symbols.rangeOf("print")!, inside = trace(demo(), named, { ranges: [range] }, 120_000);
    expect(inside.length).toBeGreaterThan(100);
    expect(inside.filter((line) => !isDelivery(line))).toEqual(whole.filter((line) => / <print(\+\w+)?> /.test(line) && !isDelivery(line)));
  });

  it("show a REP instruction once a stretch", () => {
    // mov edi, 0x101ff8; mov ecx, 8; rep stosd: ends on the next page.
    const lines = trace(flat(0xbf, 0xf8, 0x1f, 0x10, 0, 0xb9, 8, 0, 0, 0, 0xf3, 0xab, 0xf4), instructions, {}, 5);
    expect(lines.filter((line) => line.includes("rep stosd")).map((line) => line.slice(line.indexOf("ecx=")))).toEqual(["ecx=00000006 edi=00102000", "ecx=00000000 edi=00102018"]);
  });
});

describe("deliveries", () => {
  it("of exceptions tell the instruction, vector, error code and where to", () => {
    const lines = trace(demo(), (machine) => new InstructionFormat(machine, { symbols, registers: false }), {}, 120_000).filter(isDelivery);
    expect(lines.find((line) => line.includes("#DE"))).toMatch(/ f7 f1 +div ecx +exception 0x0 #DE -> ring 0 0008:[0-9a-f]{8} <\S+> esp=/);
    expect(lines.find((line) => line.includes("#GP"))).toMatch(/exception 0xd #GP error [0-9a-f]{4} -> ring 0/);
  });

  it("of interrupts come between two instructions, with the time", () => {
    // Real mode, vector 8 to 0:7E00h; the timer's channel 0 with count 100h; sti; jmp $
    const code = [0xc7, 6, 0x20, 0, 0, 0x7e, 0xc7, 6, 0x22, 0, 0, 0, 0xb0, 0x34, 0xe6, 0x43, 0x30, 0xc0, 0xe6, 0x40, 0xb0, 1, 0xe6, 0x40, 0xb0, 0x11, 0xe6, 0x20, 0xb0, 8, 0xe6, 0x21,
      0xb0, 4, 0xe6, 0x21, 0xb0, 1, 0xe6, 0x21, 0xb0, 0, 0xe6, 0x21, 0xfb, 0xf4, 0xeb, 0xfd];
    const machine = createMachine({ memory: 2 << 20 });
    machine.boot({ kernel: { name: "flat", bytes: Uint8Array.from(code) }, loadAt: 0x7c00, bits: 16 });
    const lines = trace(machine, instructions, {}, 30), at = lines.findIndex(isDelivery);
    expect(lines[at - 1]).toMatch(/ f4 +hlt/);
    expect(lines[at]).toMatch(/^ +\d+ 0 0000:00007c2e +interrupt 0x8 at \d{5,} ns -> ring 0 0000:00007e00 esp=00007bfa efl=/);
    expect(lines[at + 1]).toMatch(/ 0 0000:00007e00 /);
    expect(countOf(lines[at]!)).toBe(countOf(lines[at + 1]!));
  });

  it("that end in shutdown have no target", () => {
    // lidt [0x100010], a table without entries; ud2
    const lines = trace(flat(0x0f, 0x01, 0x1d, 0x10, 0, 0x10, 0, 0x0f, 0x0b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), instructions, {}, 10);
    expect(lines.at(-1)).toMatch(/ 0f 0b +ud2 +exception 0x6 #UD -> not delivered$/);
  });
});

describe("lines of blocks", () => {
  const blocks = (machine: Machine): TraceFormat => new BlockFormat(machine, { symbols: undefined, registers: false });

  it("count all instructions once", () => {
    const lines = trace(demo(), blocks, {}, 100_000), blocksOnly = lines.filter((line) => !isDelivery(line));
    let next = 0;
    for (const line of blocksOnly) {
      expect(countOf(line)).toBe(next);
      next += Number(line.slice(28, 33));
    }
    expect(next).toBe(100_000);
    expect(blocksOnly.length).toBeLessThan(50_000);
  });
});

it("QEMU's format has the state before each instruction", () => {
  const machine = flat(0xb8, 5, 0, 0, 0, 0x40, 0xf4), lines = trace(machine, (m) => new QemuFormat(m), {}, 2);
  expect(lines.filter((line) => line.startsWith("EAX="))).toEqual(["EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000000", "EAX=00000005 EBX=00000000 ECX=00000000 EDX=00000000"]);
  expect(lines[2]).toBe("EIP=00100000 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0");
  expect(lines[4]).toBe("CS =0010 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]");
  expect(lines).toHaveLength(36);
});
