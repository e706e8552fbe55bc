/** The table of executed instructions stays bounded and keeps its sums. */
import { expect, it } from "vitest";
import { ELSEWHERE, ExecutedTable } from "../../runtime/measure/executed.ts";
import { decode } from "../../translator/translate.ts";

it("records what is beyond its bound by row alone", () => {
  const nop = decode(Uint8Array.of(0x90), 0, 1, { bits: 32 });
  if ("failure" in nop) throw new Error("no instruction");
  const table = new ExecutedTable(10);
  for (let k = 0; k < 1000; k++) table.addInterpreted(table.at(k, k % 2 === 1, nop.row, 1), 3);
  table.addTranslated(table.at(5, true, nop.row, 1), 7, 0); // known before
  expect(table.size).toBe(12); // one more for each ring
  expect(table.all().reduce((sum, { interpreted, translated }) => sum + interpreted + translated, 0)).toBe(3007);
  expect(table.all().filter(({ linear }) => linear === ELSEWHERE).map(({ user, interpreted }) => [user, interpreted])).toEqual([[false, 3 * 495], [true, 3 * 495]]);
  expect(table.at(5, true, nop.row, 1).translated).toBe(7);
});
