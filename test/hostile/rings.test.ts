/**
 * A kernel and a user program that go to and fro between their rings by every common way, on descriptors, stacks and page tables that they
 * change meanwhile: what takes a short way in one turn must not in the next, and regions follow one another through all of it.
 *
 * CALQUE_RINGS_SEED is the first seed, CALQUE_RINGS_GUESTS their number.
 */
import { expect, test } from "vitest";
import { CR0_AM, CR0_NE, CR0_PE, CR0_PG, CR0_WP, SLOT } from "../../runtime/state.ts";
import type { Machine } from "../../src/machine.ts";
import { Assembler, dword } from "./assembler.ts";
import { programPics, runEqual } from "./shelter.ts";
import { TRANSLATIONS, twins } from "./twins.ts";

const GDT = 0x1000, IDT = 0x2000, TSS = 0x3000, RESCUE_TSS = 0x3100, DIRECTORY = 0x5000, TABLE = 0x6000, SEED = 0x7000, TURNS = 0x7010, KERNEL = 0x10000, USER = 0x20000, DATA = 0x40000;
const KERNEL_STACK = 0x52000, USER_STACK = 0x62000, SHARED = 0x70000, UNMAPPED = 0x90000;
const KERNEL_CODE = 0x08, KERNEL_DATA = 0x10, USER_CODE = 0x1b, USER_DATA = 0x23, TASK = 0x28, OTHER_CODE = 0x30, OTHER_DATA = 0x3b, CONFORMING = 0x40, RESCUE = 0x50;
const ACCESSES = [0x9b, 0x93, 0xfb, 0xf3, 0x8b, 0x9a, 0xf2, 0x9f, 0xbb, 0x89];
const IRET = 0xcf, INT3 = 0xcc, PUSHF = 0x9c, POPF = 0x9d, STI = 0xfb, SYSTEM_CALL = 0x80, PUSH_CS = 0x0e, RETF = 0xcb, PUSH_EAX = 0x50, POP_EAX = 0x58;
const WITH_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17]);

/** EAX = the next random number. */
const chance = (a: Assembler): Assembler => a.bytes(0x69, 0x05, ...dword(SEED), ...dword(1664525), 0x05, ...dword(1013904223), 0xa3, ...dword(SEED), 0xc1, 0xc8, 16);
/** Goes to one of the pieces, whose number is a power of 2; each jumps to `end`. */
function oneOf(a: Assembler, name: string, pieces: ReadonlyArray<(a: Assembler) => void>, end: string): void {
  chance(a).bytes(0x25, ...dword(pieces.length - 1)).address([0xff, 0x24, 0x85], `${name} table`); // and eax, n - 1; jmp [table + eax * 4]
  a.label(`${name} table`);
  pieces.forEach((_piece, k) => { a.address([], `${name} ${k}`); });
  pieces.forEach((piece, k) => { piece(a.label(`${name} ${k}`)); a.jump(end); });
}

const load = (segment: number, selector: number) => (a: Assembler): Assembler => a.bytes(0xb8, ...dword(selector), 0x8e, 0xc0 | segment << 3);
const ES = 0, DS = 3, FS = 4, GS = 5;

