/** Rows of regions in WebAssembly, over an entry table and regions that only write down that they ran. */
import { parse } from "acorn";
import type { FunctionExpression } from "estree";
import { describe, expect, it } from "vitest";
import { EMPTY, EntryTable, LINE } from "../../runtime/entry-table.ts";
import { HostMemory } from "../../runtime/host-memory.ts";
import { currentFault } from "../../runtime/faults.ts";
import { FAULTED, type RegionFunction } from "../../runtime/region-function.ts";
import { regionRows, type RegionRows } from "../../runtime/region-row.ts";
import type { Entry, Region } from "../../runtime/region.ts";
import { CpuState, SLOT, SLOT_COUNT } from "../../runtime/state.ts";
import { compileRegion } from "../../translator/translate.ts";

const SPACE = 5, LENGTH = 10;
const { JSTag } = WebAssembly as unknown as { readonly JSTag: WebAssembly.ImportValue };
const OURS = new Error("ours");

class Playground {
  readonly host = new HostMemory(4096);
  readonly cpu = new CpuState(this.host.buffer, this.host.take(4 * SLOT_COUNT));
  readonly words = this.cpu.words;
  readonly exec = new Int32Array(this.host.buffer, this.host.take(4 << 20), 1 << 20);
  readonly table = new EntryTable(this.host);
  readonly rows: RegionRows = regionRows(this.host, this.words, this.table, (linear) => {
    this.fetched.push(linear);
    return this.fetch(linear);
  })!;
  /** What rows had fetched, and how. */
  readonly fetched: number[] = [];
  fetch: (linear: number) => number = (linear) => this.exec[linear >>> 12]!;
  /** What regions can have done. */
  act: () => void = () => {};

  /** A region of the text of a function's body. */
  add(body: string, { isCompiled = true, isMobile = false, heat = 1e9 } = {}): Region {
    const source = `(function (left, entry, delta) { const S = state; ${body} })`;
    const index = this.table.take(), region = { index, length: LENGTH, isCompiled, isMobile, heat, entered: 0, entries: [], space: { number: SPACE }, run: this.#compile(source) } as unknown as Region;
    this.table.add(region);
    return region;
  }

  #compile(source: string): RegionFunction {
    const [statement] = (parse(source, { ecmaVersion: 2022 }) as unknown as { body: Array<{ expression: FunctionExpression }> }).body;
    const { bytes, imports } = compileRegion(statement!.expression, { arrays: new Map([["state", this.words.byteOffset]]), constants: new Map() });
    const functions: Record<string, (next: number) => number> = {
      caught: () => 0, fail: () => { throw OURS; }, fault: () => { throw currentFault; }, follow: this.rows.follow,
      act: () => {
        this.act();
        return 0;
      },
    };
    const imported = Object.fromEntries(imports.map(({ name }, k) => [k, functions[name]!]));
    return new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: { m: this.host.memory, e: JSTag }, i: imported }).exports["r"] as RegionFunction;
  }

  fill(eip: number, region: Region, entry = 0, delta = 0): void {
    const mapped = this.exec[eip >>> 12]!, host = (mapped & 1) === 0 ? eip ^ mapped : EMPTY;
    (region.entries as Entry[]).push({ host, number: entry, region } as unknown as Entry);
    this.table.fill(host, SPACE, region, entry, eip - delta);
  }

  run(eip: number, left: number, space = SPACE): { code: number; eip: number; left: number; entered: number; last: number } {
    this.cpu.eip = eip;
    this.cpu.left = left;
    this.words.set([space, this.exec.byteOffset, 0, 0], SLOT.space);
    this.cpu.entered = 0;
    const code = this.rows.run();
    return { code, eip: this.cpu.eip, left: this.cpu.left, entered: this.cpu.entered, last: this.last };
  }

  /** The region that ran last. */
  get last(): number { return this.table.words[(this.cpu.line >> 2) + LINE.index]!; }

  /** Lets `f` run what `caller`, which was entered at CALLER, calls; whatever a row has counted until then is 0. */
  follow(eip: number, left: number): { code: number; eip: number; left: number; entered: number; last: number; depth: number } {
    const { cpu } = this;
    this.words.set([SPACE, this.exec.byteOffset, 0, 0], SLOT.space);
    Object.assign(cpu, { eip, left, esp: STACK, entered: 0, line: 4 * this.table.line(CALLER, SPACE), delta: AWAY });
    const code = this.rows.follow(NEXT);
    return { code, eip: cpu.eip, left: cpu.left, entered: cpu.entered, last: this.last, depth: cpu.depth };
  }
}

