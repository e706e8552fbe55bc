/** RDTSC in translated code: the time is exact wherever it stands, whatever was done to the counter before. */
import { describe, expect, it } from "vitest";
import { dword, type Assembler } from "./assembler.ts";
import { DATA, EAX, EBX, ECX, EDX, EDI, chance, escapeHere, programPics, survives } from "./shelter.ts";
import type { Twins } from "./twins.ts";

const RDTSC = [0x0f, 0x31], WRMSR = [0x0f, 0x30], PAUSE = [0xf3, 0x90], STI = 0xfb, INC_EBX = 0x43;
const TSC = 0x10, CR4_TSD = 4;
const READ_CR4 = [0x0f, 0x20, 0xe0], WRITE_CR4 = [0x0f, 0x22, 0xe0];

/** Adds EDX and EAX to what is at DATA + 8 · k. */
const note = (a: Assembler, k: number): Assembler => a.bytes(0x01, 0x05, ...dword(DATA + 8 * k), 0x11, 0x15, ...dword(DATA + 8 * k + 4));

/** Waits in a loop until the low half has gone on by `ticks`. */
const wait = (a: Assembler, name: string, ticks: number): Assembler =>
  a.bytes(...RDTSC, 0x89, 0xc1).label(name).bytes(...PAUSE, ...RDTSC, 0x29, 0xc8, 0x3d, ...dword(ticks)).near([0x0f, 0x82], name); // ecx = eax; … eax -= ecx; cmp eax, ticks; jb

/** EDX:EAX into the counter. */
const setCounter = (a: Assembler, low: number, high: number): Assembler => a.set(ECX, TSC).set(EAX, low).set(EDX, high).bytes(...WRMSR);

const translated = ({ translated: { vcpu, instructions } }: Twins): number => (vcpu.stats as { readonly translated: number }).translated / instructions;

describe("RDTSC in regions", () => {
  it("in blocks of any length, and loops that wait for it", () => {
    const pair = survives((a) => {
      escapeHere(a).set(EBX, 0).label("again");
      for (let k = 0; k < 5; k++) {
        for (let n = 0; n < k; n++) a.bytes(INC_EBX);
        note(a.bytes(...RDTSC), k);
      }
      chance(a).bytes(0xa8, 1).near([0x0f, 0x84], "short");
      wait(a, "long", 500).label("short");
      wait(a, "wait", 40).near([0xe9], "again");
    }, { budget: 400_000, every: 30_011 });
    expect(translated(pair)).toBeGreaterThan(0.9);
  });

  it("where the low half wraps, up and down", () => {
    survives((a) => {
      escapeHere(a).set(EDI, 0).label("again");
      setCounter(a, -60, 7).bytes(0x4f, 0x0f, 0x31);
      for (let k = 0; k < 6; k++) note(a.bytes(...RDTSC, INC_EBX, INC_EBX), k);
      setCounter(a, 3, -1).bytes(...RDTSC);
      note(a, 7).near([0xe9], "again");
    }, { budget: 200_000, every: 9973 });
  });

  it("between steps that may have set the counter, and with CR4.TSD", () => {
    survives((a) => {
      escapeHere(a).label("again");
      note(a.bytes(...RDTSC), 0);
      chance(a).bytes(0x89, 0xc2).set(ECX, TSC).bytes(...WRMSR, ...RDTSC); // edx = eax
      note(a, 1).bytes(...READ_CR4, 0x83, 0xf0, CR4_TSD, ...WRITE_CR4, ...RDTSC);
      note(a, 2).near([0xe9], "again");
    }, { budget: 120_000, every: 4999 });
  });

  it("while timer interrupts come and ports are read", () => {
    const pair = survives((a) => {
      programPics(a);
      a.out(0x43, 0x34).out(0x40, 5).out(0x40, 0);
      escapeHere(a).bytes(STI).label("again");
      note(a.bytes(...RDTSC), 0).bytes(0xe4, 0x40, ...RDTSC);
      note(a, 1);
      wait(a, "wait", 90).bytes(0xe6, 0x80, ...RDTSC);
      note(a, 2).near([0xe9], "again");
    }, { budget: 200_000, every: 9973 });
    expect((pair.translated.vcpu.stats as { readonly interrupts: number }).interrupts).toBeGreaterThan(10);
  });

  it("as JavaScript too", () => {
    const pair = survives((a) => {
      escapeHere(a).label("again").bytes(...RDTSC);
      note(a, 0);
      wait(a, "wait", 70).near([0xe9], "again");
    }, { budget: 100_000, every: 9973, off: new Set(["wasm"]) });
    expect(translated(pair)).toBeGreaterThan(0.9);
  });
});
