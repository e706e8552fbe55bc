/** ESTree builders, and JavaScript templates parsed once: `$name` in a template is a hole. */
import { parse, parseExpressionAt } from "acorn";
import type { Expression, Identifier, Literal, Statement, UnaryExpression } from "estree";

export type Bindings = Record<string, Expression>;

const ECMA = 2022;

/** Deep copy with holes filled; bound nodes are shared, never changed afterwards. */
function fill(node: unknown, bindings: Bindings): unknown {
  if (Array.isArray(node)) return node.map((item) => fill(item, bindings));
  if (node === null || typeof node !== "object") return node;
  const source = node as Record<string, unknown>;
  if (source["type"] === "Identifier" && (source["name"] as string).startsWith("$")) {
    const bound = bindings[(source["name"] as string).slice(1)];
    if (bound === undefined) throw new Error(`template hole ${source["name"] as string} is not bound`);
    return bound;
  }
  const copy: Record<string, unknown> = {};
  for (const key in source) if (key !== "start" && key !== "end") copy[key] = fill(source[key], bindings);
  return copy;
}

/** An expression template. */
export function expression(text: string): (bindings: Bindings) => Expression {
  const parsed = parseExpressionAt(text, 0, { ecmaVersion: ECMA });
  return (bindings) => fill(parsed, bindings) as Expression;
}

/** A template of statements, as they may stand in a function; `break leave` is allowed, for regions, and `break` for those that end a loop. */
export function statements(text: string): (bindings: Bindings) => Statement[] {
  const [labelled] = parse(`leave: for (;;) {${text}}`, { ecmaVersion: ECMA, allowReturnOutsideFunction: true }).body;
  const body = labelled?.type === "LabeledStatement" && labelled.body.type === "ForStatement" ? labelled.body.body : undefined;
  if (body?.type !== "BlockStatement") throw new Error(`template is no statement list: ${text}`);
  const parsed = body.body;
  return (bindings) => fill(parsed, bindings) as Statement[];
}

export function identifier(name: string): Identifier { return { type: "Identifier", name }; }

/** An int32 literal. */
export function number(value: number): Literal | UnaryExpression {
  if (value >= 0) return { type: "Literal", value };
  return { type: "UnaryExpression", operator: "-", prefix: true, argument: { type: "Literal", value: -value } };
}

export function assign(name: string, value: Expression): Statement {
  return { type: "ExpressionStatement", expression: { type: "AssignmentExpression", operator: "=", left: identifier(name), right: value } };
}

export function declare(name: string, value: Expression): Statement {
  return { type: "VariableDeclaration", kind: "const", declarations: [{ type: "VariableDeclarator", id: identifier(name), init: value }] };
}

export function call(name: string, args: Expression[]): Expression {
  return { type: "CallExpression", callee: identifier(name), arguments: args, optional: false };
}

export function evaluate(value: Expression): Statement { return { type: "ExpressionStatement", expression: value }; }

export function block(body: Statement[]): Statement { return { type: "BlockStatement", body }; }

export function giveBack(value: Expression): Statement { return { type: "ReturnStatement", argument: value }; }
