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
import { CR0_ET, CR0_PE, ZF } from "../../runtime/state.ts";
import { Machine } from "./fixture.ts";

// As in qemu-guest.c.
const GDT = 0x1a0000, IDT = 0x1a1000, TSS = 0x1a2000, INNER0 = 0x191000, INNER1 = 0x195000, LANDING = 0x180000, OPERATIONS = 0x181000;
const SPARE = 0x48, SPARE_VECTOR = 0x81, FRAME = 6, SEEN = 8;
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
];

function answer(m: Machine, valid: number, value: number): void {
  setArithmeticFlags(m.cpu.words, valid === 0 ? 0 : ZF);
  if (valid !== 0) m.cpu.eax = value;
}

function machineOf(test: Case): Machine {
  const m = new Machine(0x200000);
  const { cpu } = m;
  cpu.cr0 = CR0_PE | CR0_ET;
  [cpu.gdtBase, cpu.gdtLimit, cpu.idtBase, cpu.idtLimit] = [GDT, 0x1ff, IDT, 0x82 * 8 - 1];
  for (const [k, access] of [0x9a, 0x92, 0xfa, 0xf2, 0, 0xba, 0xb2, 0x9e].entries()) m.descriptor(8 + 8 * k, 0, 0xfffff, access, 0xc, GDT);
  m.descriptor(0x28, TSS, 0x67, 0x8b, 0, GDT);
  m.set32(GDT + SPARE, test.low, test.high);
  for (let vector = 0; vector < 15; vector++) m.gate(IDT + vector * 8, 8, 0x100000 + vector, 0x8e);
  m.gate(IDT + 0x80 * 8, 8, 0x100080, 0xee);
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
  cpu.eax = test.selector;
  writeEflags(cpu.words, test.flags);
  return m;
}

/** What the handler sees of a case that runs here. */
export function runHere(test: Case): Result {
  const m = machineOf(test);
  const { cpu } = m;
  const operation = OPERATIONS_BY_NUMBER[test.op]!;
  const start = OPERATIONS + 16 * test.op;
  cpu.eip = start + operation.length;
  let vector = 0x80;
  try {
    operation.act(m, test.selector);
    cpu.eip += 2;
  } catch (fault) {
    if (!(fault instanceof GuestFault)) throw fault;
    cpu.eip = start;
    vector = fault.vector;
    if (deliverFault(m, fault.vector, fault.errorCode) !== "delivered") throw new Error("shutdown", { cause: fault });
  }
  const ss = m.selector(SS), eax = cpu.eax, ds = m.selector(DS);
  if (vector === 0x80) softwareInterrupt(m, 0x80);
  const coded = vector === 8 || (vector >= 10 && vector <= 14);
  const at = coded ? cpu.esp + 4 : cpu.esp;
  const outer = (m.u16(at + 4) & 3) !== 0;
  const esp = outer ? m.u32(at + 12) : at + 12;
  return {
    vector, error: coded ? m.u32(cpu.esp) : 0xffffffff, eip: m.u32(at), cs: m.u16(at + 4), ss: outer ? m.u16(at + 16) : ss,
    esp, eflags: m.u32(at + 8), eax: eax >>> 0, ds, high: m.u32(GDT + SPARE + 4),
    seen: esp + 4 * SEEN <= 0x200000 ? m.dwords(esp, SEEN) : [],
  };
}

const gateWords = (selector: number, access: number, parameters: number = 0): { gateLow: number; gateHigh: number } =>
  ({ gateLow: (selector << 16 | (LANDING & 0xffff)) >>> 0, gateHigh: (LANDING & 0xffff0000 | access << 8 | parameters) >>> 0 });

const numberOf = (name: string): number => OPERATIONS_BY_NUMBER.findIndex((operation) => operation.name === name);

function makeCase(operation: string, cpl: number, part: Partial<Omit<Case, "op" | "cpl" | "name">>): Case {
  const frame = [0x11111111, 0x22222222, 0x33333333, 0x44444444, 0x55555555, 0x66666666].map((word, k) => part.frame?.[k] ?? word);
  return {
    op: numberOf(operation), cpl, selector: SPARE, low: 0xffff, high: 0, flags: 2, ...gateWords(8, 0xee), ...part, frame,
    name: `${operation} ring ${cpl} ${JSON.stringify(part)}`,
  };
}

const segmentHigh = (access: number): number => (0xcf0000 | access << 8) >>> 0;
const isTaskEntry = (access: number): boolean => (access & 0x1d) === 1 || (access & 0x1f) === 5;

/** Every access byte under every instruction that takes a selector, with strong and weak RPL. */
function selectorCases(): Case[] {
  const cases: Case[] = [];
  for (const operation of ["mov ds", "mov ss", "mov fs", "lar", "lsl", "verr", "verw", "lldt", "ltr", "ljmp", "lcall"]) {
    for (const cpl of operation === "lldt" || operation === "ltr" ? [0] : [0, 1, 3]) {
      for (let access = 0; access < 256; access++) {
        if ((operation === "ljmp" || operation === "lcall") && isTaskEntry(access)) continue;
        for (const rpl of [0, 3]) cases.push(makeCase(operation, cpl, { selector: SPARE | rpl, high: segmentHigh(access) }));
      }
      for (const selector of [0, 3, 4, 0x0c, 0x200, 0x1f8, 0x203, 0xffff]) cases.push(makeCase(operation, cpl, { selector }));
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
        for (const access of [0x8c, 0xac, 0xec, 0x6c]) {
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
      // 16-bit gates would land at a truncated offset.
      if ((access & 0x1e) === 6) continue;
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
          cases.push(makeCase(operation, cpl, { high: segmentHigh(access), frame: [LANDING, SPARE | rpl, ...middle, [0x10, 0x39, 0, 0x23][rpl]!] }));
          cases.push(makeCase(operation, cpl, { high: segmentHigh(access), frame: [LANDING, CODE[rpl]!, ...middle, SPARE | rpl] }));
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
          if (bit < 16) cases.push(makeCase("iretw", cpl, { flags: before, frame: [(CODE[cpl]! << 16 | 0x1000) >>> 0, (flags ^ 1 << bit) & 0xffff] }));
        }
      }
    }
  }
  return cases.filter((test) => test.op !== numberOf("iretw"));
}

export const GROUPS: Record<string, () => Case[]> = {
  "selectors of every kind": selectorCases, "call gates": gateCases, "interrupts": interruptCases, "returns": returnCases, "flags": flagCases,
};
