/** Rows of regions in WebAssembly (translator/wasm/row.ts), bound to one machine. */
import type { EntryTable } from "./entry-table.ts";
import type { HostMemory } from "./host-memory.ts";
import { caught, javascriptTag } from "./region-function.ts";
import { rowModule } from "../translator/translate.ts";

/**
 * Runs the region at EIP and those that follow it in code space `space`, whose EXEC entries begin at byte `exec` of the memory; returns the code of the last.
 * The state words `left`, `line`, `leave` and `entered` say the rest.
 */
export type RegionRow = (space: number, exec: number) => number;

/** Undefined where the state does not lie in the memory. */
export function regionRow(host: HostMemory, words: Int32Array, table: EntryTable): RegionRow | undefined {
  const state = host.placeOf(words), tag = javascriptTag();
  if (state === undefined || tag === undefined) return undefined;
  const module = new WebAssembly.Module(rowModule({ state, ...table.layout }));
  return new WebAssembly.Instance(module, { h: { t: table.functions, m: host.memory, e: tag, c: caught } }).exports["r"] as RegionRow;
}
