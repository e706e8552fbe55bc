/**
 * Dead-flag elimination within a block: a flag setting that is overwritten before anybody can look is dropped.
 *
 * Whatever may fault, call or leave looks at the flags: the guest sees them then. CF and OF, which some instructions set alone, are followed apart.
 */
import { derived, OPS, type Meaning, type Node, type Op } from "../ir/opcodes.ts";
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
const NO_SETTING = setting(0);
const SETTINGS: Partial<Record<Op, Setting>> = {
  setFlags: setting(ALL), setFlagsCarry: setting(ALL), putFlags: setting(ALL), setFlagsIf: setting(ALL, true),
  setCarry: setting(CARRY), setCarryOverflow: setting(CARRY | OVERFLOW), setCarryOverflowIf: setting(CARRY | OVERFLOW, true),
};

function readBy({ op, number }: Node): number {
  return op === "condition" ? OF_CONDITION[number >> 1]! : op === "carry" ? CARRY : op === "flags" ? ALL : 0;
}

/** What is left of an instruction, and the flags that are looked at from there on. */
interface Kept {
  readonly meaning: Meaning;
  readonly live: number;
}

/** By the flags that are looked at behind an instruction: equal instructions share their meaning. */
const variantsOf = derived((): Kept[] => []);

function keptOf(meaning: Meaning, live: number): Kept { return (variantsOf(meaning)[live] ??= keep(meaning, live)); }

function keep(meaning: Meaning, behind: number): Kept {
  const { nodes, end } = meaning, needed: Node[] = [], kept: Node[] = [];
  let live = behind;
  if (end.kind === "branch") need(end.condition, needed);
  else if (end.kind === "indirect") need(end.to, needed);
  for (let k = nodes.length - 1; k >= 0; k--) {
    const node = nodes[k]!, { effect } = OPS[node.op];
    if (effect === "reads") {
      if (!needed.includes(node)) continue;
      live |= readBy(node);
    } else {
      const { sets, isConditional } = SETTINGS[node.op] ?? NO_SETTING;
      if (sets !== 0 && (sets & live) === 0) continue;
      if (!isConditional) live &= ~sets;
      if (effect !== "writes") live = ALL;
      for (let j = 0; j < node.args.length; j++) need(node.args[j]!, needed);
    }
    kept.push(node);
  }
  return { meaning: kept.length === nodes.length ? meaning : { nodes: kept.reverse(), end, ...(meaning.memo === undefined ? {} : { memo: [] }) }, live };
}

/** Notes a node and what is below it. */
function need(node: Node, needed: Node[]): void {
  if (node.op === "const" || needed.includes(node)) return;
  needed.push(node);
  for (let k = 0; k < node.args.length; k++) need(node.args[k]!, needed);
}

export function eliminateFlags(instructions: readonly BlockInstruction[]): BlockInstruction[] {
  let live = ALL;
  const result: BlockInstruction[] = [];
  for (let k = instructions.length - 1; k >= 0; k--) {
    const instruction = instructions[k]!;
    if (!instruction.plain) {
      live = ALL;
      result.push(instruction);
      continue;
    }
    const { meaning } = instruction, kept = keptOf(meaning, live);
    live = kept.live;
    result.push(kept.meaning === meaning ? instruction : { ...instruction, meaning: kept.meaning });
  }
  return result.reverse();
}
