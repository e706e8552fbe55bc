/** Control and debug registers, descriptor-table registers, MSRs, the time-stamp counter, and the flags that privilege guards. */
import { NO_ERROR_CODE, raise, VECTOR } from "../faults.ts";
import { readEflags, writeEflags } from "../flags.ts";
import * as state from "../state.ts";
import type { CpuState } from "../state.ts";
import type { Monitor } from "./context.ts";
import { isVirtual8086 } from "./descriptors.ts";

const {
  AC, ARITHMETIC_FLAGS, CR0_AM, CR0_CD, CR0_EM, CR0_ET, CR0_MP, CR0_NE, CR0_NW, CR0_PE, CR0_PG, CR0_TS, CR0_WP, CR4_DE, CR4_PGE, CR4_PSE,
  CR4_TSD, DF, ID, IF, IOPL, NT, RF, SLOT, TF, VM,
} = state;

const CR0_KEPT = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
const CR3_KEPT = 0xfffff018 | 0;
/** What CPUID offers: TSC, DE, PSE, PGE. */
const CR4_OFFERED = CR4_TSD | CR4_DE | CR4_PSE | CR4_PGE;

// Debug registers (SDM volume 3, 17.2): bits that are always 1, and those that can be written.
const DR6_ONES = 0xffff0ff0 | 0, DR6_KEPT = 0xe00f;
const DR7_ONES = 0x400, DR7_KEPT = 0xffff23ff | 0;
const DR6_BD = 1 << 13, DR7_GD = 1 << 13;

/** Raises #GP(0) unless CPL is 0. */
export function requirePrivilege(m: Monitor): void {
  if (m.cpu.cpl !== 0) raise(VECTOR.GP, 0);
}

/** MOV from CRn. Raises #GP(0) at CPL > 0, #UD for a register that is not there. */
export function readControl(m: Monitor, n: number): number {
  const { cpu } = m;
  if (n !== 0 && n !== 2 && n !== 3 && n !== 4) raise(VECTOR.UD);
  requirePrivilege(m);
  switch (n) {
    case 0: return cpu.cr0;
    case 2: return cpu.cr2;
    case 3: return cpu.cr3;
    default: return cpu.cr4;
  }
}

/** MOV to CRn, with the flushes that belong to it. Raises #GP(0) for combinations and bits that are not offered, #UD. */
export function writeControl(m: Monitor, n: number, value: number): void {
  const { cpu } = m;
  if (n !== 0 && n !== 2 && n !== 3 && n !== 4) raise(VECTOR.UD);
  requirePrivilege(m);
  switch (n) {
    case 0: writeCr0(m, value); break;
    case 2: cpu.cr2 = value; break;
    case 3:
      cpu.cr3 = value & CR3_KEPT;
      m.memory.flushNonGlobal();
      break;
    default: writeCr4(m, value); break;
  }
}

function writeCr0(m: Monitor, value: number): void {
  const { cpu } = m;
  if ((value & CR0_PG) !== 0 && (value & CR0_PE) === 0) raise(VECTOR.GP, 0);
  if ((value & CR0_NW) !== 0 && (value & CR0_CD) === 0) raise(VECTOR.GP, 0);
  const next = (value & CR0_KEPT) | CR0_ET;
  const changed = cpu.cr0 ^ next;
  cpu.cr0 = next;
  if ((changed & (CR0_PG | CR0_WP | CR0_PE)) !== 0) m.memory.flushAll();
}

function writeCr4(m: Monitor, value: number): void {
  const { cpu } = m;
  if ((value & ~CR4_OFFERED) !== 0) raise(VECTOR.GP, 0);
  const changed = cpu.cr4 ^ value;
  cpu.cr4 = value;
  if ((changed & (CR4_PSE | CR4_PGE)) !== 0) m.memory.flushAll();
}

/** LMSW: PE MP EM TS of CR0; PE can be set, not cleared. Raises #GP(0) at CPL > 0. */
export function lmsw(m: Monitor, value: number): void {
  requirePrivilege(m);
  const { cr0 } = m.cpu;
  const replaced = CR0_MP | CR0_EM | CR0_TS;
  writeCr0(m, (cr0 & ~replaced) | (value & (replaced | CR0_PE)));
}

