/**
 * The hardware task switch (SDM volume 3, chapter 7).
 *
 * It happens in two halves. Up to the *commit point* everything that can fail is tried out in the old task: limits of both
 * TSSs, every page that will be written or read. After it the new task's selectors stand in the registers, and what is wrong
 * with them is a fault *of the new task*, at its EIP, which is not thrown but returned: only the caller knows whether it is
 * delivering something.
 */
import { GuestFault, NO_ERROR_CODE, raise, VECTOR } from "../faults.ts";
import { readEflags, writeEflags } from "../flags.ts";
import { CR0_PG, CR0_TS, NT, VM } from "../state.ts";
import type { CpuState } from "../state.ts";
import type { Monitor } from "./context.ts";
import {
  ACCESS, BASE, CS, DS, dplOf, ES, fetchDescriptor, FS, GS, installNull, installSegment, installSystem, installV86, isCode, isConforming,
  isLocal, isNull, isPresent, isReadable, isWritableData, LDTR, LIMIT, limitOf, markAccessed, markBusy, PRESENT, SELECTOR,
  selectorError, SS, systemType, TR, TSS_BUSY, TYPE, WIDE, baseOf,
} from "./descriptors.ts";
import type { Descriptor } from "./descriptors.ts";

/** What brought the switch about: a jump and a return leave the old task, a call and an interrupt nest in it. */
export type TaskCause = "jump" | "call" | "interrupt" | "return";

/** A fault of the new task, to be delivered with its state. */
export interface TaskFault {
  readonly vector: number;
  readonly errorCode: number;
}

/** DR6.BT: the debug exception came from a task switch. */
const DR6_BT = 1 << 15;
/** L0–L3 and LE of DR7, which are local to a task. */
const DR7_LOCAL = 0x155;

/** Where a TSS keeps things (SDM volume 3, figures 7-2 and 7-10). */
interface TssLayout {
  /** The least limit that a task can be loaded from. */
  readonly minimum: number;
  /** The dynamic fields: first byte, and the byte after the last. */
  readonly start: number;
  readonly end: number;
  /** Bytes of EIP, EFLAGS and the general registers, which follow one another in that order from `start`. */
  readonly size: 2 | 4;
  /** ES CS SS DS (FS GS), each in a slot of `size` bytes. */
  readonly segments: number;
  readonly segmentCount: number;
  readonly ldt: number;
}

const TSS32: TssLayout = { minimum: 0x67, start: 0x20, end: 0x60, size: 4, segments: 0x48, segmentCount: 6, ldt: 0x60 };
const TSS16: TssLayout = { minimum: 0x2b, start: 0x0e, end: 0x2a, size: 2, segments: 0x22, segmentCount: 4, ldt: 0x2a };
const CR3_OFFSET = 0x1c, TRAP_OFFSET = 0x64;

const layoutOf = (type: number): TssLayout => (type & WIDE) === 0 ? TSS16 : TSS32;

/** A task as its TSS describes it. */
interface TaskImage {
  readonly cr3: number;
  readonly eip: number;
  readonly eflags: number;
  readonly registers: readonly number[];
  readonly segments: readonly number[];
  readonly ldt: number;
  readonly trap: boolean;
}

/**
 * The descriptor of a task that is to be entered by a jump, call or interrupt. Raises #GP where the selector is
 * not that of an available TSS in the GDT, #NP where that is not present. Privilege is the caller's to check.
 */
export function availableTask(m: Monitor, selector: number, external: number): Descriptor {
  const error = selectorError(selector, external);
  if (isLocal(selector) || isNull(selector)) raise(VECTOR.GP, error);
  const d = fetchDescriptor(m, selector) ?? raise(VECTOR.GP, error);
  const type = systemType(d);
  if (type !== TYPE.tss16 && type !== TYPE.tss32) raise(VECTOR.GP, error);
  if (!isPresent(d)) raise(VECTOR.NP, error);
  return d;
}

/**
 * Leaves the current task for the one of the TSS `d`; `eflags` is the image to save (RF set by faults), `external` the EXT
 * bit of error codes. `cpu.eip` is what the old task resumes at. Throws #TS and page faults of the old task, answers those
 * of the new one, the debug trap of its T bit among them.
 */