const KERNEL_PIECES: ReadonlyArray<(a: Assembler) => void> = [
  (a) => { load(FS, OTHER_DATA)(a); load(GS, USER_DATA)(a); load(ES, KERNEL_DATA)(a); },
  (a) => { chance(a).bytes(0x83, 0xe0, 7, 0x80, 0x24, 0xc5, ...dword(GDT + 13), 0xfe, 0x80, 0x0d, ...dword(GDT + TASK + 5), 1); }, // one of them was not accessed yet
  (a) => { a.bytes(0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8); }, // mov cr3, cr3
  (a) => { a.bytes(0x0f, 0x01, 0x3d, ...dword(KERNEL_STACK - 8), 0x0f, 0x01, 0x3d, ...dword(IDT)); }, // invlpg
  (a) => { chance(a).bytes(0x25, ...dword(0x1ffc), 0x2d, ...dword(KERNEL_STACK), 0xf7, 0xd8, 0xa3, ...dword(TSS + 4)); }, // esp0 = stack - random
  (a) => { chance(a).bytes(0x83, 0xe0, 3, 0x2d, ...dword(KERNEL_STACK - 0x1000 + 16), 0xf7, 0xd8, 0xa3, ...dword(TSS + 4)); }, // … misaligned, at a page's end
  (a) => { a.bytes(0xc7, 0x05, ...dword(TSS + 4), ...dword(SHARED + 0x40), 0xc6, 0x05, ...dword(SHARED + 0x28), 0xc3, 0xb8, ...dword(SHARED + 0x28), 0xff, 0xd0); }, // stack over code
  (a) => { a.bytes(0x9a, ...dword(KERNEL), KERNEL_CODE, 0, 0x9a, ...dword(KERNEL), OTHER_CODE, 0); },
  (a) => { chance(a).bytes(0x25, ...dword(0x40ed5 | 1 << 16), PUSH_EAX, PUSH_CS).address([0x68], "here").bytes(IRET).label("here"); },
  (a) => { a.bytes(PUSHF, PUSH_CS).address([0x68], "there").bytes(IRET).label("there"); },
  (a) => { a.address([0xea], "jumped").bytes(CONFORMING, 0).label("jumped"); },
  (a) => { a.bytes(0x80, 0x35, ...dword(GDT + OTHER_CODE + 6), 0x0f); }, // xor byte [limit], 0fh: of OTHER_CODE
  (a) => { a.bytes(0x80, 0x35, ...dword(TABLE + ((KERNEL_STACK >> 12) - 1) * 4), 0x60, 0x0f, 0x01, 0x3d, ...dword(KERNEL_STACK - 4)); }, // accessed and dirty bits
  (a) => { a.bytes(0x66, 0xb8, KERNEL_DATA, 0, 0x8e, 0xd0, 0x89, 0xe4); },
  (a) => { a.bytes(0xcd, 0x81, 0xcd, 0x81); },
  (a) => { a.bytes(0x80, 0x35, ...dword(TSS + 8), 0x01); }, // ss0 is wrong now and then
];

const USER_PIECES: ReadonlyArray<(a: Assembler) => void> = [
  (a) => { a.bytes(0xcd, SYSTEM_CALL); },
  (a) => { load(DS, USER_DATA)(a); load(ES, OTHER_DATA)(a); load(FS, 0)(a); load(GS, KERNEL_DATA)(a); },
  (a) => { a.bytes(0x31, 0xc9, 0xf7, 0xf1); }, // div by 0
  (a) => { a.bytes(0xa1, ...dword(UNMAPPED)); },
  (a) => { a.bytes(INT3, 0xcd, 0x81); },
  (a) => { chance(a).bytes(0x25, ...dword(0x40cd5), PUSH_EAX, POPF, 0x8b, 0x05, ...dword(DATA + 1), PUSHF, POP_EAX); }, // AC, perhaps
  (a) => { a.bytes(PUSH_CS).address([0x68], "back").bytes(RETF).label("back"); },
  (a) => { chance(a).bytes(0x25, ...dword(0x40ed5 | 1 << 16), PUSH_EAX, PUSH_CS).address([0x68], "on").bytes(IRET).label("on"); },
  (a) => { a.address([0xea], "far").bytes(USER_CODE, 0).label("far"); },
  (a) => { a.bytes(0xfa); },
  (a) => { chance(a).bytes(0x83, 0xe0, 0x1f, 0x29, 0xc4, PUSH_EAX, 0xcd, SYSTEM_CALL, POP_EAX, 0xbc, ...dword(USER_STACK)); }, // misaligned stack
  (a) => { a.bytes(0x9a, ...dword(USER), OTHER_CODE | 3, 0); },
  (a) => { a.bytes(0x9a, ...dword(KERNEL), CONFORMING, 0); },
  (a) => { a.bytes(0xcd, SYSTEM_CALL, 0xcd, SYSTEM_CALL, 0xcd, SYSTEM_CALL); },
  (a) => { a.with32([0xbc], USER_STACK - 0x1000 + 6).bytes(0xcd, SYSTEM_CALL, INT3, 0xbc, ...dword(USER_STACK)); },
  (a) => { a.bytes(0xb9, ...dword(40)).label("spin").bytes(0xff, 0x04, 0x8d, ...dword(DATA), 0x49).short([0x75], "spin"); },
];

