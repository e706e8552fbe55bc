import { describe, expect, it } from "vitest";
import { readEflags } from "../../runtime/flags.ts";
import { CS, DS, ES, FS, LDTR, SS, TR } from "../../runtime/monitor/descriptors.ts";
import { deliverFault, softwareInterrupt } from "../../runtime/monitor/interrupt.ts";
import { callFar, interruptReturn, jumpFar } from "../../runtime/monitor/transfer.ts";
import { CR0_PG, CR0_TS } from "../../runtime/state.ts";
import {
  CODE0, CODE3, DATA0, DATA3, faultOf, GDT, LDT, Machine, protectedMachine, SPARE, STACK0, STACK3, TSS, TSS_B, TSS_SELECTOR,
} from "./fixture.ts";

/** Selectors of a second TSS, a task gate to it and a local table. */
const TASK_B = 0x50, TASK_GATE = 0x58, TABLE = 0x60;
const REGISTERS = [0xa0, 0xa1, 0xa2, 0xa3, STACK3, 0xa5, 0xa6, 0xa7];

interface Task { eip?: number; eflags?: number; es?: number; cs?: number; ss?: number; ds?: number; fs?: number; ldt?: number; trap?: number }

function writeTask(m: Machine, task: Task): void {
  const { eip = 0x7777, eflags = 0x202, es = DATA3, cs = CODE3, ss = DATA3, ds = DATA3, fs = 0, ldt = 0, trap = 0 } = task;
  m.set32(TSS_B, 0, STACK0 - 0x400, DATA0, 0, 0, 0, 0, 0x15000, eip, eflags, ...REGISTERS, es, cs, ss, ds, fs, 0, ldt, trap);
}

function taskMachine(task: Task = {}): Machine {
  const m = protectedMachine();
  m.descriptor(TASK_B, TSS_B, 0x67, 0x89);
  m.gate(GDT + TASK_GATE, TASK_B, 0, 0xe5);
  m.descriptor(TABLE, LDT, 0x1f, 0x82);
  for (const [index] of REGISTERS.entries()) m.cpu.words[index] = index === 4 ? STACK0 : 0x10 + index;
  writeTask(m, task);
  return m;
}

const busy = (m: Machine, selector: number): boolean => (m.memory.view.getUint8(GDT + selector + 5) & 2) !== 0;
const registers = (m: Machine): number[] => [...m.cpu.words.subarray(0, 8)];

describe("a jump to a task", () => {
  it("saves the old task, loads the new one and moves the busy bit", () => {
    const m = taskMachine();
    jumpFar(m, TASK_B, 0xdead, 4);
    expect(m.dwords(TSS + 0x20, 10)).toEqual([0x1234, 0x202, 0x10, 0x11, 0x12, 0x13, STACK0, 0x15, 0x16, 0x17]);
    expect([0x48, 0x4c, 0x50, 0x54, 0x58, 0x5c].map((at) => m.u16(TSS + at))).toEqual([DATA0, CODE0, DATA0, DATA0, DATA0, DATA0]);
    expect(registers(m)).toEqual(REGISTERS);
    expect([m.cpu.eip, m.cpu.cpl, m.selector(CS), m.selector(SS), m.selector(ES), m.access(FS)]).toEqual([0x7777, 3, CODE3, DATA3, DATA3, 0]);
    expect([m.selector(TR), m.base(TR), m.access(TR)]).toEqual([TASK_B, TSS_B, 0x8b]);
    expect([busy(m, TSS_SELECTOR), busy(m, TASK_B), m.cpu.cr0 & CR0_TS, m.u16(TSS_B), m.cpu.cr3]).toEqual([false, true, CR0_TS, 0, 0]);
  });
  it("loads CR3 where paging is on, and clears the local breakpoints", () => {
    const m = taskMachine();
    m.cpu.cr0 |= CR0_PG;
    m.cpu.dr7 = 0x7ff;
    jumpFar(m, TASK_B, 0, 4);
    expect([m.cpu.cr3, m.memory.flushes, m.cpu.dr7]).toEqual([0x15000, ["non-global"], 0x6aa]);
  });
  it("goes through a task gate whatever the privilege of the TSS", () => {
    const m = taskMachine();
    m.ring(3);
    expect(faultOf(m, () => jumpFar(m, TASK_B, 0, 4))).toBe("GP(50)");
    jumpFar(m, TASK_GATE, 0, 4);
    expect(m.cpu.eip).toBe(0x7777);
  });
  it("loads the local table first, and segments from it", () => {
    const m = taskMachine({ ldt: TABLE, ds: 0x0f });
    m.descriptor(8, 0x4321, 0xff, 0xf2, 0, LDT);
    jumpFar(m, TASK_B, 0, 4);
    expect([m.selector(LDTR), m.base(LDTR), m.base(DS)]).toEqual([TABLE, LDT, 0x4321]);
  });
  it("enters virtual-8086 mode", () => {
    const m = taskMachine({ eflags: 0x20202, cs: 0x100, ss: 0x200, ds: 0x300, es: 0 });
    jumpFar(m, TASK_B, 0, 4);
    expect([m.cpu.cpl, m.base(CS), m.base(SS), m.base(DS), m.cpu.stackMask]).toEqual([3, 0x1000, 0x2000, 0x3000, 0xffff]);
  });
  it.each([
    ["busy", (m: Machine) => m.descriptor(TASK_B, TSS_B, 0x67, 0x8b), "GP(50)"],
    ["absent", (m: Machine) => m.descriptor(TASK_B, TSS_B, 0x67, 0x09), "NP(50)"],
    ["too small", (m: Machine) => m.descriptor(TASK_B, TSS_B, 0x66, 0x89), "TS(50)"],
    ["old TSS too small", (m: Machine) => m.segment(TR, TSS_SELECTOR, TSS, 0x5e, 0x8b), "TS(28)"],
    ["old TSS read-only", (m: Machine) => m.memory.readOnly.add(TSS >>> 12), "PF(3)"],
    ["new TSS absent", (m: Machine) => { m.descriptor(TASK_B, 0x5000, 0x67, 0x89); m.memory.absent.add(5); }, "PF(0)"],
    ["GDT read-only", (m: Machine) => m.memory.readOnly.add(GDT >>> 12), "PF(3)"],
  ])("%s: nothing has happened", (_, spoil, expected) => {
    const m = taskMachine();
    spoil(m);
    const old = m.dwords(TSS, 26);
    expect(faultOf(m, () => jumpFar(m, TASK_B, 0, 4))).toBe(expected);
    expect(m.dwords(TSS, 26)).toEqual(old);
  });
});

