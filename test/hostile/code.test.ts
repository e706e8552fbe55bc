/** Guests whose code is never the same twice, overlaps itself, or lies where no code should. */
import { describe, expect, it } from "vitest";
import type { Vcpu } from "../../runtime/vcpu.ts";
import { type Assembler, dword } from "./assembler.ts";
import { DATA, EAX, EBX, ECX, EDI, ESI, ESP, ORIGIN, chance, escapeHere, runEqual, survives } from "./shelter.ts";
import { hotMachine } from "./twins.ts";

const AREA = 0x180000, RET = 0xc3;

describe("a code cache bomb", () => {
  it("that writes and runs new functions for ever", () => {
    const { translated } = survives((a) => {
      escapeHere(a).set(EDI, AREA).label("again");
      // At EDI: mov ecx, 6; add eax, imm; loop back; ret, with another immediate each time.
      a.bytes(0xc6, 0x07, 0xb9, 0xc7, 0x47, 1, ...dword(6), 0xc6, 0x47, 5, 5);
      chance(a).bytes(0x89, 0x47, 6, 0xc7, 0x47, 10, 0xe2, 0xf9, RET, 0x90, 0xff, 0xd7); // mov [edi + 6], eax; …; call edi
      a.bytes(0x83, 0xc7, 14, 0x81, 0xff, ...dword(AREA + 0x100000)).near([0x0f, 0x82], "again").set(EDI, AREA).jump("again");
    }, { budget: 600_000, trial: { stretches: 0, instructions: 0 }, isLong: true });
    expect((translated.vcpu as Vcpu).regionStats.made).toBeGreaterThan(16_000);
  });

  it("that rewrites the same loop again and again is left to the interpreter", () => {
    const { translated } = survives((a) => {
      escapeHere(a).label("again");
      chance(a).bytes(0x24, 0x38, 0x0c, 0xc3).address([0xa2], "operation"); // and al, 38h; or al, C3h: EBX and another operation
      a.set(ECX, 8).label("loop").bytes(0x81).label("operation").bytes(0xc3, 1, 0, 0, 0).short([0xe2], "loop").jump("again");
    }, { budget: 150_000 });
    const { made, dropped, refused } = (translated.vcpu as Vcpu).regionStats;
    expect(dropped).toBeGreaterThan(1);
    expect(made).toBeLessThan(10);
    expect(refused).toBeGreaterThan(100);
  });

  it("that changes the instruction that is running, and the one behind it", () => {
    survives((a) => {
      escapeHere(a).set(ECX, 50).set(EAX, 0x40).label("again");
      a.address([0x80, 0x35], "next").bytes(0x08).label("next").bytes(0x40); // xor byte [next], 8: inc eax, dec eax in turn
      a.address([0x88, 0x1d], "next2").bytes(0x90).label("next2").bytes(0xb3, 0x42).short([0xe2], "again").jump("start").label("start").set(ECX, 50).set(EBX, 0xb3).jump("again");
    }, { budget: 200_000 });
  });

  it("that overwrites itself with REP, in the middle of a loop", () => {
    survives((a) => {
      escapeHere(a).label("again").address([0xbe], "from").address([0xbf], "from").set(ECX, 0x40);
      a.label("from").bytes(0xf3, 0xa4).set(ECX, 5).label("spin").bytes(0x43).short([0xe2], "spin").jump("again");
    }, { budget: 400_000 });
  });

  // WebAssembly writes there without a call, and does not count.
  it.each([["wasm", 500_000], ["none", 50]])("that keeps data beside its code, without %s", (off, least) => {
    const { translated } = survives((a) => {
      escapeHere(a).set(ECX, 1000).label("again").address([0xff, 0x05], "datum").address([0x66, 0x01, 0x05], "datum").short([0xe2], "again").set(ECX, 1000).jump("again");
      a.label("datum").bytes(0, 0, 0, 0, 0, 0, 0, 0);
    }, { budget: 500_000, off: new Set([off]) });
    const { cache, memory } = translated.vcpu as Vcpu;
    expect(memory.stats.besideCode).toBeGreaterThan(least);
    expect(cache.stats.hits).toBe(0);
  });

  it("of one frame at a thousand linear addresses", () => {
    const DIRECTORY = 0x200000, TABLES = 0x201000;
    survives((a) => {
      // Identity below 4 MiB; from 4 MiB on, 16 tables whose every entry maps AREA's page.
      a.set(ECX, 1024).set(EDI, TABLES).set(EAX, 7).label("low").bytes(0xab, 0x05, ...dword(0x1000)).short([0xe2], "low");
      a.set(ECX, 16384).set(EAX, AREA | 7).bytes(0xf3, 0xab).set(ECX, 17).set(EDI, DIRECTORY).set(EAX, TABLES | 7);
      a.label("directory").bytes(0xab, 0x05, ...dword(0x1000)).short([0xe2], "directory");
      a.store(AREA, 0x05b9).bytes(0xc7, 0x05, ...dword(AREA + 4), 0, 0x40, 0xe2, 0xfd, 0xc6, 0x05, ...dword(AREA + 8), RET); // mov ecx, 5; inc eax; loop; ret
      a.store(AREA, 0x000005b9).store(AREA + 4, 0xfde24000).store(AREA + 8, RET);
      a.set(EAX, DIRECTORY).bytes(0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0).with32([0x0d], 0x80000000).bytes(0x0f, 0x22, 0xc0);
      escapeHere(a).label("again");
      chance(a).with32([0x25], 0x03fff000).with32([0x05], 0x400000).bytes(0x89, 0xc3, 0xff, 0xd3, 0xff, 0xd3).bytes(0xff, 0x05, ...dword(AREA + 0x800)); // call ebx, twice
      a.jump("again");
    }, { budget: 600_000 });
  });
});

