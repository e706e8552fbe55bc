import { describe, expect, it } from "vitest";
import { CS, DS, ES, FS, GS, LDTR, SS, TR } from "../../runtime/monitor/descriptors.ts";
import {
  dataSegmentFlat, lar, linearAddress, loadLdtr, loadSegment, loadTr, lslLimit, lslValid, segmentUnlimited, verr, verw,
} from "../../runtime/monitor/segments.ts";
import { CODE0, CODE3, CONFORMING0, DATA0, DATA3, faultOf, GDT, LDT, protectedMachine, realMachine, SPARE, TSS_B, TSS_SELECTOR } from "./fixture.ts";

describe("loads outside protected mode", () => {
  it("takes the base from the selector and leaves limit and attributes (unreal mode)", () => {
    const m = realMachine();
    m.segment(DS, 0, 0, -1, 0xc93);
    loadSegment(m, DS, 0x1234);
    expect([m.selector(DS), m.base(DS), m.cpu.limit3, m.access(DS)]).toEqual([0x1234, 0x12340, -1, 0xc93]);
    expect(linearAddress(m, DS, 0x100000, 4, true)).toBe(0x112340);
  });
  it("makes a register that held a null selector usable again", () => {
    const m = realMachine();
    m.segment(FS, 0, 0, 0, 0);
    loadSegment(m, FS, 0x20);
    expect(linearAddress(m, FS, 0xffff, 1, true)).toBe(0x200 + 0xffff);
  });
  it("makes 64 KiB writable segments of privilege 3 in virtual-8086 mode", () => {
    const m = protectedMachine();
    m.virtual8086(0);
    loadSegment(m, SS, 0xabcd);
    expect([m.base(SS), m.cpu.limit2, m.access(SS), m.cpu.stackMask]).toEqual([0xabcd0, 0xffff, 0xf3, 0xffff]);
    expect(faultOf(m, () => linearAddress(m, SS, 0xffff, 2, false))).toBe("SS(0)");
    expect(faultOf(m, () => linearAddress(m, DS, 0x10000, 1, false))).toBe("GP(0)");
  });
});

describe("loads in protected mode", () => {
  it("fills the hidden part, scales the limit and sets the accessed bit in the table", () => {
    const m = protectedMachine();
    m.descriptor(SPARE, 0x12345678, 0x9abcd, 0x92, 0x8);
    loadSegment(m, ES, SPARE);
    expect([m.base(ES), m.cpu.limit0 >>> 0, m.access(ES)]).toEqual([0x12345678, 0x9abcdfff, 0x893]);
    expect(m.memory.view.getUint8(GDT + SPARE + 5)).toBe(0x93);
    m.memory.readOnly.add(GDT >>> 12);
    expect(faultOf(m, () => loadSegment(m, DS, SPARE))).toBe("none");
    m.descriptor(SPARE, 0, 0, 0x92);
    expect(faultOf(m, () => loadSegment(m, DS, SPARE))).toBe("PF(3)");
  });
  it("takes null selectors for data segments only, and faults when they are used", () => {
    const m = protectedMachine();
    loadSegment(m, GS, 3);
    expect([m.selector(GS), m.access(GS)]).toEqual([3, 0]);
    expect(faultOf(m, () => linearAddress(m, GS, 0, 1, false))).toBe("GP(0)");
    expect(faultOf(m, () => loadSegment(m, SS, 0))).toBe("GP(0)");
  });
  it.each([
    ["beyond the table", DS, 0x200, 0, "GP(200)"],
    ["in no local table", DS, 0x0c, 0, "GP(c)"],
    ["execute-only code", DS, SPARE, 0x98, "GP(48)"],
    ["a system descriptor", DS, SPARE, 0x82, "GP(48)"],
    ["absent data", DS, SPARE | 1, 0x32, "NP(48)"],
    ["absent stack", SS, SPARE, 0x12, "SS(48)"],
    ["RPL weaker than DPL", DS, SPARE | 3, 0x92, "GP(48)"],
    ["conforming readable code, whatever RPL", DS, SPARE | 3, 0x9e, "none"],
    ["readable code with good privilege", FS, SPARE, 0x9a, "none"],
    ["stack with wrong RPL", SS, SPARE | 3, 0x92, "GP(48)"],
    ["stack with wrong DPL", SS, SPARE, 0xf2, "GP(48)"],
    ["read-only stack", SS, SPARE, 0x90, "GP(48)"],
    ["code as stack", SS, SPARE, 0x9a, "GP(48)"],
    ["CS", CS, CODE0, 0, "UD"],
  ])("%s", (_, segment, selector, access, expected) => {
    const m = protectedMachine();
    m.descriptor(SPARE, 0, 0xffff, access);
    expect(faultOf(m, () => loadSegment(m, segment, selector))).toBe(expected);
  });
  it("compares CPL with DPL", () => {
    const m = protectedMachine();
    m.ring(3);
    expect(faultOf(m, () => loadSegment(m, DS, DATA0))).toBe("GP(10)");
    expect(faultOf(m, () => loadSegment(m, DS, DATA3))).toBe("none");
    expect(faultOf(m, () => loadSegment(m, SS, DATA3))).toBe("none");
  });
  it("keeps the stack mask in step with SS.B", () => {
    const m = protectedMachine();
    m.descriptor(SPARE, 0, 0xffff, 0x92, 0);
    loadSegment(m, SS, SPARE);
    expect(m.cpu.stackMask).toBe(0xffff);
    loadSegment(m, SS, DATA0);
    expect(m.cpu.stackMask).toBe(-1);
  });
  it("reads the local table within its limit", () => {
    const m = protectedMachine();
    m.descriptor(SPARE, LDT, 0x0f, 0x82);
    loadLdtr(m, SPARE);
    m.descriptor(8, 0x777, 0xff, 0x92, 0, LDT);
    loadSegment(m, DS, 0x0c);
    expect(m.base(DS)).toBe(0x777);
    expect(faultOf(m, () => loadSegment(m, DS, 0x14))).toBe("GP(14)");
    loadLdtr(m, 0);
    expect(faultOf(m, () => loadSegment(m, DS, 0x0c))).toBe("GP(c)");
  });
});

