import { describe, expect, it } from "vitest";
import { Machine, type MachineExit, type MachineOptions } from "../../src/machine.ts";
import { FIRST_SCRATCH_SLOT } from "../../runtime/state.ts";
import { SERIAL, STOP, ScriptedCpu, TIMER, scriptedBoard, type Step } from "./scripted-cpu.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const print = (text: string): Step[] => [...bytes(text)].map((value) => ({ out: SERIAL, value }));

function machineOf(program: readonly Step[], options: MachineOptions = {}): { machine: Machine; cpu: ScriptedCpu; output: () => string } {
  let cpu: ScriptedCpu | undefined;
  const sent: number[] = [];
  const machine = new Machine({ memory: 1 << 20, ...options }, {
    createVcpu: (parts) => (cpu = new ScriptedCpu(parts, program)),
    createBoard: scriptedBoard,
  });
  machine.onSerial = (byte) => sent.push(byte);
  return { machine, cpu: cpu!, output: () => new TextDecoder().decode(Uint8Array.from(sent)) };
}

describe("the machine's run", () => {
  it("stops at the instruction where the budget ends", () => {
    const { machine } = machineOf(["nop"]);
    expect(machine.run({ maxInstructions: 7 })).toEqual({ reason: "budget" });
    expect([machine.instructions, machine.time]).toEqual([7, 7]);
    expect(machine.run({ untilTime: 20 })).toEqual({ reason: "time" });
    expect(machine.instructions).toBe(20);
    expect(machine.run({ maxInstructions: 0 })).toEqual({ reason: "budget" });
  });

  it("skips halted time to the next event", () => {
    const { machine } = machineOf([{ out: TIMER, value: 5 }, "hlt", { out: STOP, value: 0 }]);
    expect(machine.run()).toEqual({ reason: "power-off" });
    expect(machine.instructions).toBe(3);
    expect(machine.time).toBe(1 + 5000 + 1);
  });

  it("does not skip beyond the time that it may reach", () => {
    const { machine } = machineOf([{ out: TIMER, value: 5 }, "hlt", { out: STOP, value: 0 }]);
    expect(machine.run({ untilTime: 3000 })).toEqual({ reason: "time" });
    expect([machine.time, machine.halted, machine.nextEvent()]).toEqual([3000, true, 5001]);
    expect(machine.run()).toEqual({ reason: "power-off" });
    expect(machine.time).toBe(5002);
  });

  it.each<readonly [string, Step[], MachineExit]>([
    ["HLT with interrupts off", ["cli; hlt"], { reason: "halted" }],
    ["HLT with nothing to come", ["hlt"], { reason: "idle" }],
    ["a triple fault", ["shutdown"], { reason: "shutdown" }],
    ["a debug exit", [{ out: STOP, value: 33 }], { reason: "debug-exit", value: 33 }],
    ["a reset", [{ out: STOP, value: 1 }], { reason: "reset", source: "test" }],
  ])("ends at %s", (_, program, exit) => {
    expect(machineOf(["nop", ...program]).machine.run()).toEqual(exit);
  });

  it("comes back from a sleep that nothing ends", () => {
    const machine = new Machine({ memory: 1 << 20 }, {
      createVcpu: (parts) => new ScriptedCpu(parts, ["hlt"]),
      createBoard: (hooks) => ({ ...scriptedBoard(hooks), nextEvent: () => hooks.clock.now() + 1000, advance: () => {} }),
    });
    expect(machine.run()).toEqual({ reason: "asleep" });
    expect(machine.instructions).toBe(1);
    expect(machine.time).toBeGreaterThan(1_000_000);
  });

  it("wakes for input, which no event announces before it is queued", () => {
    const { machine } = machineOf(["hlt"]);
    expect(machine.run()).toEqual({ reason: "idle" });
    machine.sendSerial(bytes("x"), 70_000);
    expect(machine.nextEvent()).toBe(70_000);
    expect(machine.run()).toEqual({ reason: "idle" });
    expect(machine.time).toBe(70_000);
  });
});

