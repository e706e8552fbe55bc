/**
 * Structured control flow from a graph of blocks, by its dominator tree (Ramsey, "Beyond Relooper", ICFP 2022).
 *
 * A block that is the target of a back edge becomes a loop; one that several forward edges meet in follows a labelled block that
 * they break out of; every other block stands where its only edge is. `reduce` has made the graph reducible.
 */
import { edgesOf, successors, type Block, type RegionBlocks } from "./block.ts";
import { reduce } from "./reduce.ts";

/** How a block reaches a successor in the structured form. */
export type Jump = "continue" | "break" | "inline";

export interface Structure {
  /** By id; dispatch blocks are among them. */
  readonly blocks: readonly Block[];
  readonly root: number;
  readonly order: readonly number[];
  readonly loops: ReadonlySet<number>;
  readonly merges: ReadonlySet<number>;
  /** Children in the dominator tree that stand behind a labelled block, innermost first. */
  readonly follows: ReadonlyMap<number, readonly number[]>;
  jump(from: number, to: number): Jump;
}

/** Reverse postorder from the root. */
function reversePostorder(blocks: readonly Block[], root: number): number[] {
  const seen = new Set<number>(), order: number[] = [];
  const visit = (id: number): void => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const next of successors(blocks[id]!)) visit(next);
    order.push(id);
  };
  visit(root);
  return order.reverse();
}

/** Immediate dominators (Cooper, Harvey, Kennedy 2001), by position in `order`. */
function dominators(blocks: readonly Block[], order: readonly number[]): number[] {
  const position = positions(order, blocks.length);
  const predecessors: number[][] = order.map(() => []);
  order.forEach((id, at) => { for (const next of successors(blocks[id]!)) predecessors[position[next]!]!.push(at); });
  const idom: number[] = order.map((_id, at) => (at === 0 ? 0 : -1));
  const meet = (a: number, b: number): number => {
    while (a !== b) {
      while (a > b) a = idom[a]!;
      while (b > a) b = idom[b]!;
    }
    return a;
  };
  for (let changed = true; changed;) {
    changed = false;
    for (let at = 1; at < order.length; at++) {
      let best = -1;
      for (const from of predecessors[at]!) if (idom[from] !== -1) best = best < 0 ? from : meet(best, from);
      if (best !== idom[at]) {
        idom[at] = best;
        changed = true;
      }
    }
  }
  return idom;
}

function positions(order: readonly number[], count: number): number[] {
  const position: number[] = Array.from({ length: count }, () => -1);
  order.forEach((id, at) => { position[id] = at; });
  return position;
}

function dominates(idom: readonly number[], a: number, b: number): boolean {
  while (b > a) b = idom[b]!;
  return a === b;
}

/** Throws where the graph is not reducible. */
function requireReducible(blocks: readonly Block[], order: readonly number[], idom: readonly number[]): void {
  const position = positions(order, blocks.length);
  order.forEach((id, at) => {
    for (const next of successors(blocks[id]!)) {
      const to = position[next]!;
      if (to <= at && !dominates(idom, to, at)) throw new Error(`block ${next} is entered from its own loop's middle, block ${id}`);
    }
  });
}

export function structure(found: RegionBlocks): Structure {
  const { blocks, root } = reduce(found), order = reversePostorder(blocks, root), idom = dominators(blocks, order);
  requireReducible(blocks, order, idom);
  const position = positions(order, blocks.length);
  const forward = order.map(() => 0), loops = new Set<number>();
  order.forEach((id, at) => {
    for (const edge of edgesOf(blocks[id]!.end)) {
      if (!("block" in edge)) continue;
      const to = position[edge.block]!;
      if (to <= at) loops.add(edge.block);
      else forward[to] = forward[to]! + 1;
    }
  });
  const merges = new Set(order.filter((_id, at) => forward[at]! > 1));
  const follows = new Map<number, number[]>();
  for (let at = order.length - 1; at > 0; at--) {
    const id = order[at]!;
    if (!merges.has(id)) continue;
    const parent = order[idom[at]!]!;
    follows.set(parent, [id, ...(follows.get(parent) ?? [])]);
  }
  return {
    blocks, root, order, loops, merges, follows,
    jump: (from, to) => (position[to]! <= position[from]! ? "continue" : merges.has(to) ? "break" : "inline"),
  };
}