describe("access checks", () => {
  it.each([
    ["inside", 0x93, 0xff, 0xfc, 4, true, "none"],
    ["one byte over", 0x93, 0xff, 0xfd, 4, true, "GP(0)"],
    ["wrapping over 4 GiB", 0xc93, 0xfffffffe, 0xffffffff, 4, false, "GP(0)"],
    ["read-only, read", 0x91, 0xff, 0, 1, false, "none"],
    ["read-only, written", 0x91, 0xff, 0, 1, true, "GP(0)"],
    ["code, read", 0x9b, 0xff, 0, 1, false, "none"],
    ["code, written", 0x9b, 0xff, 0, 1, true, "GP(0)"],
    ["execute-only, read", 0x99, 0xff, 0, 1, false, "GP(0)"],
    ["conforming code is not expand-down", 0x9f, 0xff, 0xff, 1, false, "none"],
    ["expand-down, at the limit", 0x97, 0xff, 0xff, 1, true, "GP(0)"],
    ["expand-down, above it", 0x97, 0xff, 0x100, 1, true, "none"],
    ["expand-down, 16 bits, over the top", 0x97, 0xff, 0xffff, 2, true, "GP(0)"],
    ["expand-down, 32 bits, over 64 KiB", 0x497, 0xff, 0xffff, 2, true, "none"],
  ])("%s", (_, access, limit, offset, size, write, expected) => {
    const m = protectedMachine();
    m.segment(DS, DATA0, 0x5000, limit | 0, access);
    expect(faultOf(m, () => linearAddress(m, DS, offset | 0, size, write))).toBe(expected);
  });
  it("answers an int32 and wraps at 4 GiB", () => {
    const m = protectedMachine();
    m.segment(DS, DATA0, 0x5000, -1, 0xc93);
    expect(linearAddress(m, DS, -0x1000, 4, false)).toBe(0x4000);
    expect(linearAddress(m, ES, -1, 4, false)).toBe(-1);
  });
  it("knows segments in which nothing can fail", () => {
    const m = protectedMachine();
    expect([dataSegmentFlat(m, DS), segmentUnlimited(m, DS), dataSegmentFlat(m, CS)]).toEqual([true, true, false]);
    m.segment(DS, DATA0, 4, -1, 0xc93);
    expect([dataSegmentFlat(m, DS), segmentUnlimited(m, DS)]).toEqual([false, true]);
    for (const [limit, access] of [[-2, 0xc93], [-1, 0xc91], [-1, 0xc97], [-1, 0], [-1, 0xc13]] as const) {
      m.segment(DS, DATA0, 0, limit, access);
      expect(segmentUnlimited(m, DS)).toBe(false);
    }
  });
});

