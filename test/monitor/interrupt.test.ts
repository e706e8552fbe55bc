import { describe, expect, it } from "vitest";
import { raise, VECTOR } from "../../runtime/faults.ts";
import { readEflags, writeEflags } from "../../runtime/flags.ts";
import { CS, DS, ES, FS, GS, SS, TR } from "../../runtime/monitor/descriptors.ts";
import { breakpoint, deliverFault, deliverInterrupt, overflow, softwareInterrupt } from "../../runtime/monitor/interrupt.ts";
import { interruptReturn } from "../../runtime/monitor/transfer.ts";
import {
  CODE0, CODE1, CODE3, CONFORMING0, DATA0, DATA1, DATA3, faultOf, Machine, protectedMachine, realMachine, SPARE, STACK0, STACK1, STACK3, TSS,
  TSS_SELECTOR,
} from "./fixture.ts";

describe("real mode", () => {
  it("pushes FLAGS, CS and IP and clears IF, TF, AC and RF", () => {
    const m = realMachine();
    writeEflags(m.cpu.words, 0x50fd7);
    m.cpu.eip = 0x1234;
    m.segment(CS, 0x100, 0x1000, 0xffff, 0x93);
    m.set16(0x21 * 4, 0x5678, 0x9abc);
    softwareInterrupt(m, 0x21);
    expect(m.shorts(0x3fa, 3)).toEqual([0x1234, 0x100, 0x0fd7]);
    expect([m.selector(CS), m.base(CS), m.cpu.eip, m.cpu.esp, readEflags(m.cpu.words)]).toEqual([0x9abc, 0x9abc0, 0x5678, 0x3fa, 0xcd7]);
  });
  it("pushes no error code", () => {
    const m = realMachine();
    m.set16(13 * 4, 0x10, 0);
    expect(deliverFault(m, 13, 0)).toBe("delivered");
    expect([m.cpu.eip, m.cpu.esp]).toEqual([0x10, 0x3fa]);
  });
  it("finds vectors at the IDT's base and within its limit", () => {
    const m = realMachine();
    m.cpu.idtBase = 0x5000;
    m.cpu.idtLimit = 0x0f;
    m.set16(0x5000 + 12, 0x77, 0x66);
    breakpoint(m);
    expect([m.selector(CS), m.cpu.eip]).toEqual([0x66, 0x77]);
    expect(faultOf(m, () => overflow(m))).toBe("GP(22)");
    expect(deliverFault(m, 6, -1)).toBe("shutdown");
  });
  it("needs six bytes of stack", () => {
    const m = realMachine();
    m.cpu.esp = 5;
    expect(faultOf(m, () => breakpoint(m))).toBe("SS(0)");
    expect(deliverFault(m, 3, -1)).toBe("shutdown");
  });
});

