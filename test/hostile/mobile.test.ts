/** Code of shared libraries: the same frames at different linear addresses, one after the other and with other neighbours. */
import { describe, expect, it } from "vitest";
import type { Vcpu } from "../../runtime/vcpu.ts";
import type { Machine } from "../../src/machine.ts";
import { Assembler, dword } from "./assembler.ts";
import { DATA, EAX, EBX, ECX, EDI, ESI, chance, escapeHere, survives } from "./shelter.ts";

const LIBRARY = 0x300000, OTHER = 0x304000, DIRECTORY = 0x200000, TABLE = 0x201000, HIGH = 0x202000;
/** Linear addresses of the library: two whole copies, and one of which the second page is another. */
const PLACES = [0x80000000, 0x80010000, 0x80020000];
const RET = 0xc3;

/**
 * Two pages of position-independent code. The first has a loop that pushes return addresses, jumps through a table of distances, reads
 * and writes memory, asks the processor for its place (call, pop), goes on to the second page and back, and has a way that is rarely taken.
 */
function library(second: number): Uint8Array {
  const a = new Assembler(0);
  a.label("entry").bytes(0x53, 0x56).set(ECX, 40); // push ebx, esi
  a.near([0xe8], "here").label("here").bytes(0x5b); // ebx = own address
  a.label("loop").bytes(0xf6, 0xc1, 15).near([0x0f, 0x84], "rare").label("back").bytes(0x89, 0xce, 0x83, 0xe6, 3); // test cl, 15; esi = ecx & 3
  a.bytes(0x8b, 0x84, 0xb3, ...dword(0x100 - 12), 0x01, 0xd8, 0xff, 0xe0); // mov eax, [ebx + esi * 4 + table]; add eax, ebx; jmp eax
  a.label("case0").bytes(0x42).near([0xe9], "join").label("case1").near([0xe8], "function").near([0xe9], "join");
  a.label("case2").bytes(0xff, 0x05, ...dword(DATA)).near([0xe9], "join").label("case3").bytes(0x51, 0x52, 0x0f, 0xa2, 0x5a, 0x59).near([0xe8], "here3").label("here3");
  a.bytes(0x5b, 0x81, 0xeb).bytes(...dword(a.at("here3") - a.at("here"))); // cpuid spoils ebx: sub ebx, distance
  a.label("join").bytes(0x0f, 0x31).bytes(0x31, 0xc2).near([0x0f, 0x85], "more").label("more").bytes(0x49).near([0x0f, 0x85], "loop").bytes(0x5e, 0x5b, RET); // rdtsc; xor edx, eax
  a.label("rare").near([0xe8], "rareHere").label("rareHere").bytes(0x58, 0x01, 0xc2).near([0xe9], "back"); // add edx, own address
  const here = a.at("here");
  a.padTo(0x100, 0xcc).bytes(...["case0", "case1", "case2", "case3"].flatMap((name) => dword(a.at(name) - here)));
  a.padTo(0x1000, 0xcc).label("function").with32([0x81, 0xc2], second).bytes(0x89, 0x15, ...dword(DATA + 4), RET); // add edx, second
  return a.finish();
}

/** Identity below 4 MiB, and the library at PLACES. */
function map(machine: Machine): void {
  const word = (address: number, value: number): void => { machine.memory.writePhysical(address, Uint8Array.from(dword(value))); };
  for (let page = 0; page < 1024; page++) word(TABLE + 4 * page, page << 12 | 7);
  word(DIRECTORY, TABLE | 7);
  word(DIRECTORY + 0x800, HIGH | 7);
  for (const [k, place] of PLACES.entries()) {
    const entry = HIGH + ((place >>> 12 & 1023) << 2);
    word(entry, LIBRARY | 7);
    word(entry + 4, (k === 2 ? OTHER : LIBRARY + 0x1000) | 7);
  }
  machine.memory.writePhysical(LIBRARY, library(0x1234567));
  machine.memory.writePhysical(OTHER, library(0x7654321).subarray(0x1000));
}

function enablePaging(a: Assembler): void {
  a.set(EAX, DIRECTORY).bytes(0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0).with32([0x0d], 0x80000000).bytes(0x0f, 0x22, 0xc0);
}

function figures({ vcpu }: Machine): { share: number; mobile: number; dropped: number } {
  const { stats, count, liveRegions, regionStats } = vcpu as Vcpu;
  return { share: stats.translated / count, mobile: [...liveRegions].filter(({ isMobile }) => isMobile).length, dropped: regionStats.dropped };
}

describe("a library", () => {
  it("at two addresses in turn is translated at both", () => {
    const { translated } = survives((a) => {
      enablePaging(a);
      escapeHere(a).label("again");
      for (const place of PLACES.slice(0, 2)) a.set(ESI, 20).label(`${place}`).set(EDI, place).bytes(0xff, 0xd7, 0x4e).near([0x0f, 0x85], `${place}`);
      a.jump("again");
    }, { budget: 300_000, prepare: map });
    const { share, mobile, dropped } = figures(translated);
    expect(share).toBeGreaterThan(0.9);
    expect(mobile).toBeGreaterThan(0);
    expect(dropped).toBeLessThan(60);
  });

  it("with another second page at its third address leaves for what is mapped there", () => {
    const { translated } = survives((a) => {
      enablePaging(a);
      escapeHere(a).label("again");
      for (const place of PLACES) a.set(ESI, 20).label(`${place}`).set(EDI, place).bytes(0xff, 0xd7, 0x4e).near([0x0f, 0x85], `${place}`);
      a.jump("again");
    }, { budget: 600_000, every: 997, hotThreshold: 400, prepare: map });
    expect(figures(translated).mobile).toBeGreaterThan(0);
  });

  it("at random places, with stores into its code and pages that go away", () => {
    survives((a) => {
      enablePaging(a);
      escapeHere(a).label("again");
      chance(a).with32([0x25], 0x30000).with32([0x0d], 0x80000000).bytes(0x89, 0xc7, 0xff, 0xd7); // and eax, 30000h; or eax, 80000000h; edi = eax; call edi: the fourth place is not mapped
      chance(a).with32([0x25], 0x3f).near([0x0f, 0x85], "again");
      a.bytes(0xc6, 0x05, ...dword(LIBRARY + 0x1000 + 2)); // mov byte [the immediate of the function], 5Ah
      a.bytes(0x5a).set(EBX, 0x80001000).bytes(0x0f, 0x01, 0x3b).jump("again"); // invlpg [ebx]
    }, { budget: 400_000, prepare: map });
  });
});
