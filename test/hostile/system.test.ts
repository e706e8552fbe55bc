/** Guests with wild page tables, descriptor tables, tasks, stacks and debug registers. */
import { describe, expect, it } from "vitest";
import { type Assembler, dword, word } from "./assembler.ts";
import { DATA, EAX, EBX, ECX, EDI, EDX, ESI, ESP, STACK, chance, escapeHere, programPics, survives } from "./shelter.ts";

const DIRECTORY = 0x200000, TABLES = 0x201000, ALL = 7;

/** Identity tables for the first 4 MiB, and paging on. `extra` puts more into the directory first. */
function pagingOn(a: Assembler, extra: (a: Assembler) => void = () => {}): Assembler {
  a.set(ECX, 1024).set(EDI, TABLES).set(EAX, ALL).label("identity").bytes(0xab, 0x05, ...dword(0x1000)).short([0xe2], "identity");
  a.store(DIRECTORY, TABLES | ALL);
  extra(a);
  return a.set(EAX, DIRECTORY).bytes(0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0).with32([0x0d], 0x80000000).bytes(0x0f, 0x22, 0xc0);
}

/** mov cr4, eax */
const setCr4 = (a: Assembler, value: number): Assembler => a.set(EAX, value).bytes(0x0f, 0x22, 0xe0);
/** mov eax, cr3; mov cr3, eax */
const FLUSH = [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8];

/** Touches random addresses of an area: reads, writes, read-modify-writes, across page ends. */
function touch(a: Assembler, base: number, mask: number): Assembler {
  chance(a).with32([0x25], mask).with32([0x05], base).bytes(0x89, 0xc3);
  return a.bytes(0x8b, 0x0b, 0x89, 0x03, 0xff, 0x43, 3, 0x66, 0x29, 0x43, 1, 0x86, 0x03);
}

describe("page tables", () => {
  it("that map themselves, and are written through the map", () => {
    survives((a) => {
      pagingOn(a, () => a.store(DIRECTORY + 4, DIRECTORY | ALL));
      escapeHere(a).label("again");
      // The directory is its own table at 4 MiB: its entries 0 to 1023 appear as pages there.
      chance(a).with32([0x25], 0xffc).with32([0x05], 0x401000 + 8).bytes(0x89, 0xc3);
      chance(a).with32([0x25], 0x3ff067).bytes(0x89, 0x03).bytes(...FLUSH).bytes(0x8b, 0x0b);
      touch(a, 0x800000, 0xffffff).jump("again");
    }, { budget: 150_000, ends: ["shutdown"] });
  });

  it.each<readonly [string, number]>([
    ["a table beyond all memory", 0xf0000000], ["a table in video memory", 0xb8000], ["the handlers' page as a table", 0x3000], ["the directory as its own table", DIRECTORY],
    ["a table just beyond memory", 0x400000],
  ])("with %s", (_, table) => {
    survives((a) => {
      pagingOn(a, () => a.store(DIRECTORY + 4, table | ALL));
      escapeHere(a).label("again");
      touch(a, 0x400000, 0x3fffff);
      a.bytes(...FLUSH).jump("again");
    }, { budget: 150_000, ends: ["shutdown"] });
  });

  it("with large pages, reserved bits and global pages, all beyond memory too", () => {
    survives((a) => {
      setCr4(a, 0x90);
      pagingOn(a, () => { for (const [k, entry] of [0x1e7, 0x3fe0e7, 0x4010e7, 0xffc000e7, 0x80000187, 0x86, 0x85].entries()) a.store(DIRECTORY + 4 * (k + 1), entry); });
      escapeHere(a).label("again");
      touch(a, 0x400000, 0x1ffffff);
      a.bytes(0x0f, 1, 0x3b).bytes(0xf6, 0x05, ...dword(DATA), 1).short([0x75], "again").bytes(0x0f, 0x20, 0xe0, 0x34, 0x90, 0x0f, 0x22, 0xe0).jump("again"); // invlpg [ebx]; toggle PSE and PGE
    }, { budget: 200_000, ends: ["shutdown"] });
  });

  it("that are switched on and off under running code", () => {
    survives((a) => {
      pagingOn(a);
      escapeHere(a).label("again");
      a.bytes(0x0f, 0x20, 0xc0).with32([0x35], 0x80010000).bytes(0x0f, 0x22, 0xc0);
      touch(a, DATA, 0xffff).jump("again");
    }, { budget: 200_000 });
  });

  it("that make the code's own page vanish, read-only, and come back elsewhere", () => {
    survives((a) => {
      pagingOn(a);
      escapeHere(a).label("again");
      chance(a).with32([0x25], 0x1ff007).with32([0x0d], 0x100000).bytes(0xa3, ...dword(TABLES + 0x100 * 4)); // the entry of 100000h
      a.bytes(0x40, 0x40, 0xff, 0x05, ...dword(DATA), 0x0f, 1, 0x3d, ...dword(0x100000), 0x40).jump("again");
    }, { budget: 50_000, ends: ["shutdown", "halted"] });
  });

  it("of which CR3 names random ones", () => {
    survives((a) => {
      pagingOn(a);
      escapeHere(a).label("again");
      chance(a).bytes(0x0f, 0x22, 0xd8).jump("again");
    }, { budget: 50_000, ends: ["shutdown", "halted"] });
  });

  it("under a closed A20 gate", () => {
    survives((a) => {
      a.set(EDX, 0x92);
      pagingOn(a);
      escapeHere(a).label("again");
      touch(a, 0, 0x3ffffc);
      a.bytes(0xec, 0x34, 2, 0xee).jump("again"); // in al, 92h; xor al, 2; out 92h, al: what runs is gone, or not
    }, { budget: 50_000, ends: ["shutdown", "halted"] });
  });
});

