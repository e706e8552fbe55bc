/**
 * Cases for the monitor against another machine, and what becomes of them here. The other side is qemu-guest.c; both set up
 * the same tables at the same addresses.
 */
import { GuestFault } from "../../runtime/faults.ts";
import { setArithmeticFlags, writeEflags } from "../../runtime/flags.ts";
import { CS, DS, ES, FS, GS, SS, TR } from "../../runtime/monitor/descriptors.ts";
import { deliverFault, softwareInterrupt } from "../../runtime/monitor/interrupt.ts";
import { lar, loadLdtr, loadSegment, loadTr, lslLimit, lslValid, verr, verw } from "../../runtime/monitor/segments.ts";
import { callFar, interruptReturn, jumpFar, returnFar } from "../../runtime/monitor/transfer.ts";
import { CR0_ET, CR0_PE, VM, ZF } from "../../runtime/state.ts";
import { Machine } from "./fixture.ts";

// As in qemu-guest.c. 16-bit offsets cut the landing's to 0, where another INT 80h stands.
const NEW_TSS = 0x1a3000, GDT = 0x1a0000, IDT = 0x1a1000, TSS = 0x1a2000, INNER0 = 0x191000, INNER1 = 0x195000, LANDING = 0x1b0000;
const OPERATIONS = 0x1b1000;
const SPARE = 0x48, SPARE_VECTOR = 0x81, FRAME = 9, SEEN = 8;
/** In virtual-8086 mode, offsets of an INT 80h, and of an INT of the spare vector with an INT 80h behind it. */
const V86_CODE = 0x7f0, V86_LANDING = 0x100, V86_INT = 0x110;
const OP_STACK = [0x192000, 0x193000, 0, 0x194000], CODE = [0x08, 0x31, 0, 0x1b], DATA = [0x10, 0x39, 0, 0x23];
export const RESULT_FIELDS = ["vector", "error", "eip", "cs", "ss", "esp", "eflags", "eax", "ds", "high"] as const;
export const RESULT_WORDS = RESULT_FIELDS.length + SEEN;

export type Result = Record<typeof RESULT_FIELDS[number], number> & { seen: number[] };

export interface Case {
  readonly name: string; readonly op: number; readonly cpl: number; readonly selector: number; readonly low: number; readonly high: number;
  readonly gateLow: number; readonly gateHigh: number; readonly flags: number; readonly frame: readonly number[];
}

interface Operation { readonly name: string; readonly length: number; act(m: Machine, selector: number): void }

/** In the order of the guest's table. `length` is what stands before the INT 80h. */
const OPERATIONS_BY_NUMBER: readonly Operation[] = [
  { name: "mov ds", length: 2, act: (m, s) => loadSegment(m, DS, s) },
  { name: "mov ss", length: 3, act: (m, s) => loadSegment(m, SS, s) },
  { name: "lar", length: 3, act: (m, s) => answer(m, lar(m, s) === -1 ? 0 : 1, lar(m, s)) },
  { name: "lsl", length: 3, act: (m, s) => answer(m, lslValid(m, s), lslLimit(m, s)) },
  { name: "verr", length: 3, act: (m, s) => answer(m, verr(m, s), m.cpu.eax) },
  { name: "verw", length: 3, act: (m, s) => answer(m, verw(m, s), m.cpu.eax) },
  { name: "lldt", length: 3, act: loadLdtr },
  { name: "ltr", length: 3, act: loadTr },
  { name: "ljmp", length: 7, act: (m, s) => jumpFar(m, s, LANDING, 4) },
  { name: "lcall", length: 7, act: (m, s) => callFar(m, s, LANDING, 4) },
  { name: "lret", length: 1, act: (m) => returnFar(m, 4, 0) },
  { name: "iret", length: 1, act: (m) => interruptReturn(m, 4) },
  { name: "int", length: 2, act: (m) => softwareInterrupt(m, SPARE_VECTOR) },
  { name: "lret 8", length: 3, act: (m) => returnFar(m, 4, 8) },
  { name: "mov fs", length: 2, act: (m, s) => loadSegment(m, FS, s) },
  { name: "lcallw", length: 8, act: (m, s) => callFar(m, s, LANDING & 0xffff, 2) },
  { name: "iretw", length: 2, act: (m) => interruptReturn(m, 2) },
  { name: "task", length: 7, act: (m, s) => callFar(m, s, LANDING, 4) },
];

