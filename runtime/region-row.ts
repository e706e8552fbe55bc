/** Rows of regions in WebAssembly (translator/wasm/row.ts), bound to one machine. */
import type { EntryTable } from "./entry-table.ts";
import type { HostMemory } from "./host-memory.ts";
import { caught, javascriptTag } from "./region-function.ts";
import { rowModule } from "../translator/translate.ts";

export interface RegionRows {
  /**
   * Runs the region at EIP and those that follow it; returns the code of the last. The state words `space`, `exec`, `left`, `line`, `leave` and `entered` say the
   * rest; `depth` is 0.
   */
  readonly run: () => number;
  /** For generated code alone. */
  readonly follow: (next: number) => number;
}

/** `fetch` answers the EXEC entry of an address, filled where that can be. Undefined where the state does not lie in the memory. */
export function regionRows(host: HostMemory, words: Int32Array, table: EntryTable, fetch: (linear: number) => number): RegionRows | undefined {
  const state = host.placeOf(words), tag = javascriptTag();
  if (state === undefined || tag === undefined) return undefined;
  const module = new WebAssembly.Module(rowModule({ state, ...table.layout }));
  const { r, f } = new WebAssembly.Instance(module, { h: { t: table.functions, m: host.memory, e: tag, c: caught, x: fetch } }).exports;
  return { run: r as RegionRows["run"], follow: f as RegionRows["follow"] };
}