describe("protected mode, same privilege", () => {
  it("pushes three doublewords; interrupt gates clear IF, trap gates leave it", () => {
    for (const [access, flags] of [[0x8e, 0x8c5 | 2], [0x8f, 0xac7]] as const) {
      const m = protectedMachine();
      writeEflags(m.cpu.words, 0x54bd7 & ~0x112 | 2);
      m.vector(0x20, CODE0, 0x12345678, access);
      deliverInterrupt(m, 0x20);
      expect(m.dwords(STACK0 - 12, 3)).toEqual([0x1234, CODE0, 0x54ac7]);
      expect([m.cpu.eip, m.cpu.esp, readEflags(m.cpu.words) & ~0x40000]).toEqual([0x12345678, STACK0 - 12, flags]);
    }
  });
  it("pushes words through 16-bit gates, and only 16 bits of the offset count", () => {
    const m = protectedMachine();
    m.vector(0x20, CODE0, 0x12345678, 0x86);
    deliverInterrupt(m, 0x20);
    expect([m.shorts(STACK0 - 6, 3), m.cpu.eip, m.cpu.esp]).toEqual([[0x1234, CODE0, 0x202], 0x5678, STACK0 - 6]);
  });
  it("pushes the error code last, and RF for faults", () => {
    const m = protectedMachine();
    m.vector(13, CODE0, 0x4000);
    expect(deliverFault(m, 13, 0x48)).toBe("delivered");
    expect([m.dwords(STACK0 - 16, 4), m.cpu.esp]).toEqual([[0x48, 0x1234, CODE0, 0x10202], STACK0 - 16]);
    expect(readEflags(m.cpu.words)).toBe(2);
  });
  it("pushes no RF for traps, and INT n never", () => {
    for (const vector of [1, 3, 4]) {
      const m = protectedMachine();
      m.vector(vector, CODE0, 0x4000);
      deliverFault(m, vector, -1);
      expect(m.u32(STACK0 - 4)).toBe(0x202);
    }
    const m = protectedMachine();
    writeEflags(m.cpu.words, 0x10202);
    m.vector(0x30 - 1, CODE0, 0x4000);
    softwareInterrupt(m, 0x2f);
    expect(m.u32(STACK0 - 4)).toBe(0x202);
  });
  it("stays in ring 3 through conforming code and there with user rights", () => {
    const m = protectedMachine();
    m.ring(3);
    m.vector(0x20, CONFORMING0, 0x4000, 0xee);
    softwareInterrupt(m, 0x20);
    expect([m.cpu.cpl, m.selector(CS), m.cpu.esp]).toEqual([3, CONFORMING0 | 3, STACK3 - 12]);
    m.memory.absent.add(9);
    m.cpu.esp = STACK3;
    expect(faultOf(m, () => softwareInterrupt(m, 0x20))).toBe("PF(6)");
  });
  it("ends HLT and the interrupt shadow", () => {
    const m = protectedMachine();
    m.vector(0x20, CODE0, 0x4000);
    m.cpu.halted = 1;
    m.cpu.shadow = 1;
    deliverInterrupt(m, 0x20);
    expect([m.cpu.halted, m.cpu.shadow]).toEqual([0, 0]);
  });
  it("clears DR7.GD on the way into the debug handler", () => {
    const m = protectedMachine();
    m.vector(1, CODE0, 0x4000);
    m.cpu.dr7 = 0x2403;
    deliverFault(m, 1, -1);
    expect(m.cpu.dr7).toBe(0x403);
  });
});

describe("protected mode, inwards", () => {
  it("pushes the old stack on the one of the TSS, and IRETD brings it back", () => {
    const m = protectedMachine();
    m.ring(3);
    m.vector(0x20, CODE0, 0x4000, 0xef);
    softwareInterrupt(m, 0x20);
    expect(m.dwords(STACK0 - 20, 5)).toEqual([0x1234, CODE3, 0x202, STACK3, DATA3]);
    expect([m.cpu.cpl, m.selector(CS), m.selector(SS), m.cpu.esp, m.selector(DS)]).toEqual([0, CODE0, DATA0, STACK0 - 20, DATA3]);
    interruptReturn(m, 4);
    expect([m.cpu.cpl, m.selector(CS), m.selector(SS), m.cpu.esp, m.cpu.eip]).toEqual([3, CODE3, DATA3, STACK3, 0x1234]);
  });
  it("takes ring 1 where the handler is there, and words through 16-bit gates", () => {
    const m = protectedMachine();
    m.ring(3);
    m.vector(13, CODE1, 0x4000, 0x86);
    deliverFault(m, 13, 0x20);
    expect(m.shorts(STACK1 - 12, 6)).toEqual([0x20, 0x1234, CODE3, 0x202, STACK3, DATA3]);
    expect([m.cpu.cpl, m.selector(CS), m.selector(SS), m.cpu.esp]).toEqual([1, CODE1, DATA1, STACK1 - 12]);
  });
});

type Spoil = (m: Machine) => void;

