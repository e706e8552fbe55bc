/** What regions share as WebAssembly means what the runtime's functions do. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as arithmeticModule from "../../runtime/arithmetic.ts";
import { CARRY_APART, KIND, OVERFLOW_APART } from "../../runtime/flag-kinds.ts";
import { poppedFlags, requireIoPrivilege } from "../../runtime/monitor/control.ts";
import { AC, IF, SLOT, TF } from "../../runtime/state.ts";
import { carryOf, conditionOf, flagsOf } from "../../runtime/flags.ts";
import { compileLibrary, compileRegion, LIBRARY } from "../../translator/translate.ts";
import { parsed } from "./host.ts";

const arithmetic = { ...arithmeticModule };

type Callable = (...args: readonly number[]) => number;
const READ = 0, WRITE = 1024, STATE = 2048, CODE_PAGES = 3072, DIRTY_PAGES = 3136, CODE_BYTES = 4096, RAM = 8192;

interface Made {
  readonly memory: WebAssembly.Memory;
  readonly functions: ReadonlyMap<string, Callable>;
  /** Calls of slow paths. */
  readonly asked: Array<readonly [string, ...number[]]>;
}

function library(): Made {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 }), asked: Array<readonly [string, ...number[]]> = [];
  const arrays = new Map([["readTlb", READ], ["writeTlb", WRITE], ["ram8", RAM], ["ram16", RAM], ["ram32", RAM], ["state", STATE], ["codePages", CODE_PAGES], ["dirtyPages", DIRTY_PAGES], ["codeBytes", CODE_BYTES]]), { bytes, imports } = compileLibrary({ arrays, constants: new Map() });
  const imported = Object.fromEntries(imports.map(({ name }, k) => [k, (...args: number[]) => {
    asked.push([name, ...args]);
    return 4711;
  }]));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: { m: memory, e: (WebAssembly as unknown as { JSTag: WebAssembly.ImportValue }).JSTag }, i: imported });
  return { memory, asked, functions: new Map([...LIBRARY].map(([name, own]) => [name, exports[own] as Callable])) };
}

const word = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000, 0x80, 0xff));
const SHIFTS: ReadonlySet<number> = new Set([KIND.shl, KIND.shr, KIND.sar]);

/** Flag words as instructions leave them. */
const flags = fc.record({ what: fc.constantFrom(...Object.values(KIND)), width: fc.constantFrom(0, 1, 2), apart: fc.constantFrom(0, CARRY_APART, OVERFLOW_APART, CARRY_APART | OVERFLOW_APART), a: word, b: word, by: fc.integer({ min: 1, max: 31 }), carry: fc.integer({ min: 0, max: 7 }) })
  .map(({ what, width, apart, a, b, by, carry }) => {
    const up = 32 - 8 * (1 << width), isProduct = what === KIND.imul, placed = (value: number): number => isProduct ? value << up >> up : value << up;
    return { kind: what * 4 + width | apart, a: what === KIND.explicit ? a : placed(a), b: SHIFTS.has(what) ? Math.min(by, 8 << width) : placed(b), carry: apart === 0 ? carry & 1 : carry & 3 | carry >> 2 << 31 };
  });

test("flag functions", () => {
  const { functions } = library();
  fc.assert(fc.property(flags, ({ kind, a, b, carry }) => {
    expect(functions.get("carryOf")!(kind, a, b, carry)).toBe(carryOf(kind, a, b, carry));
    expect(functions.get("flagsOf")!(kind, a, b, carry)).toBe(flagsOf(kind, a, b, carry));
    for (let code = 0; code < 16; code++) expect(functions.get("conditionOf")!(code, kind, a, b, carry), `${code} of ${kind}`).toBe(Number(conditionOf(code, kind, a, b, carry)));
  }), { numRuns: 3000 });
});

