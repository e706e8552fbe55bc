/** A stretch is what the elements would be one by one, ends where a page of an operand does, and leaves the flags of its last comparison. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arithmeticFlags } from "../../runtime/flags.ts";
import { GuestMemory } from "../../runtime/memory.ts";
import { CpuState, DF, SLOT } from "../../runtime/state.ts";
import { stretches, type Width } from "../../runtime/stretches.ts";
import { UNFILLED } from "../../runtime/tlb-entry.ts";

const PAGE = 0x1000, BYTES = 4 * PAGE;
const cpu = new CpuState(), memory = new GuestMemory(BYTES, cpu), unit = stretches(memory, cpu.words);

const width = fc.constantFrom<Width>(1, 2, 4), count = fc.oneof(fc.nat({ max: 90 }), fc.constantFrom(2000, 0x7fffffff, -1));
/** Near a page's middle or its end, and near each other. */
const place = fc.tuple(fc.constantFrom(PAGE + 0x400, 2 * PAGE, 3 * PAGE), fc.integer({ min: -120, max: 90 })).map(([at, off]) => at + off);

/** The same addresses are mapped to themselves; few values, so that elements are often equal. */
function prepare(seed: number, down: boolean): Uint8Array {
  memory.patience = 1e6;
  cpu.words[SLOT.eflags] = down ? DF : 0;
  for (let k = 0, x = seed | 1; k < BYTES; k++) {
    x = Math.imul(x, 1664525) + 1013904223 | 0;
    memory.ram[k] = x >>> 28 === 0 ? x >>> 24 : 7;
  }
  return memory.ram.slice();
}

/** How many elements are done: all, or those up to the end of a page. */
function within(addresses: readonly number[], size: Width, most: number, down: boolean): number {
  const fits = (k: number): boolean => addresses.every((at) => {
    const first = at + (down ? -k : k) * size;
    return first >>> 12 === at >>> 12 && first + size - 1 >>> 12 === at >>> 12;
  });
  let done = 0;
  while (done < most >>> 0 && fits(done)) done++;
  return done;
}

const at = (ram: Uint8Array, address: number, size: Width): number => {
  let value = 0;
  for (let k = size - 1; k >= 0; k--) value = value << 8 | ram[address + k]!;
  return value;
};

/** The flags of a comparison, by definition (SDM volume 1, 3.4.3.1). */
function comparison(a: number, b: number, size: Width): number {
  const bits = 8 * size, mask = 2 ** bits - 1, x = (a & mask) >>> 0, y = (b & mask) >>> 0, sum = x - y & mask, sign = 2 ** (bits - 1);
  const parity = (sum & 0xff).toString(2).replaceAll("0", "").length % 2 === 0;
  const overflow = ((x ^ y) & (x ^ sum) & sign) !== 0;
  return (x < y ? 1 : 0) | (parity ? 4 : 0) | (((x ^ y ^ sum) & 16) === 0 ? 0 : 16) | (sum === 0 ? 64 : 0) | ((sum & sign) === 0 ? 0 : 128) | (overflow ? 2048 : 0);
}

describe("stretches", () => {
  test("of MOVS", () => {
    fc.assert(fc.property(width, place, place, count, fc.boolean(), fc.integer(), (size, from, to, most, down, seed) => {
      const expected = prepare(seed, down), done = within([from, to], size, most, down);
      for (let k = 0; k < done; k++) {
        const off = (down ? -k : k) * size;
        expected.set(expected.slice(from + off, from + off + size), to + off);
      }
      expect(unit.move(size, from, to, most, 0, 0)).toBe(down ? 0 - done : done);
      expect(memory.ram).toEqual(expected);
    }), { numRuns: 1000 });
  });

  test("of STOS", () => {
    fc.assert(fc.property(width, place, count, fc.boolean(), fc.integer(), (size, to, most, down, value) => {
      const expected = prepare(1, down), done = within([to], size, most, down);
      for (let k = 0; k < done * size; k++) expected[to + (down ? size - done * size : 0) + k] = value >> 8 * (k % size);
      expect(unit.store(size, to, most, 0, value)).toBe(down ? 0 - done : done);
      expect(memory.ram).toEqual(expected);
    }), { numRuns: 1000 });
  });

  test("of SCAS", () => {
    fc.assert(fc.property(width, place, count, fc.boolean(), fc.integer(), fc.option(fc.integer()), (size, to, most, equal, seed, value) => {
      const ram = prepare(seed, false), room = within([to], size, most, false), wanted = value ?? 0x07070707;
      let done = 0;
      while (done < room) if ((at(ram, to + done++ * size, size) === (size === 4 ? wanted : wanted & (1 << 8 * size) - 1)) !== equal) break;
      expect(unit.scan(size, to, most, 0, wanted, Number(equal))).toBe(done);
      if (done > 0) expect(arithmeticFlags(cpu.words)).toBe(comparison(wanted, at(ram, to + (done - 1) * size, size), size));
    }), { numRuns: 1000 });
  });

  test("of CMPS", () => {
    fc.assert(fc.property(width, place, place, count, fc.boolean(), fc.integer(), (size, from, to, most, equal, seed) => {
      const ram = prepare(seed, false), room = within([from, to], size, most, false);
      let done = 0;
      while (done < room) if ((at(ram, from + done * size, size) === at(ram, to + done++ * size, size)) !== equal) break;
      expect(unit.compare(size, from, to, most, 0, 0, Number(equal))).toBe(done);
      if (done > 0) expect(arithmeticFlags(cpu.words)).toBe(comparison(at(ram, from + (done - 1) * size, size), at(ram, to + (done - 1) * size, size), size));
    }), { numRuns: 1000 });
  });

  test("are left to the general way where a page cannot be reached, the owner waits, or SCAS and CMPS go down", () => {
    const before = prepare(1, false);
    expect([unit.move(4, PAGE, 0, 1, UNFILLED, 0), unit.move(4, PAGE, 0, 1, 0, UNFILLED), unit.store(4, PAGE, 1, UNFILLED, 0), unit.scan(4, PAGE, 1, UNFILLED, 0, 1)]).toEqual([0, 0, 0, 0]);
    memory.patience = -1;
    expect([unit.move(4, PAGE, 0, 1, 0, 0), unit.store(4, PAGE, 1, 0, 0), unit.scan(4, PAGE, 1, 0, 0, 1), unit.compare(4, PAGE, 0, 1, 0, 0, 1)]).toEqual([0, 0, 0, 0]);
    prepare(1, true);
    expect([unit.scan(4, PAGE, 1, 0, 0, 1), unit.compare(4, PAGE, 0, 1, 0, 0, 1)]).toEqual([0, 0]);
    expect(memory.ram).toEqual(before);
  });
});
