/** Bulk string operations leave what they do element by element. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compare, copyDown, copyUp, element, fill, scan } from "../../runtime/bulk.ts";

const BYTES = 512;

class Ram {
  readonly ram = new Uint8Array(BYTES);
  readonly ram32 = new Int32Array(this.ram.buffer);
  readonly view = new DataView(this.ram.buffer);

  /** Few values, so that elements are often equal. */
  constructor(seed: number) {
    for (let k = 0, x = seed | 1; k < BYTES; k++) {
      x = Math.imul(x, 1664525) + 1013904223 | 0;
      this.ram[k] = x >>> 29 === 0 ? x >>> 24 : 7;
    }
  }
}

const size = fc.constantFrom(1, 2, 4), place = fc.nat({ max: 160 }), count = fc.integer({ min: 1, max: 80 }), seed = fc.integer();
/** Places close to each other, too. */
const two = fc.oneof(fc.tuple(place, place), fc.tuple(place, fc.integer({ min: -9, max: 9 })).map(([at, off]) => [at, Math.max(0, at + off)] as const));

describe("copies", () => {
  test.each([["up", copyUp, false], ["down", copyDown, true]] as const)("%s", (_, copy, down) => {
    fc.assert(fc.property(size, two, count, seed, (width, [from, to], elements, start) => {
      const bulk = new Ram(start), single = new Ram(start).ram;
      copy(bulk, from, to, elements * width, width as 1 | 2 | 4);
      for (let k = 0; k < elements; k++) {
        const at = (down ? elements - 1 - k : k) * width;
        single.set(single.slice(from + at, from + at + width), to + at);
      }
      expect(bulk.ram).toEqual(single);
    }), { numRuns: 2000 });
  });
});

test("fills", () => {
  fc.assert(fc.property(size, place, count, fc.integer(), (width, to, elements, value) => {
    const bulk = new Ram(1), single = new Ram(1).ram;
    fill(bulk, to, elements * width, width as 1 | 2 | 4, value);
    for (let k = 0; k < elements * width; k++) single[to + k] = value >> (8 * (k % width));
    expect(bulk.ram).toEqual(single);
  }));
});

/** Elements looked at until one is not as wanted. */
function looked(elements: number, goesOn: (k: number) => boolean): number {
  let done = 0;
  while (done < elements) if (!goesOn(done++)) break;
  return done;
}

test("scans, for an element that is there and for any", () => {
  fc.assert(fc.property(size, place, fc.integer({ min: 1, max: 300 }), seed, fc.boolean(), fc.option(fc.integer()), (width, at, most, start, equal, value) => {
    const memory = new Ram(start), wide = width as 1 | 2 | 4, elements = Math.min(most, Math.floor((BYTES - at) / width));
    const wanted = value === null ? element(memory, at + (elements >> 1) * width, wide) : width === 4 ? value : value & (1 << 8 * width) - 1;
    expect(scan(memory, at, elements, wide, wanted, equal)).toBe(looked(elements, (k) => (element(memory, at + k * width, wide) === wanted) === equal));
  }), { numRuns: 2000 });
});

test("comparisons", () => {
  fc.assert(fc.property(size, two, fc.integer({ min: 1, max: 80 }), seed, fc.boolean(), fc.boolean(), (width, [a, b], elements, start, equal, same) => {
    const memory = new Ram(start), wide = width as 1 | 2 | 4;
    if (same) memory.ram.copyWithin(b, a, a + Math.min(elements * width, 30));
    const goesOn = (k: number): boolean => (element(memory, a + k * width, wide) === element(memory, b + k * width, wide)) === equal;
    expect(compare(memory, a, b, elements, wide, equal)).toBe(looked(elements, goesOn));
  }), { numRuns: 2000 });
});
