/**
 * Stack frames of far transfers and interrupts.
 *
 * A frame is proved before it is written: every word inside the segment's limit, every page writable. What is written
 * lies below the stack pointer, and the pointer moves only when the transfer is certain. Pointers wrap at 64 KiB where
 * SS.B is clear, word by word, as single pushes would.
 */
import { raise, VECTOR } from "../faults.ts";
import type { CpuState } from "../state.ts";
import type { Monitor } from "./context.ts";
import * as descriptors from "./descriptors.ts";
import {
  accessOf, baseOf, dplOf, fetchDescriptor, installSegment, isNull, isPresent, isProtected, isWritableData, limitOf, markAccessed,
  selectorError, withinLimit,
} from "./descriptors.ts";
import type { Descriptor } from "./descriptors.ts";
import { linearAddress } from "./segments.ts";

const { ACCESS, BASE, DEFAULT_BIG, LIMIT, PRESENT, SELECTOR, SS, TR, WIDE } = descriptors;

/** A stack that a frame is about to be pushed on. */
export interface Stack {
  readonly selector: number;
  readonly base: number;
  readonly limit: number;
  readonly access: number;
  /** ESP before the frame; `mask` says how much of it counts. */
  readonly esp: number;
  readonly mask: number;
  /** Memory is reached with user rights. */
  readonly user: boolean;
  /** Of the #SS raised where the frame does not fit. */
  readonly errorCode: number;
  /** Of an inner stack, which replaces SS; absent for the stack in use. */
  readonly descriptor: Descriptor | undefined;
}

/** The stack that SS:ESP names now. */
export function currentStack(m: Monitor, external: number = 0): Stack {
  const { cpu } = m;
  const access = cpu.words[ACCESS + SS]!;
  if (isProtected(cpu) && (access & PRESENT) === 0) raise(VECTOR.SS, external);
  return {
    selector: cpu.words[SELECTOR + SS]!, base: cpu.words[BASE + SS]!, limit: cpu.words[LIMIT + SS]!, access,
    esp: cpu.esp, mask: cpu.stackMask, user: cpu.cpl === 3, errorCode: external, descriptor: undefined,
  };
}

/**
 * The stack that the current TSS keeps for privilege level `ring` (SDM volume 3, 5.8.5). Raises #TS with the TSS's selector
 * where the TSS is too small, with the stack's where that is not a writable data segment of exactly that privilege; #SS
 * where it is absent.
 */
export function innerStack(m: Monitor, ring: number, external: number): Stack {
  const { selector, esp } = innerStackPointer(m, ring, external);
  const error = selectorError(selector, external);
  if (isNull(selector)) raise(VECTOR.TS, external);
  const d = fetchDescriptor(m, selector) ?? raise(VECTOR.TS, error);
  if ((selector & 3) !== ring || dplOf(d) !== ring || !isWritableData(d)) raise(VECTOR.TS, error);
  if (!isPresent(d)) raise(VECTOR.SS, error);
  const access = accessOf(d);
  return {
    selector, base: baseOf(d), limit: limitOf(d), access,
    esp, mask: (access & DEFAULT_BIG) === 0 ? 0xffff : -1, user: false, errorCode: error, descriptor: d,
  };
}

function innerStackPointer(m: Monitor, ring: number, external: number): { selector: number; esp: number } {
  const { words } = m.cpu;
  const wide = (words[ACCESS + TR]! & WIDE) !== 0;
  const offset = wide ? ring * 8 + 4 : ring * 4 + 2;
  const last = offset + (wide ? 5 : 3);
  if ((words[ACCESS + TR]! & PRESENT) === 0 || last > words[LIMIT + TR]! >>> 0) {
    raise(VECTOR.TS, selectorError(words[SELECTOR + TR]!, external));
  }
  const linear = words[BASE + TR]! + offset | 0;
  return wide
    ? { esp: m.memory.readSystem32(linear), selector: m.memory.readSystem16(linear + 4 | 0) }
    : { esp: m.memory.readSystem16(linear), selector: m.memory.readSystem16(linear + 2 | 0) };
}

/** Offset of word `index` of a frame, 0 being pushed first. */
const frameOffset = (stack: Stack, size: number, index: number): number => (stack.esp - (index + 1) * size) & stack.mask;

/** Raises whatever pushing `count` words of `size` bytes would raise: #SS, or a page fault on the first word that meets one. */
export function probeFrame(m: Monitor, stack: Stack, size: 2 | 4, count: number): void {
  for (let index = 0; index < count; index++) {
    if (!withinLimit(stack.access, stack.limit, frameOffset(stack, size, index), size)) raise(VECTOR.SS, stack.errorCode);
  }
  let page = -1;
  for (let index = 0; index < count; index++) {
    const linear = stack.base + frameOffset(stack, size, index) | 0;
    const last = linear + size - 1 | 0;
    if (linear >>> 12 !== page || last >>> 12 !== page) m.memory.probe(linear, size, true, stack.user);
    page = linear >>> 12;
  }
}

/** Writes the words of a probed frame, the first one highest, and answers ESP after them. */
export function writeFrame(m: Monitor, stack: Stack, size: 2 | 4, values: readonly number[]): number {
  for (const [index, value] of values.entries()) {
    const linear = stack.base + frameOffset(stack, size, index) | 0;
    if (stack.user) writeUser(m, linear, size, value);
    else writeSystem(m, linear, size, value);
  }
  return withPointer(stack.esp, stack.mask, stack.esp - values.length * size);
}

function writeUser(m: Monitor, linear: number, size: 2 | 4, value: number): void {
  if (size === 4) m.memory.write32(linear, value);
  else m.memory.write16(linear, value & 0xffff);
}

function writeSystem(m: Monitor, linear: number, size: 2 | 4, value: number): void {
  if (size === 4) m.memory.writeSystem32(linear, value);
  else m.memory.writeSystem16(linear, value & 0xffff);
}

/** `esp` with the part that counts replaced. */
export const withPointer = (esp: number, mask: number, pointer: number): number => (esp & ~mask) | (pointer & mask);

/** Sets the accessed bit of an inner stack's descriptor. Throws page faults. */
export function markStack(m: Monitor, stack: Stack): void {
  if (stack.descriptor !== undefined) markAccessed(m, stack.descriptor);
}

/** Makes `stack` the current one, with this ESP. */
export function installStack(cpu: CpuState, stack: Stack, esp: number): void {
  if (stack.descriptor !== undefined) installSegment(cpu, SS, stack.selector, stack.descriptor);
  cpu.esp = esp;
}

/** `size` bytes at `displacement` above ESP, zero-extended; nothing is popped. Raises #SS(0) and page faults. */
export function peekStack(m: Monitor, size: 2 | 4, displacement: number): number {
  const { cpu } = m;
  const linear = linearAddress(m, SS, (cpu.esp + displacement) & cpu.stackMask, size, false);
  return size === 4 ? m.memory.read32(linear) : m.memory.read16(linear);
}
