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
  readonly rows: RegionRows = regionRows(this.host, this.words, this.table, (linear) => this.exec[linear >>> 12]!)!;

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
    const functions: Record<string, () => number> = { caught: () => 0, fail: () => { throw OURS; }, fault: () => { throw currentFault; } };
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
    return { code, eip: this.cpu.eip, left: this.cpu.left, entered: this.cpu.entered, last: this.table.words[(this.cpu.line >> 2) + LINE.index]! };
  }
}

/** A region that takes `taken` instructions and leaves to `eip`. */
const leavesTo = (eip: number, taken = LENGTH, code = 0): string => `S[${SLOT.eip}] = ${eip}; S[${SLOT.left}] = left - ${taken} | 0; return ${code};`;

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