/** Kernel: a far procedure at its first byte; `entered` by system calls; `recover` goes to the user program whatever happened. */
function kernel(): { readonly code: Uint8Array; readonly at: (name: string) => number } {
  const a = new Assembler(KERNEL);
  a.bytes(0x40, RETF);
  a.label("call").bytes(PUSH_EAX, 0x51, 0x52, 0x1e, 0x06);
  load(DS, KERNEL_DATA)(a);
  a.bytes(0xff, 0x05, ...dword(TURNS));
  oneOf(a, "kernel", KERNEL_PIECES, "leave");
  a.label("leave").bytes(0x07, 0x1f, 0x5a, 0x59, POP_EAX, IRET);
  a.label("interrupt").bytes(PUSH_EAX).out(0xa0, 0x20).out(0x20, 0x20).bytes(POP_EAX, IRET);
  a.label("note").bytes(0x40, IRET);
  a.label("recover").bytes(0x66, 0xb8, KERNEL_DATA, 0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0).with32([0xbc], KERNEL_STACK - 0x400);
  a.bytes(0xff, 0x05, ...dword(TURNS + 4), 0xc7, 0x05, ...dword(TSS + 4), ...dword(KERNEL_STACK), 0xc6, 0x05, ...dword(TSS + 8), KERNEL_DATA);
  a.bytes(0x6a, USER_DATA).with32([0x68], USER_STACK).with32([0x68], 0x202).bytes(0x6a, USER_CODE).with32([0x68], USER).bytes(0x66, 0xb8, USER_DATA, 0, 0x8e, 0xd8, 0x8e, 0xc0, IRET);
  a.label("rescue").bytes(0xc6, 0x05, ...dword(TSS + 8), KERNEL_DATA, 0x83, 0xc4, 4, IRET).jump("rescue"); // the double fault's task: add esp, 4; iret
  return { code: a.finish(), at: (name) => a.at(name) };
}

function user(): Uint8Array {
  const a = new Assembler(USER);
  a.label("turn");
  oneOf(a, "user", USER_PIECES, "turn");
  return a.finish();
}

function put(machine: Machine, address: number, words: readonly number[]): void {
  machine.memory.writePhysical(address, new Uint8Array(Int32Array.from(words).buffer));
}

type Kernel = ReturnType<typeof kernel>;