export function switchTask(
  m: Monitor, selector: number, d: Descriptor, cause: TaskCause, eflags: number = readEflags(m.cpu.words), external: number = 0,
): TaskFault | undefined {
  const { cpu } = m;
  m.memory.requireExact();
  const layout = layoutOf(systemType(d));
  const nested = cause === "call" || cause === "interrupt";
  const oldSelector = cpu.words[SELECTOR + TR]!;
  requireSwitchable(m, selector, d, cause, external);

  saveTask(m, cause === "return" ? eflags & ~NT : eflags);
  if (!nested) markBusy(m, globalDescriptorAddress(cpu, oldSelector), false);
  if (cause !== "return") markBusy(m, d.linear, true);
  const image = readTask(m, baseOf(d), layout);
  if (nested) m.memory.writeSystem16(baseOf(d), oldSelector);
  installSystem(cpu, TR, selector, d, systemType(d) | TSS_BUSY);
  loadTask(m, image, layout, nested);
  return loadTaskSegments(m, image, external) ?? trapOf(m, image);
}

const globalDescriptorAddress = (cpu: CpuState, selector: number): number => cpu.gdtBase + (selector & 0xfff8) | 0;

/** Tries out all that the switch will touch, and changes nothing. */
function requireSwitchable(m: Monitor, selector: number, d: Descriptor, cause: TaskCause, external: number): void {
  const { cpu, memory } = m;
  const { words } = cpu;
  const layout = layoutOf(systemType(d)), old = layoutOf(words[ACCESS + TR]!);
  const oldSelector = words[SELECTOR + TR]!;
  if (limitOf(d) >>> 0 < layout.minimum) raise(VECTOR.TS, selectorError(selector, external));
  if ((words[ACCESS + TR]! & PRESENT) === 0 || words[LIMIT + TR]! >>> 0 < old.end - 1) raise(VECTOR.TS, selectorError(oldSelector, external));
  const nested = cause === "call" || cause === "interrupt";
  memory.probe(words[BASE + TR]! + old.start | 0, old.end - old.start, true, false);
  if (!nested) memory.probe(globalDescriptorAddress(cpu, oldSelector) + 5 | 0, 1, true, false);
  if (cause !== "return") memory.probe(d.linear + 5 | 0, 1, true, false);
  if (nested) memory.probe(baseOf(d), 2, true, false);
  memory.probe(baseOf(d), layout.minimum + 1, false, false);
}

function saveTask(m: Monitor, eflags: number): void {
  const { cpu } = m;
  const { words } = cpu;
  const layout = layoutOf(words[ACCESS + TR]!);
  const tss = words[BASE + TR]!;
  const values = [cpu.eip, eflags, cpu.eax, cpu.ecx, cpu.edx, cpu.ebx, cpu.esp, cpu.ebp, cpu.esi, cpu.edi];
  for (const [index, value] of values.entries()) {
    const linear = tss + layout.start + index * layout.size | 0;
    if (layout.size === 4) m.memory.writeSystem32(linear, value);
    else m.memory.writeSystem16(linear, value & 0xffff);
  }
  for (let segment = ES; segment < layout.segmentCount; segment++) {
    m.memory.writeSystem16(tss + layout.segments + segment * layout.size | 0, words[SELECTOR + segment]!);
  }
}

function readTask(m: Monitor, tss: number, layout: TssLayout): TaskImage {
  const { memory } = m;
  const wide = layout.size === 4;
  const word = (index: number): number => {
    const linear = tss + layout.start + index * layout.size | 0;
    return wide ? memory.readSystem32(linear) : memory.readSystem16(linear);
  };
  // The upper halves of what a 16-bit TSS loads are undefined; processors have been seen to set them.
  const registers = Array.from({ length: 8 }, (_, index) => wide ? word(index + 2) : word(index + 2) | 0xffff0000);
  const segments = Array.from({ length: 6 }, (_, index) =>
    index < layout.segmentCount ? memory.readSystem16(tss + layout.segments + index * layout.size | 0) : 0);
  return {
    cr3: wide ? memory.readSystem32(tss + CR3_OFFSET | 0) : 0,
    eip: word(0), eflags: word(1), registers, segments,
    ldt: memory.readSystem16(tss + layout.ldt | 0),
    trap: wide && (memory.readSystem16(tss + TRAP_OFFSET | 0) & 1) !== 0,
  };
}

/** The commit point: registers and visible selectors of the new task, with nothing behind the selectors yet. */
function loadTask(m: Monitor, image: TaskImage, layout: TssLayout, nested: boolean): void {
  const { cpu } = m;
  cpu.cr0 |= CR0_TS;
  cpu.dr7 &= ~DR7_LOCAL;
  if (layout === TSS32 && (cpu.cr0 & CR0_PG) !== 0) {
    cpu.cr3 = image.cr3 & 0xfffff018;
    m.memory.flushNonGlobal();
  }
  writeEflags(cpu.words, nested ? image.eflags | NT : image.eflags);
  cpu.eip = image.eip;
  for (const [index, value] of image.registers.entries()) cpu.words[index] = value;
  const virtual = (image.eflags & VM) !== 0;
  for (const [segment, selector] of image.segments.entries()) {
    if (virtual) installV86(cpu, segment, selector);
    else installNull(cpu, segment, selector);
  }
  installNull(cpu, LDTR, image.ldt);
  cpu.cpl = virtual ? 3 : image.segments[CS]! & 3;
  cpu.halted = 0;
  cpu.shadow = 0;
}

