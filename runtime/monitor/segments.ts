/** Segment registers in use: loads, access checks, and the instructions that ask about descriptors. */
import { raise, VECTOR } from "../faults.ts";
import * as descriptors from "./descriptors.ts";
import {
  dplOf, fetchDescriptor, installNull, installSegment, installSystem, installUnprotected, isAvailableTss, isCallGate, isConforming, isLocal,
  isNull, isPresent, isProtected, isReadable, isTss, isWritableData, limitOf, markAccessed, markBusy, selectorError, systemType,
  withinLimit,
} from "./descriptors.ts";
import type { Descriptor } from "./descriptors.ts";
import type { Monitor } from "./context.ts";

const { ACCESS, BASE, CODE, CS, EXPAND_DOWN, LDTR, LIMIT, PRESENT, READABLE, SEGMENT, SS, TR, TSS_BUSY, TYPE, WRITABLE } = descriptors;

/**
 * The linear address of `size` bytes at `offset` of a segment, every check made (SDM volume 3, 5.3–5.5): null
 * segment, type, limit. Raises #SS(0) for SS and #GP(0) for the others.
 */
export function linearAddress(m: Monitor, segment: number, offset: number, size: number, write: boolean): number {
  const { cpu } = m;
  const access = cpu.words[ACCESS + segment]!;
  const allowed = !isProtected(cpu) || ((access & PRESENT) !== 0 && (write ? mayWrite(access) : mayRead(access)));
  if (!allowed || !withinLimit(access, cpu.words[LIMIT + segment]!, offset, size)) {
    raise(segment === SS ? VECTOR.SS : VECTOR.GP, 0);
  }
  return cpu.words[BASE + segment]! + offset | 0;
}

const mayRead = (access: number): boolean => (access & CODE) === 0 || (access & READABLE) !== 0;
const mayWrite = (access: number): boolean => (access & (CODE | WRITABLE)) === WRITABLE;

/** Whether no access through this register can fail: a present, writable, expand-up data segment of 4 GiB, wherever it begins. */
export function segmentUnlimited(m: Pick<Monitor, "cpu">, segment: number): boolean {
  const { words } = m.cpu;
  const mask = PRESENT | SEGMENT | CODE | EXPAND_DOWN | WRITABLE;
  return words[LIMIT + segment] === -1 && (words[ACCESS + segment]! & mask) === (PRESENT | SEGMENT | WRITABLE);
}

/** `segmentUnlimited` with base 0: offsets are linear addresses. */
export function dataSegmentFlat(m: Pick<Monitor, "cpu">, segment: number): boolean {
  return m.cpu.words[BASE + segment] === 0 && segmentUnlimited(m, segment);
}

/**
 * MOV, POP and LxS to ES, SS, DS, FS or GS (SDM volume 2, MOV). Raises #UD for CS, #GP, #NP or #SS with the
 * selector. The interrupt shadow of MOV SS and POP SS is the caller's: LSS has none.
 */
export function loadSegment(m: Monitor, segment: number, selector: number): void {
  if (m.short?.loadData(segment, selector) === true) return;
  if (segment === CS || segment > 5) raise(VECTOR.UD);
  if (!isProtected(m.cpu)) {
    installUnprotected(m.cpu, segment, selector);
  } else if (segment === SS) {
    const d = stackDescriptor(m, selector);
    markAccessed(m, d);
    installSegment(m.cpu, SS, selector, d);
  } else if (isNull(selector)) {
    installNull(m.cpu, segment, selector);
  } else {
    const d = dataDescriptor(m, selector);
    markAccessed(m, d);
    installSegment(m.cpu, segment, selector, d);
  }
}

function stackDescriptor(m: Monitor, selector: number): Descriptor {
  const { cpl } = m.cpu;
  const error = selectorError(selector);
  if (isNull(selector)) raise(VECTOR.GP, 0);
  const d = fetchDescriptor(m, selector) ?? raise(VECTOR.GP, error);
  if ((selector & 3) !== cpl || !isWritableData(d) || dplOf(d) !== cpl) raise(VECTOR.GP, error);
  if (!isPresent(d)) raise(VECTOR.SS, error);
  return d;
}

function dataDescriptor(m: Monitor, selector: number): Descriptor {
  const error = selectorError(selector);
  const d = fetchDescriptor(m, selector) ?? raise(VECTOR.GP, error);
  if (!isReadable(d) || !privilegeAllows(m, selector, d)) raise(VECTOR.GP, error);
  if (!isPresent(d)) raise(VECTOR.NP, error);
  return d;
}

