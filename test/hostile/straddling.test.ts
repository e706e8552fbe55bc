/** Instructions whose bytes lie on two pages, in hot code: what is stored into either part, and what is mapped behind, counts as it does alone. */
import { describe, expect, it } from "vitest";
import type { Vcpu } from "../../runtime/vcpu.ts";
import { LIMITS } from "../../runtime/region.ts";
import { liveRegions, viewOf } from "../../src/live-regions.ts";
import type { Machine } from "../../src/machine.ts";
import { discover, regionText } from "../../translator/translate.ts";
import { Assembler, dword } from "./assembler.ts";
import { DATA, EAX, EBX, ECX, EDI, ESI, chance, escapeHere, survives, type Trial } from "./shelter.ts";
import type { Twins } from "./twins.ts";

const FIRST = 0x300000, SECOND = 0x301000, OTHER = 0x304000, DIRECTORY = 0x200000, TABLE = 0x201000, HIGH = 0x202000, IDT = 0x2000, PAGE_FAULT = 0x3800;
const CALLEE = 0x310000, PLACE = 0x80000000, PLACES = [PLACE, 0x80010000, 0x80020000], LOG = DATA + 0x100, RET = 0xc3;
/** The PTE of the second page at PLACE. */
const SECOND_PTE = HIGH + 4;

/** Instructions of six bytes and what they need: cut behind any of their bytes they must do the same. */
const SIX_BYTES: Readonly<Record<string, readonly number[]>> = {
  "an immediate": [0x81, 0xc2, ...dword(0x1234567)], // add edx, imm32
  "a load": [0x03, 0x15, ...dword(DATA)], // add edx, [DATA]
  "a store": [0x01, 0x0d, ...dword(DATA + 4)], // add [DATA + 4], ecx
  "a forward branch": [0x0f, 0x84, ...dword(0)], // jz next
  "a push": [0xff, 0x35, ...dword(DATA)],
  "a load that faults": [0x8b, 0x15, ...dword(0x70000000)],
  "an indirect call": [0xff, 0x15, ...dword(DATA + 8)],
  "an x87 load": [0xd9, 0x05, ...dword(DATA)],
};

/** A function of two pages, for any address: a loop on the first one, of which `cut` bytes of `straddler` end the page, goes on on the second one. */
function code(body: (a: Assembler) => void, straddler: readonly number[], cut: number): Uint8Array {
  const a = new Assembler(0);
  a.set(ECX, 40).label("loop");
  body(a);
  a.jump("tail").padTo(0x1000 - cut, 0xcc).label("tail").bytes(...straddler);
  if (straddler[1] === 0x35) a.bytes(0x5a); // pop edx
  if (straddler[0] === 0xd9) a.bytes(0xdd, 0xd8); // fstp st0
  return a.bytes(0x49).near([0x0f, 0x85], "loop").bytes(RET).finish();
}

/** Identity below 4 MiB, and the two pages at PLACES, of which the last has another second page. */
const load = (image: Uint8Array, other: Uint8Array = image) => (machine: Machine): void => {
  const word = (address: number, value: number): void => { machine.memory.writePhysical(address, Uint8Array.from(dword(value))); };
  for (let page = 0; page < 1024; page++) word(TABLE + 4 * page, page << 12 | 7);
  word(DIRECTORY, TABLE | 7);
  word(DIRECTORY + 0x800, HIGH | 7);
  for (const [k, place] of PLACES.entries()) {
    const entry = HIGH + (place >>> 10 & 0xffc);
    word(entry, FIRST | 7);
    word(entry + 4, (k === 2 ? OTHER : SECOND) | 7);
  }
  machine.memory.writePhysical(FIRST, image);
  machine.memory.writePhysical(OTHER, other.subarray(0x1000));
  machine.memory.writePhysical(CALLEE, Uint8Array.of(0x42, RET)); // inc edx
  word(DATA + 8, CALLEE);
};

function enablePaging(a: Assembler): void {
  a.set(EAX, DIRECTORY).bytes(0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0).with32([0x0d], 0x80000000).bytes(0x0f, 0x22, 0xc0);
}

/** Calls PLACE for ever. */
function caller(a: Assembler): void {
  enablePaging(a);
  a.bytes(0xdb, 0xe3); // fninit
  escapeHere(a).label("again").set(EDI, PLACE).bytes(0xff, 0xd7).jump("again");
}