const IDT_FAULTS: [string, Spoil, string, string][] = [
  ["vector beyond the table", (m) => { m.cpu.idtLimit = 0x20 * 8 + 6; }, "GP(102)", "GP(103)"],
  ["no gate", (m) => m.vector(0x20, CODE0, 0x4000, 0x89), "GP(102)", "GP(103)"],
  ["call gate", (m) => m.vector(0x20, CODE0, 0x4000, 0xec), "GP(102)", "GP(103)"],
  ["absent gate", (m) => m.vector(0x20, CODE0, 0x4000, 0x6e), "NP(102)", "NP(103)"],
  ["gate of ring 0", (m) => m.vector(0x20, CODE0, 0x4000, 0x8e), "GP(102)", "none"],
  ["null code", (m) => m.vector(0x20, 0, 0x4000, 0xee), "GP(0)", "GP(1)"],
  ["code beyond the table", (m) => m.vector(0x20, 0x300, 0x4000, 0xee), "GP(300)", "GP(301)"],
  ["data as code", (m) => m.vector(0x20, DATA0, 0x4000, 0xee), "GP(10)", "GP(11)"],
  ["absent code", (m) => m.descriptor(CODE0, 0, 0xfffff, 0x1a, 0xc), "NP(8)", "NP(9)"],
  ["offset beyond the limit", (m) => m.descriptor(CODE0, 0, 0x3fff, 0x9a, 0x4), "GP(0)", "GP(1)"],
  ["null stack", (m) => m.set32(TSS + 8, 0), "TS(0)", "TS(1)"],
  ["stack beyond the table", (m) => m.set32(TSS + 8, 0x300), "TS(300)", "TS(301)"],
  ["stack of another RPL", (m) => m.set32(TSS + 8, DATA0 | 3), "TS(10)", "TS(11)"],
  ["stack of another DPL", (m) => m.set32(TSS + 8, DATA3 & ~3), "TS(20)", "TS(21)"],
  ["TSS too small", (m) => m.segment(TR, TSS_SELECTOR, TSS, 8, 0x8b), "TS(28)", "TS(29)"],
  ["absent stack", (m) => m.descriptor(DATA0, 0, 0xfffff, 0x12, 0xc), "SS(10)", "SS(11)"],
  ["stack too small", (m) => m.descriptor(DATA0, 0, STACK0 - 2, 0x92, 0x4), "SS(10)", "SS(11)"],
  ["stack page absent", (m) => m.memory.absent.add(7), "PF(2)", "PF(2)"],
  ["GDT page absent", (m) => m.memory.absent.add(1), "PF(0)", "PF(0)"],
];

describe("what goes wrong on the way", () => {
  it.each(IDT_FAULTS)("%s", (_, spoil, software, hardware) => {
    const m = protectedMachine();
    m.ring(3);
    m.vector(0x20, CODE0, 0x4000, 0xee);
    spoil(m);
    expect(faultOf(m, () => softwareInterrupt(m, 0x20))).toBe(software);
    expect(faultOf(m, () => deliverInterrupt(m, 0x20))).toBe(hardware);
  });
  it("raises #SS without a selector on the stack in use", () => {
    const m = protectedMachine();
    m.vector(0x20, CODE0, 0x4000);
    m.segment(SS, DATA0, 0, STACK0 - 2, 0x493);
    expect(faultOf(m, () => softwareInterrupt(m, 0x20))).toBe("SS(0)");
    expect(faultOf(m, () => deliverInterrupt(m, 0x20))).toBe("SS(1)");
  });
  it("never goes outwards", () => {
    const m = protectedMachine();
    m.vector(0x20, CODE3, 0x4000);
    expect(faultOf(m, () => deliverInterrupt(m, 0x20))).toBe("GP(19)");
  });
});

describe("double and triple faults", () => {
  /** Delivers `first`, whose delivery raises `second`; a handler for it, for double faults and nothing else stands at its vector * 100h. */
  function collide(first: number, second: "NP" | "PF" | "none"): number | string {
    const m = protectedMachine();
    for (const vector of [8, 11, 14]) m.vector(vector, CODE0, vector * 0x100);
    m.vector(first, SPARE, 0x4000);
    m.descriptor(SPARE, 0, 0xffff, second === "NP" ? 0x1a : 0x9a);
    if (second === "PF") {
      m.cpu.idtBase = 0x4ff8 - first * 8;
      for (const vector of [8, 11, 14]) m.gate(m.cpu.idtBase + vector * 8, CODE0, vector * 0x100, 0x8e);
      m.gate(m.cpu.idtBase + first * 8, 0xfff8, 0x4000, 0x8e);
      m.cpu.gdtLimit = 0xffff;
      m.memory.absent.add((0x1000 + 0xfff8) >>> 12);
    }
    return deliverFault(m, first, -1) === "shutdown" ? "shutdown" : m.cpu.eip >>> 8;
  }
  it.each([
    ["benign then contributory: the second", 6, "NP", 11],
    ["benign then page fault: the second", 6, "PF", 14],
    ["contributory then contributory: double", 0, "NP", 8],
    ["contributory then contributory: double", 13, "NP", 8],
    ["contributory then page fault: the second", 13, "PF", 14],
    ["page fault then contributory: double", 14, "NP", 8],
    ["page fault then page fault: double", 14, "PF", 8],
    ["double fault then anything grave: shutdown", 8, "NP", "shutdown"],
    ["double fault then page fault: shutdown", 8, "PF", "shutdown"],
  ] as const)("%s (%i, %s)", (_, first, second, expected) => {
    expect(collide(first, second)).toBe(expected);
  });
  it("pushes error code 0 and the first fault's return address", () => {
    const m = protectedMachine();
    m.vector(8, CODE0, 0x800);
    expect(deliverFault(m, 13, 0x1234)).toBe("delivered");
    expect([m.dwords(STACK0 - 16, 4), m.cpu.eip]).toEqual([[0, 0x1234, CODE0, 0x202], 0x800]);
  });
  it("shuts down with an empty IDT, and leaves the state of the fault", () => {
    const m = protectedMachine();
    m.cpu.idtLimit = 0;
    const before = m.cpu.words.slice();
    expect(deliverFault(m, 14, 2)).toBe("shutdown");
    expect(m.cpu.words).toEqual(before);
  });
  it("tells the second fault where the first came from", () => {
    const m = protectedMachine();
    m.vector(11, CODE0, 0xb00);
    m.vector(6, CODE0, 0x4000, 0x0e);
    deliverFault(m, 6, -1);
    expect([m.u32(STACK0 - 16), m.cpu.eip]).toEqual([6 * 8 + 3, 0xb00]);
  });
});