/** CLTS. Raises #GP(0) at CPL > 0. */
export function clts(m: Monitor): void {
  requirePrivilege(m);
  m.cpu.cr0 &= ~CR0_TS;
}

/** The slot of DRn, DR4 and DR5 being DR6 and DR7 unless CR4.DE makes them #UD. Raises #GP(0) at CPL > 0, #DB under DR7.GD. */
function debugSlot(m: Monitor, n: number): number {
  const { cpu } = m;
  if ((n === 4 || n === 5) && (cpu.cr4 & CR4_DE) !== 0) raise(VECTOR.UD);
  requirePrivilege(m);
  if ((cpu.dr7 & DR7_GD) !== 0) {
    cpu.dr6 |= DR6_BD;
    raise(VECTOR.DB, NO_ERROR_CODE);
  }
  if (n < 4) return SLOT.dr0 + n;
  return (n & 1) === 0 ? SLOT.dr6 : SLOT.dr7;
}

/** MOV from DRn. Raises #UD, #GP(0), #DB. */
export function readDebug(m: Monitor, n: number): number {
  const slot = debugSlot(m, n);
  const value = m.cpu.words[slot]!;
  if (slot === SLOT.dr6) return (value & DR6_KEPT) | DR6_ONES;
  return slot === SLOT.dr7 ? (value & DR7_KEPT) | DR7_ONES : value;
}

/** MOV to DRn. Raises #UD, #GP(0), #DB. */
export function writeDebug(m: Monitor, n: number, value: number): void {
  const slot = debugSlot(m, n);
  let kept = value;
  if (slot === SLOT.dr6) kept = (value & DR6_KEPT) | DR6_ONES;
  else if (slot === SLOT.dr7) kept = (value & DR7_KEPT) | DR7_ONES;
  m.cpu.words[slot] = kept;
}

const tableBase = (base: number, operandSize: 2 | 4): number => operandSize === 2 ? base & 0xffffff : base;

/** LGDT; a 16-bit operand size loads 24 bits of the base. Raises #GP(0) at CPL > 0. */
export function loadGdt(m: Monitor, limit: number, base: number, operandSize: 2 | 4): void {
  requirePrivilege(m);
  m.cpu.gdtLimit = limit & 0xffff;
  m.cpu.gdtBase = tableBase(base, operandSize);
}

/** LIDT, as LGDT. */
export function loadIdt(m: Monitor, limit: number, base: number, operandSize: 2 | 4): void {
  requirePrivilege(m);
  m.cpu.idtLimit = limit & 0xffff;
  m.cpu.idtBase = tableBase(base, operandSize);
}

/** INVLPG. Raises #GP(0) at CPL > 0. */
export function invalidatePage(m: Monitor, linear: number): void {
  requirePrivilege(m);
  m.memory.flushPage(linear);
}

/** HLT. Raises #GP(0) at CPL > 0. */
export function halt(m: Monitor): void {
  requirePrivilege(m);
  m.cpu.halted = 1;
}

/** WBINVD and INVD: there is no cache. Raises #GP(0) at CPL > 0. */
export function wbinvd(m: Monitor): void {
  requirePrivilege(m);
}

/** RDPMC: there is no counter, so #GP(0) whatever ECX says. */
export function rdpmc(_m: Monitor): never {
  raise(VECTOR.GP, 0);
}

/** Model-specific registers by number (SDM volume 4). */
const MSR = { tsc: 0x10, platformId: 0x17, microcodeRevision: 0x8b } as const;

/** RDMSR: EDX:EAX of the register in ECX. Raises #GP(0) at CPL > 0 and for one that is not there. */
export function readMsr(m: Monitor): void {
  requirePrivilege(m);
  switch (m.cpu.ecx) {
    case MSR.tsc: setTimestamp(m); break;
    // Platform 0, and no microcode update loaded: family 6 systems ask without asking whether they may.
    case MSR.platformId: case MSR.microcodeRevision:
      m.cpu.eax = 0;
      m.cpu.edx = 0;
      break;
    default: raise(VECTOR.GP, 0);
  }
}