const TASK = OPERATIONS_BY_NUMBER.findIndex((operation) => operation.name === "task");

function answer(m: Machine, valid: number, value: number): void {
  setArithmeticFlags(m.cpu.words, valid === 0 ? 0 : ZF);
  if (valid !== 0) m.cpu.eax = value;
}

/** One machine serves every case; all that a case writes lies in this range. */
const shared = new Machine(0x200000);
const WRITTEN_FROM = 0x190000, WRITTEN_TO = 0x1a4000;

function machineOf(test: Case): Machine {
  const m = shared;
  const { cpu } = m;
  cpu.words.fill(0);
  new Uint8Array(m.memory.view.buffer).fill(0, WRITTEN_FROM, WRITTEN_TO);
  cpu.cr0 = CR0_PE | CR0_ET;
  [cpu.gdtBase, cpu.gdtLimit, cpu.idtBase, cpu.idtLimit] = [GDT, 0x1ff, IDT, 0x82 * 8 - 1];
  for (const [k, access] of [0x9a, 0x92, 0xfa, 0xf2, 0, 0xba, 0xb2, 0x9e].entries()) m.descriptor(8 + 8 * k, 0, 0xfffff, access, 0xc, GDT);
  m.descriptor(0x28, TSS, 0x67, 0x8b, 0, GDT);
  m.set32(GDT + SPARE, test.low, test.high);
  for (let vector = 0; vector < 15; vector++) m.gate(IDT + vector * 8, 8, HANDLERS + vector, 0x8e);
  m.gate(IDT + 0x80 * 8, 8, HANDLERS + 0x80, 0xee);
  m.set32(IDT + SPARE_VECTOR * 8, test.gateLow, test.gateHigh);
  m.segment(TR, 0x28, TSS, 0x67, 0x8b);
  m.set32(TSS + 4, INNER0, 0x10, INNER1, 0x39);
  const data = test.cpl === 0 ? 0x10 : 0x23, dpl = test.cpl << 5;
  for (const segment of [ES, DS, FS, GS]) m.segment(segment, data, 0, -1, test.cpl === 0 ? 0xc93 : 0xcf3);
  m.segment(CS, CODE[test.cpl]!, 0, -1, 0xc9b | dpl);
  m.segment(SS, DATA[test.cpl]!, 0, -1, 0xc93 | dpl);
  cpu.cpl = test.cpl;
  cpu.esp = OP_STACK[test.cpl]! - 4 * FRAME;
  m.set32(cpu.esp, ...test.frame);
  if (test.op === TASK) {
    m.set32(NEW_TSS + 4, INNER0 - 0x400, 0x10);
    m.set32(NEW_TSS + 0x20, test.frame[0]!, test.frame[1]!, 0, 0, 0, 0, cpu.esp);
    m.set32(NEW_TSS + 0x48, ...test.frame.slice(2));
  }
  cpu.eax = test.selector;
  writeEflags(cpu.words, test.flags);
  return m;
}

/** Handlers stand at this offset plus their vector, so EIP tells which one was entered. */
const HANDLERS = 0x100000;

/** Executes one instruction, delivering what it raises. */
function step(m: Machine, length: number, act: () => void): void {
  const start = m.cpu.eip;
  m.cpu.eip = start + length;
  try {
    act();
  } catch (fault) {
    if (!(fault instanceof GuestFault)) throw fault;
    m.cpu.eip = start;
    if (deliverFault(m, fault.vector, fault.errorCode) !== "delivered") throw new Error("shutdown", { cause: fault });
  }
}