describe("virtual-8086 mode", () => {
  it("pushes and clears the data segments, and IRETD restores them", () => {
    const m = protectedMachine();
    m.virtual8086(0);
    m.vector(13, CODE0, 0x4000);
    const before = m.cpu.words.slice();
    expect(deliverFault(m, 13, 0)).toBe("delivered");
    expect(m.dwords(STACK0 - 40, 10)).toEqual([0, 0x1234, 0x0c0, 0x30202, 0x100, 0x0a0, 0x0e0, 0x0d0, 0x0f0, 0x0b0]);
    expect([ES, DS, FS, GS].map((segment) => m.access(segment))).toEqual([0, 0, 0, 0]);
    expect([m.cpu.cpl, m.selector(CS), m.selector(SS), readEflags(m.cpu.words), m.cpu.stackMask]).toEqual([0, CODE0, DATA0, 2, -1]);
    m.cpu.esp += 4;
    interruptReturn(m, 4);
    m.cpu.eflags &= ~0x10000;
    expect(m.cpu.words).toEqual(before);
  });
  it("pushes words through a 16-bit gate", () => {
    const m = protectedMachine();
    m.virtual8086(0);
    m.vector(0x20, CODE0, 0x4000, 0x86);
    deliverInterrupt(m, 0x20);
    expect(m.shorts(STACK0 - 18, 9)).toEqual([0x1234, 0x0c0, 0x0202, 0x100, 0x0a0, 0x0e0, 0x0d0, 0x0f0, 0x0b0]);
  });
  it("guards INT n by IOPL, but not INT3 and INTO", () => {
    const m = protectedMachine();
    m.virtual8086(2);
    for (const vector of [3, 4, 0x20]) m.vector(vector, CODE0, 0x4000, 0xee);
    expect(faultOf(m, () => softwareInterrupt(m, 0x20))).toBe("GP(0)");
    overflow(m);
    expect(m.cpu.cpl).toBe(0);
    m.virtual8086(3);
    softwareInterrupt(m, 0x20);
    expect(m.cpu.cpl).toBe(0);
    m.virtual8086(0);
    m.vector(3, CODE0, 0x4000, 0x8e);
    expect(faultOf(m, () => breakpoint(m))).toBe("GP(1a)");
  });
  it("goes to nonconforming ring-0 code only", () => {
    const m = protectedMachine();
    m.virtual8086(3);
    m.vector(0x20, CODE1, 0x4000, 0xee);
    m.vector(0x21, CONFORMING0, 0x4000, 0xee);
    m.vector(0x22, CODE3, 0x4000, 0xee);
    expect([0x20, 0x21, 0x22].map((vector) => faultOf(m, () => softwareInterrupt(m, vector)))).toEqual(["GP(30)", "GP(40)", "GP(18)"]);
    expect(faultOf(m, () => deliverInterrupt(m, 0x20))).toBe("GP(31)");
  });
});

describe("a stack that is never aligned", () => {
  it("ends an #AC that raises itself, which processors deliver for ever", () => {
    const m = protectedMachine();
    m.ring(3);
    m.vector(17, CODE3, 0x5000, 0xee);
    m.memory.write32 = () => raise(VECTOR.AC, 0);
    expect(deliverFault(m, VECTOR.AC, 0)).toBe("shutdown");
  });
});