/** WRMSR. Raises #GP(0) at CPL > 0 and for a register that is not there or cannot be written. */
export function writeMsr(m: Monitor): void {
  requirePrivilege(m);
  switch (m.cpu.ecx) {
    case MSR.tsc: offsetTimestamp(m); break;
    // Written with 0 before CPUID leaves the revision there, which is 0.
    case MSR.microcodeRevision: break;
    default: raise(VECTOR.GP, 0);
  }
}

/** RDTSC: EDX:EAX. One tick is 1 ns of guest time. Raises #GP(0) at CPL > 0 under CR4.TSD. */
export function readTimestamp(m: Monitor): void {
  if ((m.cpu.cr4 & CR4_TSD) !== 0) requirePrivilege(m);
  setTimestamp(m);
}

const TWO_32 = 0x100000000;

function setTimestamp(m: Monitor): void { putTimestamp(m.cpu, m.now(), SLOT.eax, SLOT.edx); }

/** The timestamp counter at guest time `now`, into two state words. */
export function putTimestamp(cpu: CpuState, now: number, lowSlot: number, highSlot: number): void {
  const low = now % TWO_32 + (cpu.tscOffsetLow >>> 0);
  cpu.words[lowSlot] = low;
  cpu.words[highSlot] = Math.floor(now / TWO_32) + cpu.tscOffsetHigh + (low >= TWO_32 ? 1 : 0);
}

/** Makes the counter read EDX:EAX now. */
function offsetTimestamp(m: Monitor): void {
  const { cpu } = m;
  const now = m.now();
  const low = (cpu.eax >>> 0) - now % TWO_32;
  cpu.tscOffsetLow = low | 0;
  cpu.tscOffsetHigh = cpu.edx - Math.floor(now / TWO_32) - (low < 0 ? 1 : 0) | 0;
}

/** CLI and STI: #GP(0) where CPL exceeds IOPL, in virtual-8086 mode as elsewhere. */
export function requireIoPrivilege(cpl: number, eflags: number): void {
  if (cpl > (eflags & IOPL) >> 12) raise(VECTOR.GP, 0);
}

/** STI; interrupts stay out for one more instruction where IF was clear. Raises #GP(0) where CPL exceeds IOPL. */
export function sti(m: Monitor): void {
  const { cpu } = m;
  requireIoPrivilege(cpu.cpl, cpu.eflags);
  if ((cpu.eflags & IF) === 0) cpu.shadow = 1;
  cpu.eflags |= IF;
}

function requireVirtualIopl(cpu: CpuState): void {
  if (isVirtual8086(cpu) && (cpu.eflags & IOPL) !== IOPL) raise(VECTOR.GP, 0);
}

/** What PUSHF pushes: VM and RF read as 0. Raises #GP(0) in virtual-8086 mode with IOPL < 3. */
export function pushFlagsValue(m: Monitor, operandSize: 2 | 4): number {
  requireVirtualIopl(m.cpu);
  return readEflags(m.cpu.words) & (operandSize === 2 ? 0xffff : ~(VM | RF));
}

/** What POPF may change beside the arithmetic flags. */
export function poppedFlags(cpl: number, eflags: number, operandSize: number): number {
  let mask = TF | DF | NT;
  if (operandSize === 4) mask |= AC | ID;
  if (cpl <= (eflags & IOPL) >> 12) mask |= IF;
  if (cpl === 0) mask |= IOPL;
  return mask;
}

/**
 * POPF, the value popped already (SDM volume 2, table 4-16): IOPL only at CPL 0, IF only at CPL ≤ IOPL, VM never; RF is
 * cleared. Raises #GP(0) in virtual-8086 mode with IOPL < 3.
 */
export function popFlags(m: Monitor, value: number, operandSize: 2 | 4): void {
  const { cpu } = m;
  requireVirtualIopl(cpu);
  const mask = ARITHMETIC_FLAGS | poppedFlags(cpu.cpl, cpu.eflags, operandSize);
  writeEflags(cpu.words, (readEflags(cpu.words) & ~(mask | RF)) | (value & mask));
}
