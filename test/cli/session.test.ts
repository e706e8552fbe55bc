import { performance } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import { runSession, type SessionEnd, type SessionOptions } from "../../src/cli/session.ts";
import { describeEnd, exitCode } from "../../src/cli/outcome.ts";
import { Machine } from "../../src/machine.ts";
import { SERIAL, STOP, ScriptedCpu, TIMER, scriptedBoard, type Step } from "../machine/scripted-cpu.ts";

const machineOf = (...program: Step[]): Machine =>
  new Machine({ memory: 1 << 20 }, { createVcpu: (parts) => new ScriptedCpu(parts, program), createBoard: scriptedBoard });

const session = (machine: Machine, options: Partial<SessionOptions> = {}): Promise<SessionEnd> => runSession(machine, {
  pace: "none", input: undefined, timeout: undefined, maxInstructions: undefined, endTime: undefined, flush: () => {}, interrupted: () => false, ...options,
});

describe("a session", () => {
  it("ends at the exact budget, whatever its slices", async () => {
    const machine = machineOf("nop");
    expect(await session(machine, { maxInstructions: 1_234_567 })).toEqual({ reason: "budget" });
    expect(machine.instructions).toBe(1_234_567);
  });

  it("ends at the guest time where a recorded one was left", async () => {
    const machine = machineOf("nop");
    expect(await session(machine, { endTime: 765_432 })).toEqual({ reason: "left" });
    expect(machine.time).toBe(765_432);
  });

  it("ends when the host's time is up, also while the guest sleeps", async () => {
    expect(await session(machineOf("nop"), { timeout: 0.05 })).toEqual({ reason: "timeout" });
    expect(await session(machineOf({ out: TIMER, value: 255 }, "hlt"), { timeout: 0.05, pace: "real" })).toEqual({ reason: "timeout" });
  });

  it("keeps guest time behind the host's with pace real", async () => {
    const machine = machineOf({ out: TIMER, value: 250 }, "hlt");
    const started = performance.now();
    await session(machine, { timeout: 0.1, pace: "real" });
    expect(machine.time).toBeLessThanOrEqual((performance.now() - started) * 1e6);
    expect(machine.time).toBeGreaterThan(0);
  });

  it("ends when the guest waits for input and there is none", async () => {
    const machine = machineOf("hlt");
    expect(await session(machine)).toEqual({ reason: "idle" });
    expect(await session(machineOf("hlt"), { pace: "real" })).toEqual({ reason: "idle" });
    expect([exitCode({ reason: "idle" }, machine, true), describeEnd({ reason: "idle" }, machine)]).toEqual([0, "the guest waits for input that cannot come"]);
  });

  it("hands output on and hears that nobody listens", async () => {
    let flushes = 0;
    expect(await session(machineOf({ out: SERIAL, value: 1 }), { flush: () => { flushes++; }, interrupted: () => flushes === 3 })).toEqual({ reason: "left" });
    expect(flushes).toBe(3);
  });

  it("passes the guest's own end on", async () => {
    expect(await session(machineOf("nop", { out: STOP, value: 99 }))).toEqual({ reason: "debug-exit", value: 99 });
  });
});
