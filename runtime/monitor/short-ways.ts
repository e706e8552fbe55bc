/**
 * Short ways through the common segment loads, interrupts, returns and far transfers of a flat 32-bit guest.
 *
 * Each function looks at everything first, and through filled TLB entries alone. Where all of it is as common guests have it, it does
 * the whole operation and returns true; where anything is otherwise (a fault, a gate of 16 bits, an accessed bit that is not set yet, a
 * conforming segment, the local table, a page that the TLB does not have), it has done nothing and returns false: the general functions
 * of this folder then do it, in the SDM's order. So what happens is theirs to say, and these only have to agree with them.
 */
import { alignmentChecked } from "../alignment.ts";
import { NO_ERROR_CODE } from "../faults.ts";
import { writeEflags } from "../flags.ts";
import type { GuestMemory } from "../memory.ts";
import * as state from "../state.ts";
import type { CpuState } from "../state.ts";
import type { ShortTransfers } from "./context.ts";

const { AC, ARITHMETIC_FLAGS, CR0_PE, DF, ID, IF, IOPL, NT, RF, SLOT, TF, VM } = state;
const {
  eip: EIP, esp: ESP, eflags: EFLAGS, cr0: CR0, cpl: CPL, halted: HALTED, shadow: SHADOW, stackMask: STACK_MASK,
  gdtBase: GDT_BASE, gdtLimit: GDT_LIMIT, idtBase: IDT_BASE, idtLimit: IDT_LIMIT,
  selector0: SELECTOR, base0: BASE, limit0: LIMIT, access0: ACCESS,
} = SLOT;
const ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5, TR = 7;

// Bits of a descriptor's second word (SDM volume 3, figures 3-8 and 6-2).
const PRESENT = 0x8000, SEGMENT = 0x1000, CODE = 0x0800, CONFORMING = 0x0400, EXPAND_DOWN = 0x0400, WRITABLE = 0x0200, ACCESSED = 0x0100;
const GRANULAR = 0x800000, BIG = 0x400000;
/** A non-conforming code segment; data of either kind; a stack; a 32-bit interrupt or trap gate. All present, segments accessed before. */
const CODE_MASK = PRESENT | SEGMENT | CODE | CONFORMING | ACCESSED, CODE_IS = PRESENT | SEGMENT | CODE | ACCESSED;
const DATA_MASK = PRESENT | SEGMENT | CODE | ACCESSED, DATA_IS = PRESENT | SEGMENT | ACCESSED;
const STACK_MASK_BITS = DATA_MASK | EXPAND_DOWN | WRITABLE | GRANULAR | BIG, STACK_IS = DATA_IS | WRITABLE | GRANULAR | BIG;
const GATE_MASK = PRESENT | SEGMENT | 0x0e00, GATE_IS = PRESENT | 0x0e00, TRAP_GATE = 0x0100;
/** In the attributes as segment registers keep them: present, data, writable, expand-up; a conforming code segment; a busy 32-bit TSS. */
const OPEN_MASK = 0x9e, OPEN_IS = 0x92, CONFORMING_CODE = 0x1c, TSS_MASK = 0x9f, TSS_IS = 0x8b;

/** What IRETD may always change (SDM volume 2, IRET). */
const RETURN_FLAGS = ARITHMETIC_FLAGS | TF | DF | NT | RF | AC | ID;

const dplOf = (high: number): number => high >>> 13 & 3;
const baseOf = (low: number, high: number): number => low >>> 16 | (high & 0xff) << 16 | high & 0xff000000;
const limitOf = (low: number, high: number): number => {
  const limit = low & 0xffff | high & 0xf0000;
  return (high & GRANULAR) === 0 ? limit : limit << 12 | 0xfff;
};
const accessOf = (high: number): number => high >>> 8 & 0xff | high >>> 12 & 0xf00;

export class ShortWays implements ShortTransfers {
  readonly #cpu: CpuState;
  readonly #words: Int32Array;
  readonly #memory: Int32Array;
  readonly #rings: GuestMemory["rings"];
  /** The descriptor that was read last. */
  #low = 0;
  #high = 0;

