import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readEflags, writeEflags } from "../../runtime/flags.ts";
import {
  requireIoPrivilege, clts, halt, invalidatePage, lmsw, loadGdt, loadIdt, popFlags, pushFlagsValue, rdpmc, readControl, readDebug, readMsr,
  readTimestamp, requirePrivilege, sti, wbinvd, writeControl, writeDebug, writeMsr,
} from "../../runtime/monitor/control.ts";
import { cpuid, FEATURES } from "../../runtime/monitor/cpuid.ts";
import { faultOf, Machine, protectedMachine, realMachine } from "./fixture.ts";

function flags(m: Machine, value: number): Machine {
  writeEflags(m.cpu.words, value);
  return m;
}

describe("control registers", () => {
  it("keeps ET set and unknown bits of CR0 clear", () => {
    const m = realMachine();
    writeControl(m, 0, -1);
    expect(readControl(m, 0) >>> 0).toBe(0xe005003f);
    writeControl(m, 0, 0);
    expect(readControl(m, 0)).toBe(0x10);
  });
  it.each([
    [0, 0x80000000, "GP(0)"], [0, 0x20000000, "GP(0)"], [0, 0x60000001, "none"], [0, 0x80000001, "none"],
    [4, 0x9c, "none"], [4, 0x01, "GP(0)"], [4, 0x02, "GP(0)"], [4, 0x20, "GP(0)"], [4, 0x40, "GP(0)"], [4, 0x100, "GP(0)"], [4, 0x200, "GP(0)"],
    [4, 0x80000000, "GP(0)"], [1, 0, "UD"], [5, 0, "UD"], [8, 0, "UD"],
  ])("CR%i = %i: %s", (n, value, expected) => {
    const m = protectedMachine();
    expect(faultOf(m, () => writeControl(m, n, value | 0))).toBe(expected);
  });
  it("flushes what each change makes stale", () => {
    const m = protectedMachine();
    const { flushes } = m.memory;
    writeControl(m, 3, 0x12345fff);
    expect([readControl(m, 3), flushes.splice(0)]).toEqual([0x12345018, ["non-global"]]);
    writeControl(m, 0, 0x80000011 | 0);
    writeControl(m, 0, 0x8000001b | 0);
    writeControl(m, 0, 0x8001001b | 0);
    expect(flushes.splice(0)).toEqual(["all", "all"]);
    writeControl(m, 4, 0x04);
    writeControl(m, 4, 0x14);
    writeControl(m, 4, 0x94);
    expect(flushes.splice(0)).toEqual(["all", "all"]);
    invalidatePage(m, 0xfffff000 | 0);
    expect(flushes).toEqual(["page fffff000"]);
    writeControl(m, 2, 0x1234);
    expect(readControl(m, 2)).toBe(0x1234);
  });
  it("LMSW sets PE, never clears it, and touches four bits; CLTS clears one", () => {
    const m = realMachine();
    lmsw(m, 0xffff);
    expect(m.cpu.cr0).toBe(0x1f);
    lmsw(m, 0);
    expect(m.cpu.cr0).toBe(0x11);
    lmsw(m, 8);
    clts(m);
    expect(m.cpu.cr0).toBe(0x11);
  });
  it("is for ring 0", () => {
    const m = protectedMachine();
    const acts = [
      () => readControl(m, 0), () => writeControl(m, 3, 0), () => lmsw(m, 0), () => clts(m), () => readDebug(m, 7), () => writeDebug(m, 0, 0),
      () => loadGdt(m, 0, 0, 4), () => loadIdt(m, 0, 0, 4), () => invalidatePage(m, 0), () => halt(m), () => wbinvd(m), () => readMsr(m),
      () => writeMsr(m), () => requirePrivilege(m), () => rdpmc(m),
    ];
    m.cpu.ecx = 0x10;
    expect(acts.slice(0, -1).map((act) => faultOf(m, act))).toEqual(acts.slice(1).map(() => "none"));
    for (const enter of [() => m.ring(3), () => m.virtual8086(3)]) {
      enter();
      expect(acts.map((act) => faultOf(m, act))).toEqual(acts.map(() => "GP(0)"));
    }
  });
  it("HLT halts, LGDT and LIDT load 24 or 32 bits of base", () => {
    const m = realMachine();
    halt(m);
    loadGdt(m, 0x123456, 0x89abcdef | 0, 2);
    loadIdt(m, 0x7ff, 0x89abcdef | 0, 4);
    expect([m.cpu.halted, m.cpu.gdtLimit, m.cpu.gdtBase, m.cpu.idtLimit, m.cpu.idtBase >>> 0]).toEqual([1, 0x3456, 0xabcdef, 0x7ff, 0x89abcdef]);
  });
});