describe("task gates that lead nowhere", () => {
  it.each([
    ["null", 0, "GP(0)"],
    ["local", TASK_B | 4, "GP(54)"],
    ["beyond the table", 0x300, "GP(300)"],
    ["a code segment", CODE0, "GP(8)"],
    ["the current task", TSS_SELECTOR, "GP(28)"],
  ])("%s", (_, inside, expected) => {
    const m = taskMachine();
    m.gate(GDT + TASK_GATE, inside, 0, 0xe5);
    expect(faultOf(m, () => callFar(m, TASK_GATE, 0, 4))).toBe(expected);
  });
  it("checks the gate itself", () => {
    const m = taskMachine();
    m.gate(GDT + TASK_GATE, TASK_B, 0, 0x65);
    expect(faultOf(m, () => callFar(m, TASK_GATE, 0, 4))).toBe("NP(58)");
    m.gate(GDT + TASK_GATE, TASK_B, 0, 0x85);
    expect(faultOf(m, () => callFar(m, TASK_GATE | 3, 0, 4))).toBe("GP(58)");
  });
});

describe("nesting", () => {
  it("calls and returns, and ends where it began", () => {
    const m = taskMachine({ cs: CODE0, ss: DATA0, ds: DATA0, es: DATA0 });
    const before = m.cpu.words.slice();
    callFar(m, TASK_B, 0, 4);
    expect([m.u16(TSS_B), readEflags(m.cpu.words), busy(m, TSS_SELECTOR), busy(m, TASK_B)]).toEqual([TSS_SELECTOR, 0x4202, true, true]);
    m.cpu.eip = 0x8888;
    interruptReturn(m, 4);
    expect([busy(m, TSS_SELECTOR), busy(m, TASK_B), m.u32(TSS_B + 0x20), m.u32(TSS_B + 0x24)]).toEqual([true, false, 0x8888, 0x202]);
    m.cpu.cr0 &= ~CR0_TS;
    expect(m.cpu.words).toEqual(before);
  });
  it.each([
    ["null link", 0, "TS(0)"],
    ["local link", 0x2c, "TS(2c)"],
    ["link beyond the table", 0x300, "TS(300)"],
    ["link to an available task", TASK_B, "TS(50)"],
    ["link to code", CODE0, "TS(8)"],
    ["link to an absent task", SPARE, "NP(48)"],
  ])("%s", (_, link, expected) => {
    const m = taskMachine();
    m.descriptor(SPARE, TSS_B, 0x67, 0x0b);
    m.cpu.eflags |= 0x4000;
    m.set32(TSS, link);
    expect(faultOf(m, () => interruptReturn(m, 4))).toBe(expected);
  });
  it("goes between 32-bit and 16-bit tasks", () => {
    const m = taskMachine();
    m.descriptor(TASK_B, TSS_B, 0x2b, 0x81);
    m.set16(TSS_B, 0, 0x7000, DATA0, 0, 0, 0, 0, 0x4321, 0x0202, 1, 2, 3, 4, 5, 6, 7, 8, DATA0, CODE0, DATA0, DATA0, 0);
    callFar(m, TASK_B, 0, 2);
    expect([m.cpu.eip, readEflags(m.cpu.words), m.cpu.esp & 0xffff, m.cpu.edi & 0xffff, m.selector(CS), m.access(FS), m.access(TR)])
      .toEqual([0x4321, 0x4202, 5, 8, CODE0, 0, 0x83]);
    m.cpu.eax = 0x99;
    interruptReturn(m, 2);
    expect([m.cpu.eip, m.cpu.esp, m.selector(TR), m.u16(TSS_B + 0x12), m.u16(TSS_B + 0x0e)]).toEqual([0x1234, STACK0, TSS_SELECTOR, 0x99, 0x4321]);
  });
});