/** What the handler sees of a case that runs here. */
export function runHere(test: Case): Result {
  const m = machineOf(test);
  const { cpu } = m;
  const operation = OPERATIONS_BY_NUMBER[test.op]!;
  const inHandler = (): boolean => cpu.eip >>> 8 === HANDLERS >>> 8;
  cpu.eip = OPERATIONS + 16 * test.op;
  step(m, operation.length, () => operation.act(m, test.selector));
  if ((cpu.eflags & VM) !== 0 && cpu.eip === V86_INT) step(m, 2, () => softwareInterrupt(m, SPARE_VECTOR));
  if (!inHandler()) step(m, 2, () => softwareInterrupt(m, 0x80));
  const vector = cpu.eip & 0xff, ss = m.selector(SS), eax = cpu.eax, ds = m.selector(DS);
  const coded = vector === 8 || (vector >= 10 && vector <= 14);
  const at = coded ? cpu.esp + 4 : cpu.esp;
  const virtual = (m.u32(at + 8) & VM) !== 0, outer = virtual || (m.u16(at + 4) & 3) !== 0;
  const esp = outer ? m.u32(at + 12) : at + 12;
  return {
    vector, error: coded ? m.u32(cpu.esp) : 0xffffffff, eip: m.u32(at), cs: m.u16(at + 4), ss: outer ? m.u16(at + 16) : ss,
    esp, eflags: m.u32(at + 8), eax: eax >>> 0, ds, high: m.u32(GDT + SPARE + 4),
    seen: virtual ? m.dwords(at + 20, 4) : m.dwords(esp, SEEN),
  };
}

/** A gate to the landing. In a 16-bit gate the upper half of the offset stays 0: QEMU would use it. */
const gateWords = (selector: number, access: number, parameters: number = 0): { gateLow: number; gateHigh: number } => ({
  gateLow: (selector << 16 | (LANDING & 0xffff)) >>> 0,
  gateHigh: ((access & 8) === 0 ? 0 : LANDING & 0xffff0000) | access << 8 | parameters,
});

const numberOf = (name: string): number => OPERATIONS_BY_NUMBER.findIndex((operation) => operation.name === name);

function makeCase(operation: string, cpl: number, part: Partial<Omit<Case, "op" | "cpl" | "name">>): Case {
  const frame = Array.from({ length: FRAME }, (_, k) => part.frame?.[k] ?? 0x11111111 * (k + 1));
  return {
    op: numberOf(operation), cpl, selector: SPARE, low: 0xffff, high: 0, flags: 2, ...gateWords(8, 0xee), ...part, frame,
    name: `${operation} ring ${cpl} ${JSON.stringify(part)}`,
  };
}

const segmentHigh = (access: number): number => (0xcf0000 | access << 8) >>> 0;
const isTaskEntry = (access: number): boolean => (access & 0x17) === 1 || (access & 0x1f) === 5;

/** Every access byte under every instruction that takes a selector, with strong and weak RPL. */
function selectorCases(): Case[] {
  const cases: Case[] = [];
  for (const operation of ["lcallw", "mov ds", "mov ss", "mov fs", "lar", "lsl", "verr", "verw", "lldt", "ltr", "ljmp", "lcall"]) {
    for (const cpl of operation === "lldt" || operation === "ltr" ? [0] : [0, 1, 3]) {
      for (let access = 0; access < 256; access++) {
        if ((operation === "ljmp" || operation.startsWith("lcall")) && isTaskEntry(access)) continue;
        // Nothing could be pushed on an expand-down stack above 4 GiB; the INT 80h would not arrive.
        if (operation === "mov ss" && (access & 0x9e) === 0x96) continue;
        for (const rpl of [0, 3]) cases.push(makeCase(operation, cpl, { selector: SPARE | rpl, high: segmentHigh(access) }));
      }
      for (const selector of [0, 3, 4, 0x0c, 0x200, 0x1f8, 0x203, 0xffff]) {
        // QEMU lets LTR load a null selector, which is #GP(0).
        if (operation === "ltr" && selector < 4) continue;
        cases.push(makeCase(operation, cpl, { selector }));
      }
    }
  }
  return cases;
}