describe("control flow", () => {
  it("into the middle of instructions, everywhere on a page of noise", () => {
    survives((a) => {
      a.set(EDI, AREA).set(ESI, AREA + 0x1000).label("fill");
      chance(a).bytes(0xab, 0x39, 0xf7).short([0x72], "fill"); // stosd; cmp edi, esi; jb
      escapeHere(a).label("again").set(ESI, DATA).set(EDI, DATA + 0x100).set(EBX, DATA + 0x80);
      chance(a).with32([0x25], 0xfff).with32([0x05], AREA).bytes(0xff, 0xe0);
    }, { budget: 150_000, ends: ["halted", "shutdown", "idle"] });
  });

  it("anywhere in four gigabytes", () => {
    survives((a) => { escapeHere(a); chance(a).bytes(0x89, 0xc4, 0xff, 0xe0); }, { budget: 200_000, ends: ["shutdown"] });
  });

  it("through overlapping loops", () => {
    survives((a) => {
      escapeHere(a).set(ECX, 40).label("a").bytes(0xeb, 0xff, 0xc0).short([0xe2], "a"); // jmp into its own second byte: inc eax
      a.set(ECX, 30).label("b").bytes(0x40, 0xa9, 0x40, 0x43, 0x42, 0x49).short([0x75], "b"); // test eax, …; entered at both ends
      a.set(ECX, 30).label("c").bytes(0xa9).label("d").bytes(0x43, 0x43, 0x43, 0x49).short([0x75], "d").bytes(0x85, 0xc9).short([0x7f], "c");
      a.jump("e").label("e").bytes(0xff, 0x25, ...dword(0x3ff0));
    }, { budget: 200_000 });
  });

  it("by returns that no call made, and calls that never return", () => {
    survives((a) => {
      escapeHere(a).set(ECX, 100).label("again").address([0x68], "there").bytes(RET, 0xcc).label("there").near([0xe8], "away").bytes(0xcc);
      a.label("away").bytes(0x58).short([0xe2], "again").label("deeper").bytes(0x40).near([0xe8], "deeper");
    }, { budget: 400_000 });
  });

  it("with far more prefixes than an instruction may have, across a page's end", () => {
    survives((a) => {
      escapeHere(a).label("again").set(EAX, AREA + 0xff4);
      for (const prefix of [0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x64]) {
        a.set(EDI, AREA + 0xff4).set(ECX, 14).bytes(0xb0, prefix, 0xf3, 0xaa, 0xb0, 0x90, 0xaa, 0xb0, RET, 0xaa).set(EBX, AREA + 0xff4);
        a.bytes(0x53).bytes(0x43, 0x43, 0x43); // push ebx; inc ebx …
        a.address([0xc7, 0x05, ...dword(0x3ff0)], `after${prefix}`).bytes(0xff, 0xd3).label(`after${prefix}`);
        a.address([0xc7, 0x05, ...dword(0x3ff0)], `next${prefix}`).set(EBX, AREA + 0xff4).bytes(0xff, 0xd3).label(`next${prefix}`);
      }
      a.jump("again");
    }, { budget: 100_000 });
  });

  it("in video memory and beyond all memory", () => {
    survives((a) => { escapeHere(a).label("again").bytes(0xff, 0x05, ...dword(DATA), 0xf6, 0x05, ...dword(DATA), 1).short([0x74], "b").set(EAX, 0xb8000).bytes(0xff, 0xe0).label("b").set(EAX, 0xf0000000).bytes(0xff, 0xe0); },
      { budget: 50_000 });
  });
});

