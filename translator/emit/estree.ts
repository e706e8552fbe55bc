/** ESTree builders, and JavaScript templates parsed once: `$name` in a template is a hole, `$$name;` one for a statement. */
import { parse, parseExpressionAt } from "acorn";
import type { Expression, Identifier, Literal, Statement, UnaryExpression } from "estree";

/** What stands in the holes, by name; a list binds `$0`, `$1` … */
export type Bindings = Readonly<Record<string, Expression | Statement>> | readonly Expression[];

const ECMA = 2022;

/** Makes a tree from bindings. */
type Filling = (bindings: Bindings) => unknown;

/**
 * What a template's node becomes: itself, if no hole is below it, or what makes a copy whose holes are filled. Nodes are shared between
 * trees and never changed.
 */
function prepare(node: unknown): { readonly fixed: unknown } | { readonly filling: Filling } {
  if (Array.isArray(node)) return prepareList(node);
  if (node === null || typeof node !== "object") return { fixed: node };
  const { type, name } = node as { type?: unknown; name?: unknown };
  if (type === "Identifier" && typeof name === "string" && name.startsWith("$")) return { filling: hole(name.slice(1)) };
  const statement = statementHole(node);
  if (statement !== undefined) return { filling: hole(statement) };
  const fixed: Record<string, unknown> = {}, open: Array<readonly [key: string, filling: Filling]> = [];
  for (const [key, value] of Object.entries(node)) {
    if (key === "start" || key === "end") continue;
    const prepared = prepare(value);
    if ("filling" in prepared) open.push([key, prepared.filling]);
    fixed[key] = "filling" in prepared ? undefined : prepared.fixed;
  }
  if (open.length === 0) return { fixed };
  return {
    filling(bindings) {
      const copy = { ...fixed };
      for (const [key, filling] of open) copy[key] = filling(bindings);
      return copy;
    },
  };
}

/** The name of a hole for a statement: `$$name;`. */
function statementHole(node: object): string | undefined {
  const { type, expression: held } = node as { type?: unknown; expression?: { type?: unknown; name?: unknown } };
  return type === "ExpressionStatement" && held?.type === "Identifier" && typeof held.name === "string" && held.name.startsWith("$$") ? held.name.slice(2) : undefined;
}

function prepareList(list: readonly unknown[]): ReturnType<typeof prepare> {
  const prepared = list.map(prepare);
  if (prepared.every((item) => "fixed" in item)) return { fixed: prepared.map((item) => item.fixed) };
  const fillings = prepared.map((item): Filling => ("fixed" in item ? () => item.fixed : item.filling));
  return { filling: (bindings) => fillings.map((filling) => filling(bindings)) };
}

function hole(name: string): Filling {
  return (bindings) => {
    const bound = (bindings as Readonly<Record<string, Expression>>)[name];
    if (bound === undefined) throw new Error(`template hole $${name} is not bound`);
    return bound;
  };
}

function template(node: unknown): Filling {
  const prepared = prepare(node);
  return "fixed" in prepared ? () => prepared.fixed : prepared.filling;
}

/** Up to three arguments, and `$k`: the kind of the flags that they leave. */
export function flagBindings(args: readonly Expression[], kind: number): Bindings {
  return { 0: args[0]!, 1: args[1]!, 2: args[2]!, k: number(kind) };
}

/** An expression template. */
export function expression(text: string): (bindings: Bindings) => Expression {
  return template(parseExpressionAt(text, 0, { ecmaVersion: ECMA })) as (bindings: Bindings) => Expression;
}

/** A template of statements, as they may stand in a function; `break leave` is allowed, for regions, and `break` for those that end a loop. */
export function statements(text: string): (bindings: Bindings) => Statement[] {
  const [labelled] = parse(`leave: for (;;) {${text}}`, { ecmaVersion: ECMA, allowReturnOutsideFunction: true }).body;
  const body = labelled?.type === "LabeledStatement" && labelled.body.type === "ForStatement" ? labelled.body.body : undefined;
  if (body?.type !== "BlockStatement") throw new Error(`template is no statement list: ${text}`);
  return template(body.body) as (bindings: Bindings) => Statement[];
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
