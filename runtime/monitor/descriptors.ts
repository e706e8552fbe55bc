/**
 * Segment descriptors: where they stand, what their bits say, and how they enter the hidden part of a
 * segment register (SDM volume 3, 3.4.5 and 3.5).
 *
 * Invariant: fetching and testing change nothing; the functions named `install…` are the only ones that write a
 * segment register, and none of them can fault. So a caller that tests first and installs last is precise.
 */
import { raise, VECTOR } from "../faults.ts";
import * as state from "../state.ts";
import type { CpuState } from "../state.ts";
import type { Monitor } from "./context.ts";

const { CR0_PE, SLOT, VM } = state;

/** Segment registers in their encoding order, then LDTR and TR. */
export const ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5, LDTR = 6, TR = 7;

/** First slot of each part of the segment registers; register k is `words[PART + k]`. */
export const SELECTOR = SLOT.selector0, BASE = SLOT.base0, LIMIT = SLOT.limit0, ACCESS = SLOT.access0;

// The hidden attributes as state.ts keeps them: access byte, then AVL L D/B G from bit 8.
export const ACCESSED = 1 << 0, WRITABLE = 1 << 1, READABLE = 1 << 1, EXPAND_DOWN = 1 << 2, CONFORMING = 1 << 2, CODE = 1 << 3;
export const SEGMENT = 1 << 4, PRESENT = 1 << 7, DEFAULT_BIG = 1 << 10, GRANULAR = 1 << 11;

/** System descriptor types (SDM volume 3, table 3-2). */
export const TYPE = {
  tss16: 1, ldt: 2, busyTss16: 3, callGate16: 4, taskGate: 5, interruptGate16: 6, trapGate16: 7,
  tss32: 9, busyTss32: 11, callGate32: 12, interruptGate32: 14, trapGate32: 15,
} as const;
/** In a TSS type: a task runs in it or waits for one that does. In any gate or TSS type: the 32-bit form. */
export const TSS_BUSY = 2, WIDE = 8;

/** Attributes of a segment register after reset and in real mode: present, writable, accessed. */
export const REAL_MODE_ACCESS = 0x93;
/** The same in virtual-8086 mode, where everything has privilege level 3. */
export const V86_ACCESS = 0xf3;

/** A descriptor as it was read. */
export interface Descriptor {
  /** Linear address of its first byte. */
  readonly linear: number;
  readonly low: number;
  readonly high: number;
}

export function isProtected(cpu: CpuState): boolean {
  return (cpu.cr0 & CR0_PE) !== 0 && (cpu.eflags & VM) === 0;
}

export function isVirtual8086(cpu: CpuState): boolean {
  return (cpu.eflags & VM) !== 0;
}

export const isNull = (selector: number): boolean => (selector & 0xfffc) === 0;
/** The selector's table indicator: a descriptor of the local table. */
export const isLocal = (selector: number): boolean => (selector & 4) !== 0;

/** A selector as an error code, RPL gone (SDM volume 3, 6.13). `external` is the EXT bit. */
export const selectorError = (selector: number, external: number = 0): number => (selector & 0xfffc) | external;

/**
 * Reads the descriptor that `selector` names, or answers undefined where it lies outside of its table or
 * there is no local table. Does not know null selectors. Throws page faults.
 */
export function fetchDescriptor(m: Monitor, selector: number): Descriptor | undefined {
  const { cpu, memory } = m;
  let base = cpu.gdtBase, limit = cpu.gdtLimit & 0xffff;
  if (isLocal(selector)) {
    if ((cpu.access6 & PRESENT) === 0) return undefined;
    base = cpu.base6;
    limit = cpu.limit6 >>> 0;
  }
  if ((selector & 0xffff | 7) > limit) return undefined;
  const linear = base + (selector & 0xfff8) | 0;
  return { linear, low: memory.readSystem32(linear), high: memory.readSystem32(linear + 4 | 0) };
}

export const baseOf = (d: Descriptor): number => (d.low >>> 16) | ((d.high & 0xff) << 16) | (d.high & 0xff000000);
/** In bytes, scaled by G; int32 bit pattern. */
export const limitOf = (d: Descriptor): number => {
  const limit = (d.low & 0xffff) | (d.high & 0xf0000);
  return (d.high & 0x800000) === 0 ? limit : limit << 12 | 0xfff;
};
/** The attributes as a segment register keeps them. */
export const accessOf = (d: Descriptor): number => ((d.high >>> 8) & 0xff) | ((d.high >>> 12) & 0xf00);
export const dplOf = (d: Descriptor): number => (d.high >>> 13) & 3;
export const isPresent = (d: Descriptor): boolean => (d.high & 0x8000) !== 0;
/** Type of a system descriptor; -1 for code and data segments. */
export const systemType = (d: Descriptor): number => (d.high & 0x1000) === 0 ? (d.high >>> 8) & 15 : -1;
export const isCode = (d: Descriptor): boolean => (d.high & 0x1800) === 0x1800;
export const isConforming = (d: Descriptor): boolean => (d.high & 0x1c00) === 0x1c00;
export const isWritableData = (d: Descriptor): boolean => (d.high & 0x1a00) === 0x1200;
/** A data segment or a readable code segment. */
export const isReadable = (d: Descriptor): boolean => (d.high & 0x1000) !== 0 && ((d.high & 0x800) === 0 || (d.high & 0x200) !== 0);

