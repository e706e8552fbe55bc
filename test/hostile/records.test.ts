/**
 * Code that works on records, whose accesses lie close together, while the pages under them go, come back, change places, are made read-only or
 * get code on them; of some of these changes the TLB is not told. Handlers put back what is missing in the midst of it all.
 *
 * CALQUE_RECORDS_SEED is the first seed, CALQUE_RECORDS_GUESTS their number.
 */
import { expect, test } from "vitest";
import { CR0_PG, CR0_WP } from "../../runtime/state.ts";
import type { Machine } from "../../src/machine.ts";
import { Random } from "../oracle/integer/random.ts";
import { Assembler, dword } from "./assembler.ts";
import { chance, EAX, EBX, ECX, EDX, EDI, escapeHere, survives } from "./shelter.ts";

const DIRECTORY = 0x5000, TABLE = 0x6000, FAULT_HANDLER = 0x7000, IDT = 0x2000, PAGE_FAULT = 14, RECORDS = 0x80, PAGES = 8, TURNS = 0x40000;

/** Makes the page that is missing, or read-only, as it should be, and goes on. */
function faultHandler(): Uint8Array {
  const a = new Assembler(FAULT_HANDLER);
  a.bytes(0x50, 0x51, 0x0f, 0x20, 0xd0, 0x89, 0xc1, 0xc1, 0xe8, 12, 0x25, ...dword(0x3ff)); // push eax; push ecx; mov eax, cr2; mov ecx, eax; shr eax, 12; and eax, 3ffh
  a.bytes(0x83, 0x0c, 0x85, ...dword(TABLE), 3, 0x0f, 0x01, 0x39, 0x59, 0x58, 0x83, 0xc4, 4, 0xcf); // or dword [table + eax * 4], 3; invlpg [ecx]; pop ecx; pop eax; add esp, 4; iret
  return a.finish();
}

function prepare({ memory, cpu }: Machine): void {
  const put = (address: number, words: readonly number[]): void => { memory.writePhysical(address, new Uint8Array(Int32Array.from(words).buffer)); };
  memory.writePhysical(FAULT_HANDLER, faultHandler());
  put(IDT + 8 * PAGE_FAULT, [0x10 << 16 | FAULT_HANDLER, 0x8e00]);
  put(DIRECTORY, [TABLE | 3]);
  put(TABLE, Array.from({ length: 1024 }, (_, page) => page << 12 | 3));
  cpu.cr3 = DIRECTORY;
  cpu.cr0 |= CR0_PG | CR0_WP;
}

/** One access off ESI, of any size, often a neighbour of the last. */
function access(random: Random, a: Assembler): void {
  const register = random.pick([EAX, ECX, EDX, EBX, EDI]), distance = (random.once(3) ? random.below(24) : 4 * random.below(8)) - 8;
  const at = (field: number): number[] => [0x40 | field << 3 | 6, distance & 0xff];
  a.bytes(...random.pick([
    [0x8b, ...at(register)], [0x8b, ...at(register)], [0x89, ...at(register)], [0x89, ...at(register)], [0x01, ...at(register)], [0x13, ...at(register)],
    [0xff, ...at(0)], [0x8a, ...at(random.below(4))], [0x88, ...at(random.below(8))], [0x66, 0x89, ...at(register)], [0x0f, 0xb7, ...at(register)], [0x80, ...at(6), 0x55],
    [0xd9, ...at(0), 0xd9, ...at(3)], [0xdd, ...at(0), 0xdd, ...at(3)], [0x83, 0xc6, 4], [0x0f, 0xb1, ...at(register)], [0x87, ...at(register)], [0xff, ...at(6), 0x8f, ...at(0)],
  ]));
}

/** and eax, n - 1, of a new random number. */
const below = (a: Assembler, n: number): Assembler => chance(a).bytes(0x25, ...dword(n - 1));

/** Does something to a page of the records, now and then. */
function disturb(random: Random, a: Assembler, k: number): void {
  const label = `on ${k}`;
  below(a, 4).bytes(0x85, 0xc0).near([0x0f, 0x85], label); // test eax, eax; jnz
  below(a, PAGES).bytes(0x89, 0xc1); // mov ecx, eax
  const entry = dword(TABLE + 4 * RECORDS), invalidate = (): void => { if (!random.once(3)) a.bytes(0xc1, 0xe1, 12, 0x0f, 0x01, 0xb9, ...dword(RECORDS << 12)); }; // shl ecx, 12; invlpg [ecx + records]
  switch (k & 3) {
    case 0: a.bytes(0x83, 0x24, 0x8d, ...entry, 0xfe); invalidate(); break; // and dword [entry + ecx * 4], ~1
    case 1: a.bytes(0x83, 0x24, 0x8d, ...entry, 0xfd); invalidate(); break;
    case 2: below(a, PAGES).bytes(0x05, ...dword(RECORDS), 0xc1, 0xe0, 12, 0x83, 0xc8, 3, 0x89, 0x04, 0x8d, ...entry); invalidate(); break; // another frame
    default: a.bytes(0xc1, 0xe1, 12, 0x0f, 0x01, 0xb9, ...dword(RECORDS << 12), 0x8d, 0x81, ...dword((RECORDS << 12) + random.pick([0xff8, 0x800, 4])), 0xc6, 0x00, 0xc3, 0xff, 0xd0); // invlpg; lea eax, [ecx + …]; mov byte [eax], ret; call eax
  }
  a.label(label);
}

const FIRST = Number(process.env["CALQUE_RECORDS_SEED"] ?? 1), GUESTS = Number(process.env["CALQUE_RECORDS_GUESTS"] ?? 8);

test.each(Array.from({ length: GUESTS }, (_, k) => FIRST + k))("records on pages that change, seed %i", (seed) => {
  const random = new Random(seed), { translated } = survives((a) => {
    escapeHere(a).label("again").bytes(0xff, 0x05, ...dword(TURNS), 0xdb, 0xe3);
    for (let k = 0; k < 6; k++) {
      disturb(random, a, k);
      below(a, PAGES).bytes(0xc1, 0xe0, 12, 0x8d, 0xb0, ...dword((RECORDS << 12) + random.pick([0, 0x10, 0xff0, 0xfe8, 0xfe1, 0x800, 0x7ff]))); // shl eax, 12; lea esi, [eax + records]
      a.bytes(0xb1, 4 + random.below(12), 0x51).label(`loop ${k}`); // mov cl, n; push ecx
      for (let n = 3 + random.below(9); n > 0; n--) access(random, a);
      a.bytes(0xfe, 0x0c, 0x24).near([0x0f, 0x85], `loop ${k}`).bytes(0x59); // dec byte [esp]
    }
    a.jump("again");
  }, { budget: 120_000, every: 2999, prepare });
  expect((translated.vcpu.stats as { readonly translated: number }).translated).toBeGreaterThan(20_000);
  expect((translated.vcpu.stats as { readonly faults: number }).faults).toBeGreaterThan(2);
});
