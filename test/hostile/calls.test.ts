/**
 * What is called and comes back otherwise than it was called: to other code, elsewhere, with another stack, not at all. Baseline code lets rows inside rows run what it
 * calls, and goes on behind the call where nothing has changed; what can change is changed here.
 *
 * CALQUE_CALLS_SEED is the first seed of the guests at the end, CALQUE_CALLS_GUESTS their number.
 */
import { describe, expect, it } from "vitest";
import { CR0_PG, CR0_WP } from "../../runtime/state.ts";
import type { Vcpu } from "../../runtime/vcpu.ts";
import type { Machine } from "../../src/machine.ts";
import { Random } from "../oracle/integer/random.ts";
import { Assembler, dword, word } from "./assembler.ts";
import { chance, DATA, EAX, EBX, ECX, EDI, enter, escapeHere, ESI, ESP, ORIGIN, programPics, STACK, type Trial } from "./shelter.ts";
import { differences, runTo, SOON, twins } from "./twins.ts";

const RET = 0xc3, IRET = 0xcf, INC_EDX = 0x42, PAGE = 0x1000, CODE_SELECTOR = 0x10;
const IDT = 0x2000, TIMER = 0x20, PAGE_FAULT = 14, HANDLER = 0x3800, LOG = DATA + 0x100, OTHER_STACK = 0x88000;
const DIRECTORY = 0x200000, TABLE = 0x201000, HIGH = 0x202000, FIRST = 0x300000, SECOND = 0x304000;
/** Where pages are mapped that come and go, and the PTEs of the first ones. */
const PLACE = 0x80000000, PTE = HIGH;
/** Baseline code that is made together with other heads, that regions take the place of, and that is made alone and at once. */
const WAYS: ReadonlyArray<Pick<Trial, "hotThreshold" | "promotion">> = [
  { hotThreshold: 3, promotion: 1e9 }, { hotThreshold: 3, promotion: SOON }, { hotThreshold: 1, promotion: 1e9 },
];

interface Figures {
  /** Of the instructions, what was not interpreted. */
  readonly share: number;
  /** At how many of the looks at it the row that ran last had ended inside what was called. */
  readonly inside: number;
  readonly translated: Machine;
}

/** Runs a guest in all ways, comparing again and again; answers the figures of the last one. */
function survives(assemble: (a: Assembler) => void, { budget, every = 997, ends, prepare = () => {}, ...options }: Trial): Figures {
  const a = new Assembler(ORIGIN);
  assemble(a);
  const code = a.finish(), figures = WAYS.map((way): Figures => {
    const pair = twins({ memory: 16 << 20, rest: 0, ...way, ...options }), { translated, interpreted } = pair;
    for (const machine of [translated, interpreted]) {
      enter(machine, code);
      prepare(machine);
    }
    let inside = 0;
    for (let to = every; to <= budget; to += every) {
      const [one, other] = [runTo(translated, to), runTo(interpreted, to)];
      expect(one).toEqual(other);
      expect(differences(pair), `at ${to} with ${JSON.stringify(way)}`).toEqual([]);
      inside += Number(translated.cpu.depth > 0);
      if (interpreted.instructions === to) continue;
      expect(ends).toContain(other.at(-1)!.reason);
      break;
    }
    const { stats, count } = translated.vcpu as Vcpu;
    return { share: stats.translated / count, inside, translated };
  });
  return figures.at(-1)!;
}

/** Identity below 4 MiB; PLACE and the pages behind it at FIRST and behind it. */
function map({ memory, cpu }: Machine): void {
  const put = (address: number, words: readonly number[]): void => { memory.writePhysical(address, new Uint8Array(Int32Array.from(words).buffer)); };
  put(DIRECTORY, [TABLE | 7]);
  put(DIRECTORY + 0x800, [HIGH | 7]);
  put(TABLE, Array.from({ length: 1024 }, (_, page) => page << 12 | 7));
  put(HIGH, Array.from({ length: 4 }, (_, page) => FIRST + page * PAGE | 7));
  cpu.cr3 = DIRECTORY;
  cpu.cr0 |= CR0_PG | CR0_WP;
}

const at = (address: number, assemble: (a: Assembler) => void) => ({ memory }: Machine): void => {
  const a = new Assembler(address);
  assemble(a);
  memory.writePhysical(address, a.finish());
};
/** Code that runs at PLACE, from a frame on. */
const atPlace = (frame: number, assemble: (a: Assembler) => void) => ({ memory }: Machine): void => {
  const a = new Assembler(PLACE);
  assemble(a);
  memory.writePhysical(frame, a.finish());
};
const handles = (vector: number, assemble: (a: Assembler) => void) => (machine: Machine): void => {
  at(HANDLER, assemble)(machine);
  machine.memory.writePhysical(IDT + 8 * vector, Uint8Array.of(...word(HANDLER), ...word(CODE_SELECTOR), 0, 0x8e, 0, 0));
};
const all = (...parts: ReadonlyArray<(machine: Machine) => void>) => (machine: Machine): void => { for (const part of parts) part(machine); };

