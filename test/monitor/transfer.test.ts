import { describe, expect, it } from "vitest";
import { readEflags, writeEflags } from "../../runtime/flags.ts";
import { CS, DS, ES, FS, GS, SS, TR } from "../../runtime/monitor/descriptors.ts";
import { callFar, interruptReturn, jumpFar, returnFar } from "../../runtime/monitor/transfer.ts";
import {
  CODE0, CODE1, CODE3, CONFORMING0, DATA0, DATA1, DATA3, faultOf, GDT, Machine, protectedMachine, realMachine, SPARE, STACK0, STACK1, STACK3,
  TSS, TSS_SELECTOR,
} from "./fixture.ts";

const GATE = 0x50;

describe("real mode", () => {
  it("jumps, calls and returns by selector times 16", () => {
    const m = realMachine();
    m.cpu.eip = 0x105;
    callFar(m, 0x2000, 0x12345, 2);
    expect([m.selector(CS), m.base(CS), m.cpu.eip, m.cpu.esp]).toEqual([0x2000, 0x20000, 0x2345, 0x3fc]);
    expect(m.shorts(0x3fc, 2)).toEqual([0x105, 0]);
    returnFar(m, 2, 6);
    expect([m.selector(CS), m.cpu.eip, m.cpu.esp]).toEqual([0, 0x105, 0x406]);
    jumpFar(m, 0xffff, 0x10, 4);
    expect([m.base(CS), m.cpu.eip]).toEqual([0xffff0, 0x10]);
    expect(faultOf(m, () => jumpFar(m, 0, 0x10000, 4))).toBe("GP(0)");
    expect(faultOf(m, () => callFar(m, 0, 0x10000, 4))).toBe("GP(0)");
  });
  it("makes CS writable after protected mode and keeps its limit", () => {
    const m = realMachine();
    m.segment(CS, 8, 0, 0xffff, 0x9a);
    jumpFar(m, 0x100, 0, 2);
    expect([m.access(CS), m.cpu.limit1]).toEqual([0x93, 0xffff]);
  });
  it("wraps SP at 64 KiB word by word, keeping the upper half of ESP", () => {
    const m = realMachine();
    m.cpu.esp = 0x12340002;
    callFar(m, 0x10, 0x20, 2);
    expect([m.cpu.esp >>> 0, m.u16(0), m.u16(0xfffe)]).toEqual([0x1234fffe, 0, 0]);
    m.cpu.esp = 1;
    expect(faultOf(m, () => callFar(m, 0x10, 0x20, 2))).toBe("SS(0)");
  });
  it("returns from interrupts with all flags but VM, VIF and VIP", () => {
    const m = realMachine();
    m.set16(0x3fa, 0x111, 0x222, 0xffff);
    m.cpu.esp = 0x3fa;
    interruptReturn(m, 2);
    expect([m.selector(CS), m.cpu.eip, m.cpu.esp, readEflags(m.cpu.words)]).toEqual([0x222, 0x111, 0x400, 0x7fd7]);
    m.cpu.esp = 0x300;
    m.set32(0x300, 0x44, 0x33, -1);
    interruptReturn(m, 4);
    expect([m.selector(CS), m.cpu.eip, m.cpu.esp, readEflags(m.cpu.words)]).toEqual([0x33, 0x44, 0x30c, 0x257fd7]);
  });
});