describe("misaligned accesses", () => {
  const SLOW = 1, PAGE = 0x3000;

  /** Linear page 1 is host page 3; page 2 is barred. */
  function paged(): Made & { readonly view: DataView } {
    const made = library(), tables = new Int32Array(made.memory.buffer), view = new DataView(made.memory.buffer, RAM);
    for (const table of [READ, WRITE]) {
      tables[table / 4 + 1] = 0x1000 ^ PAGE;
      tables[table / 4 + 2] = 0x2000 ^ PAGE | SLOW;
    }
    return { ...made, view };
  }

  test.each(["load", "modify"])("%s inside a page are done at once", (kind) => {
    const { functions, view, asked } = paged();
    view.setInt32(PAGE + 0x123, 0x89abcdef | 0, true);
    expect(functions.get(`${kind}32`)!(0x1123, 7, 8)).toBe(0x89abcdef | 0);
    expect(functions.get(`${kind}16`)!(0x1123, 7, 8)).toBe(0xcdef);
    expect(asked).toEqual([]);
  });

  test("stores inside a page are done at once", () => {
    const { functions, view, asked } = paged();
    functions.get("store32")!(0x1ffb, 0x12345678, 7, 8);
    functions.get("store16")!(0x1001, 0x9abc, 7, 8);
    expect([view.getInt32(PAGE + 0xffb, true), view.getUint16(PAGE + 1, true), asked]).toEqual([0x12345678, 0x9abc, []]);
  });

  test("across pages, and where the page is barred, they are for the slow path", () => {
    const { functions, asked } = paged();
    expect([functions.get("load32")!(0x1ffd, 1, 2), functions.get("load16")!(0x1fff, 3, 4), functions.get("modify32")!(0x2001, 5, 6)]).toEqual([4711, 4711, 4711]);
    functions.get("store16")!(0x1fff, 9, 1, 2);
    functions.get("store32")!(0x2001, 9, 3, 4);
    expect(asked).toEqual([["load32", 0x1ffd, 1, 2], ["load16", 0x1fff, 3, 4], ["modify32", 0x2001, 5, 6], ["store16", 0x1fff, 9, 1, 2], ["store32", 0x2001, 9, 3, 4]]);
  });
});

describe("data beside code", () => {
  const PAGE = 0x3000, WATCHED = 3, MMIO = 4, CODE = 0x124;

  /** Linear page 1 is host page 3, which holds code in the byte CODE; page 2 is watched for something else; page 4 is a device's. */
  function paged(): Made & { readonly view: DataView; readonly dirty: Uint8Array } {
    const made = library(), { buffer } = made.memory, tables = new Int32Array(buffer), view = new DataView(buffer, RAM), dirty = new Uint8Array(buffer, DIRTY_PAGES, 16);
    tables[WRITE / 4 + 1] = 0x1000 ^ PAGE | WATCHED;
    tables[WRITE / 4 + 2] = 0x2000 ^ 0x4000 | WATCHED;
    tables[WRITE / 4 + 4] = 0x4000 ^ PAGE | WATCHED | MMIO;
    new Uint8Array(buffer, CODE_PAGES, 16)[PAGE >>> 12] = 1;
    tables[CODE_BYTES / 4 + (PAGE + CODE >>> 5)] = 1 << (CODE & 31);
    view.setInt32(PAGE + 0x100, 0x89abcdef | 0, true);
    return { ...made, view, dirty };
  }

  test("is read and written at once, and its page is noted", () => {
    const { functions, view, dirty, asked } = paged();
    expect([32, 16, 8].map((bits) => functions.get(`modify${bits}`)!(0x1100, 1, 2))).toEqual([0x89abcdef | 0, 0xcdef, 0xef]);
    expect([...dirty]).toEqual(Array.from({ length: 16 }, () => 0));
    functions.get("store32")!(0x1120, 0x11223344, 1, 2); // ends below the code
    functions.get("store16")!(0x1125, 0x5566, 1, 2); // begins behind it
    functions.get("store8")!(0x1127, 0x77, 1, 2);
    expect([view.getInt32(PAGE + 0x120, true), view.getUint8(PAGE + CODE), view.getUint16(PAGE + 0x125, true), view.getUint8(PAGE + 0x127)]).toEqual([0x11223344, 0, 0x5566, 0x77]);
    expect([dirty[PAGE >>> 12], asked]).toEqual([1, []]);
  });

  test("is for the slow path where code is hit, where the marks are of two words, in other watched pages and devices", () => {
    const { functions, view, dirty, asked } = paged();
    const places = [0x1121, 0x1124, 0x113e, 0x2100, 0x4100];
    for (const place of places) {
      functions.get("store32")!(place, -1, 5, 6);
      expect(functions.get("modify32")!(place, 7, 8)).toBe(4711);
    }
    expect(asked).toEqual(places.flatMap((place) => [["store32", place, -1, 5, 6], ["modify32", place, 7, 8]]));
    expect([view.getInt32(PAGE + 0x120, true), dirty[PAGE >>> 12]]).toEqual([0, 0]);
  });
});