describe("debug registers", () => {
  it("reads reserved bits as the processor does, and DR4 and DR5 as aliases until CR4.DE", () => {
    const m = protectedMachine();
    for (const n of [0, 3, 6]) writeDebug(m, n, -1);
    writeDebug(m, 7, ~0x2000);
    expect([0, 1, 3, 4, 5, 6, 7].map((n) => readDebug(m, n) >>> 0))
      .toEqual([0xffffffff, 0, 0xffffffff, 0xffffefff, 0xffff07ff, 0xffffefff, 0xffff07ff]);
  });
  it("raises #DB under DR7.GD, #UD for DR4 and DR5 with CR4.DE", () => {
    const m = protectedMachine();
    writeControl(m, 4, 8);
    expect([4, 5].map((n) => faultOf(m, () => readDebug(m, n)))).toEqual(["UD", "UD"]);
    writeDebug(m, 7, 0x2000);
    expect(faultOf(m, () => writeDebug(m, 0, 1))).toBe("DB");
    expect(m.cpu.dr6 & 0x2000).toBe(0x2000);
  });
});

describe("time and MSRs", () => {
  it("reads back whatever was written, and counts guest time from there", () => {
    fc.assert(fc.property(fc.maxSafeNat(), fc.integer(), fc.integer(), fc.nat(0xffffffff), (time, low, high, passed) => {
      const m = protectedMachine();
      m.time = time % 2 ** 52;
      m.cpu.ecx = 0x10;
      m.cpu.eax = low;
      m.cpu.edx = high;
      writeMsr(m);
      m.time += passed;
      readTimestamp(m);
      const expected = BigInt.asUintN(64, (BigInt(high >>> 0) << 32n) + BigInt(low >>> 0) + BigInt(passed));
      expect((BigInt(m.cpu.edx >>> 0) << 32n) + BigInt(m.cpu.eax >>> 0)).toBe(expected);
      m.cpu.edx = 0;
      readMsr(m);
      expect(BigInt(m.cpu.edx >>> 0)).toBe(expected >> 32n);
    }));
  });
  it("guards RDTSC by CR4.TSD outside ring 0", () => {
    const m = protectedMachine();
    m.time = 2 ** 33 + 5;
    readTimestamp(m);
    expect([m.cpu.eax, m.cpu.edx]).toEqual([5, 2]);
    writeControl(m, 4, 4);
    expect(faultOf(m, () => readTimestamp(m))).toBe("none");
    m.ring(3);
    expect(faultOf(m, () => readTimestamp(m))).toBe("GP(0)");
  });
  it.each([[0x17, "none", "GP(0)"], [0x8b, "none", "none"], [0x1b, "GP(0)", "GP(0)"], [0xc0000080, "GP(0)", "GP(0)"]])(
    "MSR %i: read %s, written %s", (number, read, written) => {
      const m = protectedMachine();
      m.cpu.ecx = number | 0;
      expect([faultOf(m, () => readMsr(m)), faultOf(m, () => writeMsr(m))]).toEqual([read, written]);
    });
});

