/** What can be seen of an expression from its form. */
import type { Expression } from "estree";
import { integer } from "./elements.ts";
import { INTRINSICS } from "./intrinsics.ts";

const COMPARISONS: ReadonlySet<string> = new Set(["===", "!==", "<", "<=", ">", ">="]);
/** A factor so small keeps the product of int32s exact. */
const SMALL_FACTOR = 1 << 21;

/** The number that a literal is. */
export function number(expression: Expression): number | undefined {
  if (expression.type === "Literal") return typeof expression.value === "number" ? expression.value : undefined;
  if (expression.type !== "UnaryExpression" || expression.operator !== "-" || expression.argument.type !== "Literal") return undefined;
  return typeof expression.argument.value === "number" ? -expression.argument.value : undefined;
}

export function isNegativeZero(expression: Expression): boolean { return Object.is(number(expression), -0); }
export function isNatural(expression: Expression): boolean { return expression.type === "Literal" && typeof expression.value === "number" && expression.value <= 0x7fffffff; }
export function isSmall(expression: Expression): boolean { return expression.type === "Literal" && Math.abs(integer(expression) ?? SMALL_FACTOR) < SMALL_FACTOR; }

/** Whether a condition's int32 is 0 or 1. */
export function isOneOrNothing(expression: Expression): boolean {
  if (expression.type === "BinaryExpression") return COMPARISONS.has(expression.operator) && !(expression.operator === "!==" && integer(expression.right) === 0);
  return expression.type === "UnaryExpression" && expression.operator === "!" || expression.type === "LogicalExpression";
}

/** Worth computing where it is not asked for, rather than a jump. */
export function isSimple(expression: Expression): boolean { return expression.type === "Identifier" || number(expression) !== undefined; }

/** Whether a test changes a local. */
export function assigns(test: Expression): boolean {
  switch (test.type) {
    case "AssignmentExpression": return true;
    case "BinaryExpression": case "LogicalExpression": return assigns(test.left as Expression) || assigns(test.right);
    case "UnaryExpression": return assigns(test.argument);
    case "ConditionalExpression": return assigns(test.test) || assigns(test.consequent) || assigns(test.alternate);
    case "CallExpression": return test.arguments.some((arg) => assigns(arg as Expression));
    case "MemberExpression": return assigns(test.property as Expression);
    default: return false;
  }
}

/** A call of the runtime, which is the slow way. */
export function isAsking(expression: Expression): boolean {
  if (expression.type === "BinaryExpression" && expression.operator === "|") return isAsking(expression.left as Expression);
  return expression.type === "CallExpression" && expression.callee.type === "Identifier" && !INTRINSICS.has(expression.callee.name);
}

/** `x << n | x >>> 32 - n`. */
export function rotationOf(left: Expression, right: Expression): { readonly name: string; readonly by: Expression } | undefined {
  const rest = halfOf(right);
  if (left.type !== "BinaryExpression" || left.operator !== "<<" || left.left.type !== "Identifier" || rest === undefined || rest.name !== left.left.name) return undefined;
  const up = integer(left.right), down = integer(rest.by);
  if (up !== undefined && down !== undefined) return up > 0 && up < 32 && up + down === 32 ? { name: rest.name, by: left.right } : undefined;
  const { by } = rest, isComplement = by.type === "BinaryExpression" && by.operator === "-" && integer(by.left as Expression) === 32;
  return isComplement && by.right.type === "Identifier" && left.right.type === "Identifier" && by.right.name === left.right.name ? { name: rest.name, by: left.right } : undefined;
}

/** `name >>> by`, perhaps as an int32. */
function halfOf(expression: Expression): { readonly name: string; readonly by: Expression } | undefined {
  if (expression.type !== "BinaryExpression") return undefined;
  if (expression.operator === "|" && integer(expression.right) === 0) return halfOf(expression.left as Expression);
  return expression.operator === ">>>" && expression.left.type === "Identifier" ? { name: expression.left.name, by: expression.right } : undefined;
}

/** As far as it counts: shifts take the low 5 bits. */
export function shiftOf(count: Expression): Expression {
  return count.type === "BinaryExpression" && count.operator === "&" && ((integer(count.right) ?? 0) & 31) === 31 ? shiftOf(count.left as Expression) : count;
}

/** What a store of 2^`shift` bytes leaves of a value, as far as the value says so. */
export function unmasked(value: Expression, shift: number): Expression {
  if (value.type !== "BinaryExpression" || value.operator !== "&" || shift > 1) return value;
  return integer(value.right) === (shift === 0 ? 0xff : 0xffff) ? value.left as Expression : value;
}