describe("direct jumps and calls in protected mode", () => {
  it.each([
    ["null", 0, 0x9a, "GP(0)"],
    ["null with RPL", 3, 0x9a, "GP(0)"],
    ["beyond the table", 0x200, 0x9a, "GP(200)"],
    ["data", SPARE, 0x92, "GP(48)"],
    ["RPL weaker than CPL", SPARE | 1, 0x9a, "GP(48)"],
    ["DPL weaker than CPL", SPARE, 0xfa, "GP(48)"],
    ["conforming, DPL weaker", SPARE, 0xfe, "GP(48)"],
    ["conforming, RPL not looked at", SPARE | 3, 0x9e, "none"],
    ["absent", SPARE, 0x1a, "NP(48)"],
    ["offset beyond the limit", SPARE, 0x9a, "none", 0xff],
    ["offset beyond the limit by one", SPARE, 0x9a, "GP(0)", 0xfe],
    ["a busy TSS", SPARE, 0x8b, "GP(48)"],
    ["an interrupt gate", SPARE, 0x8e, "GP(48)"],
    ["an LDT", SPARE, 0x82, "GP(48)"],
  ])("%s", (_, selector, access, expected, limit = 0xffff) => {
    for (const act of [jumpFar, callFar]) {
      const m = protectedMachine();
      m.descriptor(SPARE, 0, limit, access);
      expect(faultOf(m, () => act(m, selector, 0xff, 4))).toBe(expected);
    }
  });
  it("sets RPL to CPL, marks the segment accessed and stays in its ring", () => {
    const m = protectedMachine();
    m.ring(3);
    jumpFar(m, CONFORMING0, 0x77, 4);
    expect([m.selector(CS), m.cpu.cpl, m.cpu.eip, m.access(CS) & 0xff, m.memory.view.getUint8(GDT + CONFORMING0 + 5)])
      .toEqual([CONFORMING0 | 3, 3, 0x77, 0x9f, 0x9f]);
    jumpFar(m, CODE3, 0x12345678, 2);
    expect([m.selector(CS), m.cpu.eip]).toEqual([CODE3, 0x5678]);
  });
  it("pushes CS and the return offset", () => {
    const m = protectedMachine();
    callFar(m, CODE0, 0x5000, 4);
    expect([m.dwords(STACK0 - 8, 2), m.cpu.esp, m.cpu.eip]).toEqual([[0x1234, CODE0], STACK0 - 8, 0x5000]);
    callFar(m, CODE0, 0x5000, 2);
    expect([m.shorts(STACK0 - 12, 2), m.cpu.esp]).toEqual([[0x5000, CODE0], STACK0 - 12]);
  });
  it("leaves everything as it was when the push faults", () => {
    const m = protectedMachine();
    m.memory.absent.add(7);
    expect(faultOf(m, () => callFar(m, CODE0, 0, 4))).toBe("PF(2)");
    expect(m.cpu.cr2).toBe(STACK0 - 4);
    m.segment(SS, DATA0, 0, STACK0 - 2, 0x493);
    expect(faultOf(m, () => callFar(m, CODE0, 0, 4))).toBe("SS(0)");
    m.ring(3);
    m.memory.absent.add(9);
    expect(faultOf(m, () => callFar(m, CODE3, 0, 4))).toBe("PF(6)");
  });
});

/** Ring 3 before a call gate at GATE to ring-0 code. */
function gateMachine(access: number = 0xec, target: number = CODE0, parameters: number = 0): Machine {
  const m = protectedMachine();
  m.ring(3);
  m.gate(GDT + GATE, target, 0x12345678, access, parameters);
  return m;
}