const call = (address: number) => (a: Assembler): Assembler => a.with32([0xe8], address - a.here - 5 | 0);
const callEdi = (a: Assembler, address: number): Assembler => a.set(EDI, address).bytes(0xff, 0xd7);
const invalidate = (a: Assembler, address: number): Assembler => a.bytes(0x0f, 0x01, 0x3d, ...dword(address)); // invlpg [address]
const xor = (a: Assembler, address: number, value: number): Assembler => a.bytes(0x81, 0x35, ...dword(address), ...dword(value));
const RELOAD = [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8]; // mov eax, cr3; mov cr3, eax
/** One time in as many as `mask` has values. */
function sometimes(a: Assembler, label: string, mask: number, what: (a: Assembler) => void): Assembler {
  chance(a).bytes(0xa8, mask).near([0x0f, 0x85], label); // test al, mask; jnz
  what(a);
  return a.label(label);
}
const word32 = ({ memory }: Machine, address: number): number => memory.ram32[address >>> 2]!;

describe("the fetch behind a return", () => {
  it("is not before what comes first when the budget is spent", () => {
    const FORGET = 0x310000, { share } = survives((a) => {
      escapeHere(a).set(EDI, PLACE).bytes(0xff, 0xe7);
    }, {
      budget: 20_000, every: 101, prepare: all(map, atPlace(FIRST, (a) => { a.set(EBX, FORGET).label("again").bytes(INC_EDX, 0xff, 0xd3).jump("again"); }), // call ebx
        at(FORGET, (a) => { invalidate(a.bytes(0x80, 0x25, ...dword(PTE), 0xdf), PLACE).bytes(RET); })), // and byte [PTE], not accessed
    });
    expect(share).toBeGreaterThan(0.5);
  });
});

/** Nothing is fetched before what comes first where the budget is spent behind an instruction that runs at its exact count; in regions at once, too. */
describe("the fetch behind what runs at its exact count is not before what comes first when the budget is spent", () => {
  const forget = (a: Assembler, page: number): Assembler => invalidate(a.bytes(0x80, 0x25, ...dword(PTE + 4 * page), 0xdf), PLACE + page * PAGE); // and byte [PTE], not accessed
  const interrupt = (address: number) => ({ memory }: Machine): void => {
    memory.writePhysical(IDT + 8 * 0x30, Uint8Array.of(...word(address), ...word(CODE_SELECTOR), 0, 0x8f, ...word(address >>> 16)));
  };
  const loop = (a: Assembler): Assembler => a.label("again").bytes(INC_EDX);

  it.each<[string, (a: Assembler) => void, ((machine: Machine) => void)?]>([
    ["INT", (a) => { forget(loop(a), 1).bytes(0xcd, 0x30).jump("again").padTo(PLACE + PAGE).bytes(INC_EDX, IRET); }, interrupt(PLACE + PAGE)],
    ["IRET", (a) => { loop(a).bytes(0xcd, 0x30).jump("again"); }, all(interrupt(0x310000), at(0x310000, (a) => { forget(a, 0).bytes(IRET); }))],
    ["a far jump", (a) => { forget(loop(a), 1).address([0xea], "end").bytes(...word(CODE_SELECTOR)).padTo(PLACE + PAGE).label("end").bytes(INC_EDX).jump("again"); }],
    ["IN at a page's end", (a) => { forget(loop(a), 1).jump("end").padTo(PLACE + PAGE - 2).label("end").bytes(0xe4, 0x40, INC_EDX).jump("again"); }],
    ["MOV to CR4", (a) => { forget(loop(a), 0).bytes(0x0f, 0x20, 0xe0, 0x34, 0x80, 0x0f, 0x22, 0xe0).jump("again"); }], // xor al, 80h
  ])("%s", (_name, code, prepare = () => {}) => {
    survives((a) => { escapeHere(a).set(EDI, PLACE).bytes(0xff, 0xe7); }, { budget: 20_000, every: 101, prepare: all(map, atPlace(FIRST, code), prepare) });
  });
});