/** Far calls and jumps through call gates of every privilege to every kind of target. */
function gateCases(): Case[] {
  const cases: Case[] = [];
  for (const operation of ["ljmp", "lcall", "lcallw"]) {
    for (const cpl of [0, 1, 3]) {
      for (const target of [0, 3, 4, 0x08, 0x0b, 0x10, 0x1b, 0x28, 0x31, 0x40, SPARE, 0x200]) {
        // QEMU takes a call gate to conforming code for a change of privilege; the SDM (volume 3, 5.8.4) does not.
        if (target === 0x40 && operation !== "ljmp") continue;
        for (const access of [0x8c, 0xac, 0xec, 0x6c, 0x84, 0xe4]) {
          for (const rpl of [0, 3]) {
            const { gateLow: low, gateHigh: high } = gateWords(target, access, target & 8 ? 2 : 0);
            cases.push(makeCase(operation, cpl, { selector: SPARE | rpl, low, high }));
          }
        }
      }
    }
  }
  return cases;
}

/** INT through every kind of gate to every kind of code segment; flags show what a gate clears. */
function interruptCases(): Case[] {
  const cases: Case[] = [];
  for (const cpl of [0, 1, 3]) {
    for (let access = 0; access < 256; access++) {
      cases.push(makeCase("int", cpl, { ...gateWords(0x08, access), flags: 0x202 }));
    }
    for (const access of [0x8e, 0x8f, 0xee, 0xef]) {
      for (const target of [0, 3, 4, 0x10, 0x1b, 0x31, 0x40, 0x200]) cases.push(makeCase("int", cpl, { ...gateWords(target, access), flags: 0x44202 }));
      for (let code = 0; code < 256; code++) cases.push(makeCase("int", cpl, { ...gateWords(SPARE, access), high: segmentHigh(code) }));
    }
  }
  return cases;
}

/** Far and interrupt returns to every kind of code and stack segment, with all flags that can be popped. */
function returnCases(): Case[] {
  const cases: Case[] = [];
  const stacks = { lret: [0x194800], "lret 8": [0, 0, 0x194800], iret: [0x2, 0x194800] };
  for (const [operation, middle] of Object.entries(stacks)) {
    for (const cpl of [0, 1, 3]) {
      for (const rpl of [0, 1, 3]) {
        for (let access = 0; access < 256; access++) {
          const high = segmentHigh(access);
          cases.push(makeCase(operation, cpl, { high, frame: [LANDING, SPARE | rpl, ...middle, DATA[rpl]!] }));
          cases.push(makeCase(operation, cpl, { high, frame: [LANDING, CODE[rpl]!, ...middle, SPARE | rpl] }));
        }
      }
      for (const bad of [0, 3, 4, 0x28, 0x200, 0x203]) {
        cases.push(makeCase(operation, cpl, { frame: [LANDING, bad, ...middle, 0x23] }));
        cases.push(makeCase(operation, cpl, { frame: [LANDING, 0x1b, ...middle, bad] }));
      }
    }
  }
  return cases;
}

