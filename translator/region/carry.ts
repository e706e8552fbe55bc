/**
 * Blocks that need the carry flag which they are entered with.
 *
 * Where ways meet, nothing is known of how the flags were set last, and a chain of ADC in a loop would ask a general function for CF. Such
 * blocks get it in a local of its own instead: each way to them knows better. This is liveness of CF, backwards over the region's blocks.
 */
import { derived, OPS } from "../ir/opcodes.ts";
import { successors, type Block, type BlockInstruction } from "./block.ts";

const SETS_CARRY = new Set(["setFlags", "setFlagsCarry", "setFlagsIf", "putFlags", "setCarry", "setCarryOverflow", "setCarryOverflowIf"]);

/** What a block does with CF first. */
type First = "reads" | "sets" | "neither";

/** By id: `blocks` that are entered with a carry that somebody reads. `order` names those that are in the region. */
export function carriesIn(blocks: readonly Block[], order: readonly number[]): ReadonlySet<number> {
  const first = new Map(order.map((id) => [id, firstOf(blocks[id]!)])), found = new Set(order.filter((id) => first.get(id) === "reads"));
  for (let before = -1; found.size !== before;) {
    before = found.size;
    for (const id of order.toReversed()) if (first.get(id) === "neither" && successors(blocks[id]!).some((next) => found.has(next))) found.add(id);
  }
  return found;
}

function firstOf(block: Block): First {
  for (const instruction of block.instructions) {
    const first = ofInstruction(instruction);
    if (first !== "neither") return first;
  }
  return "neither";
}

/** Whatever leaves the flags in the state words counts as setting them. */
function ofInstruction({ plain, meaning }: BlockInstruction): First { return plain ? ofMeaning(meaning) : "sets"; }

const ofMeaning = derived(({ nodes }): First => {
  for (const { op } of nodes) {
    if (op === "carry") return "reads";
    const { effect } = OPS[op];
    if (SETS_CARRY.has(op) || effect === "call" || effect === "monitor") return "sets";
  }
  return "neither";
});