describe("short stretches", () => {
  const DF = 1 << 10, PAGE = 0x3000, ENTRY = 0x1000 ^ PAGE, SLOW = 1;
  const sizes = fc.constantFrom(1, 2, 4), offset = fc.integer({ min: 0, max: 0xfff });

  function filled(): Made & { readonly ram: Uint8Array } {
    const made = library(), ram = new Uint8Array(made.memory.buffer, RAM, 0x4000);
    ram.forEach((_byte, k) => { ram[k] = k * 7 ^ k >> 5; });
    return { ...made, ram };
  }

  /** What REP does, one element after the other. */
  function elements(size: number, count: number, each: (distance: number) => void): void {
    for (let k = 0; k < count * size; k++) each(k);
  }

  test("of STOS", () => {
    fc.assert(fc.property(sizes, offset, fc.integer({ min: 1, max: 80 }), word, (size, at, count, value) => {
      const { functions, ram, asked } = filled(), wanted = ram.slice(), isInside = count * size <= 256 && at + count * size <= 0x1000;
      const done = functions.get("storeStretch")!(size, 0x1000 + at, count, ENTRY, value);
      if (!isInside) { expect([done, asked]).toEqual([4711, [["storeStretch", size, 0x1000 + at, count, ENTRY, value]]]); return; }
      elements(size, count, (k) => { wanted[PAGE + at + k] = value >> 8 * (k % size); });
      expect([done, asked]).toEqual([count, []]);
      expect(ram).toEqual(wanted);
    }), { numRuns: 500 });
  });

  test("of MOVS, which replicates what it copies to just above", () => {
    fc.assert(fc.property(sizes, fc.integer({ min: 0, max: 0xfd0 }), fc.oneof(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -60, max: 200 })), fc.integer({ min: 1, max: 80 }), (size, from, distance, count) => {
      const { functions, ram, asked } = filled(), wanted = ram.slice(), to = from + distance & 0xfff, bytes = count * size;
      const done = functions.get("moveStretch")!(size, 0x1000 + from, 0x1000 + to, count, ENTRY, ENTRY);
      const isInside = bytes <= 256 && from + bytes <= 0x1000 && to + bytes <= 0x1000;
      if (!isInside || size < 4 && to - from >= 0 && to - from < 4) { expect([done, asked.length]).toEqual([4711, 1]); return; }
      for (let k = 0; k < bytes; k += size) wanted.copyWithin(PAGE + to + k, PAGE + from + k, PAGE + from + k + size);
      expect([done, asked]).toEqual([count, []]);
      expect(ram).toEqual(wanted);
    }), { numRuns: 500 });
  });

  test("downwards, and where an entry is barred, they are for the runtime", () => {
    const { functions, memory, asked } = filled();
    functions.get("storeStretch")!(4, 0x1000, 3, ENTRY | SLOW, 0);
    functions.get("moveStretch")!(4, 0x1000, 0x1100, 3, ENTRY, ENTRY | SLOW);
    functions.get("moveStretch")!(4, 0x1000, 0x1100, 3, ENTRY | SLOW, ENTRY);
    new Int32Array(memory.buffer, STATE)[SLOT.eflags] = DF;
    functions.get("storeStretch")!(4, 0x1000, 3, ENTRY, 0);
    functions.get("moveStretch")!(4, 0x1000, 0x1100, 3, ENTRY, ENTRY);
    expect(asked.map(([name]) => name)).toEqual(["storeStretch", "moveStretch", "moveStretch", "storeStretch", "moveStretch"]);
  });
});

function raises(operation: () => void): boolean {
  try {
    operation();
    return false;
  } catch {
    return true;
  }
}