describe("code behind a call", () => {
  /** A loop that calls; what stands behind the call is `label("behind")`, `inc edx` at first. */
  const loop = (a: Assembler, called: (a: Assembler) => void): Assembler => {
    escapeHere(a).set(EBX, 0).label("again");
    called(a);
    return a.label("behind").bytes(INC_EDX).bytes(0x69, 0xd2, ...dword(0x10dcd)).jump("again"); // imul edx, edx, …
  };
  /** Turns `inc edx` into `dec edx` and back, now and then. */
  const flips = (mask: number) => (a: Assembler): void => {
    sometimes(a.label("callee"), "keep", mask, (inner) => { inner.address([0x80, 0x35], "behind").bytes(0x08); }).bytes(RET); // xor byte [behind], 8
  };

  it.each([0, 1, 15, 63])("is overwritten by what is called, on the same page, where a random number & %i is 0", (mask) => {
    const { share, inside } = survives((a) => { flips(mask)(loop(a, (inner) => { inner.near([0xe8], "callee"); })); }, { budget: 30_000 });
    if (mask !== 63) return;
    expect(share).toBeGreaterThan(0.5);
    expect(inside).toBeGreaterThan(0);
  });

  it.each([0, 1, 15, 63])("is overwritten by what is called, on another page, where a random number & %i is 0", (mask) => {
    const { share, inside } = survives((a) => { flips(mask)(loop(a, (inner) => { inner.near([0xe8], "callee"); }).padTo(ORIGIN + PAGE)); }, { budget: 30_000 });
    if (mask !== 63) return;
    expect(share).toBeGreaterThan(0.5);
    expect(inside).toBeGreaterThan(0);
  });

  it("is overwritten by what that calls, and by what it calls at the end", () => {
    survives((a) => {
      loop(a, (inner) => { inner.near([0xe8], "first"); }).padTo(ORIGIN + PAGE);
      a.label("first").bytes(0x43).near([0xe8], "second").bytes(0x4b).jump("callee").padTo(ORIGIN + 2 * PAGE); // inc ebx; dec ebx
      flips(7)(a.label("second").near([0xe8], "callee").bytes(RET).padTo(ORIGIN + 3 * PAGE));
    }, { budget: 60_000 });
  });

  it("is another immediate each time", () => {
    survives((a) => {
      escapeHere(a).label("again").near([0xe8], "callee").bytes(0x81, 0xc2).label("value").bytes(...dword(1)).jump("again").padTo(ORIGIN + PAGE); // add edx, value
      chance(a.label("callee")).address([0xa3], "value").bytes(RET);
    }, { budget: 30_000 });
  });

  it("is the call itself, which leads elsewhere the next time", () => {
    survives((a) => {
      escapeHere(a).label("again").near([0xe8], "one").label("behind").bytes(INC_EDX).jump("again").padTo(ORIGIN + PAGE);
      const distance = 0x20;
      a.label("one").bytes(0x43);
      sometimes(a, "keep", 15, (inner) => { inner.bytes(0x83, 0x35, ...dword(a.at("behind") - 4), distance); }).bytes(RET); // xor dword [distance], 20h
      a.padTo(ORIGIN + PAGE + distance + 0x20);
    }, { budget: 30_000 });
  });

  it("is overwritten where a region has taken the caller's place, and is data of the callee", () => {
    survives((a) => {
      loop(a, (inner) => { inner.near([0xe8], "callee"); }).label("datum").bytes(0, 0, 0, 0).padTo(ORIGIN + PAGE);
      sometimes(a.label("callee").address([0xff, 0x05], "datum"), "keep", 63, (inner) => { inner.address([0x80, 0x35], "behind").bytes(0x08); }).bytes(RET);
    }, { budget: 60_000 });
  });
});