describe("stacks", () => {
  it.each<readonly [string, number]>([
    ["in video memory", 0xb8101], ["beyond all memory", 0xf0000000], ["at the very top", 0], ["wrapping", 2], ["across the end of memory", 0x400006], ["on the code", 0x100100],
  ])("%s", (_, pointer) => {
    survives((a) => {
      programPics(a).out(0x43, 0x34).out(0x40, 7).out(0x40, 0);
      escapeHere(a).set(ESP, pointer).bytes(0xfb).label("again").bytes(0x6a, 1, 0x60, 0x9c, 0x9d, 0x61, 0x58, 0xc8, 16, 0, 3, 0xc9).near([0xe8], "called").bytes(0xcd, 0x80).jump("again");
      a.label("called").bytes(0xff, 0x34, 0x24, 0x8f, 0x04, 0x24, 0xc3);
    }, { budget: 100_000, ends: ["shutdown", "halted", "idle"] });
  });
});

describe("descriptor tables", () => {
  const load = (a: Assembler, field: number, limit: number, base: number): Assembler => a.store(DATA, limit | base << 16).store(DATA + 4, base >>> 16).bytes(0x0f, 1, field << 3 | 5, ...dword(DATA));
  const GDTR = 2, IDTR = 3;
  const places: ReadonlyArray<readonly [string, number, number]> = [
    ["of limit 0", 0, 0x2000], ["with half an entry", 0x33, 0x2000], ["beyond all memory", 0x7ff, 0xf0000000], ["at the very top", 0xffff, 0xfffffff8], ["in video memory", 0x7ff, 0xb8000], ["in the code", 0x7ff, 0x100000],
    ["in zeros", 0x7ff, 0x300000],
  ];
  it.each(places)("an IDT %s", (_, limit, base) => {
    survives((a) => { programPics(a).out(0x43, 0x34).out(0x40, 9).out(0x40, 0); load(a, IDTR, limit, base).bytes(0xfb).label("again").bytes(0x40).jump("again"); }, { budget: 100_000, ends: ["shutdown", "halted"] });
  });
  it.each(places)("a GDT %s", (_, limit, base) => {
    survives((a) => {
      escapeHere(a);
      load(a, GDTR, limit, base).label("again");
      chance(a).bytes(0x8e, 0xe0, 0x8e, 0xe8, 0x0f, 2, 0xd8, 0x0f, 3, 0xd8, 0x0f, 0, 0xe0, 0x0f, 0, 0xe8, 0x0f, 0, 0xd8, 0x0f, 0, 0xd0, 0x8e, 0xd0).bytes(0xff, 0x2d, ...dword(DATA)).jump("again");
    }, { budget: 60_000, ends: ["shutdown", "halted"] });
  });

  it("a GDT of noise, loaded into every register and jumped through", () => {
    survives((a) => {
      a.set(EDI, 0x310000).label("fill");
      chance(a).bytes(0xab).with32([0x81, 0xff], 0x320000).short([0x72], "fill");
      a.store(0x310010, 0xffff).store(0x310014, 0xcf9b00).store(0x310018, 0xffff).store(0x31001c, 0xcf9300); // those of the handlers stay
      load(a, GDTR, 0xffff, 0x310000);
      escapeHere(a).label("again");
      for (const register of [0xc0, 0xd8, 0xe0, 0xe8, 0xd0]) { chance(a).bytes(0x8e, register); touch(a, DATA, 0x7fff); }
      chance(a).bytes(0x0f, 0, 0xd0); // lldt ax
      chance(a).bytes(0x0f, 0, 0xd8); // ltr ax
      chance(a).bytes(0x50);
      a.address([0x68], "again").bytes(0xcb).jump("again"); // a far return to a random selector
    }, { budget: 100_000, ends: ["shutdown", "halted"] });
  });
});

