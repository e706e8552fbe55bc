/**
 * Dead-flag elimination within a block: a flag setting that is overwritten before anybody can look is dropped.
 *
 * Whatever may fault, call or leave looks at the flags: the guest sees them then. CF and OF, which some instructions set alone, are followed apart.
 */
import { OPS, type Node, type Op } from "../ir/opcodes.ts";
import type { BlockInstruction } from "../region/block.ts";

const CARRY = 1, OVERFLOW = 2, OTHERS = 4, ALL = CARRY | OVERFLOW | OTHERS;
/** What condition codes look at, by pairs. */
const OF_CONDITION = [OVERFLOW, CARRY, OTHERS, CARRY | OTHERS, OTHERS, OTHERS, OVERFLOW | OTHERS, OVERFLOW | OTHERS];

interface Setting {
  readonly sets: number;
  /** It does so only where its condition holds. */
  readonly isConditional: boolean;
}
const setting = (sets: number, isConditional = false): Setting => ({ sets, isConditional });
const SETTINGS: Partial<Record<Op, Setting>> = {
  setFlags: setting(ALL), setFlagsCarry: setting(ALL), putFlags: setting(ALL), setFlagsIf: setting(ALL, true),
  setCarry: setting(CARRY), setCarryOverflow: setting(CARRY | OVERFLOW), setCarryOverflowIf: setting(CARRY | OVERFLOW, true),
};

function readBy({ op, number }: Node): number {
  return op === "condition" ? OF_CONDITION[number >> 1]! : op === "carry" ? CARRY : op === "flags" ? ALL : 0;
}

export function eliminateFlags(instructions: readonly BlockInstruction[]): BlockInstruction[] {
  let live = ALL;
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
      live = ALL;
      result.push(instruction);
      continue;
    }
    const kept: Node[] = [];
    for (const node of [...instruction.meaning.nodes].reverse()) {
      if (OPS[node.op].effect === "reads") {
        if (!needed.has(node)) continue;
        live |= readBy(node);
      } else {
        const { sets, isConditional } = SETTINGS[node.op] ?? { sets: 0, isConditional: false };
        if (sets !== 0 && (sets & live) === 0) continue;
        if (!isConditional) live &= ~sets;
        if (OPS[node.op].effect !== "writes") live = ALL;
        node.args.forEach(need);
      }
      kept.push(node);
    }
    result.push({ ...instruction, meaning: { nodes: kept.reverse(), end } });
  }
  return result.reverse();
}