describe("faults of the new task", () => {
  it.each<[string, Task, number, number]>([
    ["local table in the local table", { ldt: 0x64 }, 10, 0x64],
    ["local table that is none", { ldt: CODE0 }, 10, CODE0],
    ["null CS", { cs: 3 }, 10, 0],
    ["CS beyond the table", { cs: 0x303 }, 10, 0x300],
    ["data as CS", { cs: DATA3 }, 10, DATA3 & ~3],
    ["CS of another privilege", { cs: CODE0 | 3 }, 10, CODE0],
    ["absent CS", { cs: SPARE | 3 }, 11, SPARE],
    ["null SS", { ss: 0 }, 10, 0],
    ["SS of another privilege", { ss: DATA0 }, 10, DATA0],
    ["absent SS", { ss: 0x6b }, 12, 0x68],
    ["DS of another privilege", { ds: DATA0 }, 10, DATA0],
    ["absent ES", { es: 0x6b }, 11, 0x68],
    ["offset beyond the limit", { cs: 0x73, eip: 0x1000 }, 13, 0],
  ])("%s", (_, task, vector, error) => {
    const m = taskMachine(task);
    m.descriptor(SPARE, 0, 0xffff, 0x7a);
    m.descriptor(0x68, 0, 0xffff, 0x72);
    m.descriptor(0x70, 0, 0xfff, 0xfa);
    m.vector(vector, CODE0, vector * 0x100);
    jumpFar(m, TASK_B, 0, 4);
    // Delivered on the new task's inner stack, with its EIP.
    expect([m.cpu.eip, m.selector(TR), m.cpu.cpl]).toEqual([vector * 0x100, TASK_B, 0]);
    expect(m.dwords(STACK0 - 0x400 - 24, 3)).toEqual([error, task.eip ?? 0x7777, task.cs ?? CODE3]);
  });
  it("is a double fault that cannot be delivered where the IDT is empty", () => {
    const m = taskMachine({ cs: 0 });
    expect(() => jumpFar(m, TASK_B, 0, 4)).toThrow(expect.objectContaining({ vector: 8 }));
  });
  it("traps before the first instruction where the T bit is set", () => {
    const m = taskMachine({ trap: 1 });
    m.vector(1, CODE0, 0x100);
    jumpFar(m, TASK_B, 0, 4);
    expect([m.cpu.dr6 & 0x8000, m.cpu.eip, m.u32(m.cpu.esp)]).toEqual([0x8000, 0x100, 0x7777]);
  });
});

describe("interrupts through task gates", () => {
  it("nests, and pushes the error code on the new stack", () => {
    const m = taskMachine({ cs: CODE0, ss: DATA0, ds: DATA0, es: DATA0 });
    m.vector(13, TASK_B, 0, 0x85);
    expect(deliverFault(m, 13, 0x48)).toBe("delivered");
    expect([m.cpu.eip, m.cpu.esp, m.u32(STACK3 - 4), m.u16(TSS_B), m.u32(TSS + 0x24)]).toEqual([0x7777, STACK3 - 4, 0x48, TSS_SELECTOR, 0x10202]);
    expect(readEflags(m.cpu.words)).toBe(0x4202);
    m.cpu.esp += 4;
    interruptReturn(m, 4);
    expect([m.cpu.eip, m.selector(TR)]).toEqual([0x1234, TSS_SELECTOR]);
  });
  it("saves a double fault from a broken stack", () => {
    const m = taskMachine({ cs: CODE0, ss: DATA0, ds: DATA0, es: DATA0 });
    m.vector(8, TASK_B, 0, 0x85);
    m.vector(12, CODE0, 0x4000);
    m.vector(14, CODE0, 0x4000);
    m.memory.absent.add(0x1f);
    m.cpu.esp = 0x1f800;
    expect(deliverFault(m, 12, 0)).toBe("delivered");
    expect([m.cpu.eip, m.selector(TR), m.u32(m.cpu.esp), m.u32(TSS + 0x38)]).toEqual([0x7777, TASK_B, 0, 0x1f800]);
  });
  it("has the EXT bit in error codes, but not for INT n", () => {
    const m = taskMachine();
    m.descriptor(TASK_B, TSS_B, 0x67, 0x8b);
    m.vector(0x20, TASK_B, 0, 0x85);
    expect(faultOf(m, () => softwareInterrupt(m, 0x20))).toBe("GP(50)");
    m.vector(6, TASK_B, 0, 0x85);
    m.vector(13, CODE0, 0x4000);
    deliverFault(m, 6, -1);
    expect(m.u32(m.cpu.esp)).toBe(0x51);
  });
});
