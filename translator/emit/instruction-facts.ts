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

export const factsOf = derived((meaning): InstructionFacts => {
  const { nodes, end } = meaning;
  return {
    arrays: [...new Set([...nodes.flatMap(arraysOf), ...(end.kind === "repeat" ? TABLES : [])])],
    functions: runtimeFunctions(meaning),
    called: nodes.flatMap(({ op, name }) => (name !== "" && OPS[op].effect === "call" ? [name] : [])),
    mayFault: nodes.some(({ op }) => op === "linear" || op === "guard" || op === "call" || op === "monitor" || op === "probe" || NEAR[op] !== undefined || MEMORY[op] !== undefined),
    callsMonitor: nodes.some(({ op }) => op === "monitor"),
    callsExactly: nodes.some(calledExactly),
  };
});