describe("call gates", () => {
  it("switches stacks and copies parameters, 32 bits", () => {
    const m = gateMachine(0xec, CODE0, 2);
    m.set32(STACK3, 0xaaaa, 0xbbbb);
    callFar(m, GATE | 3, 0, 4);
    expect(m.dwords(STACK0 - 24, 6)).toEqual([0x1234, CODE3, 0xaaaa, 0xbbbb, STACK3, DATA3]);
    expect([m.cpu.cpl, m.selector(CS), m.cpu.eip, m.selector(SS), m.cpu.esp]).toEqual([0, CODE0, 0x12345678, DATA0, STACK0 - 24]);
  });
  it("and back: parameters leave both stacks, too privileged data segments become null", () => {
    const m = gateMachine(0xec, CODE0, 2);
    callFar(m, GATE | 3, 0, 4);
    for (const [segment, selector, access] of [[DS, DATA0, 0xc93], [ES, DATA3, 0xcf3], [FS, CONFORMING0, 0xc9f], [GS, CODE0, 0xc9b]] as const) {
      m.segment(segment, selector, 0, -1, access);
    }
    returnFar(m, 4, 8);
    expect([m.cpu.cpl, m.selector(CS), m.cpu.eip, m.selector(SS), m.cpu.esp]).toEqual([3, CODE3, 0x1234, DATA3, STACK3 + 8]);
    expect([DS, ES, FS, GS].map((segment) => m.selector(segment))).toEqual([0, DATA3, CONFORMING0, 0]);
    expect([DS, GS].map((segment) => m.access(segment))).toEqual([0, 0]);
  });
  it("switches stacks, 16 bits", () => {
    const m = gateMachine(0xe4, CODE0, 1);
    m.set16(STACK3, 0xcafe);
    callFar(m, GATE | 3, 0, 4);
    expect(m.shorts(STACK0 - 10, 5)).toEqual([0x1234, CODE3, 0xcafe, STACK3, DATA3]);
    expect([m.cpu.eip, m.cpu.esp]).toEqual([0x5678, STACK0 - 10]);
  });
  it("takes the stack of the target's ring, from a 16-bit TSS too", () => {
    const m = gateMachine(0xec, CODE1);
    callFar(m, GATE | 3, 0, 4);
    expect([m.cpu.cpl, m.selector(CS), m.selector(SS), m.cpu.esp]).toEqual([1, CODE1, DATA1, STACK1 - 16]);
    const old = gateMachine();
    old.segment(TR, TSS_SELECTOR, TSS, 0x2b, 0x83);
    old.set16(TSS + 2, 0x7000, DATA0);
    callFar(old, GATE | 3, 0, 4);
    expect([old.selector(SS), old.cpu.esp]).toEqual([DATA0, 0x7000 - 16]);
  });
  it("stays on its stack at the same privilege and in conforming code", () => {
    const m = gateMachine(0xec, CONFORMING0, 5);
    callFar(m, GATE | 3, 0, 2);
    expect([m.cpu.cpl, m.selector(CS), m.cpu.esp, m.dwords(STACK3 - 8, 2)]).toEqual([3, CONFORMING0 | 3, STACK3 - 8, [0x1234, CODE3]]);
    jumpFar(m, GATE | 3, 0, 2);
    expect([m.cpu.eip, m.cpu.esp]).toEqual([0x12345678, STACK3 - 8]);
  });
  it.each([
    ["gate DPL below CPL", 0x8c, CODE0, GATE, "GP(50)", "GP(50)"],
    ["gate absent", 0x6c, CODE0, GATE, "NP(50)", "NP(50)"],
    ["null inside", 0xec, 0, GATE, "GP(0)", "GP(0)"],
    ["beyond the table inside", 0xec, 0x300, GATE, "GP(300)", "GP(300)"],
    ["data inside", 0xec, DATA0, GATE, "GP(10)", "GP(10)"],
    ["absent code inside", 0xec, SPARE, GATE, "NP(48)", "GP(48)"],
    ["more privileged code is for calls", 0xec, CODE0, GATE, "none", "GP(8)"],
  ])("%s", (_, access, target, selector, called, jumped) => {
    const m = gateMachine(access, target);
    m.descriptor(SPARE, 0, 0xffff, 0x1a);
    expect(faultOf(m, () => jumpFar(m, selector, 0, 4))).toBe(jumped);
    expect(faultOf(m, () => callFar(m, selector, 0, 4))).toBe(called);
  });
  it.each([
    ["TSS too small", (m: Machine) => m.segment(TR, TSS_SELECTOR, TSS, 8, 0x8b), "TS(28)"],
    ["null stack", (m: Machine) => m.set32(TSS + 8, 0), "TS(0)"],
    ["stack beyond the table", (m: Machine) => m.set32(TSS + 8, 0x300), "TS(300)"],
    ["stack of another RPL", (m: Machine) => m.set32(TSS + 8, DATA0 | 1), "TS(10)"],
    ["stack of another DPL", (m: Machine) => m.set32(TSS + 8, DATA1 & ~3), "TS(38)"],
    ["read-only stack", (m: Machine) => m.descriptor(DATA0, 0, 0xfffff, 0x90, 0xc), "TS(10)"],
    ["absent stack", (m: Machine) => m.descriptor(DATA0, 0, 0xfffff, 0x12, 0xc), "SS(10)"],
    ["no room", (m: Machine) => m.descriptor(DATA0, 0, 0x100, 0x92, 0x4), "SS(10)"],
    ["stack page absent", (m: Machine) => m.memory.absent.add(7), "PF(2)"],
    ["parameters unreadable", (m: Machine) => m.memory.absent.add(0xa), "PF(4)"],
    ["offset beyond the limit", (m: Machine) => m.descriptor(CODE0, 0, 0xffff, 0x9a, 0x4), "GP(0)"],
  ])("inner stack: %s", (_, spoil, expected) => {
    const m = gateMachine(0xec, CODE0, 1);
    spoil(m);
    expect(faultOf(m, () => callFar(m, GATE | 3, 0, 4))).toBe(expected);
  });
});