/** Data access privilege: neither CPL nor RPL weaker than DPL, conforming code open to all (SDM volume 3, 5.6). */
function privilegeAllows(m: Monitor, selector: number, d: Descriptor): boolean {
  return isConforming(d) || (dplOf(d) >= m.cpu.cpl && dplOf(d) >= (selector & 3));
}

function requireProtected(m: Monitor): void {
  if (!isProtected(m.cpu)) raise(VECTOR.UD);
}

/** LLDT. A null selector leaves no local table. Raises #UD outside protected mode, #GP, #NP. */
export function loadLdtr(m: Monitor, selector: number): void {
  requireProtected(m);
  if (m.cpu.cpl !== 0) raise(VECTOR.GP, 0);
  if (isNull(selector)) {
    installNull(m.cpu, LDTR, selector);
    return;
  }
  const d = globalDescriptor(m, selector);
  if (systemType(d) !== TYPE.ldt) raise(VECTOR.GP, selectorError(selector));
  if (!isPresent(d)) raise(VECTOR.NP, selectorError(selector));
  installSystem(m.cpu, LDTR, selector, d, TYPE.ldt);
}

/** LTR: the TSS must be available, and becomes busy. Raises #UD outside protected mode, #GP, #NP. */
export function loadTr(m: Monitor, selector: number): void {
  requireProtected(m);
  if (m.cpu.cpl !== 0 || isNull(selector)) raise(VECTOR.GP, 0);
  const d = globalDescriptor(m, selector);
  if (!isAvailableTss(systemType(d))) raise(VECTOR.GP, selectorError(selector));
  if (!isPresent(d)) raise(VECTOR.NP, selectorError(selector));
  markBusy(m, d.linear, true);
  installSystem(m.cpu, TR, selector, d, systemType(d) | TSS_BUSY);
}

function globalDescriptor(m: Monitor, selector: number): Descriptor {
  if (isLocal(selector)) raise(VECTOR.GP, selectorError(selector));
  return fetchDescriptor(m, selector) ?? raise(VECTOR.GP, selectorError(selector));
}

/** What LAR, LSL, VERR and VERW may see of a selector: undefined where they answer ZF = 0. */
function visibleDescriptor(m: Monitor, selector: number): Descriptor | undefined {
  requireProtected(m);
  if (isNull(selector)) return undefined;
  const d = fetchDescriptor(m, selector);
  return d !== undefined && privilegeAllows(m, selector, d) ? d : undefined;
}

/** LAR: bits 8–23 of the descriptor's second word (as processors do, the limit bits among them), or -1 where ZF = 0. */
export function lar(m: Monitor, selector: number): number {
  const d = visibleDescriptor(m, selector);
  if (d === undefined) return -1;
  const type = systemType(d);
  const valid = type === -1 || isTss(type) || isCallGate(type) || type === TYPE.ldt || type === TYPE.taskGate;
  return valid ? d.high & 0xffff00 : -1;
}

function limitDescriptor(m: Monitor, selector: number): Descriptor | undefined {
  const d = visibleDescriptor(m, selector);
  if (d === undefined) return undefined;
  const type = systemType(d);
  return type === -1 || isTss(type) || type === TYPE.ldt ? d : undefined;
}

/** LSL's ZF: 1 where the selector has a limit that may be seen. */
export function lslValid(m: Monitor, selector: number): number {
  return limitDescriptor(m, selector) === undefined ? 0 : 1;
}

/** LSL's result, in bytes, as an int32 bit pattern; 0 where `lslValid` is 0. */
export function lslLimit(m: Monitor, selector: number): number {
  const d = limitDescriptor(m, selector);
  return d === undefined ? 0 : limitOf(d);
}

/** VERR's ZF: 1 where the segment can be read from the current privilege level. */
export function verr(m: Monitor, selector: number): number {
  const d = visibleDescriptor(m, selector);
  return d !== undefined && isReadable(d) ? 1 : 0;
}

/** VERW's ZF: 1 where the segment can be written from the current privilege level. */
export function verw(m: Monitor, selector: number): number {
  const d = visibleDescriptor(m, selector);
  return d !== undefined && isWritableData(d) ? 1 : 0;
}