describe("tasks", () => {
  const TSS_A = 0x320000, TSS_B = 0x320100, GDT = 0x330000, TASK_A = 0x28, TASK_B = 0x30;
  const tss = (a: Assembler, at: number, label: string, stack: number): void => {
    a.set(EDI, at).set(ECX, 26).bytes(0x31, 0xc0, 0xf3, 0xab).store(at + 4, stack).store(at + 8, 0x18).address([0xc7, 0x05, ...dword(at + 32)], label).store(at + 36, 2).store(at + 56, stack);
    for (const [offset, selector] of [[72, 0x18], [76, 0x10], [80, 0x18], [84, 0x18], [88, 0x18], [92, 0x18]] as const) a.store(at + offset, selector);
  };
  const tables = (a: Assembler): void => {
    const set = (selector: number, low: number, high: number): void => { a.store(GDT + selector, low).store(GDT + selector + 4, high); };
    set(0, 0, 0); set(0x10, 0xffff, 0xcf9b00); set(0x18, 0xffff, 0xcf9300);
    set(TASK_A, TSS_A << 16 | 0x67, 0x8900 | TSS_A >>> 16); set(TASK_B, TSS_B << 16 | 0x67, 0x8900 | TSS_B >>> 16);
    a.store(DATA, GDT << 16 | 0x3f).store(DATA + 4, GDT >>> 16).bytes(0x0f, 1, 0x15, ...dword(DATA));
    a.bytes(0x66, 0xb8, ...word(TASK_A), 0x0f, 0, 0xd8); // ltr
  };

  it.each<readonly [string, number]>([["jump to each other", 0xea], ["call each other, ever deeper", 0x9a]])("that %s", (_, opcode) => {
    survives((a) => {
      tss(a, TSS_A, "a", STACK - 0x1000); tss(a, TSS_B, "b", STACK - 0x2000); tables(a);
      escapeHere(a).jump("a");
      a.label("a").bytes(0x40, opcode, ...dword(0), ...word(TASK_B)).jump("a").label("b").bytes(0x43, 0xff, 0x05, ...dword(DATA + 16), opcode, ...dword(0), ...word(TASK_A)).jump("b");
    }, { budget: 60_000 });
  });

  it("that return by IRET to whatever the back link says", () => {
    survives((a) => {
      tss(a, TSS_A, "a", STACK - 0x1000); tss(a, TSS_B, "b", STACK - 0x2000); tables(a);
      escapeHere(a).label("a").bytes(0x9a, ...dword(0), ...word(TASK_B));
      chance(a).with32([0x25], 0x3f).bytes(0x66, 0xa3, ...dword(TSS_A), 0x9c, 0x80, 0x4c, 0x24, 1, 0x40, 0x9d, 0xcf).jump("a"); // link; set NT; iret
      a.label("b").bytes(0x43, 0xcf).jump("b");
    }, { budget: 60_000, ends: ["shutdown"] });
  });

  it("that are in video memory, nowhere, or too short", () => {
    survives((a) => {
      tss(a, TSS_A, "again", STACK - 0x1000); tables(a);
      escapeHere(a).label("again");
      chance(a).bytes(0xa3, ...dword(GDT + TASK_B)); // base and limit at random
      chance(a).with32([0x25], 0xff0000ff).with32([0x0d], 0x8900).bytes(0xa3, ...dword(GDT + TASK_B + 4)).bytes(0xea, ...dword(0), ...word(TASK_B)).jump("again");
    }, { budget: 60_000, ends: ["shutdown", "halted"] });
  });

  it("that are entered by every exception and interrupt", () => {
    survives((a) => {
      tss(a, TSS_A, "a", STACK - 0x1000); tss(a, TSS_B, "b", STACK - 0x2000); tables(a);
      for (const vector of [0, 1, 3, 6, 8, 13, 14, 0x20]) a.store(0x2000 + vector * 8, TASK_B << 16).store(0x2004 + vector * 8, 0xe500);
      programPics(a).out(0x43, 0x34).out(0x40, 9).out(0x40, 0);
      a.label("a").bytes(0xfb, 0x40, 0xcd, 3, 0x31, 0xc9, 0xf7, 0xf1, 0x41).jump("a"); // sti; int 3; xor ecx, ecx; div ecx
      a.label("b").bytes(0xff, 0x05, ...dword(DATA + 16)).out(0x20, 0x20).bytes(0x58, 0xcf).jump("b");
    }, { budget: 60_000, ends: ["shutdown", "halted"] });
  });
});