describe("expected and sent text", () => {
  it("stops at the instruction that completes the last text", () => {
    const { machine, output } = machineOf([...print("boot\n# "), "nop"], { script: [{ kind: "expect", text: bytes("# ") }] });
    expect(machine.run()).toEqual({ reason: "expected" });
    expect([output(), machine.instructions]).toEqual(["boot\n# ", 7]);
    expect(machine.run({ maxInstructions: 3 })).toEqual({ reason: "budget" });
  });

  it("types when the text before is seen, one byte an interval", () => {
    const { machine, cpu } = machineOf([...print("$"), ...Array.from<Step>({ length: 60_000 }).fill("read")], {
      script: [{ kind: "expect", text: bytes("$") }, { kind: "send", bytes: bytes("ls\n") }],
    });
    const exits: MachineExit[] = [];
    const queued: Array<readonly [number, string]> = [];
    machine.onInput = (event) => queued.push([event.time, new TextDecoder().decode(event.bytes)]);
    exits.push(machine.run({ maxInstructions: 50_000 }));
    expect(exits).toEqual([{ reason: "expected" }]);
    machine.run({ maxInstructions: 50_000 });
    expect(queued).toEqual([[1, "ls\n"]]);
    expect(String.fromCharCode(...cpu.received.map(([, byte]) => byte))).toBe("ls\n");
    const times = cpu.received.map(([time]) => time);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(10_000);
    expect(times[2]! - times[1]!).toBeGreaterThanOrEqual(10_000);
  });

  it("arrives at the same times however the run is sliced", () => {
    const program: Step[] = ["read", "nop", "nop"];
    const run = (slice: number): ScriptedCpu["received"] => {
      const { machine, cpu } = machineOf(program);
      machine.sendSerial(bytes("abc"), 12_345);
      while (machine.time < 60_000) machine.run({ maxInstructions: slice });
      return cpu.received;
    };
    expect(run(1)).toEqual(run(60_000));
    expect(run(977)).toHaveLength(3);
  });
});

describe("a snapshot", () => {
  it("goes on as the machine that it was taken of", () => {
    const program: Step[] = ["nop", { out: TIMER, value: 9 }, "hlt", ...print("ab"), "read"];
    const original = machineOf(program, { script: [{ kind: "expect", text: bytes("abab") }] });
    original.machine.sendSerial(bytes("xyz"), 100);
    original.machine.run({ maxInstructions: 4 });
    original.machine.memory.writePhysical(0x5000, bytes("memory"));
    const state = structuredClone(original.machine.save());
    const copy = machineOf(program, { script: [{ kind: "expect", text: bytes("abab") }] });
    copy.machine.restore(state);
    expect(copy.machine.stateHash()).toBe(original.machine.stateHash());
    expect(new TextDecoder().decode(copy.machine.memory.ram.subarray(0x5000, 0x5006))).toBe("memory");
    expect(copy.machine.run()).toEqual(original.machine.run());
    expect(copy.machine.stateHash()).toBe(original.machine.stateHash());
    expect(copy.machine.time).toBe(original.machine.time);
  });
});

describe("the state hash", () => {
  it("sees every piece of state, and RAM page by page", () => {
    const { machine } = machineOf(["nop"]);
    const seen = new Set([machine.stateHash()]);
    const change = (act: () => void): void => { act(); seen.add(machine.stateHash()); };
    change(() => machine.memory.writePhysical(0x3000, Uint8Array.of(1)));
    change(() => machine.memory.writePhysical(0x3000, Uint8Array.of(0, 1)));
    change(() => machine.memory.writePhysical(0x4000, Uint8Array.of(0, 1)));
    change(() => { machine.cpu.esi = 1; });
    change(() => { machine.cpu.st3High = 1; });
    change(() => { machine.cpu.words.set([1], FIRST_SCRATCH_SLOT - 1); });
    change(() => machine.run({ maxInstructions: 1 }));
    change(() => machine.sendSerial(bytes("a"), 1e9));
    expect(seen.size).toBe(9);
    expect(machine.stateHash(true)).toBe(machine.stateHash());
  });

  it("returns to what it was, and leaves engine scratch out", () => {
    const { machine } = machineOf(["nop"]);
    const before = machine.stateHash();
    machine.memory.writePhysical(0x3000, Uint8Array.of(1));
    machine.memory.writePhysical(0x3000, Uint8Array.of(0));
    machine.cpu.wasted = 5;
    machine.cpu.page = 9;
    expect(machine.stateHash()).toBe(before);
  });

  it("settles lazy flags", () => {
    const { machine } = machineOf(["nop"]);
    const { cpu } = machine;
    cpu.flagKind = 0; cpu.flagA = 0x44; // explicit ZF and PF
    const explicit = machine.stateHash();
    cpu.flagKind = 2 * 4 + 2; cpu.flagA = 7; cpu.flagB = 7; // 7 - 7
    expect(machine.stateHash()).toBe(explicit);
  });
});