describe("the page of the caller", () => {
  /** The code at PLACE: `add edx, k` behind the call. */
  const variant = (k: number) => (a: Assembler): void => {
    a.set(EBX, 0x310000).label("again").bytes(0xff, 0xd3, 0x81, 0xc2, ...dword(k), 0xd1, 0xc2).jump("again"); // call ebx; add edx, k; rol edx, 1
  };
  const remapped = (called: (a: Assembler) => void, more: Partial<Trial> = {}): Figures => survives((a) => { escapeHere(a).set(EDI, PLACE).bytes(0xff, 0xe7); }, {
    budget: 30_000, every: 331, ...more, prepare: all(map, atPlace(FIRST, variant(1)), atPlace(SECOND, variant(0x12345)), at(0x310000, called), more.prepare ?? (() => {})),
  });
  const flip = (a: Assembler): Assembler => xor(a, PTE, FIRST ^ SECOND);

  it.each<[string, (a: Assembler) => void]>([
    ["and the TLB is told of that page", (a) => { invalidate(a, PLACE); }],
    ["and the TLB is emptied", (a) => { a.bytes(...RELOAD); }],
    ["and the TLB is not told", () => {}],
    ["and the TLB is told by chance", (a) => { sometimes(a, "not told", 3, (inner) => { invalidate(inner, PLACE); }); }],
  ])("is mapped elsewhere by what it calls, %s", (_name, tell) => {
    for (const mask of [0, 15]) {
      const { share } = remapped((a) => {
        sometimes(a, "keep", mask, (inner) => { tell(flip(inner)); }).bytes(RET);
      });
      if (mask === 15) expect(share).toBeGreaterThan(0.4);
    }
  });

  it("is mapped elsewhere and back", () => {
    const { inside } = remapped((a) => { invalidate(flip(invalidate(flip(a), PLACE)), PLACE).bytes(RET); });
    expect(inside).toBeGreaterThan(0);
  });

  it("goes away, and a fault brings it or another one back", () => {
    remapped((a) => { sometimes(a, "keep", 7, (inner) => { invalidate(inner.bytes(0x80, 0x25, ...dword(PTE), 0xfe), PLACE); }).bytes(RET); }, { // and byte [PTE], not present
      prepare: handles(PAGE_FAULT, (a) => {
        flip(a.bytes(0x50, 0x0f, 0x20, 0xd0, 0x01, 0x05, ...dword(LOG), 0x58))
          .bytes(0x80, 0x0d, ...dword(PTE), 1, 0x83, 0xc4, 4, IRET); // add [LOG], cr2; …; or byte [PTE], present
      }),
    });
  });

  it("is the same one in other page tables", () => {
    const OTHER = 0x203000, TABLES = DIRECTORY + 0x800;
    const { share } = remapped((a) => { sometimes(a, "keep", 3, (inner) => { xor(inner, TABLES, HIGH ^ OTHER).bytes(...RELOAD); }).bytes(RET); }, {
      prepare: ({ memory }) => { memory.writePhysical(OTHER, Uint8Array.from([...dword(FIRST | 7), ...dword(SECOND | 7)])); },
    });
    expect(share).toBeGreaterThan(0.4);
  });

  it("is written where it lies, and where it is mapped otherwise, by what it calls", () => {
    for (const address of [FIRST, PLACE + PAGE]) {
      const { share } = remapped((a) => { sometimes(a, "keep", 31, (inner) => { inner.bytes(0x80, 0x35, ...dword(address + 8), 0x28); })
        .bytes(RET); }, { // xor byte [modrm], 28h: add edx, sub edx
        prepare: ({ memory }) => { memory.writePhysical(PTE + 4, Uint8Array.from(dword(FIRST | 7))); },
      });
      expect(share).toBeGreaterThan(0.5);
    }
  });

  it("is another one while the A20 gate is closed, which what it calls opens and closes", () => {
    const GATE = 1 << 20, OPEN = 0x510000, callee = (a: Assembler): void => { sometimes(a, "keep", 15, (inner) => { inner.bytes(0xe4, 0x92, 0x34, 2, 0xe6, 0x92); })
      .bytes(RET); }; // in al, 92h; xor al, 2; out 92h, al
    const { share } = remapped(callee, {
      prepare: all(atPlace(OPEN, variant(3)), atPlace(OPEN - GATE, variant(0x777)), ({ memory }) => {
        const a = new Assembler(0x310000);
        callee(a);
        memory.writePhysical(0x310000 - GATE, a.finish());
        memory.writePhysical(PTE, Uint8Array.from(dword(OPEN | 7)));
      }),
    });
    expect(share).toBeGreaterThan(0.5);
  });

  it("is where the accessed bit of the callee's page lies, which is code of the caller", () => {
    // The PTE of what is called, 8a4007h or 8a4027h, is the end of `cmp eax, [edi]` or `cmp esp, [edi]`, `inc eax` and `mov al, [eax]`.
    const FRAME = 0x8a4000, CALLER = HIGH + 12 - 1, CALLED = PLACE + 3 * PAGE;
    for (const off of [[], ["patches"]]) {
      survives((a) => {
        escapeHere(a).set(ESI, CALLER - 0x1e).bytes(0xff, 0xe6);
      }, {
        budget: 20_000, every: 331, off: new Set(off), prepare: all(map, ({ memory }) => {
          const a = new Assembler(CALLER - 0x1e);
          a.label("again").set(EDI, DATA).set(EAX, DATA);
          memory.writePhysical(CALLER - 0x1e, a.bytes(0xeb, 0x1e - 12).finish()); // to the instruction before the PTE
          memory.writePhysical(CALLER, Uint8Array.of(0x3b, ...dword(FRAME | 7)));
          const rest = new Assembler(CALLER + 5).bytes(0x83, 0xd2, 0, 0xd1, 0xc2).set(EBX, CALLED).bytes(0xff, 0xd3, INC_EDX); // adc edx, 0; rol edx, 1; call ebx
          rest.with32([0xe9], CALLER - 0x1e - rest.here - 5);
          memory.writePhysical(CALLER + 5, rest.finish());
          memory.writePhysical(FRAME, Uint8Array.of(0x43, 0xe8, ...dword(0x310000 - CALLED - 6), RET));
          memory.writePhysical(DATA, Uint8Array.from(dword(STACK >> 1)));
        }, at(0x310000, (a) => {
          sometimes(a, "keep", 7, (inner) => { invalidate(inner.bytes(0x80, 0x25, ...dword(CALLER + 1), 0xdf), CALLED); }).bytes(RET); // and byte [PTE], not accessed
        })),
      });
    }
  });
});