/** A region that calls, where it was entered, what it calls, where that returns to, where it goes on at the end; what the caller's `delta` was. */
const CALLER = 0x1000, CALLEE = 0x2000, NEXT = 0x1040, END = 0x9000, STACK = 0x8000, AWAY = 0x30000;
const RETURNED = 0, ELSEWHERE = 0x200, ALL_END = 0x100;

/** A region that takes `taken` instructions and leaves to `eip`. */
const leavesTo = (eip: number, taken = LENGTH, code = 0): string => `S[${SLOT.eip}] = ${eip}; S[${SLOT.left}] = left - ${taken} | 0; return ${code};`;

/** A region that calls, counts in EBX that this came back, and leaves. */
const calls = (eip: number, next = NEXT, taken = LENGTH): string => `
  S[${SLOT.eip}] = ${eip}; S[${SLOT.left}] = left - ${taken} | 0; const way = follow(${next}); if (way !== 0) { return way; }
  const rest = S[${SLOT.left}]; S[${SLOT.ebx}] = S[${SLOT.ebx}] + 1 | 0; S[${SLOT.eip}] = ${END}; S[${SLOT.left}] = rest - 1 | 0; return 0;`;
const does = (what: string): string => `const t = act(); if (t === 1) {} ${what}`;
const pops = (bytes: number): string => `S[${SLOT.esp}] = S[${SLOT.esp}] + ${bytes} | 0;`;