describe("far returns", () => {
  it.each([
    ["null CS", 0, DATA3, "GP(0)"],
    ["CS beyond the table", 0x203, DATA3, "GP(200)"],
    ["data as CS", DATA3, DATA3, "GP(20)"],
    ["nonconforming DPL is not RPL", CODE0 | 3, DATA3, "GP(8)"],
    ["absent CS", SPARE | 3, DATA3, "NP(48)"],
    ["null SS", CODE3, 0, "GP(0)"],
    ["SS beyond the table", CODE3, 0x203, "GP(200)"],
    ["SS of another RPL", CODE3, DATA3 & ~3, "GP(20)"],
    ["SS of another DPL", CODE3, DATA0 | 3, "GP(10)"],
    ["code as SS", CODE3, CODE3, "GP(18)"],
    ["absent SS", CODE3, 0x5b, "SS(58)"],
    ["good", CODE3, DATA3, "none"],
    ["conforming, outwards", CONFORMING0 | 3, DATA3, "none"],
  ])("%s", (_, cs, ss, expected) => {
    for (const act of [(m: Machine) => returnFar(m, 4, 0), (m: Machine) => interruptReturn(m, 4)]) {
      const m = protectedMachine();
      m.descriptor(SPARE, 0, 0xffff, 0x7a);
      m.descriptor(0x58, 0, 0xffff, 0x72);
      m.set32(STACK0, 0x4444, cs, ...(act.toString().includes("returnFar") ? [] : [0x202]), STACK3, ss);
      expect(faultOf(m, () => act(m))).toBe(expected);
    }
  });
  it("never goes inwards", () => {
    const m = protectedMachine();
    m.ring(3);
    m.set32(STACK3, 0x4444, CODE0, 0x202, STACK0, DATA0);
    expect(faultOf(m, () => returnFar(m, 4, 0))).toBe("GP(8)");
    expect(faultOf(m, () => interruptReturn(m, 4))).toBe("GP(8)");
  });
  it("checks the offset and the stack", () => {
    const m = protectedMachine();
    m.descriptor(SPARE, 0, 0xfff, 0x9a);
    m.set32(STACK0, 0x1000, SPARE);
    expect(faultOf(m, () => returnFar(m, 4, 0))).toBe("GP(0)");
    m.segment(SS, DATA0, 0, STACK0 + 3, 0x493);
    expect(faultOf(m, () => returnFar(m, 4, 0))).toBe("SS(0)");
  });
  it("releases parameters at the same privilege", () => {
    const m = protectedMachine();
    m.set32(STACK0, 0x4444, CODE0);
    returnFar(m, 4, 0x10);
    expect([m.cpu.eip, m.cpu.esp]).toEqual([0x4444, STACK0 + 0x18]);
  });
  it("loads only SP where the outer stack is a 16-bit one", () => {
    const m = protectedMachine();
    m.descriptor(SPARE, 0, 0xffff, 0xf2);
    m.cpu.esp = 0x18000;
    m.set32(0x18000, 0x4444, CODE3, 0, 0xabcd5678, SPARE | 3);
    returnFar(m, 4, 4);
    expect([m.cpu.cpl, m.cpu.esp, m.cpu.stackMask]).toEqual([3, 0x1567c, 0xffff]);
  });
});