function loadTaskSegments(m: Monitor, image: TaskImage, external: number): TaskFault | undefined {
  try {
    loadTaskTable(m, image.ldt, external);
    if ((image.eflags & VM) === 0) {
      loadTaskCode(m, image.segments[CS]!, external);
      loadTaskStack(m, image.segments[SS]!, external);
      for (const segment of [DS, ES, FS, GS]) loadTaskData(m, segment, image.segments[segment]!, external);
    }
    if (image.eip >>> 0 > m.cpu.words[LIMIT + CS]! >>> 0) raise(VECTOR.GP, external);
    return undefined;
  } catch (fault) {
    if (!(fault instanceof GuestFault)) throw fault;
    return { vector: fault.vector, errorCode: fault.errorCode };
  }
}

function trapOf(m: Monitor, image: TaskImage): TaskFault | undefined {
  if (!image.trap) return undefined;
  m.cpu.dr6 |= DR6_BT;
  return { vector: VECTOR.DB, errorCode: NO_ERROR_CODE };
}

function loadTaskTable(m: Monitor, selector: number, external: number): void {
  if (isNull(selector)) return;
  const error = selectorError(selector, external);
  if (isLocal(selector)) raise(VECTOR.TS, error);
  const d = fetchDescriptor(m, selector) ?? raise(VECTOR.TS, error);
  if (systemType(d) !== TYPE.ldt || !isPresent(d)) raise(VECTOR.TS, error);
  installSystem(m.cpu, LDTR, selector, d, TYPE.ldt);
}

function loadTaskCode(m: Monitor, selector: number, external: number): void {
  const error = selectorError(selector, external);
  if (isNull(selector)) raise(VECTOR.TS, error);
  const d = fetchDescriptor(m, selector) ?? raise(VECTOR.TS, error);
  const rpl = selector & 3;
  if (!isCode(d) || (isConforming(d) ? dplOf(d) > rpl : dplOf(d) !== rpl)) raise(VECTOR.TS, error);
  if (!isPresent(d)) raise(VECTOR.NP, error);
  markAccessed(m, d);
  installSegment(m.cpu, CS, selector, d);
}

function loadTaskStack(m: Monitor, selector: number, external: number): void {
  const { cpl } = m.cpu;
  const error = selectorError(selector, external);
  if (isNull(selector)) raise(VECTOR.TS, error);
  const d = fetchDescriptor(m, selector) ?? raise(VECTOR.TS, error);
  if ((selector & 3) !== cpl || dplOf(d) !== cpl || !isWritableData(d)) raise(VECTOR.TS, error);
  if (!isPresent(d)) raise(VECTOR.SS, error);
  markAccessed(m, d);
  installSegment(m.cpu, SS, selector, d);
}

function loadTaskData(m: Monitor, segment: number, selector: number, external: number): void {
  if (isNull(selector)) return;
  const error = selectorError(selector, external);
  const d = fetchDescriptor(m, selector) ?? raise(VECTOR.TS, error);
  const open = isConforming(d) || (dplOf(d) >= m.cpu.cpl && dplOf(d) >= (selector & 3));
  if (!isReadable(d) || !open) raise(VECTOR.TS, error);
  if (!isPresent(d)) raise(VECTOR.NP, error);
  markAccessed(m, d);
  installSegment(m.cpu, segment, selector, d);
}

/** The task that NT says the current one is nested in. Raises #TS or #NP with its selector (SDM volume 2, IRET). */
export function linkedTask(m: Monitor): { selector: number; descriptor: Descriptor } {
  const selector = m.memory.readSystem16(m.cpu.words[BASE + TR]!);
  const error = selectorError(selector);
  if (isLocal(selector) || isNull(selector)) raise(VECTOR.TS, error);
  const descriptor = fetchDescriptor(m, selector) ?? raise(VECTOR.TS, error);
  const type = systemType(descriptor);
  if (type !== TYPE.busyTss16 && type !== TYPE.busyTss32) raise(VECTOR.TS, error);
  if (!isPresent(descriptor)) raise(VECTOR.NP, error);
  return { selector, descriptor };
}
