/**
 * Dead-flag elimination within a block: a flag setting that is overwritten before anybody can look is dropped.
 *
 * Whatever may fault, call or leave looks at the flags: the guest sees them then.
 */
import { OPS, type Node } from "../ir/opcodes.ts";
import type { BlockInstruction } from "../region/block.ts";

const READS_FLAGS = new Set(["condition", "carry", "flags"]);
const SETS_FLAGS = new Set(["setFlags", "setFlagsCarry", "putFlags"]);

export function eliminateFlags(instructions: readonly BlockInstruction[]): BlockInstruction[] {
  let live = true;
  const needed = new Set<Node>();
  const need = (node: Node): void => {
    if (node.op === "const" || needed.has(node)) return;
    needed.add(node);
    node.args.forEach(need);
  };
  const result: BlockInstruction[] = [];
  for (const instruction of [...instructions].reverse()) {
    const { end } = instruction.meaning;
    if (end.kind === "branch") need(end.condition);
    else if (end.kind === "indirect") need(end.to);
    if (!instruction.plain) {
      live = true;
      result.push(instruction);
      continue;
    }
    const kept: Node[] = [];
    for (const node of [...instruction.meaning.nodes].reverse()) {
      if (OPS[node.op].effect === "reads") {
        if (!needed.has(node)) continue;
        if (READS_FLAGS.has(node.op)) live = true;
      } else if (SETS_FLAGS.has(node.op)) {
        if (!live) continue;
        live = false;
        node.args.forEach(need);
      } else if (node.op === "setFlagsIf") {
        if (!live) continue;
        node.args.forEach(need);
      } else {
        if (OPS[node.op].effect !== "writes") live = true;
        node.args.forEach(need);
      }
      kept.push(node);
    }
    result.push({ ...instruction, meaning: { nodes: kept.reverse(), end } });
  }
  return result.reverse();
}
