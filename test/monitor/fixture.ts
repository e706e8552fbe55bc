/**
 * A bare processor over flat memory: a GDT, IDT and TSS that each test fills as it likes.
 *
 * Paging is imitated by sets of page numbers, enough to see when an access would have faulted.
 */
import { GuestFault, raise, VECTOR } from "../../runtime/faults.ts";
import { writeEflags } from "../../runtime/flags.ts";
import type { LinearMemory, Monitor, PortSpace } from "../../runtime/monitor/context.ts";
import { ACCESS, BASE, CS, ES, GS, LIMIT, SELECTOR, SS, TR } from "../../runtime/monitor/descriptors.ts";
import { CpuState, CR0_ET, CR0_PE, SLOT } from "../../runtime/state.ts";

export const GDT = 0x1000, IDT = 0x2000, TSS = 0x3000, TSS_B = 0x3100, LDT = 0x3400, STACK0 = 0x8000, STACK3 = 0xa000, STACK1 = 0x9000;

/** Selectors of the descriptors that `protectedMachine` sets up. */
export const CODE0 = 0x08, DATA0 = 0x10, CODE3 = 0x1b, DATA3 = 0x23, TSS_SELECTOR = 0x28;
export const CODE1 = 0x31, DATA1 = 0x39, CONFORMING0 = 0x40, SPARE = 0x48;

export class FlatMemory implements LinearMemory {
  readonly view: DataView;
  readonly absent: Set<number> = new Set();
  readonly readOnly: Set<number> = new Set();
  /** What was flushed, in order. */
  readonly flushes: string[] = [];
  #cpu: CpuState;

  constructor(cpu: CpuState, size: number) {
    this.#cpu = cpu;
    this.view = new DataView(new ArrayBuffer(size));
  }

