/**
 * Structured control flow from a graph of blocks, by its dominator tree (Ramsey, "Beyond Relooper", ICFP 2022).
 *
 * A block that is the target of a back edge becomes a loop; one that several forward edges meet in follows a labelled block that
 * they break out of; every other block stands where its only edge is. Invariant: the graph is reducible when it comes here; `makeReducible` has
 * turned every retreating edge whose target does not dominate its source into a leave.
 */
import { edgesOf, successors, type Block, type BlockEnd, type Edge } from "./block.ts";

/** How a block reaches a successor in the structured form. */
export type Jump = "continue" | "break" | "inline";

export interface Structure {
  /** Blocks with unreachable ones gone and irreducible edges turned into leaves. */
  readonly blocks: readonly Block[];
  readonly order: readonly number[];
  readonly loops: ReadonlySet<number>;
  readonly merges: ReadonlySet<number>;
  /** Children in the dominator tree that stand behind a labelled block, innermost first. */
  readonly follows: ReadonlyMap<number, readonly number[]>;
  jump(from: number, to: number): Jump;
}

/** Reverse postorder from block 0. */
function reversePostorder(blocks: readonly Block[]): number[] {
  const seen = new Set<number>(), order: number[] = [];
  const visit = (id: number): void => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const next of successors(blocks[id]!)) visit(next);
    order.push(id);
  };
  visit(0);
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

/** Turns one edge of an end into a leave to its block's address. */
function cutEdges(end: BlockEnd, cut: (edge: Edge) => Edge): BlockEnd {
  switch (end.kind) {
    case "jump": return { ...end, to: cut(end.to) };
    case "branch": return { ...end, taken: cut(end.taken), next: cut(end.next) };
    case "predicted": return { ...end, edge: cut(end.edge) };
    case "indirect": case "transferred": return end;
  }
  return end satisfies never;
}

/** Cuts retreating edges that do not go to a dominator, until none is left. */
function makeReducible(blocks: readonly Block[]): { blocks: readonly Block[]; order: number[]; idom: number[] } {
  const order = reversePostorder(blocks), idom = dominators(blocks, order), position = positions(order, blocks.length);
  let changed = false;
  const next = blocks.map((block) => {
    const at = position[block.id]!;
    if (at < 0) return block;
    const end = cutEdges(block.end, (edge) => {
      if (!("block" in edge)) return edge;
      const to = position[edge.block]!;
      if (to > at || dominates(idom, to, at)) return edge;
      changed = true;
      return { leave: blocks[edge.block]!.address, cold: false };
    });
    return { ...block, end };
  });
  return changed ? makeReducible(next) : { blocks, order, idom };
}

export function structure(found: readonly Block[]): Structure {
  const { blocks, order, idom } = makeReducible(found);
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
    blocks, order, loops, merges, follows,
    jump: (from, to) => (position[to]! <= position[from]! ? "continue" : merges.has(to) ? "break" : "inline"),
  };
}