describe("a call that", () => {
  /** Calls `callee`, on another page, for ever; registers but EDX are the callee's. */
  const calling = (callee: (a: Assembler) => void) => (a: Assembler): void => {
    escapeHere(a).label("again").bytes(INC_EDX).near([0xe8], "callee").label("behind").bytes(0x83, 0xc2, 3, 0x83, 0xc2, 5, 0xd1, 0xc2)
      .jump("again"); // add edx, 3; add edx, 5; rol edx, 1
    callee(a.padTo(ORIGIN + PAGE).label("callee"));
  };

  it("comes back by the way of a retpoline", () => {
    const { share, inside } = survives((a) => {
      escapeHere(a).label("again").address([0xb8], "target").near([0xe8], "thunk").bytes(INC_EDX).jump("again").padTo(ORIGIN + PAGE);
      a.label("thunk").near([0xe8], "set").label("capture").bytes(0xf3, 0x90, 0x0f, 0xae, 0xe8).jump("capture").label("set").bytes(0x89, 0x04, 0x24, RET)
        .padTo(ORIGIN + 2 * PAGE); // mov [esp], eax
      a.label("target").bytes(0x01, 0xd3, RET);
    }, { budget: 30_000 });
    expect(share).toBeGreaterThan(0.8);
    expect(inside).toBeGreaterThan(0);
  });

  it("is made for its return address", () => {
    const near = survives(calling((a) => { a.near([0xe8], "here").label("here").bytes(0x58, 0x01, 0xc2, 0xb8).bytes(...dword(a.here + 6))
      .bytes(0xff, 0xd0, 0x5b, RET); }), { budget: 20_000 }); // …; mov eax, behind; call eax; pop ebx
    expect(near.share).toBeGreaterThan(0.8);
    const thunk = survives(calling((a) => { a.near([0xe8], "thunk").bytes(0x01, 0xda, RET).padTo(ORIGIN + 2 * PAGE).label("thunk")
      .bytes(0x8b, 0x1c, 0x24, RET); }), { budget: 20_000 }); // mov ebx, [esp]
    expect(thunk.share).toBeGreaterThan(0.8);
  });

  it.each<[string, readonly number[]]>([
    ["takes its return address off and jumps there", [0x58, 0xff, 0xe0]], ["returns into the caller's block", [0x83, 0x04, 0x24, 3, RET]],
    ["jumps into it", [0x58, 0x83, 0xc0, 3, 0xff, 0xe0]],
    ["pushes its return address once more", [0xff, 0x34, 0x24, 0xc2, 4, 0]],
    ["returns by two returns", [0xff, 0x34, 0x24, 0xff, 0x04, 0x24, 0xff, 0x0c, 0x24, 0x8d, 0x64, 0x24, 4, RET]],
    ["returns by a far return", [0x58, 0x0e, 0x50, 0xcb]], ["returns by IRET", [0x58, 0x9c, 0x0e, 0x50, IRET]],
  ])("%s", (_name, callee) => {
    const { share } = survives(calling((a) => { a.bytes(...callee); }), { budget: 20_000 });
    expect(share).toBeGreaterThan(0.8);
  });

  it("returns and takes its arguments off", () => {
    const { share, inside } = survives((a) => {
      escapeHere(a).label("again").bytes(0x52, 0x6a, 7).near([0xe8], "callee").bytes(0x01, 0xc2).jump("again").padTo(ORIGIN + PAGE); // push edx; push 7
      a.label("callee").bytes(0x8b, 0x44, 0x24, 8, 0x03, 0x44, 0x24, 4, 0xff, 0x74, 0x24, 4).near([0xe8], "inner").bytes(0xc2, 8, 0)
        .padTo(ORIGIN + 2 * PAGE); // mov eax, [esp + 8]; add eax, [esp + 4]; push [esp + 4]
      a.label("inner").bytes(0x03, 0x44, 0x24, 4, 0xc2, 4, 0);
    }, { budget: 20_000 });
    expect(share).toBeGreaterThan(0.8);
    expect(inside).toBeGreaterThan(0);
  });

  it("never returns: its stack goes down as far as there is one", () => {
    survives((a) => {
      escapeHere(a).set(ESP, STACK).set(ECX, 5000).label("one").bytes(0x49).near([0x0f, 0x84], "end").near([0xe8], "two").label("end")
        .bytes(0xff, 0x25, ...dword(0x3ff0)); // jmp [ESCAPE]
      a.padTo(ORIGIN + PAGE).label("two").bytes(0x41, 0x49).near([0xe8], "one");
    }, { budget: 60_000, every: 4999 });
  });

  it("has the processor's stack pointer wrap", () => {
    survives((a) => {
      escapeHere(a).label("again").set(ESP, 4).near([0xe8], "callee").bytes(INC_EDX).jump("again").padTo(ORIGIN + PAGE).label("callee").bytes(0x43)
        .near([0xe8], "inner").bytes(RET);
      a.padTo(ORIGIN + 2 * PAGE).label("inner").bytes(0x43, RET);
    }, { budget: 20_000 });
  });
});

it("two functions that call each other hundreds of levels deep", () => {
  const { share, inside } = survives((a) => {
    escapeHere(a).label("again").set(ECX, 400).near([0xe8], "one").jump("again").padTo(ORIGIN + PAGE);
    a.label("one").bytes(0x51, 0x49).near([0x0f, 0x84], "end").near([0xe8], "two").label("end").bytes(0x59, 0x01, 0xca, RET)
      .padTo(ORIGIN + 2 * PAGE); // push ecx; dec ecx; jz; …; pop ecx; add edx, ecx
    a.label("two").bytes(0x49).near([0x0f, 0x84], "no more").bytes(0xbe).bytes(...dword(a.at("one"))).bytes(0xff, 0xd6, 0x31, 0xca).label("no more")
      .bytes(0x41, RET); // mov esi, one; call esi; xor edx, ecx
  }, { budget: 200_000 });
  expect(share).toBeGreaterThan(0.9);
  expect(inside).toBeGreaterThan(50);
});

it.each<[string, number]>([["above", 0x98000], ["below", OTHER_STACK]])("coroutines, the stack of one being %s the other's", (_name, other) => {
  const SAVED = DATA + 0x40;
  const { share, inside } = survives((a) => {
    escapeHere(a).store(SAVED, other - 4).label("one").near([0xe8], "switch").bytes(INC_EDX).near([0xe8], "deep").bytes(0xd1, 0xc2).jump("one"); // rol edx, 1
    a.padTo(ORIGIN + PAGE).label("two").near([0xe8], "switch").bytes(0x83, 0xf2, 0x55).near([0xe8], "deep").bytes(0x4b).jump("two"); // xor edx, 55h; dec ebx
    a.padTo(ORIGIN + 2 * PAGE).label("switch").bytes(0x87, 0x25, ...dword(SAVED), RET).label("deep").bytes(0x43).near([0xe8], "switch").bytes(0x43, RET); // xchg esp, [SAVED]
  }, {
    budget: 60_000, prepare: ({ memory }) => { memory.writePhysical(other - 4, Uint8Array.from(dword(ORIGIN + PAGE))); },
  });
  expect(share).toBeGreaterThan(0.8);
  expect(inside).toBeGreaterThan(0);
});

