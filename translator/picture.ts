/** A region for people to look at: its graph of blocks, and its text in each step of the translation. */
import { regionText } from "./emit/region.ts";
import { endText, irOf } from "./explain.ts";
import { runPasses } from "./passes/index.ts";
import { edgesOf } from "./region/block.ts";
import { discover, type CodeView, type RegionLimits } from "./region/discover.ts";
import { structure } from "./region/structure.ts";

/** A block; one without instructions goes on where the region was entered. */
export interface PictureBlock {
  readonly id: number;
  readonly address: number;
  /** Addresses of its instructions. */
  readonly instructions: readonly number[];
  /** Blocks it leads to; -1 for a way out of the region. */
  readonly successors: readonly number[];
  /** Where it leads, in words. */
  readonly end: string;
}

/** Sections are lines. */
export interface Picture {
  /** The first one is where it begins. */
  readonly blocks: readonly PictureBlock[];
  readonly ir: readonly string[];
  readonly optimised: readonly string[];
  readonly javascript: string;
  /** The same with counters. */
  readonly counted: string;
}

/** The region at `head` of the code that the view shows, which may be entered at `entries` too; undefined where there is none. */
export function picture(head: number, code: CodeView, limits: RegionLimits, entries: readonly number[]): Picture | undefined {
  const found = discover(head, code, limits, entries);
  if (found === undefined) return undefined;
  const shape = structure(found), blocks = shape.order.map((id) => shape.blocks[id]!).sort((a, b) => a.id - b.id);
  const order = [...blocks.filter(({ id }) => id === shape.root), ...blocks.filter(({ id }) => id !== shape.root)];
  return {
    blocks: order.map(({ id, address, instructions, end }) => {
      const edges = edgesOf(end).map((edge) => ("block" in edge ? edge.block : -1));
      const leaves = end.kind === "indirect" || end.kind === "transferred";
      return { id, address: address >>> 0, instructions: instructions.map((each) => each.address >>> 0), successors: leaves ? [...edges, -1] : edges, end: endText(end) };
    }),
    ir: irOf(blocks, (block) => block.instructions),
    optimised: irOf(blocks, (block) => runPasses(block.instructions, new Set())),
    javascript: regionText(found).print(), counted: regionText(found, { counters: true }).print(),
  };
}