describe("arithmetic that has instructions", () => {
  /** `name(left, entry, delta)` as a region's WebAssembly; its checks are called where they must be. */
  function compiled(name: string, count: number): { readonly run: Callable; readonly asked: number[] } {
    const args = ["left", "entry", "delta"].slice(0, count).map((parameter) => `${parameter}`).join(", "), asked: number[] = [];
    const { bytes, imports } = compileRegion(parsed(`(function (left, entry, delta) { ${/^(?:check|require)/.test(name) ? `${name}(${args}); return 0` : `return ${name}(${args}) | 0`}; })`), { arrays: new Map(), constants: new Map() });
    const imported = Object.fromEntries(imports.map((_one, k) => [k, (...given: number[]) => { asked.push(...given); }]));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: { m: new WebAssembly.Memory({ initial: 1, maximum: 1 }), e: (WebAssembly as unknown as { JSTag: WebAssembly.ImportValue }).JSTag }, i: imported });
    return { run: exports["r"] as Callable, asked };
  }

  test("POPF's mask", () => {
    const { functions } = library();
    fc.assert(fc.property(fc.integer({ min: 0, max: 3 }), fc.integer(), fc.constantFrom(2, 4), (cpl, eflags, size) => {
      expect(functions.get("poppedFlags")!(cpl, eflags, size)).toBe(poppedFlags(cpl, eflags, size));
    }));
  });

  test("who may touch IF", () => {
    const { run, asked } = compiled("requireIoPrivilege", 2);
    fc.assert(fc.property(fc.integer({ min: 0, max: 3 }), fc.integer(), (cpl, eflags) => {
      asked.length = 0;
      run(cpl, eflags);
      expect(asked).toEqual(raises(() => { requireIoPrivilege(cpl, eflags); }) ? [cpl, eflags] : []);
    }));
  });

  test("flags are quiet unless AC changes, TF is set or IF becomes set", () => {
    const { run, asked } = compiled("requireQuietFlags", 2), isQuiet = (before: number, after: number): boolean => {
      asked.length = 0;
      run(before, after);
      return asked.length === 0;
    };
    expect([isQuiet(2, 2), isQuiet(IF, 0), isQuiet(IF, IF), isQuiet(AC, AC), isQuiet(0, 0x8d5)]).toEqual([true, true, true, true, true]);
    expect([isQuiet(0, IF), isQuiet(0, TF), isQuiet(TF, TF), isQuiet(0, AC), isQuiet(AC, 0)]).toEqual([false, false, false, false, false]);
  });

  test.each([0, 3])("the check of CPL %i", (cpl) => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    new Int32Array(memory.buffer, STATE)[SLOT.cpl] = cpl;
    let asked = 0;
    const { bytes } = compileRegion(parsed("(function (left, entry, delta) { requirePrivilege(); return 0; })"), { arrays: new Map([["state", STATE]]), constants: new Map() });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: { m: memory, e: (WebAssembly as unknown as { JSTag: WebAssembly.ImportValue }).JSTag }, i: { 0: () => { asked++; } } });
    (exports["r"] as Callable)(0, 0, 0);
    expect(asked).toBe(cpl === 0 ? 0 : 1);
  });

  test("products", () => {
    const unsigned = compiled("multiplyHighUnsigned", 2), signed = compiled("multiplyHighSigned", 2);
    fc.assert(fc.property(word, word, (a, b) => {
      expect([unsigned.run(a, b), signed.run(a, b)]).toEqual([arithmetic.multiplyHighUnsigned(a, b), arithmetic.multiplyHighSigned(a, b)]);
    }), { numRuns: 2000 });
  });

  test.each(["Unsigned", "Signed"] as const)("quotients, %s", (sign) => {
    const quotient = compiled(`quotient${sign}`, 3), check = compiled(`checkDivide${sign}`, 3);
    fc.assert(fc.property(fc.oneof(word, fc.integer({ min: -3, max: 3 })), word, word, (high, low, divisor) => {
      const isBad = raises(() => { arithmetic[`checkDivide${sign}`](high, low, divisor); });
      check.asked.length = 0;
      check.run(high, low, divisor);
      if (isBad) expect(check.asked).toEqual([high, low, divisor]);
      else expect(quotient.run(high, low, divisor)).toBe(arithmetic[`quotient${sign}`](high, low, divisor));
    }), { numRuns: 3000 });
  });

  test.each(["Unsigned", "Signed"] as const)("narrow quotients, %s", (sign) => {
    const quotient = compiled(`narrowQuotient${sign}`, 2), rest = compiled(`narrowRemainder${sign}`, 2);
    const divisors = fc.oneof(fc.integer({ min: sign === "Signed" ? -0x8000 : 0, max: sign === "Signed" ? 0x7fff : 0xffff }), fc.constantFrom(1, sign === "Signed" ? -1 : 1));
    fc.assert(fc.property(word, divisors, fc.constantFrom(1, 2), (dividend, divisor, size) => {
      if (raises(() => { arithmetic[`checkNarrow${sign}`](dividend, divisor, size); })) return;
      expect([quotient.run(dividend, divisor), rest.run(dividend, divisor)]).toEqual([arithmetic[`narrowQuotient${sign}`](dividend, divisor), arithmetic[`narrowRemainder${sign}`](dividend, divisor)]);
    }), { numRuns: 3000 });
  });

  test.each([1, 2])("the check of divisions by %i bytes", (size) => {
    const asked: number[] = [], { bytes, imports } = compileRegion(parsed(`(function (left, entry, delta) { checkNarrowUnsigned(left, entry, ${size}); return 0; })`), { arrays: new Map(), constants: new Map() });
    const imported = Object.fromEntries(imports.map((_one, k) => [k, (...given: number[]) => { asked.push(...given); }]));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: { m: new WebAssembly.Memory({ initial: 1, maximum: 1 }), e: (WebAssembly as unknown as { JSTag: WebAssembly.ImportValue }).JSTag }, i: imported });
    fc.assert(fc.property(word, fc.integer({ min: 0, max: 256 ** size - 1 }), (dividend, divisor) => {
      asked.length = 0;
      (exports["r"] as Callable)(dividend, divisor, 0);
      expect(asked.length > 0).toBe(raises(() => { arithmetic.checkNarrowUnsigned(dividend, divisor, size); }));
    }), { numRuns: 1000 });
  });
});