describe("what is called", () => {
  it("faults, and goes on behind the handler", () => {
    const { share, translated } = survives((a) => {
      escapeHere(a).label("again").near([0xe8], "callee").bytes(INC_EDX).jump("again").padTo(ORIGIN + PAGE);
      a.label("callee").bytes(0x43).near([0xe8], "touch").bytes(0x4b, RET).padTo(ORIGIN + 2 * PAGE).label("touch").bytes(0x03, 0x15, ...dword(PLACE + PAGE)); // add edx, [page]
      sometimes(a, "keep", 3, (inner) => { invalidate(inner.bytes(0x80, 0x25, ...dword(PTE + 4), 0xfe), PLACE + PAGE); }).bytes(RET);
    }, {
      budget: 60_000, prepare: all(map, handles(PAGE_FAULT, (a) => { a.bytes(0xff, 0x05, ...dword(LOG), 0x80, 0x0d, ...dword(PTE + 4), 1, 0x83, 0xc4, 4, IRET); })),
    });
    expect(share).toBeGreaterThan(0.5);
    expect(word32(translated, LOG)).toBeGreaterThan(100);
  });

  it("lies on a page that is not there now and then", () => {
    const CALLED = PLACE + PAGE, { share, translated } = survives((a) => {
      escapeHere(a).label("again").near([0xe8], "callee").bytes(INC_EDX).jump("again").padTo(ORIGIN + PAGE);
      callEdi(sometimes(a.label("callee"), "keep", 3, (inner) => { invalidate(inner.bytes(0x80, 0x25, ...dword(PTE + 4), 0xfe), CALLED); }), CALLED).bytes(0x4b, RET);
    }, {
      budget: 60_000, every: 331, prepare: all(map, at(FIRST + PAGE, (a) => { a.bytes(0x43, 0xb8, ...dword(0x310000), 0xff, 0xd0, RET); }),
        at(0x310000, (a) => { a.bytes(0x43, RET); }),
        handles(PAGE_FAULT, (a) => { a.bytes(0xff, 0x05, ...dword(LOG), 0x50, 0x0f, 0x20, 0xd0, 0x01, 0x05, ...dword(LOG + 4),
          0x58, 0x80, 0x0d, ...dword(PTE + 4), 1, 0x83, 0xc4, 4, IRET); })),
    });
    expect(share).toBeGreaterThan(0.5);
    expect(word32(translated, LOG)).toBeGreaterThan(100);
  });

  it("is fetched in the midst of rows: the page tables say so, and code in them is dropped", () => {
    // The code that is called lies behind PTEs, on their page; what it calls lies where they lead, whose accessed bits are forgotten.
    const CODE = HIGH + 0x100, CALLED = PLACE + 2 * PAGE;
    survives((a) => { callEdi(escapeHere(a).label("again"), CODE).bytes(INC_EDX).jump("again"); }, {
      budget: 20_000, every: 331, prepare: all(map, at(CODE, (a) => { a.bytes(0x80, 0x25, ...dword(PTE + 8), 0xdf); callEdi(invalidate(a, CALLED), CALLED)
        .bytes(0x43, RET); }), at(FIRST + 2 * PAGE, (a) => {
        a.bytes(0x43); callEdi(a, PLACE + 3 * PAGE); invalidate(a, PLACE + 3 * PAGE).bytes(RET);
      }), at(FIRST + 3 * PAGE, (a) => { a.bytes(0x80, 0x25, ...dword(PTE + 12), 0xdf, RET); })),
    });
  });

  it.each([2, 3, 7])("is interrupted, every %i clocks", (clocks) => {
    const pair = survives((a) => {
      programPics(a);
      a.out(0x43, 0x34).out(0x40, clocks).out(0x40, 0).bytes(0xfb);
      escapeHere(a).label("again").near([0xe8], "one").bytes(INC_EDX).near([0xe8], "closed").jump("again").padTo(ORIGIN + PAGE);
      a.label("one").bytes(0x51).set(ECX, 5).label("loop").near([0xe8], "two").bytes(0x49).near([0x0f, 0x85], "loop").bytes(0x59, RET).label("closed").bytes(0xfa)
        .near([0xe8], "two").bytes(0xfb, RET); // cli; …; sti
      a.padTo(ORIGIN + 2 * PAGE).label("two").bytes(0x9c, 0xfa, 0x43, 0x9d, RET); // pushf; cli; inc ebx; popf
    }, {
      budget: 100_000, prepare: handles(TIMER, (a) => { a.bytes(0x50).near([0xe8], "note").out(0x20, 0x20).bytes(0x58, IRET).label("note")
        .bytes(0x8b, 0x44, 0x24, 8, 0x01, 0x05, ...dword(LOG), RET); }), // adds up the EIPs that were pushed
    });
    expect((pair.translated.vcpu as Vcpu).stats.interrupts).toBeGreaterThan(10);
    expect(pair.share).toBeGreaterThan(0.5);
  });

  it("polls ports, reads the time, changes segments and lets interrupts be, and comes back", () => {
    const { share } = survives((a) => {
      escapeHere(a).label("again").near([0xe8], "one").bytes(0x01, 0xc3).near([0xe8], "two").bytes(INC_EDX).near([0xe8], "three").jump("again").padTo(ORIGIN + PAGE);
      a.label("one").bytes(0xe4, 0x40, RET).label("two").bytes(0x52, 0x0f, 0x31, 0x5a, 0x01, 0xc3, RET).label("three")
        .bytes(0x8c, 0xd8, 0x8e, 0xc0, 0x9c, 0x9d, 0x0f, 0xa2, 0xc3); // in; rdtsc; mov es, ds; pushf; popf; cpuid
    }, { budget: 60_000 });
    expect(share).toBeGreaterThan(0.5);
  });

  it("sets a breakpoint at its return address, and one on what the caller reads", () => {
    const { share, translated } = survives((a) => {
      escapeHere(a).label("again").near([0xe8], "callee").label("behind").bytes(INC_EDX, 0x03, 0x15, ...dword(DATA)).jump("again").padTo(ORIGIN + PAGE); // add edx, [DATA]
      sometimes(a.label("callee"), "none", 15, (inner) => {
        inner.address([0xb8], "behind").bytes(0x0f, 0x23, 0xc0).set(EAX, DATA).bytes(0x0f, 0x23, 0xc8).set(EAX, 0xf0000a).bytes(0x0f, 0x23, 0xf8); // dr0, dr1, dr7
      }).bytes(RET);
    }, {
      budget: 40_000, every: 331, prepare: handles(1, (a) => {
        a.bytes(0x50, 0xff, 0x05, ...dword(LOG), 0x0f, 0x21, 0xf0, 0xa8, 2).near([0x0f, 0x84], "first").bytes(0x31, 0xc0, 0x0f, 0x23, 0xf8)
          .label("first"); // inc [LOG]; mov eax, dr6; test al, 2; jz; dr7 = 0
        a.bytes(0x31, 0xc0, 0x0f, 0x23, 0xf0, 0x81, 0x4c, 0x24, 12, ...dword(0x10000), 0x58, IRET); // dr6 = 0; or [flags], RF
      }),
    });
    expect(word32(translated, LOG)).toBeGreaterThan(50);
    expect(share).toBeGreaterThan(0.5);
  });

  it("halts until an interrupt comes", () => {
    const { translated } = survives((a) => {
      programPics(a);
      a.out(0x43, 0x34).out(0x40, 9).out(0x40, 0);
      escapeHere(a).label("again").near([0xe8], "callee").bytes(INC_EDX).jump("again").padTo(ORIGIN + PAGE);
      sometimes(a.label("callee").bytes(0xfa).near([0xe8], "inner"), "no", 7, (inner) => { inner.bytes(0xfb, 0xf4); }).bytes(0x43, RET).padTo(ORIGIN + 2 * PAGE)
        .label("inner").bytes(0x43, RET); // sti; hlt
    }, { budget: 40_000, every: 331, prepare: handles(TIMER, (a) => { a.bytes(0x50).out(0x20, 0x20).bytes(0x58, IRET); }) });
    expect((translated.vcpu as Vcpu).stats.interrupts).toBeGreaterThan(50);
  });

  it("goes to single steps and back", () => {
    survives((a) => {
      escapeHere(a).label("again").near([0xe8], "callee").bytes(INC_EDX, 0x43).jump("again").padTo(ORIGIN + PAGE);
      chance(a.label("callee")).bytes(0x25, ...dword(0x1f)).near([0x0f, 0x85], "plain").bytes(0x9c, 0x81, 0x0c, 0x24, ...dword(0x100), 0x9d).label("plain")
        .bytes(RET); // pushf; or [esp], TF; popf
    }, {
      budget: 30_000, every: 331, prepare: handles(1, (a) => {
        a.bytes(0xff, 0x05, ...dword(LOG), 0x50, 0x8b, 0x44, 0x24, 4, 0x01, 0x05, ...dword(LOG + 4), 0xa8, 1, 0x58)
          .near([0x0f, 0x85], "stay").bytes(0x81, 0x64, 0x24, 8, ...dword(~0x100)).label("stay").bytes(IRET);
      }),
    });
  });
});

