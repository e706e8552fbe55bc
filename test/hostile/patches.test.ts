/**
 * Code whose immediates change while it runs: between its turns, in the midst of them, by whole values and by parts, now and then with a byte of
 * the instruction behind. Regions read such immediates each time; whatever else changes drops them.
 *
 * CALQUE_PATCHES_SEED is the first seed, CALQUE_PATCHES_GUESTS their number.
 */
import { describe, expect, it } from "vitest";
import type { Vcpu } from "../../runtime/vcpu.ts";
import { Random } from "../oracle/integer/random.ts";
import { type Assembler, dword } from "./assembler.ts";
import { chance, DATA, EAX, EBX, ECX, EDI, escapeHere, survives } from "./shelter.ts";

const FIRST = Number(process.env["CALQUE_PATCHES_SEED"] ?? 1), GUESTS = Number(process.env["CALQUE_PATCHES_GUESTS"] ?? 12);
const MOV_TO: Readonly<Record<1 | 2 | 4, readonly number[]>> = { 1: [0xa2], 2: [0x66, 0xa3], 4: [0xa3] };

/** Instructions without their immediates, and how many bytes these have. Registers are EBX, EDX and EDI. */
const PATCHABLE: ReadonlyArray<readonly [opcode: readonly number[], size: 1 | 2 | 4]> = [
  ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((op): Array<readonly [readonly number[], 1 | 2 | 4]> => [[[0x81, 0xc3 | op << 3], 4], [[0x83, 0xc2 | op << 3], 1], [[0x80, 0xc3 | op << 3], 1], [[0x66, 0x81, 0xc7 | op << 3], 2], [[0x66, 0x83, 0xc3 | op << 3], 1]]),
  [[0x81, 0x05, ...dword(DATA)], 4], [[0x83, 0x2d, ...dword(DATA + 4)], 1], [[0x80, 0x35, ...dword(DATA + 9)], 1],
  [[0xbb], 4], [[0xb3], 1], [[0xb7], 1], [[0x66, 0xba], 2], [[0xc7, 0x05, ...dword(DATA + 8)], 4], [[0xc6, 0x05, ...dword(DATA + 3)], 1], [[0x66, 0xc7, 0x05, ...dword(DATA + 2)], 2],
  [[0x69, 0xdb], 4], [[0x6b, 0xd3], 1], [[0x69, 0x1d, ...dword(DATA)], 4], [[0xf7, 0xc3], 4], [[0xf6, 0xc3], 1], [[0x0d], 4], [[0x3c], 1], [[0xa9], 4],
  ...[0, 1, 2, 3, 4, 5, 7].flatMap((op): Array<readonly [readonly number[], 1 | 2 | 4]> => [[[0xc1, 0xc3 | op << 3], 1], [[0xc0, 0xc2 | op << 3], 1], [[0x66, 0xc1, 0xc7 | op << 3], 1]]),
  [[0x0f, 0xa4, 0xd3], 1], [[0x0f, 0xac, 0xda], 1], [[0x0f, 0xba, 0xe3], 1], [[0x0f, 0xba, 0xfb], 1],
];

interface Site { readonly at: number; readonly size: 1 | 2 | 4 }

/** Writes EAX, or a part of it, over a value, a part of one, or a little beyond. */
function patch(random: Random, a: Assembler, { at, size }: Site): void {
  const width = random.once(30) ? 4 : random.pick([1, 2, 4] as const);
  const fits = width <= size || random.once(60);
  a.bytes(...MOV_TO[fits ? width : size], ...dword(at + (fits && width < size ? random.below(size - width + 1) : 0)));
}

function guest(random: Random, a: Assembler): void {
  escapeHere(a).set(EBX, 1).label("again");
  const sites: Site[] = [], count = 3 + random.below(10), body = 20 + random.below(40);
  a.jump("patches").label("body").bytes(0xb9, ...dword(2 + random.below(30))).label("loop");
  for (let k = 0; k < count; k++) {
    const [opcode, size] = random.pick(PATCHABLE);
    a.bytes(...opcode);
    sites.push({ at: a.here, size });
    a.bytes(...dword(k * 0x1f0f37).slice(0, size));
    if (random.once(3)) a.bytes(0x89, 0xd8, 0x01, 0xd0, ...(random.once(2) ? [0x83, 0xd2, 0] : [0x9c, 0x5a])); // mov eax, ebx; add eax, edx; adc edx, 0 or pushf; pop edx
    if (random.once(6)) patch(random, a, random.pick(sites));
    if (random.once(8)) a.bytes(0x75, 1, 0x42); // jnz; inc edx
  }
  if (random.once(4)) a.padTo((a.here | 0xfff) - random.below(body)); // the loop lies on two pages
  a.bytes(0x49).near([0x0f, 0x85], "loop").bytes(0xc3);
  a.label("patches");
  for (const site of sites) {
    if (random.once(3)) continue;
    const label = `keep ${site.at}`;
    chance(a).bytes(0xa8, random.pick([0, 1, 7])).short([0x75], label); // test al, …; jnz
    patch(random, a, site);
    a.label(label);
  }
  a.near([0xe8], "body").jump("again");
}

describe("immediates that change", () => {
  /** Immediates that the regions read which were there at a guest's end. */
  let read = 0;

  it.each(Array.from({ length: GUESTS }, (_, k) => FIRST + k))("guest %i", (seed) => {
    const { translated } = survives((a) => guest(new Random(seed), a), { budget: 60_000, every: 1999, rest: 100 });
    for (const { seen } of (translated.vcpu as Vcpu).liveRegions) read += seen.patched.size;
  });

  it("are read in most guests", () => { expect(read).toBeGreaterThan(2 * GUESTS); });

  /** Writes a value into a function, then calls it. */
  const patched = (off: readonly string[]): Vcpu => {
    const { translated } = survives((a) => {
      escapeHere(a).set(EDI, 0).set(ECX, 0).label("again").bytes(0x69, 0xc7, ...dword(2654435761)).address([0xa3], "constant"); // imul eax, edi, …; mov [constant], eax
      a.near([0xe8], "function").bytes(0x47).jump("again").padTo((a.here | 63) + 1);
      a.label("function").bytes(0xd1, 0xc1, 0x81, 0xc1).label("constant").bytes(0, 0, 0, 0, 0xc3); // rol ecx, 1; add ecx, constant; ret
    }, { budget: 300_000, off: new Set(off), trial: { stretches: 2, instructions: 100 } });
    return translated.vcpu as Vcpu;
  };

  it("are read by a region that stays", () => {
    const { regionStats, stats, cache } = patched([]);
    expect(regionStats.dropped).toBeLessThan(8);
    expect(cache.stats.hits).toBeLessThan(500);
    expect(stats.translated).toBeGreaterThan(290_000);
  });

  it("drop what was made of them where reading them is switched off", () => {
    const { cache } = patched(["patches"]);
    expect(cache.stats.hits).toBeGreaterThan(20_000);
  });

  it("and that are a shift's count, 0 now and then", () => {
    survives((a) => {
      escapeHere(a).set(EBX, 0x80000001).set(EAX, 0).label("again");
      a.bytes(0x04, 11).address([0xa2], "left").address([0xa2], "right").bytes(0xf9, 0xc1, 0xe3).label("left").bytes(1, 0x83, 0xd2, 0, 0xc1, 0xdb).label("right").bytes(1, 0x9c, 0x5f, 0x01, 0xfa); // add al, 11; …; stc; shl ebx, n; adc edx, 0; rcr ebx, n; pushf; pop edi; add edx, edi
      a.jump("again");
    }, { budget: 100_000 });
  });
});
