/**
 * A place where random code can live for long: descriptor tables with a bit of everything, and fault handlers that put every register
 * back and go on at a random block of the code, in ring 0 or ring 3.
 *
 * The first MiB is mapped by one page table, identity at first; everything lies in it.
 */
import { CR0_PE, CR0_PG, CR0_WP, CR0_NE, CR4_PSE, CR4_PGE, SLOT } from "../../runtime/state.ts";
import type { Machine } from "../../src/machine.ts";
import type { Random } from "../oracle/integer/random.ts";
import { Assembler, dword } from "./assembler.ts";

const GDT = 0x1000, IDT = 0x2000, HANDLERS = 0x3000, TSS = 0x4000, TSS_OTHER = 0x4200, LDT = 0x4400;
export const DIRECTORY = 0x5000, TABLE = 0x6000;
const REGISTERS = 0x8000, BLOCKS = 0x8800, FRAME_KERNEL = 0x9f00, KERNEL_STACK = 0xa800, FRAME_USER = 0xaf00, OTHER_STACK = 0xb800, SEED = 0x8ff0;
export const USER_STACK = 0xdf00, CODE = 0x10000, CODE_BYTES = 0x5000, DATA = 0x20000, DATA_BYTES = 0x8000;

const KERNEL_CODE = 0x08, KERNEL_DATA = 0x10, USER_CODE = 0x1b, USER_DATA = 0x23, TSS_SELECTOR = 0x28, TASK = 0x30;
const CODE_16 = 0x38, DATA_16 = 0x40, CONFORMING = 0x48, SMALL = 0x50, EXPAND_DOWN = 0x58, GATE = 0x60, TASK_GATE = 0x68, LDT_SELECTOR = 0x70, BASED = 0x78, ABSENT = 0x80;
/** What random code loads into segment registers. */
export const SELECTORS = [
  KERNEL_CODE, KERNEL_DATA, KERNEL_DATA, KERNEL_DATA, USER_CODE, USER_DATA, USER_DATA, USER_DATA, TSS_SELECTOR, TASK, CODE_16, DATA_16, CONFORMING, CONFORMING | 3,
  SMALL, SMALL | 3, EXPAND_DOWN | 3, GATE | 3, TASK_GATE | 3, LDT_SELECTOR, BASED | 3, BASED | 3, ABSENT | 3, 0, 3, 4, 0xc | 3,
];

function descriptor(base: number, limit: number, access: number, flags: number): number[] {
  return [(limit & 0xffff) | base << 16, (base >>> 16 & 0xff) | access << 8 | (limit & 0xf0000) | flags << 20 | base & 0xff000000];
}
const gate = (selector: number, offset: number, access: number): number[] => [selector << 16 | offset & 0xffff, offset & 0xffff0000 | access << 8];

const BIG_PAGES = 0xc, BIG = 4;

function descriptors(entry: number): number[] {
  return [
    0, 0, ...descriptor(0, 0xfffff, 0x9b, BIG_PAGES), ...descriptor(0, 0xfffff, 0x93, BIG_PAGES), ...descriptor(0, 0xfffff, 0xfb, BIG_PAGES),
    ...descriptor(0, 0xfffff, 0xf3, BIG_PAGES), ...descriptor(TSS, 0x67, 0x89, 0), ...descriptor(TSS_OTHER, 0x67, 0x89, 0),
    ...descriptor(0x10000, 0xffff, 0x9a, 0), ...descriptor(0, 0xffff, 0x92, 0), ...descriptor(0, 0xfffff, 0x9e, BIG_PAGES),
    ...descriptor(DATA, 0x3fff, 0xf2, BIG), ...descriptor(0, 0x1ffff, 0xf6, BIG), ...gate(KERNEL_CODE, entry, 0xec), ...gate(TASK, 0, 0xe5),
    ...descriptor(LDT, 0x1f, 0x82, 0), ...descriptor(0x1000, 0xfffff, 0xf2, BIG_PAGES), ...descriptor(0, 0xfffff, 0x72, BIG_PAGES),
  ];
}

const SELDOM = { wild: 8, wp: 2, interrupts: 2 };
const EXCEPTIONS = 32, FIRST_IRQ = 0x20, IRQS = 16, SYSTEM_CALL = 0x80;
const WITH_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17]);