describe("debug registers", () => {
  const setDebug = (a: Assembler, n: number, value: number): Assembler => a.set(EAX, value).bytes(0x0f, 0x23, 0xc0 | n << 3);

  it("with all breakpoints on everything, in turn", () => {
    survives((a) => {
      escapeHere(a).label("again");
      for (let n = 0; n < 4; n++) { chance(a).with32([0x25], 0x1fff).with32([0x05], n < 2 ? 0x100000 : DATA).bytes(0x0f, 0x23, 0xc0 | n << 3); }
      chance(a).with32([0x25], 0xffff03ff).bytes(0x0f, 0x23, 0xf8);
      touch(a, DATA, 0x1fff);
      a.set(ESI, DATA).set(EDI, DATA + 0x800).set(ECX, 40).bytes(0xf3, 0xa5);
      setDebug(a, 7, 0).bytes(0x0f, 0x21, 0xf0).jump("again");
    }, { budget: 80_000 });
  });

  it("under GD, the trap flag and single steps over everything", () => {
    survives((a) => {
      escapeHere(a).label("again").bytes(0x9c, 0x80, 0x74, 0x24, 1, 1, 0x9d); // toggle TF
      setDebug(a, 7, 0x2000).bytes(0x16, 0x17, 0x40, 0xcd, 0x80, 0xfb, 0xfa, 0x0f, 0x21, 0xf8).set(ECX, 20).set(EDI, DATA).bytes(0xf3, 0xab).jump("again");
    }, { budget: 80_000 });
  });

  it("with a breakpoint on the handlers", () => {
    survives((a) => { escapeHere(a); setDebug(a, 0, 0x3000); setDebug(a, 7, 1).label("again").bytes(0x40, 0xcc).jump("again"); }, { budget: 5000, ends: ["shutdown"] });
  });
});

describe("modes", () => {
  it("change back and forth without the jump that should follow", () => {
    survives((a) => {
      escapeHere(a).label("again").bytes(0x0f, 0x20, 0xc0, 0x34, 1, 0x0f, 0x22, 0xc0); // toggle PE
      a.bytes(0x40, 0x89, 0x05, ...dword(DATA), 0x0f, 0x20, 0xc0, 0x34, 1, 0x0f, 0x22, 0xc0).set(EBX, 5).jump("again");
    }, { budget: 100_000, ends: ["shutdown", "halted"] });
  });

  it("are random values of CR0 and CR4", () => {
    survives((a) => {
      pagingOn(a);
      escapeHere(a).label("again");
      chance(a).with32([0x0d], 1).bytes(0x0f, 0x22, 0xc0);
      chance(a).bytes(0x0f, 0x22, 0xe0, 0xd9, 0xe8, 0xd8, 0xc1, 0x9b, 0xd9, 0x1d, ...dword(DATA)).jump("again");
    }, { budget: 60_000, ends: ["shutdown", "halted"] });
  });

  it("are random flags, through POPF and IRET", () => {
    survives((a) => {
      programPics(a).out(0x43, 0x34).out(0x40, 30).out(0x40, 0);
      escapeHere(a).label("again");
      chance(a).bytes(0x50, 0x9d, 0x40, 0x90);
      chance(a).with32([0x25], ~0x4100).bytes(0x50, 0x6a, 0x10).address([0x68], "back").bytes(0xcf).label("back").bytes(0x43).jump("again");
    }, { budget: 100_000, ends: ["shutdown", "halted"] });
  });
});

it("a guest's own mistakes are never errors of the host", () => {
  expect(() => survives((a) => { a.bytes(0xff, 0xff); }, { budget: 100, ends: ["shutdown"] })).not.toThrow();
});
