/**
 * Code that stands at eight places in the linear address space, with one of two pages behind it: what tells its own address, calls, faults
 * and is interrupted in the midst does so at each of them as if it stood there alone.
 *
 * CALQUE_ALIASES_SEED is the first seed, CALQUE_ALIASES_GUESTS their number.
 */
import { expect, test } from "vitest";
import { CR0_PG, CR0_WP } from "../../runtime/state.ts";
import type { Machine } from "../../src/machine.ts";
import { Random } from "../oracle/integer/random.ts";
import { Assembler, dword } from "./assembler.ts";
import { EBX, chance, escapeHere, survives } from "./shelter.ts";

const DIRECTORY = 0x5000, TABLE = 0x6000, IDT = 0x2000, NOTE = 0x3500, NOTED = 0x30, CODE = 0x50000, PAGE = 0x1000, SUM = 0x40000, PLACES = 0x80, UNMAPPED = 0x70000000;
const addToSum = (k: number): number[] => [0x01, 0x05, ...dword(SUM + 4 * k)];
/** EAX or ESI = the address of the byte behind it. */
const WHERE_EAX = [0xe8, 0, 0, 0, 0, 0x58], WHERE_ESI = [0xe8, 0, 0, 0, 0, 0x5e];

const PIECES: ReadonlyArray<readonly number[]> = [
  [0x01, 0xc2], [0x11, 0xd0], [0x31, 0xd0], [0x50, 0x58], [0xcd, NOTED], [0xa1, ...dword(UNMAPPED)], [0x0f, 0x31], [0xe4, 0x40], [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8],
  [0xdb, 0xe3, 0xd9, 0xe8, 0xd9, 0x35, ...dword(SUM + 0x100), 0xa1, ...dword(SUM + 0x10c), ...addToSum(3)], // fninit; fld1; fnstenv: the address of fld1
];

/** The first page: a loop that sums up where it is, a leaf that it calls, an indirect jump, and the way to the second. */
function firstPage(random: Random): Uint8Array {
  const a = new Assembler(CODE);
  a.bytes(0xb9, ...dword(6 + random.below(20))).label("loop").bytes(...WHERE_EAX, ...addToSum(0));
  for (let n = 3 + random.below(5); n > 0; n--) a.bytes(...random.pick(PIECES));
  a.near([0xe8], "leaf").bytes(0x49).near([0x0f, 0x85], "loop").bytes(0xb1, 5); // dec ecx; jnz; mov cl, 5
  a.bytes(...WHERE_ESI, 0x83, 0xc6, 8, 0xff, 0xe6).padTo(a.here + 8).near([0xe9], "end"); // add esi, 8; jmp esi: into the NOPs
  a.label("leaf").bytes(0x83, 0xc2, 7, 0x85, 0xd2).short([0x79], "positive").bytes(0xf7, 0xda).label("positive").bytes(0xc3);
  return a.padTo(CODE + PAGE - 16).label("end").padTo(CODE + PAGE).finish();
}

function secondPage(variant: number): Uint8Array {
  const a = new Assembler(CODE + PAGE * (1 + variant));
  return a.bytes(0x05, ...dword(variant * 77 + 3)).label("loop").bytes(0x01, 0xc2, 0xfe, 0xc9).short([0x75], "loop").bytes(...WHERE_ESI, 0x01, 0x35, ...dword(SUM + 8), 0xc3).finish();
}

const prepare = (seed: number) => ({ memory, cpu }: Machine): void => {
  const put = (address: number, words: readonly number[]): void => { memory.writePhysical(address, new Uint8Array(Int32Array.from(words).buffer)); };
  const frameOf = (page: number): number => (page & 1) === 0 ? CODE : CODE + PAGE * (1 + (page >> 2 & 1));
  put(DIRECTORY, [TABLE | 3]);
  put(TABLE, Array.from({ length: 1024 }, (_, page) => (page >= PLACES && page < PLACES + 16 ? frameOf(page) : page << 12) | 3));
  memory.writePhysical(CODE, firstPage(new Random(seed)));
  for (const variant of [0, 1]) memory.writePhysical(CODE + PAGE * (1 + variant), secondPage(variant));
  put(IDT + 8 * NOTED, [0x10 << 16 | NOTE, 0x8f00]);
  memory.writePhysical(NOTE, Uint8Array.of(0x50, 0x8b, 0x44, 0x24, 4, ...addToSum(1), 0x58, 0xcf)); // adds up the pushed EIP
  cpu.cr3 = DIRECTORY;
  cpu.cr0 |= CR0_PG | CR0_WP;
};

const FIRST = Number(process.env["CALQUE_ALIASES_SEED"] ?? 1), GUESTS = Number(process.env["CALQUE_ALIASES_GUESTS"] ?? 8);

test.each(Array.from({ length: GUESTS }, (_, k) => FIRST + k))("code at eight places, seed %i", (seed) => {
  const { translated } = survives((a) => {
    a.set(EBX, 0);
    escapeHere(a).label("again");
    chance(a).bytes(0x83, 0xe0, 7, 0xc1, 0xe0, 13, 0x05, ...dword(PLACES << 12), 0xff, 0xd0).jump("again"); // and eax, 7; shl eax, 13; add eax, places; call eax
  }, { budget: 100_000, every: 1999, prepare: prepare(seed) });
  expect((translated.vcpu.stats as { readonly translated: number }).translated).toBeGreaterThan(20_000);
});