/** Handlers for all vectors: exceptions go to `recover`, interrupts are acknowledged, system calls return. */
function handlers(blocks: number): { code: Uint8Array; recover: number; irq: number; ret: number } {
  const a = new Assembler(HANDLERS);
  a.label("recover").bytes(0xfc, 0x66, 0xb8, KERNEL_DATA, 0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xe0, 0x8e, 0xe8, 0x8e, 0xd0); // cld; ds, es, fs, gs, ss
  a.with32([0xbc], KERNEL_STACK); // mov esp
  a.bytes(0x69, 0x05, ...dword(SEED), ...dword(1664525), 0x05, ...dword(1013904223)); // imul eax, [seed], …; add eax, …
  a.bytes(0xa3, ...dword(SEED), 0x89, 0xc2, 0xc1, 0xe8, 16, 0x83, 0xe0, blocks - 1); // mov [seed], eax; mov edx, eax; shr eax, 16; and eax, blocks - 1
  a.bytes(0x8b, 0x1c, 0x85, ...dword(BLOCKS)); // mov ebx, [blocks + eax * 4]
  a.bytes(0xa1, ...dword(SEED), 0xc1, 0xe8, 22, 0x83, 0xe0, 7); // eax = one of 8 register sets
  a.bytes(0xc1, 0xe0, 5, 0x8d, 0xa0, ...dword(REGISTERS)); // shl eax, 5; lea esp, [registers + eax]
  a.bytes(0x89, 0x1d, ...dword(FRAME_KERNEL), 0x89, 0x1d, ...dword(FRAME_USER)); // both frames' eip
  a.bytes(0xf7, 0xc2, ...dword(1 << 27)).short([0x75], "user"); // test edx, 1 << 27
  a.bytes(0x61).with32([0xbc], FRAME_KERNEL).bytes(0xcf); // popa; mov esp, frame; iret
  a.label("user").bytes(0x66, 0xb8, USER_DATA, 0, 0x8e, 0xd8, 0x8e, 0xc0).bytes(0x61).with32([0xbc], FRAME_USER).bytes(0xcf);
  a.label("irq").bytes(0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf); // push eax; EOI to both; pop eax; iret
  a.label("return").bytes(0x40, 0xcf); // inc eax; iret
  return { code: a.finish(), recover: a.at("recover"), irq: a.at("irq"), ret: a.at("return") };
}

function interruptTable(at: { recover: number; irq: number; ret: number }, random: Random): number[] {
  const table: number[] = [];
  for (let vector = 0; vector < 256; vector++) {
    if (vector === 8 && random.once(2)) table.push(...gate(TASK, 0, 0x85));
    else if (vector < EXCEPTIONS) table.push(...gate(KERNEL_CODE, at.recover, vector === 3 || vector === 4 ? 0xef : WITH_ERROR_CODE.has(vector) ? 0x8e : 0x8f));
    else if (vector < FIRST_IRQ + IRQS) table.push(...gate(KERNEL_CODE, at.irq, 0x8e));
    else table.push(...gate(KERNEL_CODE, at.ret, vector === SYSTEM_CALL ? 0xef : 0x8e));
  }
  return table;
}

function taskState(esp: number, eip: number): number[] {
  const words = Array.from<number>({ length: 26 }).fill(0);
  words[1] = KERNEL_STACK; words[2] = KERNEL_DATA;
  words[7] = DIRECTORY; words[8] = eip; words[9] = 2; words[14] = esp;
  words[18] = KERNEL_DATA; words[19] = KERNEL_CODE; words[20] = KERNEL_DATA; words[21] = KERNEL_DATA; words[22] = KERNEL_DATA; words[23] = KERNEL_DATA;
  words[25] = 0xffff0000;
  return words;
}

function put(machine: Machine, address: number, words: readonly number[]): void {
  machine.memory.writePhysical(address, new Uint8Array(Int32Array.from(words).buffer));
}

/** Page attributes: the whole first MiB, user and writable; with luck some data pages are special. */
function pageTable(random: Random, special: boolean): number[] {
  return Array.from({ length: 1024 }, (_, page) => {
    if (page >= 0x104) return 0;
    const data = page >= DATA >>> 12 && page < DATA + DATA_BYTES >>> 12;
    const rights = special && data ? random.pick([7, 7, 7, 7, 7, 5, 3, 1, 0x107, 0x67, 6]) : 7;
    return page << 12 | rights;
  });
}