function flagCases(): Case[] {
  const cases: Case[] = [];
  for (const cpl of [0, 1, 3]) {
    for (const iopl of [0, 1, 3]) {
      for (let bit = 0; bit < 22; bit++) {
        // TF would trap, VM and RF do not survive to be seen.
        if ([8, 16, 17, 19, 20].includes(bit)) continue;
        for (const flags of [2, 0x244ed7]) {
          const before = flags & ~0x4000 | iopl << 12;
          cases.push(makeCase("iret", cpl, { flags: before, frame: [LANDING, CODE[cpl]!, flags ^ 1 << bit] }));
          if (bit < 16) cases.push(makeCase("iretw", cpl, { flags: before, frame: [(CODE[cpl]! << 16) >>> 0, (flags ^ 1 << bit) & 0xffff] }));
        }
      }
    }
  }
  return cases;
}

/**
 * IRETD to virtual-8086 mode, and there INT through gates of every kind, with and without IOPL. QEMU also lets IRETD of outer
 * rings set VM, and INT from there enter rings 1 and 2, which the SDM does not: those are left to the other tests.
 */
function virtual8086Cases(): Case[] {
  const cases: Case[] = [];
  const add = (offset: number, flags: number, part: Partial<Case> = {}): void => {
    cases.push(makeCase("iret", 0, { ...part, frame: [offset, V86_CODE, flags, 0x3456, 0x900, 0xa01, 0xb02, 0xc03, 0xd00] }));
  };
  for (const flags of [0x23002, 0x23ed7, 0x263202, 0x27002]) add(V86_LANDING, flags);
  for (const flags of [0x20002, 0x22202, 0x23202]) {
    for (let access = 0; access < 256; access++) add(V86_INT, flags, gateWords(0x08, access));
    for (let code = 0; code < 256; code++) {
      if ((code & 0x60) === 0 || (code & 0x1c) !== 0x18) add(V86_INT, flags, { ...gateWords(SPARE, 0xee), high: segmentHigh(code) });
    }
    for (const target of [0, 3, 4, 0x10, 0x1b, 0x200]) add(V86_INT, flags, gateWords(target, 0xef));
  }
  return cases;
}

/** Calls to a task that has one thing wrong, or nothing. */
function taskCases(): Case[] {
  const cases: Case[] = [];
  const fields = { eip: LANDING, eflags: 2, es: 0x23, cs: 0x1b, ss: 0x23, ds: 0x23, fs: 0, gs: 0, ldt: 0 };
  const enter = (part: Partial<typeof fields>, access: number = 0x89, limit: number = 0x67): Case => makeCase("task", 0, {
    selector: SPARE, low: (NEW_TSS << 16 | limit) >>> 0, high: access << 8 | NEW_TSS >>> 16, frame: Object.values({ ...fields, ...part }),
  });
  const selectors = [0, 3, 4, 0x08, 0x0b, 0x10, 0x13, 0x18, 0x1b, 0x20, 0x23, 0x28, 0x2b, 0x40, 0x43, 0x4b, 0x200, 0x203];
  for (const selector of selectors) {
    // QEMU stays in ring 0 where CS, SS or LDTR cannot be loaded, and finds no stack there.
    for (const field of ["es", "ds", "fs", "gs"] as const) cases.push(enter({ [field]: selector }));
  }
  for (const eflags of [0x202, 0x3202, 0x44ed7, 0x200002]) cases.push(enter({ eflags }));
  cases.push(enter({ cs: 0x08, ss: 0x10, ds: 0x10, es: 0x10 }), enter({ cs: 0x31, ss: 0x39 }));
  for (let access = 0; access < 256; access++) {
    if ((access & 0x1f) !== 1 && (access & 0x1f) !== 5 && (access & 0x17) !== 4 && (access & 0x10) === 0) cases.push(enter({}, access));
  }
  for (const limit of [0, 0x2b, 0x66, 0x68]) cases.push(enter({}, 0x89, limit));
  return cases;
}

export const GROUPS: Record<string, () => Case[]> = {
  "selectors of every kind": selectorCases, "call gates": gateCases, "interrupts": interruptCases, "returns": returnCases, "flags": flagCases,
  "virtual-8086 mode": virtual8086Cases, "task switches": taskCases,
};