describe("system segments", () => {
  it("loads a task register and marks the TSS busy", () => {
    const m = protectedMachine();
    m.descriptor(SPARE, TSS_B, 0x67, 0x89);
    loadTr(m, SPARE);
    expect([m.selector(TR), m.base(TR), m.access(TR), m.memory.view.getUint8(GDT + SPARE + 5)]).toEqual([SPARE, TSS_B, 0x8b, 0x8b]);
    expect(faultOf(m, () => loadTr(m, SPARE))).toBe("GP(48)");
  });
  it.each([
    ["LTR null", loadTr, 0, 0x89, "GP(0)"],
    ["LTR local", loadTr, 0x4c, 0x89, "GP(4c)"],
    ["LTR of an LDT", loadTr, SPARE, 0x82, "GP(48)"],
    ["LTR absent", loadTr, SPARE, 0x09, "NP(48)"],
    ["LTR 16-bit", loadTr, SPARE, 0x81, "none"],
    ["LLDT of a TSS", loadLdtr, SPARE, 0x89, "GP(48)"],
    ["LLDT absent", loadLdtr, SPARE, 0x02, "NP(48)"],
    ["LLDT local", loadLdtr, 0x4c, 0x82, "GP(4c)"],
    ["LLDT null", loadLdtr, 0, 0, "none"],
  ])("%s", (_, load, selector, access, expected) => {
    const m = protectedMachine();
    m.descriptor(SPARE, TSS_B, 0x67, access);
    expect(faultOf(m, () => load(m, selector))).toBe(expected);
  });
  it("is privileged, and unknown outside protected mode", () => {
    const m = protectedMachine();
    m.ring(3);
    expect(faultOf(m, () => loadTr(m, SPARE))).toBe("GP(0)");
    expect(faultOf(m, () => loadLdtr(m, SPARE))).toBe("GP(0)");
    const real = realMachine();
    for (const act of [loadTr, loadLdtr, lar, lslValid, verr, verw]) expect(faultOf(real, () => act(real, SPARE))).toBe("UD");
    expect(m.selector(LDTR)).toBe(0);
  });
});

describe("LAR LSL VERR VERW", () => {
  it("shows attributes as a processor of this machine did: 00CFFB00h for flat ring-3 code", () => {
    const m = protectedMachine();
    m.descriptor(SPARE, 0, 0xfffff, 0xfb, 0xc);
    m.ring(3);
    expect(lar(m, SPARE | 3)).toBe(0xcffb00);
    expect([lslValid(m, SPARE | 3), lslLimit(m, SPARE | 3)]).toEqual([1, -1]);
  });
  it("hides what privilege hides, but not conforming code", () => {
    const m = protectedMachine();
    m.ring(3);
    expect([lar(m, CODE0), lslValid(m, DATA0), verr(m, DATA0), verw(m, DATA0)]).toEqual([-1, 0, 0, 0]);
    expect([lar(m, CONFORMING0 | 3), verr(m, CONFORMING0 | 3), verw(m, CONFORMING0)]).toEqual([0xcf9e00, 1, 0]);
    expect([lar(m, 0), lar(m, 0x200), lslLimit(m, 0x200)]).toEqual([-1, -1, 0]);
    expect([verr(m, CODE3), verw(m, CODE3), verr(m, DATA3), verw(m, DATA3)]).toEqual([1, 0, 1, 1]);
  });
  it("accepts exactly the system types of the manual's tables", () => {
    const m = protectedMachine();
    const types = { lar: [] as number[], lsl: [] as number[], verr: [] as number[] };
    for (let type = 0; type < 16; type++) {
      m.descriptor(SPARE, 0, 0xff, 0x80 | type);
      if (lar(m, SPARE) !== -1) types.lar.push(type);
      if (lslValid(m, SPARE) === 1) types.lsl.push(type);
      if (verr(m, SPARE) === 1 || verw(m, SPARE) === 1) types.verr.push(type);
    }
    expect(types).toEqual({ lar: [1, 2, 3, 4, 5, 9, 11, 12], lsl: [1, 2, 3, 9, 11], verr: [] });
    expect(lslLimit(m, TSS_SELECTOR)).toBe(0x67);
  });
});