const put = (address: number, value: number) => (a: Assembler): void => { a.store(address, value); };
const invalidateSecond = (a: Assembler): void => { a.set(EBX, PLACE + 0x1000).bytes(0x0f, 0x01, 0x3b); };

/** Every sixteenth time around the loop. */
function sometimes(a: Assembler, label: string, what: (a: Assembler) => void): void {
  a.bytes(0xf6, 0xc1, 15).near([0x0f, 0x85], label); // test cl, 15
  what(a);
  a.label(label);
}

function figures({ translated: { vcpu } }: Twins): { share: number; entries: number; steps: number; made: number; mobile: number } {
  const { stats, count, regionStats, liveRegions } = vcpu as Vcpu;
  return { share: stats.translated / count, entries: stats.entries, steps: stats.exactSteps, made: regionStats.made, mobile: [...liveRegions].filter(({ isMobile }) => isMobile).length };
}

const word = ({ memory }: Machine, address: number): number => memory.ram32[address >>> 2]!;

describe("an instruction on two pages in a loop", () => {
  for (const [name, straddler] of Object.entries(SIX_BYTES)) {
    it.each([1, 2, 3, 5])(`is translated: ${name}, cut behind %i bytes`, (cut) => {
      const { share, steps, entries } = figures(survives(caller, { budget: 40_000, every: 3989, prepare: load(code(() => {}, straddler, cut)) }));
      if (name === "a load that faults") return;
      expect(entries).toBeLessThan(1000); // of 5,000 times around the loop and more: the callee is inside
      expect(share).toBeGreaterThan(0.95);
      expect(steps).toBeLessThan(100);
    });
  }

  it("is found again in the region that runs", () => {
    const { translated } = survives(caller, { budget: 40_000, prepare: load(code(() => {}, SIX_BYTES["a load"]!, 3)) });
    const region = liveRegions(translated).find(({ text }) => text.addresses.includes((PLACE | 0) + 0xffd))!, { linear, text } = region;
    const found = discover(linear, viewOf(translated, region), LIMITS, [...text.entries.keys()].slice(1))!;
    expect(found.blocks.flatMap(({ instructions }) => instructions.map(({ address }) => address))).toContain((PLACE | 0) + 0xffd);
    expect(regionText(found).print()).toBe(text.print());
  });

  it("that is a backward branch", () => {
    const a = new Assembler(0);
    a.set(ECX, 40).jump("loop").padTo(0xff9, 0xcc).label("loop").bytes(0x01, 0xca, 0x90, 0x49).near([0x0f, 0x85], "loop").bytes(RET); // add edx, ecx; nop; dec ecx
    const { share, steps } = figures(survives(caller, { budget: 40_000, every: 3989, prepare: load(a.finish()) }));
    expect(share).toBeGreaterThan(0.95);
    expect(steps).toBeLessThan(100);
  });
});