describe("flags that privilege guards", () => {
  it("STI has a shadow of one instruction where IF was clear", () => {
    const m = flags(protectedMachine(), 2);
    sti(m);
    expect([m.cpu.shadow, m.cpu.eflags]).toEqual([1, 0x202]);
    m.cpu.shadow = 0;
    sti(m);
    expect(m.cpu.shadow).toBe(0);
  });
  it("CLI and STI need CPL ≤ IOPL", () => {
    const m = protectedMachine();
    m.ring(3);
    for (const [iopl, expected] of [[0, "GP(0)"], [2, "GP(0)"], [3, "none"]] as const) {
      flags(m, 2 | iopl << 12);
      expect([faultOf(m, () => sti(m)), faultOf(m, () => requireIoPrivilege(m.cpu.cpl, m.cpu.eflags))]).toEqual([expected, expected]);
      m.cpu.shadow = 0;
    }
    m.virtual8086(2);
    expect(faultOf(m, () => requireIoPrivilege(m.cpu.cpl, m.cpu.eflags))).toBe("GP(0)");
    m.virtual8086(3);
    expect(faultOf(m, () => requireIoPrivilege(m.cpu.cpl, m.cpu.eflags))).toBe("none");
  });
  it.each([
    ["ring 0", 0, 0, 0, 4, 0x247fd7], ["ring 0, 16 bits", 0, 0, 0, 2, 0x7fd7],
    ["ring 3", 3, 0, 0, 4, 0x244dd7], ["ring 3, IOPL 3", 3, 3, 0, 4, 0x247fd7], ["ring 3, IOPL 3, 16 bits", 3, 3, 0, 2, 0x7fd7],
    ["virtual-8086, IOPL 3", 3, 3, 1, 4, 0x267fd7],
  ] as const)("POPF of all ones in %s", (_, ring, iopl, virtual, size, expected) => {
    const m = protectedMachine();
    m.ring(ring);
    if (virtual === 1) m.virtual8086(3);
    flags(m, 0x10002 | iopl << 12 | virtual << 17);
    popFlags(m, -1, size);
    expect(readEflags(m.cpu.words)).toBe(expected);
    popFlags(m, 0, size);
    const kept = (ring === 0 ? 0 : iopl << 12) | virtual << 17 | (size === 2 ? expected & 0xff0000 : 0) | 2;
    expect(readEflags(m.cpu.words)).toBe(kept);
  });
  it("POPF keeps IF where CPL exceeds IOPL", () => {
    const m = protectedMachine();
    m.ring(3);
    flags(m, 0x202);
    popFlags(m, 0, 4);
    expect(readEflags(m.cpu.words)).toBe(0x202);
  });
  it("PUSHF shows neither VM nor RF, and faults in virtual-8086 mode below IOPL 3", () => {
    const m = flags(protectedMachine(), 0x250ad7);
    expect([pushFlagsValue(m, 4), pushFlagsValue(m, 2)]).toEqual([0x240ad7, 0xad7]);
    m.virtual8086(3);
    expect(pushFlagsValue(m, 4)).toBe(0x3202);
    m.virtual8086(2);
    expect([faultOf(m, () => pushFlagsValue(m, 2)), faultOf(m, () => popFlags(m, 0, 2))]).toEqual(["GP(0)", "GP(0)"]);
  });
});

describe("CPUID", () => {
  const ask = (leaf: number): number[] => {
    const m = protectedMachine();
    m.cpu.eax = leaf | 0;
    cpuid(m);
    return [m.cpu.eax, m.cpu.ebx, m.cpu.ecx, m.cpu.edx].map((word) => word >>> 0);
  };
  const text = (words: number[]): string => new TextDecoder().decode(new Uint8Array(new Uint32Array(words).buffer));
  it("names vendor, family 6, and no more than is implemented", () => {
    const [max, b, c, d] = ask(0) as [number, number, number, number];
    expect([max, text([b, d, c])]).toEqual([2, "GenuineIntel"]);
    expect(ask(1)).toEqual([0x652, 0, 0, 0xa13d]);
    expect(FEATURES).toBe(0xa13d);
  });
  it("has a brand, and answers the last basic leaf beyond its leaves", () => {
    expect(ask(0x80000000)[0]).toBe(0x80000004);
    const brand = [2, 3, 4].flatMap((n) => ask(0x80000000 + n));
    expect(text(brand)).toBe("calque virtual CPU".padEnd(48, "\0"));
    expect(ask(2)[0]! & 0xff).toBe(1);
    for (const leaf of [3, 0x7fffffff, 0x80000005, 0xffffffff]) expect(ask(leaf)).toEqual(ask(2));
  });
});
