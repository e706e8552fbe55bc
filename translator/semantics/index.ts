/** Form → meaning. A row whose semantics are not written yet raises #UD by name. */
import type { Form } from "../form.ts";
import type { Meaning } from "../ir/opcodes.ts";
import { NEXT, Semantics, type SemanticFunction } from "./context.ts";
import { data } from "./data.ts";
import { flow } from "./flow.ts";
import { integer } from "./integer.ts";
import { shift } from "./shift.ts";
import { strings } from "./string.ts";
import { system } from "./system.ts";
import { x87 } from "./x87.ts";

const FUNCTIONS: ReadonlyMap<string, SemanticFunction> = new Map(Object.entries({ ...data, ...integer, ...shift, ...flow, ...strings, ...system }));

/** x87 rows share one function: FWAIT and everything that begins with F. */
function semanticFunction(semantics: string): SemanticFunction | undefined {
  return FUNCTIONS.get(semantics) ?? (semantics === "wait" || semantics.startsWith("f") ? x87 : undefined);
}

/** Whether a row's `semantics` key has a meaning. */
export function isImplemented(semantics: string): boolean {
  return semanticFunction(semantics) !== undefined;
}

/** The IR of a form. */
export function meaningOf(form: Form): Meaning {
  const s = new Semantics(form);
  const meaning = semanticFunction(form.semantics);
  if (meaning === undefined) {
    s.ir.monitor("undefinedOpcode");
    return s.ir.finish({ kind: "transferred" });
  }
  const end = meaning(s) ?? NEXT;
  return s.ir.finish(end);
}