describe("a row of regions", () => {
  it("goes from region to region as long as the next one has the budget it needs", () => {
    const place = new Playground(), a = place.add(leavesTo(0x2000, 7)), b = place.add(leavesTo(0x1000, 3));
    place.fill(0x1000, a);
    place.fill(0x2000, b);
    expect(place.run(0x1000, 107)).toEqual({ code: 0, eip: 0x1000, left: 7, entered: 20, last: b.index });
    expect(place.run(0x1000, 9)).toEqual({ code: 0, eip: 0x1000, left: 9, entered: 0, last: b.index });
    place.table.settle();
    expect([a.entered, b.entered]).toEqual([10, 10]);
  });

  it("hands each its entry and how far away it runs", () => {
    const place = new Playground(), region = place.add(`S[${SLOT.eax}] = entry; S[${SLOT.ebx}] = delta; ${leavesTo(0x2000)}`, { isMobile: true });
    place.fill(0x1000, region, 3, -0x5000);
    expect(place.run(0x1000, 1000).eip).toBe(0x2000);
    expect([place.cpu.eax, place.cpu.ebx]).toEqual([3, -0x5000]);
  });

  it("finds code wherever it is mapped, where it can run anywhere", () => {
    const place = new Playground(), mobile = place.add(`S[${SLOT.ebx}] = delta; ${leavesTo(0x9000)}`, { isMobile: true }), bound = place.add(leavesTo(0x9000));
    place.fill(0x1000, mobile);
    place.fill(0x2000, bound);
    place.exec[5] = 0x1000 ^ 0x5000;
    place.exec[6] = 0x2000 ^ 0x6000;
    expect([place.run(0x5000, 1000).entered, place.cpu.ebx, place.cpu.delta]).toEqual([1, 0x4000, 0x4000]);
    expect(place.run(0x6000, 1000).entered).toBe(0);
    expect(place.run(0x2000, 1000).entered).toBe(1);
  });

  it("ends where a region is mapped otherwise, was found in another mode, cannot be fetched from, or is JavaScript", () => {
    const place = new Playground(), region = place.add(leavesTo(0x2000)), script = place.add(leavesTo(0x2000), { isCompiled: false });
    place.fill(0x1000, region);
    place.fill(0x3040, script);
    expect(place.run(0x1000, 1000).entered).toBe(1);
    expect(place.run(0x1000, 1000, SPACE + 1).entered).toBe(0);
    expect(place.run(0x3040, 1000).entered).toBe(0);
    place.exec[1] = 0x7000;
    expect(place.run(0x1000, 1000).entered).toBe(0);
    place.fill(0x1000, region);
    expect(place.run(0x1000, 1000).entered).toBe(1);
    place.exec[1] = 0x7001;
    place.fill(0x1000, region);
    expect(place.run(0x1000, 1000).entered).toBe(0);
  });

  it("ends behind a region that left in another way, and behind one during which that was asked for", () => {
    const place = new Playground();
    place.fill(0x1000, place.add(leavesTo(0x1000, 1, 3)));
    place.fill(0x2040, place.add(`S[${SLOT.leave}] = 1; ${leavesTo(0x2040, 1)}`));
    expect(place.run(0x1000, 1000)).toMatchObject({ code: 3, left: 999, entered: 1 });
    expect(place.run(0x2040, 1000)).toMatchObject({ code: 0, left: 999, entered: 1 });
  });

  it("ends behind a region that has used up its heat", () => {
    const place = new Playground(), region = place.add(leavesTo(0x1000), { heat: 95 });
    place.fill(0x1000, region);
    expect(place.run(0x1000, 1000)).toMatchObject({ code: 0, left: 900, entered: 10 });
    expect(place.table.heat[region.index]).toBe(-5);
    place.table.heat[region.index] = 15;
    expect(place.run(0x1000, 1000)).toMatchObject({ left: 980, entered: 2 });
  });

  it("says what a region has thrown that catches nothing itself", () => {
    const place = new Playground();
    place.fill(0x1000, place.add(`S[${SLOT.left}] = 990; const t = fault(); if (t === 1) {} ${leavesTo(0x1000)}`));
    expect(place.run(0x1000, 1000)).toMatchObject({ code: FAULTED, left: 990, entered: 1 });
  });

  it("lets an exception of ours through", () => {
    const place = new Playground();
    place.fill(0x1000, place.add(`const t = fail(); if (t === 1) {} ${leavesTo(0x1000)}`));
    expect(() => place.run(0x1000, 1000)).toThrow(OURS);
  });

  it("finds no region that was dropped, whose line still says what ran", () => {
    const place = new Playground(), other = place.add(leavesTo(0x3000)), region = place.add(leavesTo(0x2000));
    place.fill(0x1000, region);
    place.fill(0x2000, other);
    expect(place.run(0x1000, 1000)).toMatchObject({ entered: 2, last: other.index });
    place.table.drop(other);
    expect(other.entered).toBe(1);
    expect(place.run(0x2000, 1000)).toMatchObject({ entered: 0, last: other.index });
    expect(place.run(0x1000, 1000)).toMatchObject({ entered: 1, last: region.index });
    expect(place.table.functions.get(other.index)).toBeNull();
    expect(place.table.take()).toBe(other.index);
  });

  it("finds both of two addresses that share their lines, and one at least of three", () => {
    const place = new Playground(), shares = (eip: number): boolean => (place.table.line(eip, SPACE) ^ place.table.line(0x1000, SPACE)) >>> 4 === 0;
    const [one, two, three] = Array.from({ length: 1 << 20 }, (_, k) => 0x1000 + k).filter(shares) as [number, number, number];
    place.fill(one, place.add(leavesTo(two)));
    place.fill(two, place.add(leavesTo(one)));
    expect(place.run(one, 1000)).toMatchObject({ entered: 100, left: 0 });
    place.fill(three, place.add(leavesTo(three)));
    expect(place.run(three, 1000).entered).toBe(100);
    expect(place.run(one, LENGTH).entered + place.run(two, LENGTH).entered).toBe(1);
  });

  it("has room for any number of regions", () => {
    const place = new Playground(), first = place.add(leavesTo(0x2000)), { length } = place.table.functions;
    for (let k = 1; k <= length; k++) place.table.add({ ...first, index: place.table.take() });
    const last = place.add(leavesTo(0x4000));
    expect(place.table.functions.length).toBeGreaterThan(length);
    place.fill(0x1000, first);
    place.fill(0x2000, last);
    expect(place.run(0x1000, 1000)).toMatchObject({ eip: 0x4000, entered: 2 });
  });

  it("cannot be where the state lies elsewhere", () => {
    const { host, table } = new Playground();
    expect(regionRows(host, new CpuState().words, table, () => 0)).toBeUndefined();
  });
});

