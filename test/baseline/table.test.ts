/** What bounds the number of regions. */
import { expect, it } from "vitest";
import { EntryTable } from "../../runtime/entry-table.ts";
import { HostMemory } from "../../runtime/host-memory.ts";
import type { Region } from "../../runtime/region.ts";

const full = (): EntryTable => {
  const table = new EntryTable(new HostMemory(4096));
  for (let k = table.heat.length; k > 0; k--) table.add({ index: table.take(), heat: 1, isCompiled: false, entries: [] } as unknown as Region);
  return table;
};

it("a table is full when each word of heat has its region, until one goes", () => {
  const table = full(), [first] = table.regions;
  expect(table.isFull).toBe(true);
  table.drop(first!);
  expect([table.isFull, table.take()]).toEqual([false, 0]);
});
