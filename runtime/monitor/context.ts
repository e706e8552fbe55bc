/** What the monitor's functions work on. */
import type { CpuState } from "../state.ts";

/**
 * Guest-linear memory through the guest's page tables. Every access may throw a page fault (CR2 set).
 * Values are unsigned for 8 and 16 bits and int32 bit patterns for 32. Misaligned and page-crossing
 * accesses work (#AC where alignment is checked); a write that crosses into a page that faults has written nothing.
 */
export interface LinearMemory {
  /** With the rights of the current CPL. */
  read8(linear: number): number;
  read16(linear: number): number;
  read32(linear: number): number;
  write8(linear: number, value: number): void;
  write16(linear: number, value: number): void;
  write32(linear: number, value: number): void;
  /** Where alignment is checked, raises #AC for an operand that is not at a multiple of `alignment`, a power of two; does nothing elsewhere. */
  requireAligned(linear: number, alignment: number): void;
  /** With supervisor rights whatever the CPL: descriptor tables, TSS, stacks of inner rings. */
  readSystem8(linear: number): number;
  readSystem16(linear: number): number;
  readSystem32(linear: number): number;
  writeSystem8(linear: number, value: number): void;
  writeSystem16(linear: number, value: number): void;
  writeSystem32(linear: number, value: number): void;
  /** Throws the page fault that an access of `size` bytes would raise; changes nothing else (but accessed bits and the TLB). */
  probe(linear: number, size: number, write: boolean, user: boolean): void;
  /** Throws RETRY unless exactly one instruction runs alone: before what a region's locals could not follow, a task switch. */
  requireExact(): void;
  /** Forgets every translation (CR0.PG/WP, CR4.PSE/PGE, A20). */
  flushAll(): void;
  /** Forgets the translations that are not global (CR3). */
  flushNonGlobal(): void;
  /** INVLPG: forgets the page of this address, all of it where it is a large page. */
  flushPage(linear: number): void;
}

/** The I/O address space; absent ports read all ones. Values unsigned. */
export interface PortSpace {
  read(port: number, size: 1 | 2 | 4): number;
  write(port: number, size: 1 | 2 | 4, value: number): void;
}

/** Short ways through common cases: each does all of its operation and returns true, or nothing at all and returns false. See short-ways.ts. */
export interface ShortTransfers {
  loadData(segment: number, selector: number): boolean;
  interrupt(vector: number, errorCode: number, eflags: number, software: boolean): boolean;
  interruptReturn(): boolean;
  jumpFar(selector: number, offset: number): boolean;
  callFar(selector: number, offset: number): boolean;
  returnFar(bytes: number): boolean;
}

export interface Monitor {
  readonly cpu: CpuState;
  readonly memory: LinearMemory;
  /** Tried first where they are there. */
  readonly short?: ShortTransfers;
  readonly ports: PortSpace;
  /** Guest time in ns, exact to the instruction being executed. */
  now(): number;
}