function putTables(machine: Machine, made: Kernel, seed: number): void {
  const gate = (name: string, access: number): number[] => [KERNEL_CODE << 16 | made.at(name) & 0xffff, made.at(name) & 0xffff0000 | access << 8];
  put(machine, GDT, [0, 0, ...ACCESSES.flatMap((access, k) => (access & ~2) === 0x89 ? [(k === 4 ? TSS : RESCUE_TSS) << 16 | 0x67, access << 8] : [0xffff, 0xcf0000 | access << 8])]);
  put(machine, IDT, Array.from({ length: 256 }, (_, vector) => vector === SYSTEM_CALL ? gate("call", seed % 2 === 0 ? 0xee : 0xef) : vector === 0x81 || vector === 3 ? gate("note", 0xef)
    : vector < 32 ? gate("recover", WITH_ERROR_CODE.has(vector) ? 0x8e : 0x8f) : gate("interrupt", 0x8e)).flat());
  put(machine, IDT + 8 * 8, [RESCUE << 16, 0x8500]);
  put(machine, RESCUE_TSS, [0, 0, 0, 0, 0, 0, 0, DIRECTORY, made.at("rescue"), 2, 0, 0, 0, 0, KERNEL_STACK + 0x1000, 0, 0, 0, KERNEL_DATA, KERNEL_CODE, KERNEL_DATA, KERNEL_DATA, 0, 0, 0, 0x680000]);
  put(machine, TSS, [0, KERNEL_STACK, KERNEL_DATA, ...Array.from({ length: 4 }, () => 0), DIRECTORY, ...Array.from({ length: 17 }, () => 0), 0x680000]);
  put(machine, DIRECTORY, [TABLE | 7]);
  put(machine, TABLE, Array.from({ length: 1024 }, (_, page) => page === UNMAPPED >>> 12 ? 0 : page << 12 | 7));
  put(machine, SEED, [seed * 7919]);
}

function setUp(machine: Machine, seed: number, timer: number): void {
  const { cpu, memory } = machine, made = kernel();
  memory.writePhysical(KERNEL, made.code);
  memory.writePhysical(USER, user());
  putTables(machine, made, seed);
  const start = new Assembler(0x8000);
  programPics(start);
  if (timer > 0) start.out(0x43, 0x34).out(0x40, timer).out(0x40, 0);
  start.bytes(STI, 0xe9, ...dword(made.at("recover") - start.here - 6));
  memory.writePhysical(0x8000, start.finish());
  cpu.cr0 = cpu.cr0 & 0x10 | CR0_PE | CR0_PG | CR0_NE | (seed % 3 === 0 ? CR0_WP : 0) | (seed % 2 === 0 ? CR0_AM : 0);
  cpu.cr3 = DIRECTORY;
  cpu.cpl = 0;
  cpu.stackMask = -1;
  Object.assign(cpu, { gdtBase: GDT, gdtLimit: 11 * 8 - 1, idtBase: IDT, idtLimit: 0x7ff, eip: 0x8000, esp: KERNEL_STACK });
  const segments: ReadonlyArray<readonly [selector: number, base: number, limit: number, access: number]> = [
    ...Array.from({ length: 6 }, (_, k) => k === 1 ? [KERNEL_CODE, 0, -1, 0xc9b] as const : [KERNEL_DATA, 0, -1, 0xc93] as const), [0, 0, 0, 0], [TASK, TSS, 0x67, 0x8b],
  ];
  segments.forEach(([selector, base, limit, access], k) => {
    cpu.words[SLOT.selector0 + k] = selector;
    cpu.words[SLOT.base0 + k] = base;
    cpu.words[SLOT.limit0 + k] = limit;
    cpu.words[SLOT.access0 + k] = access;
  });
  memory.flushAll();
}

const word = (machine: Machine, address: number): number => machine.memory.ram32[address >> 2]!;

const FIRST = Number(process.env["CALQUE_RINGS_SEED"] ?? 1), GUESTS = Number(process.env["CALQUE_RINGS_GUESTS"] ?? 6);

const SEEDS = Array.from({ length: GUESTS }, (_, k) => FIRST + k);

test.each(TRANSLATIONS.flatMap(([name, options]) => SEEDS.map((seed) => [seed, name, options] as const)))("rings, seed %i: %s", (seed, _name, options) => {
  const pair = twins({ memory: 4 << 20, ...options });
  for (const machine of [pair.translated, pair.interpreted]) setUp(machine, seed, [0, 2, 5][seed % 3]!);
  runEqual(pair, { budget: 150_000, every: 2999 });
  expect(word(pair.translated, TURNS)).toBeGreaterThan(500);
  expect((pair.translated.vcpu.stats as { readonly translated: number }).translated).toBeGreaterThan(10_000);
});
