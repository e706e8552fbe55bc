/** Basic blocks of a region, as found in guest memory. */
import type { Instruction } from "../decode/instruction.ts";
import type { Form } from "../form.ts";
import type { Meaning, Node } from "../ir/opcodes.ts";

export interface BlockInstruction {
  readonly address: number;
  readonly instruction: Instruction;
  readonly form: Form;
  /** The form's IR with the operands' values. */
  readonly meaning: Meaning;
  /** It stands in the region as JavaScript; otherwise the interpreter executes it in its place. */
  readonly plain: boolean;
}

/** Where the second of the two pages begins on which an instruction's bytes lie; undefined where they lie on one. */
export function secondPage({ address, instruction }: Pick<BlockInstruction, "address" | "instruction">): number | undefined {
  const last = address + instruction.length - 1 | 0;
  return ((address ^ last) & ~0xfff) === 0 ? undefined : last & ~0xfff;
}

/**
 * Where an edge leads: to a block of the region, or out of it to a guest address (`cold`: because it seemed that it is not taken). On the
 * way to a dispatch block, `entry` names the block that is meant.
 */
export type Edge = { readonly block: number; readonly entry?: number } | { readonly leave: number; readonly cold: boolean };

export interface Target {
  readonly address: number;
  readonly edge: Edge;
}

/** How a block ends: a closed union. */
export type BlockEnd =
  | { readonly kind: "jump"; readonly to: Edge }
  | { readonly kind: "branch"; readonly condition: Node; readonly taken: Edge; readonly next: Edge }
  /** An indirect jump, call or return: compared with the targets that are known, and left by where it is none of them. */
  | { readonly kind: "indirect"; readonly to: Node; readonly targets: readonly Target[] }
  /** No instruction: goes to the block that the way here named; the first one is most likely. */
  | { readonly kind: "dispatch"; readonly cases: ReadonlyArray<{ readonly entry: number; readonly edge: Edge }> }
  /** The last instruction was executed by the interpreter and set EIP itself. */
  | { readonly kind: "transferred" };

export interface Block {
  readonly id: number;
  readonly address: number;
  readonly instructions: readonly BlockInstruction[];
  readonly end: BlockEnd;
  /** It is no part of a function that was copied into its caller. */
  readonly isRoot: boolean;
}

/** What a region is made from: blocks, and those of them at which it may be entered; the first is its head. */
export interface RegionBlocks {
  readonly blocks: readonly Block[];
  readonly entries: readonly number[];
  /** Addresses where straight-line code goes on, but the region is full. */
  readonly continued: readonly number[];
}

/** The successors inside the region. */
export function successors(block: Block): number[] {
  const found: number[] = [];
  for (const edge of edgesOf(block.end)) if ("block" in edge) found.push(edge.block);
  return found;
}

export function edgesOf(end: BlockEnd): Edge[] {
  switch (end.kind) {
    case "jump": return [end.to];
    case "branch": return [end.taken, end.next];
    case "indirect": return end.targets.map(({ edge }) => edge);
    case "dispatch": return end.cases.map(({ edge }) => edge);
    case "transferred": return [];
  }
  return end satisfies never;
}

/** The same end with other edges. */
export function mapEdges(end: BlockEnd, map: (edge: Edge) => Edge): BlockEnd {
  switch (end.kind) {
    case "jump": return { ...end, to: map(end.to) };
    case "branch": return { ...end, taken: map(end.taken), next: map(end.next) };
    case "indirect": return { ...end, targets: end.targets.map(({ address, edge }) => ({ address, edge: map(edge) })) };
    case "dispatch": return { ...end, cases: end.cases.map(({ entry, edge }) => ({ entry, edge: map(edge) })) };
    case "transferred": return end;
  }
  return end satisfies never;
}
