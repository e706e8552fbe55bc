import fc from "fast-check";
import { expect, test } from "vitest";
import { MarkedBytes, WORDS } from "../../runtime/marked-bytes.ts";

/** What is done, and a range of bytes of a page. */
const steps = fc.array(fc.record({ unmark: fc.boolean(), from: fc.integer({ min: 0, max: 4095 }), length: fc.integer({ min: 1, max: 100 }) }), { maxLength: 40 });

test("marks, unmarks and finds the bytes of a set", () => {
  fc.assert(fc.property(steps, fc.array(fc.integer({ min: 0, max: 4090 }), { maxLength: 20 }), (done, asked) => {
    const words = new Int32Array(3 * WORDS), marked = new MarkedBytes(words, WORDS), bytes = new Set<number>();
    for (const { unmark, from, length } of done) {
      const to = Math.min(from + length, 4096);
      if (unmark) marked.unmark(from, to);
      else marked.mark(from, to);
      for (let k = from; k < to; k++) if (unmark) bytes.delete(k); else bytes.add(k);
      expect(marked.empty).toBe(bytes.size === 0);
    }
    const edges = done.flatMap(({ from, length }) => [Math.max(0, from - 2), Math.min(from + length - 1, 4090)]);
    for (const from of [...asked, ...edges]) {
      for (const size of [1, 2, 4]) expect(marked.hit(from, from + size)).toBe(Array.from({ length: size }, (_, k) => from + k).some((k) => bytes.has(k)));
    }
    expect([...words].map((word, k) => k < WORDS || k >= 2 * WORDS ? word : 0).every((word) => word === 0)).toBe(true);
    for (const byte of [...asked, ...edges]) expect((words[WORDS + (byte >> 5)]! >>> (byte & 31) & 1) === 1).toBe(bytes.has(byte));
    marked.clear();
    expect(marked.empty).toBe(true);
    expect(marked.hit(0, 4096)).toBe(false);
  }));
});
