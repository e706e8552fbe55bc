/** Code that is not used any more is forgotten, whatever else still leads to it, and what is used stays. */
import { expect, test } from "vitest";
import type { Vcpu } from "../../runtime/vcpu.ts";
import { type Assembler, dword } from "./assembler.ts";
import { chance, EAX, ECX, EDI, escapeHere, ORIGIN, survives } from "./shelter.ts";

const AREA = 0x180000, AREA_BYTES = 0x100000, RET = 0xc3;
const KEEP = { instructions: 2000, regions: 20, share: 0.5 };

/** New functions for ever: at EDI, mov ecx, turns; add eax, imm; loop back; ret. */
function bomb(a: Assembler, turns: number): void {
  a.bytes(0xc6, 0x07, 0xb9, 0xc7, 0x47, 1, ...dword(turns), 0xc6, 0x47, 5, 5);
  chance(a).bytes(0x89, 0x47, 6, 0xc7, 0x47, 10, 0xe2, 0xf9, RET, 0x90, 0xff, 0xd7); // mov [edi + 6], eax; …; call edi
  a.bytes(0x83, 0xc7, 14, 0x81, 0xff, ...dword(AREA + AREA_BYTES)).near([0x0f, 0x82], "again").set(EDI, AREA).jump("again");
}

test("new functions for ever: decoded instructions and regions stay few, and new ones are made of old ones", () => {
  const { translated } = survives((a) => {
    escapeHere(a).set(EDI, AREA).label("again");
    bomb(a, 6);
  }, { budget: 120_000, trial: { stretches: 0, instructions: 0 }, keep: KEEP });
  const { cache, regionStats } = translated.vcpu as Vcpu;
  expect(cache.stats.decoded).toBeGreaterThan(15_000);
  expect(cache.stats.evictions).toBeGreaterThan(2);
  expect(cache.stats.insns).toBeLessThan(8000);
  expect(regionStats.made).toBeGreaterThan(2000);
  expect(regionStats.made - regionStats.dropped).toBeLessThan(500);
});

test("what runs all the time is not decoded again while other code comes and goes", () => {
  const steady = 40;
  const { interpreted } = survives((a) => {
    escapeHere(a).set(EDI, AREA).label("again");
    for (let k = 0; k < steady; k++) a.near([0xe8], `steady ${k}`);
    bomb(a, 1);
    for (let k = 0; k < steady; k++) a.padTo(ORIGIN + 0x1000 * (k + 1)).label(`steady ${k}`).bytes(...Array.from({ length: 30 }, () => 0x40), RET);
  }, { budget: 600_000 });
  const { cache } = interpreted.vcpu as Vcpu, functions = 600_000 / (32 * steady);
  expect(cache.stats.decoded).toBeLessThan(functions * 10 + 31 * steady + 1000);
});

test("pages that jump to each other, of which all but a few are forgotten in between", () => {
  const pages = 60;
  const { translated } = survives((a) => {
    escapeHere(a).set(ECX, 0).label("again");
    a.bytes(0x43, 0x89, 0xd8, 0xc1, 0xe8, 5, 0x25, ...dword(63), 0xc1, 0xe0, 12, 0x05, ...dword(ORIGIN + 0x1000), 0x3d, ...dword(ORIGIN + 0x1000 * pages)); // inc ebx; mov eax, ebx; shr eax, 5; and eax, 63; shl eax, 12; add eax, first; cmp eax, last
    a.short([0x73], "stay").bytes(0xff, 0xe0).label("stay").bytes(0x41).jump("again"); // jae; jmp eax
    for (let k = 1; k <= pages; k++) {
      a.padTo(ORIGIN + 0x1000 * k).label(`page ${k}`).bytes(0x41, 0x81, 0xf1, ...dword(k * 0x01010101)); // inc ecx; xor ecx, …
      a.bytes(0xf6, 0xc1, 3).near([0x0f, 0x84], `page ${k % pages + 1}`).bytes(0xf6, 0xc1, 4).near([0x0f, 0x84], `page ${(k * 7) % pages + 1}`).jump("again"); // test cl, …; jz
    }
  }, { budget: 200_000, every: 1000, hotThreshold: 1e6, keep: { instructions: 30, regions: 4, share: 0 } });
  const { cache } = translated.vcpu as Vcpu;
  expect(cache.stats.evictions).toBeGreaterThan(20);
  expect(cache.stats.decoded).toBeGreaterThan(pages * 20);
});

test("a trial that runs while its code goes", () => {
  survives((a) => {
    escapeHere(a).set(EDI, AREA).label("again").set(EAX, 7);
    bomb(a, 20);
  }, { budget: 300_000, every: 1000, trial: { stretches: 3, instructions: 50 }, keep: { instructions: 20, regions: 1, share: 0 } });
});
