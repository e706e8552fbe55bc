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
  /** Those of its functions that are called with all state in the state words; of repeated instructions alone. */
  readonly called: readonly string[];
  readonly mayFault: boolean;
  readonly callsMonitor: boolean;
  /** It calls the monitor at its exact count. */
  readonly callsExactly: boolean;
}

const NOTHING: readonly string[] = [];
const FAULTING: ReadonlySet<string> = new Set(["linear", "guard", "call", "monitor", "probe", ...Object.keys(NEAR), ...Object.keys(MEMORY)]);

export const factsOf = derived((meaning): InstructionFacts => {
  const { nodes, end } = meaning;
  let arrays: readonly string[] = end.kind === "repeat" ? TABLES : NOTHING;
  for (let k = 0; k < nodes.length; k++) {
    const more = arraysOf(nodes[k]!);
    if (arrays.length === 0) arrays = more;
    else for (let j = 0; j < more.length; j++) if (!arrays.includes(more[j]!)) arrays = [...arrays, more[j]!];
  }
  return {
    arrays,
    functions: runtimeFunctions(meaning),
    called: end.kind === "repeat" ? nodes.filter(({ op, name }) => name !== "" && OPS[op].effect === "call").map(({ name }) => name) : NOTHING,
    mayFault: nodes.some(({ op }) => FAULTING.has(op)),
    callsMonitor: nodes.some(({ op }) => op === "monitor"),
    callsExactly: nodes.some(calledExactly),
  };
});
