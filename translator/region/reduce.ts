/**
 * Makes a region's graph reducible: every loop gets one block through which it is entered.
 *
 * Where a loop has several entries (the guest jumps into its middle, or the region may be entered there), a *dispatch* block
 * is put before it. All ways into the loop, and the ways back to its first entry, go to the dispatch block and name the entry that they mean
 * in a variable; everything else in the loop stays as it was. The same is done for the loops inside. (Peterson, Kasami, Tokura 1973 split nodes
 * instead; copies of code are what V8 is slowest at.)
 */
import { edgesOf, mapEdges, type Block, type Edge, type RegionBlocks } from "./block.ts";

/** Blocks by id, the block to begin at, and nothing irreducible. */
export interface ReducibleGraph {
  readonly blocks: readonly Block[];
  readonly root: number;
}

export function reduce({ blocks, entries }: RegionBlocks): ReducibleGraph {
  const graph = new Graph(blocks);
  const root = entries.length === 1 ? entries[0]! : graph.dispatch(entries);
  const reachable = graph.reachable(root);
  graph.cutUnreachable(new Set(reachable));
  graph.reduce(reachable, -1);
  return { blocks: graph.blocks, root };
}

class Graph {
  readonly blocks: Block[];

  constructor(blocks: readonly Block[]) { this.blocks = [...blocks]; }

  /** A new block that goes to whichever of `targets` is named. */
  dispatch(targets: readonly number[]): number {
    const id = this.blocks.length;
    this.blocks.push({
      id, address: this.blocks[targets[0]!]!.address, instructions: [], isRoot: false,
      end: { kind: "dispatch", cases: targets.map((target) => ({ entry: target, edge: { block: target } })) },
    });
    return id;
  }

  #successors(id: number): number[] {
    return edgesOf(this.blocks[id]!.end).flatMap((edge) => ("block" in edge ? [edge.block] : []));
  }

  /** In reverse postorder. */
  reachable(root: number): number[] {
    const seen = new Set<number>(), order: number[] = [];
    const visit = (id: number): void => {
      if (seen.has(id)) return;
      seen.add(id);
      for (const next of this.#successors(id)) visit(next);
      order.push(id);
    };
    visit(root);
    return order.reverse();
  }

  /** Blocks that no way leads to have no way on, so that they are nobody's predecessors. */
  cutUnreachable(reachable: ReadonlySet<number>): void {
    this.blocks.forEach((block, id) => { if (!reachable.has(id)) this.blocks[id] = { ...block, end: { kind: "transferred" } }; });
  }

  /** Treats the loops among `nodes`, which are in reverse postorder; edges to `header` do not count. */
  reduce(nodes: readonly number[], header: number): void {
    for (const loop of this.#loops(nodes, header)) {
      const inside = new Set(loop);
      const entered = new Set<number>();
      for (const from of this.blocks) if (!inside.has(from.id)) for (const to of this.#successors(from.id)) if (inside.has(to)) entered.add(to);
      const entries = loop.filter((id) => entered.has(id)), main = entries[0] ?? loop[0]!;
      if (entries.length > 1) this.#enterThrough(this.dispatch(entries), inside, new Set(entries), main);
      this.reduce(loop, main);
    }
  }

  /** Ways into the loop, and those back to its main entry, lead to the dispatch block. */
  #enterThrough(dispatch: number, inside: ReadonlySet<number>, entries: ReadonlySet<number>, main: number): void {
    for (const from of this.blocks) {
      if (from.id === dispatch) continue;
      const end = mapEdges(from.end, (edge): Edge => {
        if (!("block" in edge) || !entries.has(edge.block)) return edge;
        return inside.has(from.id) && edge.block !== main ? edge : { block: dispatch, entry: edge.block };
      });
      this.blocks[from.id] = { ...from, end };
    }
  }

  /** The strongly connected components that are loops (Tarjan 1972), each in the order of `nodes`. */
  #loops(nodes: readonly number[], header: number): number[][] {
    const allowed = new Set(nodes), index = new Map<number, number>(), low = new Map<number, number>(), stack: number[] = [], onStack = new Set<number>();
    const found: number[][] = [];
    const visit = (id: number): void => {
      index.set(id, index.size);
      low.set(id, index.get(id)!);
      stack.push(id);
      onStack.add(id);
      let self = false;
      for (const next of this.#successors(id)) {
        if (!allowed.has(next) || next === header) continue;
        if (next === id) self = true;
        if (!index.has(next)) {
          visit(next);
          low.set(id, Math.min(low.get(id)!, low.get(next)!));
        } else if (onStack.has(next)) low.set(id, Math.min(low.get(id)!, index.get(next)!));
      }
      if (low.get(id) !== index.get(id)) return;
      const component = new Set<number>();
      for (let member = -1; member !== id;) {
        member = stack.pop()!;
        onStack.delete(member);
        component.add(member);
      }
      if (component.size > 1 || self) found.push(nodes.filter((member) => component.has(member)));
    };
    for (const id of nodes) if (!index.has(id)) visit(id);
    return found;
  }
}