describe("IRET in protected mode", () => {
  it("lets each privilege change its own flags", () => {
    const m = protectedMachine();
    m.set32(STACK0, 0x4444, CODE0, ~0x20000);
    interruptReturn(m, 4);
    expect(readEflags(m.cpu.words)).toBe(0x257fd7);
    m.ring(3);
    writeEflags(m.cpu.words, 0x202);
    m.set32(STACK3, 0x4444, CODE3, 0x7cd5);
    interruptReturn(m, 4);
    expect(readEflags(m.cpu.words)).toBe(0x4ed7);
  });
  it("does not turn VM on outside ring 0", () => {
    const m = protectedMachine();
    m.ring(3);
    m.set32(STACK3, 0x4444, CODE3, 0x20202);
    interruptReturn(m, 4);
    expect([readEflags(m.cpu.words), m.cpu.cpl]).toEqual([0x202, 3]);
  });
  it("keeps the upper flags with a 16-bit operand size", () => {
    const m = protectedMachine();
    writeEflags(m.cpu.words, 0x250202);
    m.set16(STACK0, 0x4444, CODE0, 0x0003);
    interruptReturn(m, 2);
    expect([readEflags(m.cpu.words), m.cpu.esp]).toEqual([0x250003, STACK0 + 6]);
  });
  it("uses IOPL and CPL of before the return", () => {
    const m = protectedMachine();
    m.set32(STACK0, 0x4444, CODE3, 0x3202, STACK3, DATA3);
    interruptReturn(m, 4);
    expect([readEflags(m.cpu.words), m.cpu.cpl, m.cpu.esp, m.selector(SS)]).toEqual([0x3202, 3, STACK3, DATA3]);
  });
});

describe("virtual-8086 mode", () => {
  it("is entered by IRETD in ring 0 with nine doublewords", () => {
    const m = protectedMachine();
    m.set32(STACK0, 0x1111, 0x2222, 0x23202, 0x3333, 0x4444, 0x5555, 0x6666, 0x7777, 0x8888);
    interruptReturn(m, 4);
    expect([ES, CS, SS, DS, FS, GS].map((segment) => m.selector(segment))).toEqual([0x5555, 0x2222, 0x4444, 0x6666, 0x7777, 0x8888]);
    expect([m.cpu.eip, m.cpu.esp, m.cpu.cpl, m.cpu.stackMask, m.base(GS), readEflags(m.cpu.words)])
      .toEqual([0x1111, 0x3333, 3, 0xffff, 0x88880, 0x23202]);
  });
  it("is not entered at an offset beyond 64 KiB, nor from half a frame", () => {
    const m = protectedMachine();
    m.set32(STACK0, 0x10000, 0x2222, 0x20202);
    expect(faultOf(m, () => interruptReturn(m, 4))).toBe("GP(0)");
    m.set32(STACK0, 0x1000);
    m.segment(SS, DATA0, 0, STACK0 + 0x20, 0x493);
    expect(faultOf(m, () => interruptReturn(m, 4))).toBe("SS(0)");
  });
  it("returns inside with IOPL 3 only, and changes neither IOPL nor VM", () => {
    const m = protectedMachine();
    m.virtual8086(2);
    expect(faultOf(m, () => interruptReturn(m, 2))).toBe("GP(0)");
    m.virtual8086(3);
    m.set16(0xa00 + 0x100, 0x1234, 0x0700, 0x0cd5);
    interruptReturn(m, 2);
    expect([m.cpu.eip, m.base(CS), m.cpu.esp, readEflags(m.cpu.words)]).toEqual([0x1234, 0x7000, 0x106, 0x23cd7]);
    jumpFar(m, 0x800, 0x11, 2);
    expect([m.base(CS), m.access(CS), m.cpu.cpl]).toEqual([0x8000, 0xf3, 3]);
  });
});