/**
 * Guests of functions that call each other at random, on pages that are flipped between two versions, go away, and are rewritten; all of them with little fuel, so that
 * a turn ends. EDX gathers which code ran.
 */
const FUEL = DATA + 0x20, SAVED = DATA + 0x40, PAGES = 4, FUNCTIONS = 4, SLOT_BYTES = PAGE / FUNCTIONS;

class Functions {
  readonly #random: Random;
  readonly #addresses = Array.from({ length: PAGES * FUNCTIONS }, (_, k) => PLACE + k * SLOT_BYTES);
  /** `inc edx`, which may become `dec edx`. */
  readonly #patchable: number[] = [];
  #labels = 0;

  constructor(random: Random) { this.#random = random; }

  pick(): number { return this.#random.pick(this.#addresses); }

  code(): Uint8Array {
    const a = new Assembler(PLACE);
    for (const address of this.#addresses) this.#function(a.padTo(address, 0xcc));
    return a.padTo(PLACE + PAGES * PAGE, 0xcc).finish();
  }

  #function(a: Assembler): void {
    const start = a.here, out = this.#label();
    a.bytes(0xff, 0x0d, ...dword(FUEL)).near([0x0f, 0x88], out); // dec [FUEL]; js out
    for (let n = 2 + this.#random.below(8); n > 0 && a.here < start + SLOT_BYTES - 120; n--) this.#piece(a);
    if (this.#random.once(6)) a.with32([0xe9], this.pick() - a.here - 5 | 0);
    a.label(out).bytes(RET);
  }

  #label(): string { return `label ${this.#labels++}`; }

  #piece(a: Assembler): void {
    const random = this.#random, seldom = (what: () => void): void => { sometimes(a, this.#label(), random.pick([3, 7, 31]), what); };
    const page = random.below(PAGES), linear = PLACE + page * PAGE, pte = PTE + 4 * page, told = (): void => {
      if (random.once(4)) a.bytes(...RELOAD);
      else if (!random.once(4)) invalidate(a, linear);
    };
    switch (random.below(16)) {
      case 0: case 1: case 2: call(this.pick())(a); break;
      case 3: case 4: callEdi(a, this.pick()); break;
      case 5: a.bytes(0x68, ...dword(this.pick()), 0xff, 0x14, 0x24, 0x58); break; // push; call [esp]; pop eax
      case 6: {
        const loop = this.#label();
        call(this.pick())(a.bytes(0x51).set(ECX, 3).label(loop)).bytes(0x49).near([0x0f, 0x85], loop).bytes(0x59);
        break;
      }
      case 7: this.#patchable.push(a.here); a.bytes(INC_EDX, 0xd1, 0xc2); break;
      case 8: a.bytes(0xe8, 0, 0, 0, 0, 0x58, 0x01, 0xc2); break;
      case 9: seldom(() => { a.bytes(RET); }); break;
      case 10: seldom(() => { xor(a, pte, FIRST ^ SECOND); told(); }); break;
      case 11: seldom(() => { a.bytes(0x80, 0x25, ...dword(pte), random.pick([0xfe, 0xdf, 0xdf])); told(); }); break; // not present, or not accessed
      case 12: if (this.#patchable.length > 0) seldom(() => { a.bytes(0x80, 0x35, ...dword(random.pick(this.#patchable)), 8); }); break;
      case 13: seldom(() => { a.bytes(0x87, 0x25, ...dword(SAVED)); }); break;
      case 14: seldom(() => { a.bytes(...random.pick([[0x83, 0x04, 0x24, 1, RET], [0xe4, 0x40], [0x0f, 0x31], [0x9c, 0x9d],
        [0x8c, 0xd8, 0x8e, 0xc0], [0x0f, 0xa2], [0xfa], [0xfb, 0x90], [0xfb]])); }); break;
      default: { const away = this.#label(); a.bytes(0xd1, 0xc2).near([0x0f, 0x82], away).bytes(0x43, 0x01, 0xda).label(away); } // rol edx, 1; jc; inc ebx; add edx, ebx
    }
  }
}

const SEED = Number(process.env["CALQUE_CALLS_SEED"] ?? 1), GUESTS = Number(process.env["CALQUE_CALLS_GUESTS"] ?? 3);

it.each(Array.from({ length: GUESTS }, (_, k) => SEED + k))("functions that call each other at random, seed %i", (seed) => {
  const random = new Random(seed), functions = new Functions(random), code = functions.code(), other = code.map((byte) => byte === INC_EDX ? 0x43 : byte);
  const timer = random.below(3) * 3;
  survives((a) => {
    programPics(a);
    if (timer > 0) a.out(0x43, 0x34).out(0x40, timer).out(0x40, 0);
    escapeHere(a).label("again").set(ESP, STACK).store(FUEL, 20 + random.below(100)).store(SAVED, OTHER_STACK - 4).store(OTHER_STACK - 4, functions.pick());
    a.address([0xc7, 0x05, ...dword(OTHER_STACK)], "again").bytes(0xfb);
    for (let n = 4; n > 0; n--) call(functions.pick())(a).bytes(INC_EDX);
    a.jump("again");
  }, {
    budget: 60_000, every: 1999, prepare: all(map, ({ memory }) => {
      memory.writePhysical(FIRST, code);
      memory.writePhysical(SECOND, other);
    }, handles(PAGE_FAULT, (a) => {
      a.bytes(0x50, 0x0f, 0x20, 0xd0, 0x2d, ...dword(PLACE), 0x3d, ...dword(PAGES * PAGE)).near([0x0f, 0x83], "elsewhere"); // mov eax, cr2; sub eax, PLACE; cmp eax, …; jae
      a.bytes(0xc1, 0xe8, 12, 0x80, 0x0c, 0x85, ...dword(PTE), 1, 0x58, 0x83, 0xc4, 4, IRET).label("elsewhere")
        .with32([0xe9], 0x3000 - a.here - 5); // or byte [PTE + eax * 4], present
    }), at(0x3900, (a) => { a.bytes(0x50).out(0x20, 0x20).bytes(0x58, IRET); }), ({ memory }) => {
      memory.writePhysical(IDT + 8 * TIMER, Uint8Array.of(...word(0x3900), ...word(CODE_SELECTOR), 0, 0x8e, 0, 0));
    }),
  });
});