describe("REP", () => {
  const everything = (a: Assembler, set: readonly (readonly [number, number])[], bytes: readonly number[]): void => {
    for (const [register, value] of set) a.set(register, value);
    a.bytes(...bytes);
  };
  const UP = 0xfc, DOWN = 0xfd, MOST = 0xffffffff;
  it.each<readonly [string, readonly (readonly [number, number])[], readonly number[]]>([
    ["MOVSD over all of memory", [[ESI, 0], [EDI, 0x1000], [ECX, MOST]], [UP, 0xf3, 0xa5]],
    ["MOVSB over all of memory, one byte on", [[ESI, 0], [EDI, 1], [ECX, MOST]], [UP, 0xf3, 0xa4]],
    ["MOVSD downwards from the top", [[ESI, 0x3ffffc], [EDI, 0x3fffc0], [ECX, MOST]], [DOWN, 0xf3, 0xa5]],
    ["STOSB over all of memory", [[EAX, 0x90], [EDI, 0], [ECX, MOST]], [UP, 0xf3, 0xaa]],
    ["STOSD over all of memory, misaligned", [[EAX, 0x40404040], [EDI, 3], [ECX, MOST]], [UP, 0xf3, 0xab]],
    ["SCASB for what is nowhere", [[EAX, 0x5a], [EDI, 0x80000000], [ECX, MOST]], [UP, 0xf2, 0xae]],
    ["CMPSB of memory with itself", [[ESI, 0], [EDI, 0], [ECX, MOST]], [UP, 0xf3, 0xa6]],
    ["LODSD over all of memory", [[ESI, 2], [ECX, MOST]], [UP, 0xf3, 0xad]],
    ["MOVSW through video memory", [[ESI, 0x9fff1], [EDI, 0xaffff], [ECX, 0x20000]], [UP, 0xf3, 0x66, 0xa5]],
    ["STOSW with 16-bit addresses", [[EAX, 0x9090], [EDI, 0x5fff], [ECX, 0xffff]], [UP, 0xf3, 0x67, 0x66, 0xab]],
  ])("%s", (_, set, bytes) => {
    survives((a) => { escapeHere(a).label("again"); everything(a, set, bytes); a.jump("again"); }, { budget: 2500, every: 777, ends: ["halted", "shutdown", "idle"] });
  });
});

