import { afterEach, describe, expect, it, vi } from "vitest";
import { Vcpu } from "../../runtime/vcpu.ts";
import { createBoard } from "../../src/board.ts";
import { runLockstep } from "../../src/cli/lockstep.ts";
import { Machine, type VirtualCpu, type VirtualCpuParts } from "../../src/machine.ts";
import { CLI_HLT, print, spin } from "../images/code.ts";

/** A processor that changes ESI behind the guest's back when it has retired `at` instructions. */
function faultyVcpu(parts: VirtualCpuParts, at: number): VirtualCpu {
  const vcpu = new Vcpu({ ...parts, verifyCode: undefined });
  const run = vcpu.run.bind(vcpu);
  vcpu.run = (budget) => {
    const end = vcpu.count + budget;
    if (vcpu.count < at && end >= at) {
      const exit = run(at - vcpu.count);
      if (exit.reason !== "budget") return exit;
      parts.cpu.esi ^= 4;
    }
    return run(end - vcpu.count);
  };
  return vcpu;
}

function machineOf(engine: "translate" | "interpret", faultAt = Infinity): Machine {
  const machine = new Machine({ memory: 2 << 20, engine }, { createVcpu: (parts) => faultyVcpu(parts, faultAt), createBoard });
  machine.boot({ kernel: { name: "guest", bytes: Uint8Array.from([...print("go"), ...spin(50_000), ...CLI_HLT]) }, loadAt: 0x100000 });
  return machine;
}

/** jmp $ */
function endless(engine: "translate" | "interpret"): Machine {
  const machine = new Machine({ memory: 2 << 20, engine }, { createVcpu: (parts) => faultyVcpu(parts, Infinity), createBoard });
  machine.boot({ kernel: { name: "endless", bytes: Uint8Array.of(0xeb, 0xfe) }, loadAt: 0x100000 });
  return machine;
}

const settings = { serial: { kind: "none" }, every: 10_000, timeout: undefined, maxInstructions: undefined } as const;

function captured(): () => string {
  let text = "";
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => { text += String(chunk); return true; });
  return () => text;
}

afterEach(() => { vi.restoreAllMocks(); });

describe("lockstep", () => {
  it("ends with 0 where both engines agree", async () => {
    const said = captured();
    expect(await runLockstep([machineOf("translate"), machineOf("interpret")], settings)).toBe(0);
    expect(said()).toMatch(/equal: 50\d{3} instructions, 6 checks, end by halted, state [0-9a-f]{16}/);
  });

  it("finds the first instruction that differs, whichever engine is wrong", async () => {
    for (const pair of [[machineOf("translate", 23_456), machineOf("interpret")], [machineOf("translate"), machineOf("interpret", 23_456)]] as const) {
      const said = captured();
      expect(await runLockstep(pair, settings)).toBe(1);
      expect(said()).toContain("the engines differ between instruction 20000 and 30000");
      expect(said()).toContain("the first difference is made by instruction 23456:");
      expect(said()).toMatch(/> 00100015 {2}e2 fe +loop 0x100015/);
      expect(said()).toContain("--max-instructions 23456");
      expect(said()).toMatch(/esi: 0000000[04]h \| 0000000[04]h/);
    }
  });

  it("gives up inside an interval when the time is over", async () => {
    const said = captured();
    expect(await runLockstep([endless("translate"), endless("interpret")], { ...settings, every: 1e12, timeout: 0.2 })).toBe(124);
    expect(said()).toBe("calque: timeout; equal so far: 0 instructions, 0 checks\n");
  });

  it("says so where the difference does not come again", async () => {
    const moody = machineOf("translate"), restore = moody.vcpu.restore.bind(moody.vcpu), run = moody.vcpu.run.bind(moody.vcpu);
    let restored = false;
    moody.vcpu.restore = (state) => { restored = true; restore(state); };
    moody.vcpu.run = (budget) => {
      const exit = run(budget);
      if (!restored && moody.instructions > 23_456) moody.cpu.esi = 4;
      return exit;
    };
    const said = captured();
    expect(await runLockstep([moody, machineOf("interpret")], settings)).toBe(1);
    expect(said()).toContain("from the snapshot both engines agree");
  });
});