describe("what a region calls, in a row of its own", () => {
  /** A caller that can be entered at CALLER, in the lines of the table alone, and a callee of this text. */
  const place = (callee: string, options: { heat?: number; isMobile?: boolean } = {}): { at: Playground; caller: Region; callee: Region } => {
    const at = new Playground(), caller = at.add(calls(CALLEE), { heat: 1000, isMobile: true }), called = at.add(callee, { heat: 1000, ...options });
    at.fill(CALLER, caller);
    at.fill(CALLEE, called);
    return { at, caller, callee: called };
  };
  const heats = ({ table: { heat } }: Playground, ...regions: readonly Region[]): number[] => regions.map(({ index }) => heat[index]!);

  it("returns to the caller, each at its own expense", () => {
    const { at, caller, callee } = place(leavesTo(NEXT, 7));
    expect(at.run(CALLER, 100)).toEqual({ code: 0, eip: END, left: 82, entered: 2, last: caller.index });
    expect([at.cpu.ebx, at.cpu.depth, at.cpu.delta]).toEqual([1, 0, 0]);
    expect(heats(at, caller, callee)).toEqual([1000 - LENGTH - 1, 993]);
    at.table.settle();
    expect([caller.entered, callee.entered]).toEqual([1, 1]);
  });

  it("the caller is what ran last, as far away as it was", () => {
    const { at, caller } = place(`${leavesTo(NEXT, 7)}`, { isMobile: true });
    expect(at.follow(CALLEE, 100)).toEqual({ code: RETURNED, eip: NEXT, left: 93, entered: 1, last: caller.index, depth: 0 });
    expect(at.cpu.delta).toBe(AWAY);
    expect(heats(at, caller)).toEqual([1007]); // what the row around the caller takes off it
  });

  it("goes from region to region, and calls in turn", () => {
    const { at, caller, callee } = place(leavesTo(0x3000, 1)), third = at.add(calls(0x4000, 0x3080, 2)), fourth = at.add(leavesTo(0x3080, 3)), fifth = at.add(leavesTo(NEXT, 4));
    at.fill(0x3000, third);
    at.fill(0x4000, fourth);
    at.fill(END, fifth);
    expect(at.run(CALLER, 100)).toMatchObject({ code: 0, eip: NEXT, left: 100 - LENGTH - 1 - 2 - 3 - 1 - 4 - 1 - 4, last: fifth.index });
    expect([at.cpu.ebx, at.cpu.depth, at.cpu.entered]).toEqual([2, 0, 6]); // the fifth ran twice, inside the caller and behind it
    expect([callee, third, fourth, caller].map(({ index, heat }) => heat - at.table.heat[index]!)).toEqual([1, 3, 3, LENGTH + 1]);
  });

  it("has returned at once where it was called with the address behind the call", () => {
    const { at, caller } = place(leavesTo(END));
    expect(at.follow(NEXT, 100)).toEqual({ code: RETURNED, eip: NEXT, left: 100, entered: 0, last: caller.index, depth: 0 });
  });

  it("goes elsewhere where the stack pointer is above the call, not where it is as behind a return", () => {
    const left = place(`${pops(8)} ${leavesTo(0x3000, 7)}`);
    left.at.fill(0x3000, left.at.add(leavesTo(NEXT, 7)));
    expect(left.at.follow(CALLEE, 100)).toEqual({ code: ELSEWHERE, eip: 0x3000, left: 93, entered: 1, last: left.caller.index, depth: 0 });
    expect(heats(left.at, left.caller)).toEqual([1007]);
    const returned = place(`${pops(4)} ${leavesTo(0x3000, 7)}`);
    returned.at.fill(0x3000, returned.at.add(leavesTo(NEXT, 7)));
    expect(returned.at.follow(CALLEE, 100)).toMatchObject({ code: RETURNED, left: 86, entered: 2 });
  });

  it("goes on in the row around the caller where it went elsewhere", () => {
    const { at, caller } = place(`${pops(8)} ${leavesTo(0x3000, 7)}`), other = at.add(leavesTo(END, 5));
    at.fill(0x3000, other);
    at.cpu.esp = STACK;
    expect(at.run(CALLER, 100)).toEqual({ code: 0, eip: END, left: 78, entered: 3, last: other.index });
    expect([at.cpu.ebx, at.cpu.depth]).toEqual([0, 0]);
    expect(heats(at, caller)).toEqual([1000 - LENGTH]);
  });

  it("comes to a caller that pops what it was called with", () => {
    const { at } = place(`${pops(100)} ${leavesTo(NEXT, 7)}`);
    expect(at.follow(CALLEE, 100)).toMatchObject({ code: RETURNED, left: 93 });
  });

  it.each<[string, (place: Playground) => void]>([
    ["a region was dropped", ({ cpu }) => { cpu.drops++; }],
    ["its page is mapped elsewhere", ({ exec }) => { exec[NEXT >>> 12] = 0x5000; }],
    ["its page is not mapped any more", ({ exec }) => { exec[NEXT >>> 12] = 1; }],
  ])("does not go on in the caller where %s", (_name, act) => {
    const { at, caller } = place(does(leavesTo(NEXT, 7)));
    at.act = () => { act(at); };
    expect(at.follow(CALLEE, 100)).toEqual({ code: ELSEWHERE, eip: NEXT, left: 93, entered: 1, last: caller.index, depth: 0 });
    expect([at.cpu.delta, ...heats(at, caller)]).toEqual([AWAY, 1007]);
  });

  it("does not go on in the caller where the budget is less than that needs", () => {
    const { at } = place(leavesTo(NEXT, 7));
    expect(at.follow(CALLEE, LENGTH + 7)).toMatchObject({ code: RETURNED, left: LENGTH });
    expect(at.follow(CALLEE, LENGTH + 6)).toMatchObject({ code: ELSEWHERE, eip: NEXT, left: LENGTH - 1 });
  });

  it("enters anew where the caller is not to go on", () => {
    const { at, caller } = place(does(leavesTo(NEXT, 7))), anew = at.add(leavesTo(END, 5));
    at.fill(NEXT, anew);
    at.act = () => { at.cpu.drops++; };
    expect(at.run(CALLER, 100)).toEqual({ code: 0, eip: END, left: 78, entered: 3, last: anew.index });
    expect([at.cpu.ebx, ...heats(at, caller)]).toEqual([0, 1000 - LENGTH]);
  });

  it("ends all rows where the table does not know the next region, or that has not the budget it needs", () => {
    const { at, callee } = place(leavesTo(0x3000, 7));
    expect(at.follow(CALLEE, 100)).toMatchObject({ code: ALL_END, eip: 0x3000, left: 93, entered: 1, last: callee.index });
    expect(at.follow(CALLEE, LENGTH - 1)).toMatchObject({ code: ALL_END, eip: CALLEE, left: LENGTH - 1, entered: 0 });
    expect(at.run(CALLER, 100)).toEqual({ code: 0, eip: 0x3000, left: 83, entered: 2, last: callee.index });
  });

  it("says what the callee has thrown, and that it was the callee", () => {
    const { at, callee } = place(`S[${SLOT.left}] = 88; const t = fault(); if (t === 1) {} ${leavesTo(NEXT)}`, { isMobile: true });
    expect(at.follow(CALLEE, 100)).toMatchObject({ code: ALL_END | FAULTED, left: 88, entered: 1, last: callee.index });
    expect(at.run(CALLER, 100)).toEqual({ code: FAULTED, eip: CALLEE, left: 88, entered: 2, last: callee.index });
    expect([at.cpu.ebx, at.cpu.delta]).toEqual([0, 0]);
  });

  it("lets an exception of ours through", () => {
    const { at } = place(`const t = fail(); if (t === 1) {} ${leavesTo(NEXT)}`);
    expect(() => at.run(CALLER, 100)).toThrow(OURS);
  });

  it("ends all rows behind a callee that left in another way, or during which that was asked for, though it comes back", () => {
    const { at, callee } = place(leavesTo(NEXT, 7, 3));
    expect(at.follow(CALLEE, 100)).toMatchObject({ code: ALL_END | 3, eip: NEXT, left: 93, last: callee.index });
    expect(at.run(CALLER, 100)).toEqual({ code: 3, eip: NEXT, left: 83, entered: 2, last: callee.index });
    const asked = place(`S[${SLOT.leave}] = 1; ${leavesTo(NEXT, 7)}`);
    expect(asked.at.follow(CALLEE, 100)).toMatchObject({ code: ALL_END, eip: NEXT, left: 93, last: asked.callee.index });
    asked.at.cpu.leave = 0;
    expect(asked.at.run(CALLER, 100)).toEqual({ code: 0, eip: NEXT, left: 83, entered: 2, last: asked.callee.index });
    expect(asked.at.cpu.ebx).toBe(0);
  });

  it("ends all rows where the callee has used up its heat", () => {
    const { at, caller, callee } = place(leavesTo(NEXT, 7), { heat: 6 });
    expect(at.run(CALLER, 100)).toEqual({ code: 0, eip: NEXT, left: 83, entered: 2, last: callee.index });
    expect(heats(at, caller, callee)).toEqual([1000, -1]);
  });

  it("ends the row where the caller has used up its own", () => {
    const { at, caller } = place(leavesTo(NEXT, 70)), next = at.add(leavesTo(0xa000));
    at.fill(END, next);
    at.table.heat[caller.index] = LENGTH + 1;
    expect(at.run(CALLER, 1000)).toMatchObject({ eip: 0xa000, entered: 3, last: next.index });
    at.table.heat[caller.index] = LENGTH;
    expect(at.run(CALLER, 1000)).toMatchObject({ eip: END, entered: 2, last: caller.index });
    expect(heats(at, caller)).toEqual([-1]);
  });

  it("is at most 64 deep", () => {
    const at = new Playground(), endless = at.add(`S[${SLOT.ecx}] = S[${SLOT.depth}]; ${calls(CALLER)}`);
    at.fill(CALLER, endless);
    at.cpu.esp = STACK;
    // The 64th row goes on by itself: its region is told that control went elsewhere, each time.
    expect(at.run(CALLER, 1000)).toMatchObject({ code: 0, eip: CALLER, left: 0, entered: 100, last: endless.index });
    expect([at.cpu.ecx, at.cpu.ebx]).toEqual([64, 0]);
    at.cpu.depth = 64;
    Object.assign(at.cpu, { entered: 5, left: 1000 });
    expect(at.rows.follow(NEXT)).toBe(ELSEWHERE);
    expect([at.cpu.depth, at.cpu.entered, at.cpu.left]).toEqual([64, 5, 1000]);
  });

  it("takes off what each region executed itself, where one is called by itself", () => {
    const at = new Playground(), TURNS = 20;
    // Calls itself until ECX is 0, and leaves to where it was called from.
    const region = at.add(`S[${SLOT.left}] = left - 3 | 0; S[${SLOT.ecx}] = S[${SLOT.ecx}] - 1 | 0; S[${SLOT.eip}] = ${CALLER};
      if (S[${SLOT.ecx}] !== 0) { const way = follow(${NEXT}); if (way !== 0) { return way; } }
      const rest = S[${SLOT.left}]; S[${SLOT.left}] = rest - 1 | 0; S[${SLOT.eip}] = ${NEXT}; return 0;`, { heat: 1000 });
    at.fill(CALLER, region);
    Object.assign(at.cpu, { ecx: TURNS, esp: STACK });
    expect(at.run(CALLER, 1000)).toMatchObject({ code: 0, eip: NEXT, left: 1000 - 4 * TURNS, entered: TURNS });
    expect([at.cpu.depth, ...heats(at, region)]).toEqual([0, 1000 - 4 * TURNS]);
  });

  it("fetches where the entry is not to be used, and goes by what it is told", () => {
    const { at, caller, callee } = place(leavesTo(NEXT, 7), { isMobile: true });
    at.exec[CALLEE >>> 12] = 1;
    at.fetch = () => 0;
    expect(at.follow(CALLEE, 100)).toMatchObject({ code: RETURNED, left: 93, last: caller.index });
    expect(at.run(CALLEE, 100)).toMatchObject({ code: 0, eip: NEXT, left: 93, entered: 1, last: callee.index });
    at.fetch = () => 1;
    expect(at.follow(CALLEE, 100)).toMatchObject({ code: ALL_END, eip: CALLEE, left: 100, entered: 0 });
    expect(at.run(CALLEE, 100)).toMatchObject({ code: 0, eip: CALLEE, left: 100, entered: 0 });
    at.fetch = () => CALLEE ^ 0x5000;
    expect(at.follow(CALLEE, 100)).toMatchObject({ code: ALL_END, eip: CALLEE, entered: 0 });
    at.fill(0x5000, callee);
    expect(at.follow(CALLEE, 100)).toMatchObject({ code: RETURNED, left: 93 });
    expect(at.fetched).toEqual(Array.from({ length: 6 }, () => CALLEE));
  });

  it("fetches nothing where control has come back, and nothing that is mapped", () => {
    const { at } = place(does(leavesTo(NEXT, 7)));
    at.act = () => { at.exec[NEXT >>> 12] = 1; };
    expect(at.follow(CALLEE, 100).code).toBe(ELSEWHERE);
    expect(at.fetched).toEqual([]);
    expect(at.run(NEXT, 100)).toMatchObject({ code: 0, eip: NEXT, entered: 0 });
    expect(at.fetched).toEqual([NEXT]);
  });

  it("fetches nothing where the budget is spent: an interrupt may come before", () => {
    const { at } = place(leavesTo(0x3000, LENGTH));
    at.exec[3] = 1;
    expect(at.follow(CALLEE, LENGTH)).toMatchObject({ code: ALL_END, eip: 0x3000, left: 0 });
    expect(at.run(CALLEE, LENGTH)).toMatchObject({ code: 0, eip: 0x3000, left: 0 });
    expect(at.fetched).toEqual([]);
  });
});
