/** What becomes a region though no backward branch or call inside one page counts it. */
import { describe, expect, it } from "vitest";
import type { Vcpu } from "../../runtime/vcpu.ts";
import { type Assembler, dword } from "./assembler.ts";
import { DATA, ECX, EDI, chance, escapeHere, programPics, survives } from "./shelter.ts";
import type { Twins } from "./twins.ts";

const RET = 0xc3, HANDLER = 0x3000;

function figures({ translated: { vcpu } }: Twins): { heads: number[]; steps: number; interpreted: number; largest: number; made: number } {
  const { stats, count, liveRegions, regionStats } = vcpu as Vcpu, regions = [...liveRegions];
  return {
    heads: regions.map(({ linear }) => linear), steps: stats.exactSteps, interpreted: count - stats.translated, made: regionStats.made,
    largest: Math.max(0, ...regions.map(({ text }) => text.instructions)),
  };
}

describe("code that is executed often", () => {
  it("is a function called from many places on other pages", () => {
    const SITES = 64, TURNS = 30;
    let callee = 0;
    const { heads } = figures(survives((a) => {
      escapeHere(a).set(EDI, TURNS).label("again");
      for (let k = 0; k < SITES; k++) a.near([0xe8], "callee");
      a.bytes(0x4f).near([0x0f, 0x85], "again").label("end").jump("end").padTo(0x102000); // dec edi
      callee = a.label("callee").here;
      a.bytes(0x01, 0xc2, 0x31, 0xd0, RET);
    }, { budget: 4 * SITES * TURNS, hotThreshold: 100 }));
    expect(heads).toContain(callee);
  });

  it("is the handler of faults that the interpreter meets", () => {
    const SITES = 64, TURNS = 30;
    const { heads } = figures(survives((a) => {
      a.set(EDI, TURNS).label("again");
      for (let k = 0; k < SITES; k++) {
        a.bytes(0xc7, 0x05, ...dword(0x3ff0), ...dword(a.here + 12), 0x0f, 0x0b); // mov dword [ESCAPE], behind; ud2
      }
      a.bytes(0x4f).near([0x0f, 0x85], "again").label("end").jump("end");
    }, { budget: 6 * SITES * TURNS, hotThreshold: 100 }));
    expect(heads).toContain(HANDLER);
  });

  it("is straight-line code of two thousand instructions: a chain of regions", () => {
    const LENGTH = 2000, TURNS = 100;
    const { interpreted, largest, made } = figures(survives((a) => {
      escapeHere(a).label("again").set(ECX, 3);
      for (let k = 0; k < LENGTH; k++) a.bytes(0x69, 0xd2, ...dword(2 * k + 1)); // imul edx, edx, …: 6 bytes, so that many lie on two pages
      a.near([0xe9], "again");
    }, { budget: LENGTH * TURNS, hotThreshold: 24, trial: { stretches: 1, instructions: 3000 } }));
    expect(largest).toBeLessThanOrEqual(400);
    expect(made).toBeLessThan(12);
    expect(interpreted).toBeLessThan(48 * LENGTH); // were each region to wait for its own 24 executions, (2000 + 1600 + … + 400) × 24 = 72 × LENGTH
  });
});

describe("STI in a loop", () => {
  const loop = (shadowed: (a: Assembler) => void) => (a: Assembler): void => {
    programPics(a);
    a.out(0x43, 0x34).out(0x40, 16).out(0x40, 0); // a timer interrupt every 16 clocks
    escapeHere(a).set(EDI, 0).label("again");
    chance(a).bytes(0xfa, 0xa8, 1).near([0x0f, 0x85], "in").bytes(0xfb).label("in"); // cli; test al, 1; jnz in; sti
    shadowed(a);
    a.bytes(0x47).jump("again"); // inc edi
  };

  it.each<[string, (a: Assembler) => void]>([
    ["a load", (a) => { a.bytes(0xa1, ...dword(DATA)); }],
    ["a call", (a) => { a.near([0xe8], "callee").near([0xe9], "behind").label("callee").bytes(RET).label("behind"); }],
    ["a jump", (a) => { a.near([0xe9], "behind").label("behind"); }],
    ["a segment load", (a) => { a.bytes(0x8c, 0xd8, 0x8e, 0xc0); }],
    ["another STI", (a) => { a.bytes(0xfb); }],
  ])("whose shadow is entered by a jump too, stays in the region: %s", (name, shadowed) => {
    const pair = survives(loop(shadowed), { budget: 200_000, every: 4999 });
    if (name !== "another STI") expect(figures(pair).steps).toBeLessThan(pair.translated.instructions / 100);
    expect((pair.translated.vcpu as Vcpu).stats.interrupts).toBeGreaterThan(0);
  });
});