describe("of an instruction on two pages that runs all the time", () => {
  const straddler = SIX_BYTES["an immediate"]!, trial: Trial = { budget: 120_000, every: 1999 };
  /** What is added to EDX and what is done to it depend on where and when stores came. */
  const written = (change: (a: Assembler) => void, more: Partial<Trial> = {}): ReturnType<typeof figures> =>
    figures(survives(caller, { ...trial, ...more, prepare: load(code((a) => { sometimes(a, "behind", change); }, straddler, 2)) }));

  it("the first part is written", () => {
    const { made } = written((a) => { a.bytes(0x80, 0x35, ...dword(FIRST + 0xfff), 0x28); }); // xor byte [modrm], 28h: add edx, sub edx in turn
    expect(made).toBeGreaterThan(1);
  });

  it("the second part is written", () => {
    const { made } = written((a) => { a.bytes(0x31, 0x0d, ...dword(SECOND)); }); // xor [immediate], ecx
    expect(made).toBeGreaterThan(1);
  });

  it("a part is written with what stands there, so often that the page counts as data", () => {
    written((a) => { a.set(ESI, FIRST + 0xff0).bytes(0x8b, 0x46, 12, 0x89, 0x46, 12).set(ESI, SECOND).bytes(0x8a, 0x06, 0x88, 0x06); }, { trial: { stretches: 0, instructions: 0 } });
    written((a) => { a.set(ESI, FIRST).set(EBX, 70).label("store").bytes(0x8a, 0x06, 0x88, 0x06, 0x8a, 0x86, ...dword(0xffe), 0x88, 0x86, ...dword(0xffe), 0x4b).near([0x0f, 0x85], "store"); });
  });

  it("the second page is mapped elsewhere and back, and the TLB is told at once, later or by chance", () => {
    const other = code((a) => { sometimes(a, "behind", () => {}); }, [0x81, 0xc2, ...dword(0x7654321)], 2);
    const flips: ReadonlyArray<(a: Assembler) => void> = [
      (a) => { a.bytes(0x81, 0x35, ...dword(SECOND_PTE), ...dword(SECOND ^ OTHER)); invalidateSecond(a); },
      (a) => { a.bytes(0x81, 0x35, ...dword(SECOND_PTE), ...dword(SECOND ^ OTHER)); },
      (a) => {
        a.bytes(0x81, 0x35, ...dword(SECOND_PTE), ...dword(SECOND ^ OTHER));
        chance(a).bytes(0xa8, 3).near([0x0f, 0x85], "not"); // test al, 3
        invalidateSecond(a);
        a.bytes(0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8).label("not"); // mov eax, cr3; mov cr3, eax
      },
    ];
    for (const flip of flips) {
      // The way through the first page is as long with either second page.
      const image = code((a) => { sometimes(a, "behind", flip); }, straddler, 2), second = new Uint8Array(0x2000);
      second.set(image.subarray(0x1000), 0x1000);
      second.set(other.subarray(0x1000, 0x1004), 0x1000);
      const { share } = figures(survives(caller, { ...trial, prepare: load(image, second) }));
      expect(share).toBeGreaterThan(0.5);
    }
  });

  it("the second page goes away: the fault names that page, and the instruction's first byte", () => {
    const image = code((a) => { sometimes(a, "behind", (inner) => { put(SECOND_PTE, 0)(inner); invalidateSecond(inner); }); }, straddler, 2);
    const handler = new Assembler(PAGE_FAULT).bytes(0x50, 0x0f, 0x20, 0xd0, 0xa3, ...dword(LOG), 0x8b, 0x44, 0x24, 8, 0xa3, ...dword(LOG + 4), 0x8b, 0x44, 0x24, 4, 0xa3, ...dword(LOG + 8));
    handler.bytes(0xff, 0x05, ...dword(LOG + 12)).store(SECOND_PTE, SECOND | 7).bytes(0x58, 0x83, 0xc4, 4, 0xcf); // pop eax; add esp, 4; iret
    const { translated, ...pair } = survives(caller, {
      ...trial, prepare: (machine) => {
        load(image)(machine);
        machine.memory.writePhysical(PAGE_FAULT, handler.finish());
        machine.memory.writePhysical(IDT + 8 * 14, Uint8Array.of(PAGE_FAULT & 255, PAGE_FAULT >> 8, 0x10, 0, 0, 0x8e, 0, 0));
      },
    });
    expect(word(translated, LOG) >>> 0).toBe(PLACE + 0x1000);
    expect(word(translated, LOG + 4) >>> 0).toBe(PLACE + 0xffe);
    expect(word(translated, LOG + 8)).toBe(0);
    expect(word(translated, LOG + 12)).toBeGreaterThan(100);
    expect(figures({ translated, ...pair }).share).toBeGreaterThan(0.5);
  });

  it("the pages are mapped at several addresses, at one of them with another second page", () => {
    for (const [name, straddler] of Object.entries(SIX_BYTES)) {
      const image = code(() => {}, straddler, 3), second = image.slice();
      if (straddler[0] === 0x81) second[0x1001] = 0x5a;
      const { mobile } = figures(survives((a) => {
        enablePaging(a);
        a.bytes(0xdb, 0xe3);
        escapeHere(a).label("again");
        for (const place of PLACES) a.set(ESI, 3).label(`${place}`).set(EDI, place).bytes(0xff, 0xd7, 0x4e).near([0x0f, 0x85], `${place}`);
        a.jump("again");
      }, { budget: 60_000, every: 4999, hotThreshold: 60, prepare: load(image, second) }));
      if (name !== "a load that faults") expect(mobile).toBeGreaterThan(0);
    }
  });
});