  #check(linear: number, size: number, write: boolean, user: boolean): number {
    for (const address of [linear >>> 0, (linear >>> 0) + size - 1]) {
      const page = address >>> 12;
      if (this.absent.has(page) || (write && this.readOnly.has(page))) {
        this.#cpu.cr2 = address | 0;
        raise(VECTOR.PF, (this.absent.has(page) ? 0 : 1) | (write ? 2 : 0) | (user ? 4 : 0));
      }
    }
    return linear >>> 0;
  }

  #user(): boolean {
    return this.#cpu.cpl === 3;
  }

  requireAligned(): void { /* nothing is checked */ }
  read8(a: number): number { return this.view.getUint8(this.#check(a, 1, false, this.#user())); }
  read16(a: number): number { return this.view.getUint16(this.#check(a, 2, false, this.#user()), true); }
  read32(a: number): number { return this.view.getInt32(this.#check(a, 4, false, this.#user()), true); }
  write8(a: number, v: number): void { this.view.setUint8(this.#check(a, 1, true, this.#user()), v); }
  write16(a: number, v: number): void { this.view.setUint16(this.#check(a, 2, true, this.#user()), v, true); }
  write32(a: number, v: number): void { this.view.setInt32(this.#check(a, 4, true, this.#user()), v, true); }
  readSystem8(a: number): number { return this.view.getUint8(this.#check(a, 1, false, false)); }
  readSystem16(a: number): number { return this.view.getUint16(this.#check(a, 2, false, false), true); }
  readSystem32(a: number): number { return this.view.getInt32(this.#check(a, 4, false, false), true); }
  writeSystem8(a: number, v: number): void { this.view.setUint8(this.#check(a, 1, true, false), v); }
  writeSystem16(a: number, v: number): void { this.view.setUint16(this.#check(a, 2, true, false), v, true); }
  writeSystem32(a: number, v: number): void { this.view.setInt32(this.#check(a, 4, true, false), v, true); }
  probe(linear: number, size: number, write: boolean, user: boolean): void { this.#check(linear, size, write, user); }
  requireExact(): void { /* there are no regions */ }
  flushAll(): void { this.flushes.push("all"); }
  flushNonGlobal(): void { this.flushes.push("non-global"); }
  flushPage(linear: number): void { this.flushes.push(`page ${(linear >>> 0).toString(16)}`); }
}

export class RecordingPorts implements PortSpace {
  readonly log: string[] = [];
  read(port: number, size: 1 | 2 | 4): number {
    this.log.push(`in ${port.toString(16)} ${size}`);
    return 0x5a;
  }
  write(port: number, size: 1 | 2 | 4, value: number): void {
    this.log.push(`out ${port.toString(16)} ${size} ${value.toString(16)}`);
  }
}

export class Machine implements Monitor {
  readonly cpu: CpuState = new CpuState();
  readonly memory: FlatMemory;
  readonly ports: RecordingPorts = new RecordingPorts();
  time = 0;

  constructor(size: number = 0x20000) {
    this.memory = new FlatMemory(this.cpu, size);
  }

  now(): number { return this.time; }

  /** Writes a segment or system descriptor; `access` as in the descriptor, `flags` = G D/B L AVL. */
  descriptor(selector: number, base: number, limit: number, access: number, flags: number = 0, table: number = GDT): void {
    const at = table + (selector & 0xfff8);
    this.memory.view.setUint32(at, ((base & 0xffff) << 16 | (limit & 0xffff)) >>> 0, true);
    this.memory.view.setUint32(at + 4, ((base & 0xff000000) | flags << 20 | (limit & 0xf0000) | access << 8 | (base >>> 16 & 0xff)) >>> 0, true);
  }

  /** Writes a gate: at a vector of the IDT, or at a selector of a table. */
  gate(at: number, selector: number, offset: number, access: number, parameters: number = 0): void {
    this.memory.view.setUint32(at, (selector << 16 | (offset & 0xffff)) >>> 0, true);
    this.memory.view.setUint32(at + 4, ((offset & 0xffff0000) | access << 8 | parameters) >>> 0, true);
  }

  vector(vector: number, selector: number, offset: number, access: number = 0x8e): void {
    this.gate(IDT + vector * 8, selector, offset, access);
  }

  u32(at: number): number { return this.memory.view.getUint32(at, true); }
  u16(at: number): number { return this.memory.view.getUint16(at, true); }
  set32(at: number, ...values: number[]): void {
    for (const [k, value] of values.entries()) this.memory.view.setUint32(at + 4 * k, value >>> 0, true);
  }
  set16(at: number, ...values: number[]): void {
    for (const [k, value] of values.entries()) this.memory.view.setUint16(at + 2 * k, value, true);
  }
  /** `count` doublewords (or words) from an address up. */
  dwords(at: number, count: number): number[] { return Array.from({ length: count }, (_, k) => this.u32(at + 4 * k)); }
  shorts(at: number, count: number): number[] { return Array.from({ length: count }, (_, k) => this.u16(at + 2 * k)); }

  segment(segment: number, selector: number, base: number, limit: number, access: number): void {
    const { words } = this.cpu;
    words[SELECTOR + segment] = selector;
    words[BASE + segment] = base;
    words[LIMIT + segment] = limit;
    words[ACCESS + segment] = access;
    if (segment === SS) this.cpu.stackMask = (access & 0x400) === 0 ? 0xffff : -1;
  }

  selector(segment: number): number { return this.cpu.words[SELECTOR + segment]!; }
  base(segment: number): number { return this.cpu.words[BASE + segment]!; }
  access(segment: number): number { return this.cpu.words[ACCESS + segment]!; }

  /** Puts the processor into ring 0 or 3 of `protectedMachine`. */
  ring(ring: 0 | 3): void {
    const code = ring === 0 ? CODE0 : CODE3, data = ring === 0 ? DATA0 : DATA3;
    const dpl = ring << 5;
    for (let segment = ES; segment <= GS; segment++) this.segment(segment, data, 0, -1, 0xc93 | dpl);
    this.segment(CS, code, 0, -1, 0xc9b | dpl);
    this.cpu.cpl = ring;
    this.cpu.esp = ring === 0 ? STACK0 : STACK3;
  }

  /** Virtual-8086 mode with these segments. */
  virtual8086(iopl: number): void {
    writeEflags(this.cpu.words, 0x20202 | iopl << 12);
    const selectors = [0x0e0, 0x0c0, 0x0a0, 0x0d0, 0x0f0, 0x0b0];
    for (let segment = ES; segment <= GS; segment++) this.segment(segment, selectors[segment]!, selectors[segment]! << 4, 0xffff, 0xf3);
    this.cpu.cpl = 3;
    this.cpu.esp = 0x100;
  }
}

/** Real mode as after reset, with the IVT at 0. */
export function realMachine(): Machine {
  const m = new Machine();
  m.cpu.cr0 = CR0_ET;
  m.cpu.idtLimit = 0x3ff;
  for (let segment = ES; segment <= GS; segment++) m.segment(segment, 0, 0, 0xffff, 0x93);
  m.cpu.esp = 0x400;
  writeEflags(m.cpu.words, 2);
  return m;
}

/** Ring 0 with flat segments of three privileges, a 32-bit TSS and an IDT of 48 empty gates. */
export function protectedMachine(): Machine {
  const m = new Machine();
  const { cpu } = m;
  cpu.cr0 = CR0_PE | CR0_ET;
  cpu.gdtBase = GDT;
  cpu.gdtLimit = 0x1ff;
  cpu.idtBase = IDT;
  cpu.idtLimit = 48 * 8 - 1;
  m.descriptor(CODE0, 0, 0xfffff, 0x9a, 0xc);
  m.descriptor(DATA0, 0, 0xfffff, 0x92, 0xc);
  m.descriptor(CODE3, 0, 0xfffff, 0xfa, 0xc);
  m.descriptor(DATA3, 0, 0xfffff, 0xf2, 0xc);
  m.descriptor(TSS_SELECTOR, TSS, 0x67, 0x8b);
  m.descriptor(CODE1, 0, 0xfffff, 0xba, 0xc);
  m.descriptor(DATA1, 0, 0xfffff, 0xb2, 0xc);
  m.descriptor(CONFORMING0, 0, 0xfffff, 0x9e, 0xc);
  m.segment(TR, TSS_SELECTOR, TSS, 0x67, 0x8b);
  m.set32(TSS + 4, STACK0, DATA0, STACK1, DATA1);
  m.ring(0);
  cpu.eip = 0x1234;
  writeEflags(cpu.words, 0x202);
  return m;
}

/** The exception that `act` raises, as "GP(8)", after proving that it left the processor as it was; "none" otherwise. */
export function faultOf(m: Machine, act: () => unknown): string {
  const before = m.cpu.words.slice();
  try {
    act();
  } catch (fault) {
    if (!(fault instanceof GuestFault)) throw fault;
    const { vector, errorCode } = fault;
    for (const [index, word] of before.entries()) {
      const told = index === SLOT.cr2 || index === SLOT.dr6;
      if (m.cpu.words[index] !== word && !told) throw new Error(`word ${index} changed by a fault`);
    }
    const name = Object.entries(VECTOR).find(([, number]) => number === vector)?.[0] ?? String(vector);
    return errorCode === -1 ? name : `${name}(${errorCode.toString(16)})`;
  }
  return "none";
}