export const isTss = (type: number): boolean => (type & ~(WIDE | TSS_BUSY)) === TYPE.tss16;
export const isAvailableTss = (type: number): boolean => type === TYPE.tss16 || type === TYPE.tss32;
export const isCallGate = (type: number): boolean => type === TYPE.callGate16 || type === TYPE.callGate32;

/** A gate's target offset and selector; only the low half of the offset counts in a 16-bit gate. */
export const gateSelector = (gate: Descriptor): number => gate.low >>> 16;
export const gateOffset = (gate: Descriptor): number =>
  (gate.high & 0x800) === 0 ? gate.low & 0xffff : (gate.high & 0xffff0000) | (gate.low & 0xffff);

/** Whether `size` bytes at `offset` lie inside a segment; the offset may wrap only where the segment is the whole 4 GiB. */
export function withinLimit(access: number, limit: number, offset: number, size: number): boolean {
  const last = (offset >>> 0) + size - 1;
  if ((access & (SEGMENT | CODE | EXPAND_DOWN)) === (SEGMENT | EXPAND_DOWN)) {
    return offset >>> 0 > limit >>> 0 && last <= ((access & DEFAULT_BIG) === 0 ? 0xffff : 0xffffffff);
  }
  return limit === -1 || last <= limit >>> 0;
}

/** Raises `#GP(external)` unless `offset` can be executed in the code segment `d`. */
export function requireOffset(d: Descriptor, offset: number, external: number = 0): void {
  if (offset >>> 0 > limitOf(d) >>> 0) raise(VECTOR.GP, external);
}

/** Sets the accessed bit in the table. Throws page faults, so it comes before the first change of state. */
export function markAccessed(m: Monitor, d: Descriptor): void {
  if ((d.high & 0x100) === 0) m.memory.writeSystem8(d.linear + 5 | 0, ((d.high >>> 8) & 0xff) | ACCESSED);
}

/** Sets or clears the busy bit of the TSS descriptor at `linear`. */
export function markBusy(m: Monitor, linear: number, busy: boolean): void {
  const access = m.memory.readSystem8(linear + 5 | 0);
  m.memory.writeSystem8(linear + 5 | 0, busy ? access | TSS_BUSY : access & ~TSS_BUSY);
}

function install(cpu: CpuState, segment: number, selector: number, base: number, limit: number, access: number): void {
  const words = cpu.words;
  words[SELECTOR + segment] = selector & 0xffff;
  words[BASE + segment] = base;
  words[LIMIT + segment] = limit;
  words[ACCESS + segment] = access;
  if (segment === SS) cpu.stackMask = (access & DEFAULT_BIG) === 0 ? 0xffff : -1;
}

/** Loads a code or data segment register. */
export function installSegment(cpu: CpuState, segment: number, selector: number, d: Descriptor): void {
  install(cpu, segment, selector, baseOf(d), limitOf(d), accessOf(d) | ACCESSED);
}

/** Loads LDTR or TR. */
export function installSystem(cpu: CpuState, segment: number, selector: number, d: Descriptor, type: number): void {
  install(cpu, segment, selector, baseOf(d), limitOf(d), (accessOf(d) & ~15) | type);
}

/** Leaves a register unusable, with this visible part. */
export function installNull(cpu: CpuState, segment: number, selector: number): void {
  install(cpu, segment, selector, 0, 0, 0);
}

/**
 * Real mode: base from the selector; limit and attributes stay what they were ("unreal mode"), except that a code
 * segment becomes writable and a register that held a null selector usable.
 */
export function installReal(cpu: CpuState, segment: number, selector: number): void {
  const words = cpu.words;
  const access = words[ACCESS + segment]!;
  if ((access & PRESENT) === 0) {
    install(cpu, segment, selector, (selector & 0xffff) << 4, 0xffff, REAL_MODE_ACCESS);
    return;
  }
  words[SELECTOR + segment] = selector & 0xffff;
  words[BASE + segment] = (selector & 0xffff) << 4;
  if (segment === CS) words[ACCESS + CS] = (access & 0xf00) | REAL_MODE_ACCESS;
}

/** Virtual-8086 mode: 64 KiB at the selector times 16. */
export function installV86(cpu: CpuState, segment: number, selector: number): void {
  install(cpu, segment, selector, (selector & 0xffff) << 4, 0xffff, V86_ACCESS);
}

/** A segment load in whichever of real and virtual-8086 mode is on. */
export function installUnprotected(cpu: CpuState, segment: number, selector: number): void {
  if (isVirtual8086(cpu)) installV86(cpu, segment, selector);
  else installReal(cpu, segment, selector);
}

/** Enters the code segment `d` at `offset` with privilege `cpl`, which becomes the selector's RPL. */
export function installCode(cpu: CpuState, selector: number, d: Descriptor, offset: number, cpl: number): void {
  installSegment(cpu, CS, (selector & 0xfffc) | cpl, d);
  cpu.cpl = cpl;
  cpu.eip = offset;
}