it("a REP STOSD that goes down from a page's end over itself makes stretches as long in a region as in the interpreter", () => {
  survives((a) => {
    const COPY = 0x180000, END = ORIGIN + 0x1000;
    a.bytes(0xfc).set(ESI, ORIGIN).set(EDI, COPY).set(ECX, 0x2000).bytes(0xf3, 0xa4); // cld; rep movsb
    escapeHere(a).label("again").bytes(0xfd).set(EAX, 0x90909090).set(EBX, 40).label("loop").set(EDI, AREA + 0x4000).set(ECX, 3); // std
    a.bytes(0x4b).near([0x0f, 0x85], "store").set(EDI, END - 2).set(ECX, 0x3ff + 2); // dec ebx; jnz: the fortieth time over this page, in which the first element ends the page
    a.label("store").bytes(0xf3, 0xab).jump("loop").padTo(END);
    a.bytes(0x90, 0x90, 0x01, 0xca, 0x01, 0xfa, 0xd1, 0xc2, 0xfc).set(ESI, COPY).set(EDI, ORIGIN).set(ECX, 0x1000).bytes(0xf3, 0xa4).jump("again"); // add edx, ecx; add edx, edi; rol edx, 1; cld; rep movsb
  }, { budget: 60_000, every: 1999, rest: 0, hotThreshold: 1, promotion: 1e9 });
});

describe("a hot loop of REP with random operands, in both directions", () => {
  const MOVS = 0xa4, CMPS = 0xa6, STOS = 0xaa, SCAS = 0xae, REPNE = 0xf2, REPE = 0xf3, WORD = 0x66, FS = 0x64;
  const WIDTHS: ReadonlyArray<readonly [string, readonly number[], number]> = [["bytes", [], 0], ["words", [WORD], 1], ["doublewords", [], 1]];
  it.each(WIDTHS)("of %s", (_, prefix, wide) => {
    const random = (a: Assembler, register: number, area: number): void => { chance(a).bytes(0x25, ...dword(0x1fff), 0x05, ...dword(area), 0x89, 0xc0 + register); };
    survives((a) => {
      escapeHere(a).label("again");
      for (const [repeat, operation] of [[REPE, MOVS], [REPE, STOS], [REPNE, SCAS], [REPE, SCAS], [REPE, CMPS], [REPNE, CMPS]] as const) {
        random(a, ESI, DATA);
        random(a, EDI, DATA);
        chance(a).bytes(0x0f, 0xb6, 0xc8, 0x83, 0xe0, 7, 0xfc, 0x75, 1, 0xfd); // movzx ecx, al; and eax, 7; cld; jnz +1; std
        a.bytes(0x25, 1, 0, 0, 0, ...(operation === MOVS ? [FS] : []), ...prefix, repeat, operation + wide).bytes(0x9c, 0x5b, 0xfc); // and eax, 1; …; pushf; pop ebx; cld
        random(a, ESI, DATA);
        a.bytes(0x83, 0xe1, 31, ...prefix, repeat, operation + wide); // and ecx, 31
      }
      a.jump("again");
    }, { budget: 300_000 });
  });
});

it("a guest that zeroes all of its memory under itself goes on with what it finds", () => {
  survives((a) => { a.set(EDI, 0).set(ECX, 0x100000).set(EAX, 0).set(ESP, ORIGIN).bytes(0xf3, 0xab); }, { budget: 100_000, ends: ["shutdown"] });
});

it("a real-mode handler that only faults ends the machine instead of the host's patience", () => {
  const [translated, interpreted] = (["translate", "interpret"] as const).map((engine) => {
    const machine = hotMachine(engine);
    machine.boot({ kernel: { name: "hostile", bytes: Uint8Array.of(0xb8, 0, 0x10, 0x8e, 0xd0, 0x0f, 0x0b) }, loadAt: 0x7c00, bits: 16 }); // mov ax, 1000h; mov ss, ax; ud2
    machine.memory.writePhysical(6 * 4, Uint8Array.of(5, 0x7c, 0, 0)); // #UD leads to the same UD2
    return machine;
  });
  runEqual({ translated: translated!, interpreted: interpreted! }, { budget: 1000, ends: ["shutdown"] });
  expect(interpreted!.instructions).toBe(2);
});

it("a stack that faults on every push ends the machine", () => {
  survives((a) => { a.bytes(0x0f, 1, 0x1d, ...dword(DATA), 0x0f, 0x0b); }, { budget: 1000, ends: ["shutdown"] }); // lidt of zeros; ud2
});

