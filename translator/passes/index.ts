/** The passes over a block, in their order. Each can be switched off by name. */
import type { BlockInstruction } from "../region/block.ts";
import { eliminateFlags } from "./flag-elimination.ts";
import { shareProbes } from "./shared-probes.ts";

export type Pass = (instructions: readonly BlockInstruction[]) => readonly BlockInstruction[];

export const PASSES: ReadonlyArray<readonly [name: string, pass: Pass]> = [["shared-probes", shareProbes], ["flag-elimination", eliminateFlags]];

export function runPasses(instructions: readonly BlockInstruction[], off: ReadonlySet<string>): readonly BlockInstruction[] {
  let current = instructions;
  for (const [name, pass] of PASSES) if (!off.has(name)) current = pass(current);
  return current;
}

/** Further optimisations that can be switched off: CF stays in a local of its own from block to block. */
export const CARRY_LOCAL = "carry-local";

/** x87 registers are pairs of float64s in runs of x87 instructions. */
export const X87_RUNS = "x87-runs";
