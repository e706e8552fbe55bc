/** The whole PC with its own demonstration guest: both engines, snapshots, replays. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Vcpu } from "../../runtime/vcpu.ts";
import { createBoard } from "../../src/board.ts";
import { Machine, type MachineOptions } from "../../src/machine.ts";
import { createMachine } from "../../src/pc.ts";
import { checkCode, CodeRefused } from "../../translator/translate.ts";
import { CLI_HLT, echo, out8, print, spin } from "../images/code.ts";

const demo = { name: "demo.elf", bytes: readFileSync(join(import.meta.dirname, "../guests/demo/demo.elf")) };
const PART = 3_000_000;

function demoMachine(options: MachineOptions = {}): Machine {
  const machine = createMachine({ memory: 32 << 20, ...options });
  machine.boot({ kernel: demo });
  return machine;
}

function flatMachine(code: readonly number[], options: MachineOptions = {}): { machine: Machine; output: () => string } {
  const machine = createMachine({ memory: 2 << 20, ...options }), sent: number[] = [];
  machine.onSerial = (byte) => sent.push(byte);
  machine.boot({ kernel: { name: "code", bytes: Uint8Array.from(code) }, loadAt: 0x100000 });
  return { machine, output: () => String.fromCharCode(...sent) };
}

describe("the PC", () => {
  it("is in the same state in both engines, after any number of instructions", () => {
    const machines = (["translate", "interpret"] as const).map((engine) => demoMachine({ engine })) as [Machine, Machine];
    for (const step of [1, 999, 100_000, 777_777, PART]) {
      expect(machines[0].run({ maxInstructions: step })).toEqual(machines[1].run({ maxInstructions: step }));
      expect(machines[0].stateHash(), `after ${machines[0].instructions}`).toBe(machines[1].stateHash());
    }
    expect(machines[0].stateHash(true)).toBe(machines[1].stateHash(true));
  });

  it("is in the same state however its run is sliced", () => {
    const whole = demoMachine(), sliced = demoMachine();
    whole.run({ maxInstructions: PART });
    for (let left = PART, slice = 1; left > 0; left -= slice, slice = Math.min(left, slice * 3 + 1)) sliced.run({ maxInstructions: slice });
    expect(sliced.instructions).toBe(PART);
    expect(sliced.stateHash()).toBe(whole.stateHash());
  });

  it("comes back when its owner asks, whatever the guest does, and goes on as if it had not", () => {
    const series = [0xdb, 0xe3, 0xd9, 0xe8, 0xb9, 0, 0x10, 0, 0, 0xd9, 0xfe, 0xe2, 0xfc]; // fninit; fld1; mov ecx, 1000h; fsin; loop
    const copy = [0xfd, 0xb9, 0, 0, 4, 0, 0xbe, 0xff, 0xff, 0x17, 0, 0xbf, 0xff, 0xff, 0x1b, 0, 0xf3, 0xa4]; // std; 40000h bytes down; rep movsb
    const flush = [0xfc, 0xb9, 0, 0x20, 0, 0, 0x0f, 0x01, 0x38, 0xe2, 0xfb]; // cld; mov ecx, 2000h; invlpg [eax]; loop
    const frames = [0xb9, 0, 0x20, 0, 0, 0xbc, 0, 0, 9, 0, 0xbd, 0, 0, 9, 0, 0xc8, 0, 0, 31, 0xe2, 0xf0]; // mov ecx, 2000h; mov esp, ebp, 90000h; enter 0, 31; loop
    const pieces = { series, flush, frames, copy, rest: [...spin(2_000_000), ...CLI_HLT] }, code = Object.values(pieces).flat();
    const pieceAt = (offset: number): string => {
      let end = 0;
      return Object.entries(pieces).find(([, { length }]) => offset < (end += length))![0];
    };
    for (const engine of ["translate", "interpret"] as const) {
      const [whole, paused] = [flatMachine(code, { engine }).machine, flatMachine(code, { engine }).machine];
      whole.run();
      const places = new Set<string>();
      for (let exit = paused.run({ pause: () => true }); exit.reason !== "halted"; exit = paused.run({ pause: () => true })) {
        expect(exit).toEqual({ reason: "paused" });
        places.add(pieceAt(paused.cpu.eip - 0x100000));
      }
      expect(places).toEqual(new Set(Object.keys(pieces)));
      expect(paused.stateHash(true)).toBe(whole.stateHash(true));
    }
  });

  it("goes on from a snapshot in the other engine", () => {
    const original = demoMachine({ engine: "translate" });
    original.run({ maxInstructions: PART });
    const copy = demoMachine({ engine: "interpret" });
    copy.run({ maxInstructions: 12_345 });
    copy.restore(structuredClone(original.save()));
    expect(copy.stateHash(true)).toBe(original.stateHash(true));
    for (const machine of [original, copy]) machine.run({ maxInstructions: PART });
    expect(copy.stateHash(true)).toBe(original.stateHash(true));
    expect(copy.instructions).toBe(2 * PART);
  });

  it("notices every page that the guest writes", () => {
    const machine = demoMachine();
    for (let k = 0; k < 20; k++) {
      machine.run({ maxInstructions: 200_000 });
      machine.stateHash();
    }
    expect(machine.stateHash()).toBe(machine.stateHash(true));
  });

  it("feeds serial input when the guest has read what came before", () => {
    const { machine, output } = flatMachine([...print("$"), ...echo("q")], { debugExit: 0xf4, script: [
      { kind: "expect", text: new TextEncoder().encode("$") }, { kind: "send", bytes: new TextEncoder().encode("abcq") }, { kind: "expect", text: Uint8Array.of(0) },
    ] });
    expect(machine.run({ maxInstructions: 1_000_000 })).toEqual({ reason: "debug-exit", value: 0x71 });
    expect(output()).toBe("$abc");
    expect(machine.time).toBeGreaterThanOrEqual(30_000);
  });

  it("checks every generated function before it is made, in both engines", () => {
    for (const engine of ["translate", "interpret"] as const) {
      const checked: string[] = [];
      const machine = new Machine({ memory: 2 << 20, engine }, {
        createVcpu: (parts) => new Vcpu({ ...parts, hotThreshold: 10, trial: { stretches: 0, instructions: 0 }, verifyCode: (source, names) => { checkCode(source, names); checked.push(source); } }),
        createBoard,
      });
      machine.boot({ kernel: { name: "code", bytes: Uint8Array.from([...spin(100), ...CLI_HLT]) }, loadAt: 0x100000 });
      expect(machine.run()).toEqual({ reason: "halted" });
      const handlers = checked.filter((source) => source.includes("(i)")), regions = checked.filter((source) => source.includes("(left)"));
      expect([handlers.length, regions.length]).toEqual([4, engine === "translate" ? 1 : 0]);
    }
  });

  it("runs nothing that the check refuses", () => {
    const machine = new Machine({ memory: 2 << 20, engine: "interpret" }, {
      createVcpu: (parts) => new Vcpu({ ...parts, verifyCode: (source) => checkCode(source, []) }), createBoard,
    });
    machine.boot({ kernel: { name: "code", bytes: Uint8Array.from(CLI_HLT) }, loadAt: 0x100000 });
    expect(() => machine.run()).toThrow(CodeRefused);
  });

  it("starts its clock where it is told", () => {
    // out 70h, 9 (year); in al, 71h; out dx, al
    const year = [0xb0, 9, 0xe6, 0x70, 0xe4, 0x71, 0xba, 0xf8, 3, 0, 0, 0xee, ...CLI_HLT];
    for (const [rtc, expected] of [[undefined, 0x26], [Date.UTC(2031, 1, 3), 0x31]] as const) {
      const { machine, output } = flatMachine(year, rtc === undefined ? {} : { rtc });
      expect(machine.run()).toEqual({ reason: "halted" });
      expect(output().charCodeAt(0)).toBe(expected);
    }
  });

  it("refuses a debug-exit port that another device has", () => {
    expect(() => createMachine({ memory: 2 << 20, debugExit: 0x3f8 })).toThrow("--debug-exit: port 3F8h belongs to another device");
  });

  it("says which line reset it", () => {
    expect(flatMachine(out8(0xcf9, 6)).machine.run()).toEqual({ reason: "reset", source: "port CF9h" });
    expect(flatMachine(out8(0x92, 3)).machine.run()).toEqual({ reason: "reset", source: "port 92h" });
    expect(flatMachine(out8(0x64, 0xfe)).machine.run()).toEqual({ reason: "reset", source: "keyboard controller" });
  });
});

describe("the largest memory", () => {
  it("is reached to its last byte by translated code", () => {
    const machine = createMachine({ memory: 0x7ffff000 });
    // mov ecx, 200000; L: mov [7FFFEFFCh], ecx; add eax, [7FFFEFFCh]; dec ecx; jnz L; cli; hlt
    const code = [0xb9, 0x40, 0x0d, 0x03, 0x00, 0x89, 0x0d, 0xfc, 0xef, 0xff, 0x7f, 0x03, 0x05, 0xfc, 0xef, 0xff, 0x7f, 0x49, 0x75, 0xf1, 0xfa, 0xf4];
    machine.boot({ kernel: { name: "top", bytes: Uint8Array.from(code) }, loadAt: 0x100000 });
    expect(machine.run()).toEqual({ reason: "halted" });
    expect([machine.cpu.words[0], machine.memory.ram.at(-4)]).toEqual([200_000 * 200_001 / 2 | 0, 1]);
    expect(machine.vcpu.regionStats).toMatchObject({ baseline: { made: 1 } });
  });
});