/** PIC at its usual vectors, timer at `divisor` × 838 ns. */
function interruptsOn(divisor: number): number[] {
  const a = new Assembler(0);
  for (const [port, value] of [[0x20, 0x11], [0xa0, 0x11], [0x21, 0x20], [0xa1, 0x28], [0x21, 4], [0xa1, 2], [0x21, 1], [0xa1, 1], [0x21, 0], [0xa1, 0],
    [0x43, 0x34], [0x40, divisor & 255], [0x40, divisor >> 8]] as const) a.out(port, value);
  return [...a.finish()];
}

export interface PlaygroundOptions {
  readonly paging: boolean;
  /** Interrupts from the timer, every so many PIT ticks; 0 for none. */
  readonly timer: number;
}

/** Sets a machine up and lets it enter the first block. `blocks` are addresses in CODE, a power of two of them. */
export function setUp(machine: Machine, random: Random, code: Uint8Array, blocks: readonly number[], options: PlaygroundOptions): void {
  const { cpu } = machine, made = handlers(blocks.length);
  machine.memory.writePhysical(HANDLERS, made.code);
  put(machine, GDT, descriptors(made.ret));
  put(machine, IDT, interruptTable(made, random));
  put(machine, TSS, taskState(KERNEL_STACK, made.recover));
  put(machine, TSS_OTHER, taskState(OTHER_STACK, made.recover));
  put(machine, LDT, [...descriptor(0, 0xfffff, 0xf2, BIG_PAGES), ...descriptor(0, 0xfffff, 0xfa, BIG_PAGES), 0, 0, ...descriptor(DATA, 0xfff, 0x92, BIG)]);
  put(machine, DIRECTORY, [TABLE | 7, ...(random.once(3) ? [0x87, 0x400087] : [])]);
  put(machine, TABLE, pageTable(random, options.paging && random.once(2)));
  put(machine, REGISTERS, Array.from({ length: 64 }, (_, k) => registerValue(random, k & 7)));
  put(machine, BLOCKS, blocks);
  const flags = random.once(4) ? random.word() & 0xcd5 : 0;
  put(machine, FRAME_KERNEL, [0, KERNEL_CODE, flags | 2 | (options.timer === 0 ? 0 : 0x200)]);
  put(machine, FRAME_USER, [0, USER_CODE, flags | 0x202 | (random.once(3) ? 0x3000 : 0) | (random.once(4) ? 1 << 18 : 0), USER_STACK, USER_DATA]);
  put(machine, SEED, [random.word()]);
  put(machine, DATA, Array.from({ length: DATA_BYTES >> 2 }, () => random.value()));
  machine.memory.writePhysical(CODE, code);
  const start = CODE + CODE_BYTES;
  machine.memory.writePhysical(start, Uint8Array.from([...(options.timer === 0 ? [] : interruptsOn(options.timer)), 0xe9, ...dword(made.recover - start - 5 - (options.timer === 0 ? 0 : interruptsOn(1).length))]));
  cpu.cr0 = (cpu.cr0 & 0x10) | CR0_PE | CR0_NE | (options.paging ? CR0_PG : 0) | (random.once(SELDOM.wp) ? CR0_WP : 0);
  cpu.cr3 = DIRECTORY;
  cpu.cr4 = random.once(2) ? CR4_PSE | CR4_PGE : 0;
  cpu.cpl = 0;
  cpu.stackMask = -1;
  Object.assign(cpu, { gdtBase: GDT, gdtLimit: 17 * 8 - 1, idtBase: IDT, idtLimit: 256 * 8 - 1, eip: start, esp: KERNEL_STACK });
  for (let segment = 0; segment < 6; segment++) setSegment(machine, segment, segment === 1 ? KERNEL_CODE : KERNEL_DATA, 0, -1, segment === 1 ? 0xc9b : 0xc93);
  setSegment(machine, 6, 0, 0, 0, 0);
  setSegment(machine, 7, TSS_SELECTOR, TSS, 0x67, 0x8b);
  machine.memory.flushAll();
}

function setSegment({ cpu }: Machine, segment: number, selector: number, base: number, limit: number, access: number): void {
  cpu.words[SLOT.selector0 + segment] = selector;
  cpu.words[SLOT.base0 + segment] = base;
  cpu.words[SLOT.limit0 + segment] = limit;
  cpu.words[SLOT.access0 + segment] = access;
}

/** In POPA's order EDI ESI EBP ESP EBX EDX ECX EAX: the first and EBX point into the data. */
function registerValue(random: Random, k: number): number {
  if (k === 0 || k === 1 || k === 4) return DATA + random.below(DATA_BYTES - 0x200);
  if (k === 2) return USER_STACK - random.below(0x200);
  return random.value();
}
