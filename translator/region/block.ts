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

/** Where an edge leads: to a block of the region, or out of it to a guest address; `cold`: because it seemed that it is not taken. */
export type Edge = { readonly block: number } | { readonly leave: number; readonly cold: boolean };

/** How a block ends: a closed union. */
export type BlockEnd =
  | { readonly kind: "jump"; readonly to: Edge }
  | { readonly kind: "branch"; readonly condition: Node; readonly taken: Edge; readonly next: Edge }
  /** An indirect jump or return whose target is predicted: compared, and left by where it differs. */
  | { readonly kind: "predicted"; readonly to: Node; readonly address: number; readonly edge: Edge }
  | { readonly kind: "indirect"; readonly to: Node }
  /** The last instruction was executed by the interpreter and set EIP itself. */
  | { readonly kind: "transferred" };

export interface Block {
  readonly id: number;
  readonly address: number;
  readonly instructions: readonly BlockInstruction[];
  readonly end: BlockEnd;
}

/** The successors inside the region. */
export function successors(block: Block): number[] {
  const edges = edgesOf(block.end);
  return edges.flatMap((edge) => ("block" in edge ? [edge.block] : []));
}

export function edgesOf(end: BlockEnd): Edge[] {
  switch (end.kind) {
    case "jump": return [end.to];
    case "branch": return [end.taken, end.next];
    case "predicted": return [end.edge];
    case "indirect": case "transferred": return [];
  }
  return end satisfies never;
}
