/**
 * Condition codes as JavaScript, from lazy flags of a known kind.
 *
 * For every kind that leaves its operands behind, a compare and its branch become one JavaScript comparison; what is
 * not listed here is computed by the runtime's general function.
 */
import type { Expression } from "estree";
import { KIND } from "../../runtime/abi.ts";
import { expression, type Bindings } from "./estree.ts";

type Template = (bindings: Bindings) => Expression;

const B = 2, E = 4, BE = 6, S = 8, L = 12, LE = 14;

/** CMP and SUB: a - b. */
const AFTER_SUB: Record<number, Template> = {
  [B]: expression("$a >>> 0 < $b >>> 0"), [E]: expression("$a === $b"), [BE]: expression("$a >>> 0 <= $b >>> 0"),
  [S]: expression("($a - $b | 0) < 0"), [L]: expression("$a < $b"), [LE]: expression("$a <= $b"),
};
const AFTER_SUB_NOT: Record<number, Template> = {
  [B]: expression("$a >>> 0 >= $b >>> 0"), [E]: expression("$a !== $b"), [BE]: expression("$a >>> 0 > $b >>> 0"),
  [S]: expression("($a - $b | 0) >= 0"), [L]: expression("$a >= $b"), [LE]: expression("$a > $b"),
};
/** Logic: result a, no carry, no overflow. */
const AFTER_LOGIC: Record<number, Template> = {
  [B]: expression("false"), [E]: expression("$a === 0"), [BE]: expression("$a === 0"),
  [S]: expression("$a < 0"), [L]: expression("$a < 0"), [LE]: expression("$a <= 0"),
};
const AFTER_LOGIC_NOT: Record<number, Template> = {
  [B]: expression("true"), [E]: expression("$a !== 0"), [BE]: expression("$a !== 0"),
  [S]: expression("$a >= 0"), [L]: expression("$a >= 0"), [LE]: expression("$a > 0"),
};
/** A sum. */
const AFTER_ADD: Record<number, Template> = {
  [B]: expression("($a + $b | 0) >>> 0 < $a >>> 0"), [E]: expression("($a + $b | 0) === 0"), [S]: expression("($a + $b | 0) < 0"),
};
const AFTER_ADD_NOT: Record<number, Template> = {
  [B]: expression("($a + $b | 0) >>> 0 >= $a >>> 0"), [E]: expression("($a + $b | 0) !== 0"), [S]: expression("($a + $b | 0) >= 0"),
};
/** INC, DEC: result a. */
const AFTER_STEP: Record<number, Template> = { [E]: expression("$a === 0"), [S]: expression("$a < 0"), [B]: expression("$c !== 0") };
const AFTER_STEP_NOT: Record<number, Template> = { [E]: expression("$a !== 0"), [S]: expression("$a >= 0"), [B]: expression("$c === 0") };

const TABLES: Partial<Record<number, readonly [Record<number, Template>, Record<number, Template>]>> = {
  [KIND.sub]: [AFTER_SUB, AFTER_SUB_NOT],
  [KIND.logic]: [AFTER_LOGIC, AFTER_LOGIC_NOT],
  [KIND.add]: [AFTER_ADD, AFTER_ADD_NOT],
  [KIND.inc]: [AFTER_STEP, AFTER_STEP_NOT],
  [KIND.dec]: [AFTER_STEP, AFTER_STEP_NOT],
};

/** The condition after flags of `kind` (without the width), or undefined where only the general function knows. */
export function conditionAfter(kind: number, code: number): Template | undefined {
  return TABLES[kind]?.[code & 1]?.[code & ~1];
}