  constructor(cpu: CpuState, memory: GuestMemory) {
    this.#cpu = cpu;
    this.#words = cpu.words;
    this.#memory = memory.ram32;
    this.#rings = memory.rings;
  }

  #isProtected(): boolean { return (this.#words[CR0]! & CR0_PE) !== 0 && (this.#words[EFLAGS]! & VM) === 0; }

  /** Reads the eight bytes at a multiple of eight. */
  #read(linear: number): boolean {
    const t = this.#rings[0].read[linear >>> 12]!;
    if (((linear | t) & 7) !== 0) return false;
    const at = (linear ^ t) >>> 2;
    this.#low = this.#memory[at]!;
    this.#high = this.#memory[at + 1]!;
    return true;
  }

  /** Reads the descriptor of a selector of the global table that is not null. */
  #descriptor(selector: number): boolean {
    const S = this.#words;
    return (selector & 4) === 0 && (selector & 0xfff8) !== 0 && (selector & 0xffff | 7) <= (S[GDT_LIMIT]! & 0xffff) &&
      this.#read(S[GDT_BASE]! + (selector & 0xfff8) | 0);
  }

  #install(segment: number, selector: number): void {
    const S = this.#words, low = this.#low, high = this.#high;
    S[SELECTOR + segment] = selector & 0xffff;
    S[BASE + segment] = baseOf(low, high);
    S[LIMIT + segment] = limitOf(low, high);
    S[ACCESS + segment] = accessOf(high);
  }

  /** A stack segment of base 0 and 4 GiB was read. */
  #isFlatStack(ring: number): boolean {
    const low = this.#low, high = this.#high;
    return (high & STACK_MASK_BITS) === STACK_IS && dplOf(high) === ring && (low | 0xffff0000) === -1 && (high & 0xf0000) === 0xf0000 && baseOf(low, high) === 0;
  }

  /** The stack in use has base 0 and 4 GiB, and its accesses are not checked for alignment. */
  #isOnFlatStack(): boolean {
    const S = this.#words;
    return S[STACK_MASK] === -1 && S[BASE + SS] === 0 && S[LIMIT + SS] === -1 && (S[ACCESS + SS]! & OPEN_MASK) === OPEN_IS && !alignmentChecked(this.#cpu);
  }

  /** Where in RAM, in words, `bytes` at a linear address stand; -1 where the TLB of the ring does not have them all on one page. */
  #place(table: Int32Array, linear: number, bytes: number): number {
    const t = table[linear >>> 12]!;
    return ((linear | t) & 3) === 0 && (linear & 0xfff) + bytes <= 0x1000 ? (linear ^ t) >>> 2 : -1;
  }

  #ring(cpl: number): GuestMemory["rings"][number] { return this.#rings[cpl === 3 ? 1 : 0]; }

  /** MOV, POP and LxS to ES, DS, FS and GS. */
  loadData(segment: number, selector: number): boolean {
    const S = this.#words;
    if (segment === CS || segment === SS || segment > GS || !this.#isProtected()) return false;
    if ((selector & 0xfffc) === 0) {
      S[SELECTOR + segment] = selector & 0xffff;
      S[BASE + segment] = S[LIMIT + segment] = S[ACCESS + segment] = 0;
      return true;
    }
    if (!this.#descriptor(selector)) return false;
    const dpl = dplOf(this.#high);
    if ((this.#high & DATA_MASK) !== DATA_IS || dpl < S[CPL]! || dpl < (selector & 3)) return false;
    this.#install(segment, selector);
    return true;
  }

  /** Delivery of a vector. `software`: the gate's DPL is checked. `eflags` is pushed, and the error code where there is one. */
  interrupt(vector: number, errorCode: number, eflags: number, software: boolean): boolean {
    const S = this.#words, cpl = S[CPL]!;
    if (!this.#isProtected() || vector * 8 + 7 > (S[IDT_LIMIT]! & 0xffff) || !this.#read(S[IDT_BASE]! + vector * 8 | 0)) return false;
    const gateLow = this.#low, gateHigh = this.#high, selector = gateLow >>> 16, offset = gateHigh & 0xffff0000 | gateLow & 0xffff;
    if ((gateHigh & GATE_MASK) !== GATE_IS || software && dplOf(gateHigh) < cpl || !this.#descriptor(selector)) return false;
    const codeLow = this.#low, codeHigh = this.#high, dpl = dplOf(codeHigh);
    if ((codeHigh & CODE_MASK) !== CODE_IS || dpl > cpl || offset >>> 0 > limitOf(codeLow, codeHigh) >>> 0) return false;

    let esp = S[ESP]!, stack = 0, words = errorCode === NO_ERROR_CODE ? 3 : 4;
    if (dpl < cpl) {
      words += 2;
      stack = this.#innerStack(dpl);
      if (stack === 0) return false;
      esp = this.#inner;
    } else if (!this.#isOnFlatStack()) return false;
    const top = esp - words * 4 | 0, at = this.#place(this.#ring(dpl).write, top, words * 4);
    if (at < 0) return false;

    const M = this.#memory;
    let next = at + words;
    if (stack !== 0) {
      M[--next] = S[SELECTOR + SS]!;
      M[--next] = S[ESP]!;
      this.#install(SS, stack);
      S[STACK_MASK] = -1;
    }
    M[--next] = eflags;
    M[--next] = S[SELECTOR + CS]!;
    M[--next] = S[EIP]!;
    if (errorCode !== NO_ERROR_CODE) M[--next] = errorCode;
    this.#low = codeLow;
    this.#high = codeHigh;
    this.#enter(selector, dpl, offset, top);
    S[EFLAGS] = S[EFLAGS]! & ~(TF | VM | RF | NT | ((gateHigh & TRAP_GATE) === 0 ? IF : 0));
    S[HALTED] = S[SHADOW] = 0;
    return true;
  }

  /** ESP of the stack that `#innerStack` found. */
  #inner = 0;

  /** The selector of the 32-bit TSS's stack for a ring, its descriptor read; 0 where it is not a flat one. */
  #innerStack(ring: number): number {
    const S = this.#words, offset = ring * 8 + 4;
    if ((S[ACCESS + TR]! & TSS_MASK) !== TSS_IS || offset + 5 > S[LIMIT + TR]! >>> 0) return 0;
    const at = this.#place(this.#rings[0].read, S[BASE + TR]! + offset | 0, 8);
    if (at < 0) return 0;
    this.#inner = this.#memory[at]!;
    const selector = this.#memory[at + 1]! & 0xffff;
    return (selector & 3) === ring && this.#descriptor(selector) && this.#isFlatStack(ring) ? selector : 0;
  }

  /** The code segment whose descriptor was read. */
  #enter(selector: number, cpl: number, eip: number, esp: number): void {
    const S = this.#words;
    this.#install(CS, selector & 0xfffc | cpl);
    S[CPL] = cpl;
    S[EIP] = eip;
    S[ESP] = esp;
  }

  /** IRETD in protected mode. */
  interruptReturn(): boolean {
    const S = this.#words, M = this.#memory, cpl = S[CPL]!, esp = S[ESP]!;
    if (!this.#isProtected() || (S[EFLAGS]! & NT) !== 0 || !this.#isOnFlatStack()) return false;
    const at = this.#place(this.#ring(cpl).read, esp, 12);
    if (at < 0) return false;
    const eip = M[at]!, selector = M[at + 1]! & 0xffff, popped = M[at + 2]!, outer = selector & 3;
    if ((popped & VM) !== 0 || outer < cpl || !this.#returnsTo(selector, eip)) return false;
    const before = S[EFLAGS]!;
    if (outer === cpl) this.#enter(selector, cpl, eip, esp + 12 | 0);
    else if (!this.#returnOuter(selector, eip, esp + 12 | 0)) return false;
    const mask = RETURN_FLAGS | (cpl <= (before & IOPL) >> 12 ? IF : 0) | (cpl === 0 ? IOPL : 0);
    writeEflags(S, before & ~mask | popped & mask); // all arithmetic flags are popped
    return true;
  }

  /** Reads the descriptor of a code segment that can be returned to, at an offset inside it. */
  #returnsTo(selector: number, eip: number): boolean {
    return this.#descriptor(selector) && (this.#high & CODE_MASK) === CODE_IS && dplOf(this.#high) === (selector & 3) && eip >>> 0 <= limitOf(this.#low, this.#high) >>> 0;
  }

  /** To less privileged code, whose descriptor was read; its stack pointer and segment stand at `pointer`. */
  #returnOuter(selector: number, eip: number, pointer: number): boolean {
    const S = this.#words, M = this.#memory, low = this.#low, high = this.#high, ring = selector & 3;
    const at = this.#place(this.#ring(S[CPL]!).read, pointer, 8);
    if (at < 0) return false;
    const esp = M[at]!, stack = M[at + 1]! & 0xffff;
    if ((stack & 3) !== ring || !this.#descriptor(stack) || !this.#isFlatStack(ring)) return false;
    this.#install(SS, stack);
    S[STACK_MASK] = -1;
    this.#low = low;
    this.#high = high;
    this.#enter(selector, ring, eip, esp);
    this.#hide(ES, ring);
    this.#hide(DS, ring);
    this.#hide(FS, ring);
    this.#hide(GS, ring);
    return true;
  }

  /** A data segment that the outer ring may not see becomes null (SDM volume 3, 5.8.6). */
  #hide(segment: number, ring: number): void {
    const S = this.#words, access = S[ACCESS + segment]!;
    if ((access & CONFORMING_CODE) === CONFORMING_CODE || (access >> 5 & 3) >= ring) return;
    S[SELECTOR + segment] = S[BASE + segment] = S[LIMIT + segment] = S[ACCESS + segment] = 0;
  }

  /** Reads the descriptor of a code segment that a far pointer may name directly, at an offset inside it. */
  #leadsTo(selector: number, eip: number): boolean {
    const cpl = this.#words[CPL]!;
    return this.#isProtected() && this.#descriptor(selector) && (this.#high & CODE_MASK) === CODE_IS && dplOf(this.#high) === cpl && (selector & 3) <= cpl &&
      eip >>> 0 <= limitOf(this.#low, this.#high) >>> 0;
  }

  /** JMP to a code segment, the operand size being 32 bits. */
  jumpFar(selector: number, eip: number): boolean {
    const S = this.#words;
    if (!this.#leadsTo(selector, eip)) return false;
    this.#enter(selector, S[CPL]!, eip, S[ESP]!);
    return true;
  }

  /** CALL of a code segment, the operand size being 32 bits. */
  callFar(selector: number, eip: number): boolean {
    const S = this.#words, M = this.#memory, cpl = S[CPL]!, top = S[ESP]! - 8 | 0;
    if (!this.#leadsTo(selector, eip) || !this.#isOnFlatStack()) return false;
    const at = this.#place(this.#ring(cpl).write, top, 8);
    if (at < 0) return false;
    M[at] = S[EIP]!;
    M[at + 1] = S[SELECTOR + CS]!;
    this.#enter(selector, cpl, eip, top);
    return true;
  }

  /** RETF inside a ring, the operand size being 32 bits. */
  returnFar(bytes: number): boolean {
    const S = this.#words, M = this.#memory, cpl = S[CPL]!, esp = S[ESP]!;
    if (!this.#isProtected() || !this.#isOnFlatStack()) return false;
    const at = this.#place(this.#ring(cpl).read, esp, 8);
    if (at < 0) return false;
    const eip = M[at]!, selector = M[at + 1]! & 0xffff;
    if ((selector & 3) !== cpl || !this.#returnsTo(selector, eip)) return false;
    this.#enter(selector, cpl, eip, esp + 8 + bytes | 0);
    return true;
  }
}
