/** What a region has to know of an instruction that stands in it; equal instructions share it. */
import { calledExactly } from "../ir/calls.ts";
import { derived, OPS } from "../ir/opcodes.ts";
import { MEMORY, NEAR } from "./access-templates.ts";
import { runtimeFunctions } from "./handler.ts";
import { arraysOf, TABLES } from "./region-templates.ts";

export interface InstructionFacts {
  /** The ABI's arrays that its JavaScript names. */
  readonly arrays: readonly string[];
  /** The runtime functions that it names. */
  readonly functions: readonly string[];
  /** Those of its functions that are called with all state in the state words. */
  readonly called: readonly string[];
  readonly mayFault: boolean;
  readonly callsMonitor: boolean;
  /** It calls the monitor at its exact count. */
  readonly callsExactly: boolean;
}

const FAULTING: ReadonlySet<string> = new Set(["linear", "guard", "call", "monitor", "probe", ...Object.keys(NEAR), ...Object.keys(MEMORY)]);

export const factsOf = derived((meaning): InstructionFacts => {
  const { nodes, end } = meaning, arrays: string[] = end.kind === "repeat" ? [...TABLES] : [];
  for (const node of nodes) for (const array of arraysOf(node)) if (!arrays.includes(array)) arrays.push(array);
  return {
    arrays,
    functions: runtimeFunctions(meaning),
    called: nodes.filter(({ op, name }) => name !== "" && OPS[op].effect === "call").map(({ name }) => name),
    mayFault: nodes.some(({ op }) => FAULTING.has(op)),
    callsMonitor: nodes.some(({ op }) => op === "monitor"),
    callsExactly: nodes.some(calledExactly),
  };
});
