/** ESTree builders, and JavaScript templates parsed once: `$name` in a template is a hole, `$$name;` one for a statement. */
import { parse, parseExpressionAt } from "acorn";
import type { Expression, Identifier, Literal, Statement, UnaryExpression } from "estree";

/** What stands in the holes, by name; a list binds `$0`, `$1` … */
export type Bindings = Readonly<Record<string, Expression | Statement>> | readonly Expression[];

const ECMA = 2022;

/** Makes a tree from bindings. */
type Filling = (bindings: Bindings) => unknown;

/** What a template's node becomes: itself, if no hole is below it, or a copy whose holes are filled. Nodes are shared between trees and never changed. */
class Part {
  readonly #fixed: unknown;
  readonly filling: Filling | undefined;

  constructor(fixed: unknown, filling: Filling | undefined) {
    this.#fixed = fixed;
    this.filling = filling;
  }

  make(bindings: Bindings): unknown { return this.filling === undefined ? this.#fixed : this.filling(bindings); }
}

type Parsed = Readonly<Record<string, unknown>> & { readonly type: string };

function isParsed(node: unknown): node is Parsed { return node !== null && typeof node === "object"; }

function prepare(node: unknown): Part {
  if (Array.isArray(node)) return prepareList(node);
  if (!isParsed(node)) return new Part(node, undefined);
  if (node.type === "Identifier" && typeof node["name"] === "string" && node["name"].startsWith("$")) return new Part(undefined, hole(node["name"].slice(1)));
  const statement = statementHole(node);
  if (statement !== undefined) return new Part(undefined, hole(statement));
  const parts = new Map(Object.entries(node).flatMap(([key, value]) => (key === "start" || key === "end" ? [] : [[key, prepare(value)] as const])));
  const filling = fillingOf(node, parts);
  return [...parts.values()].some((part) => part.filling !== undefined) ? new Part(undefined, filling) : new Part(filling({}), undefined);
}

/** Makes nodes of one type, all of one shape: what walks trees need not ask what it has before it. */
function fillingOf({ type, ...node }: Parsed, parts: ReadonlyMap<string, Part>): Filling {
  const part = (key: string): Part => parts.get(key) ?? new Part(node[key], undefined);
  switch (type) {
    case "Identifier": return () => identifier(node["name"] as string);
    case "Literal": return () => ({ type, value: node["value"], raw: node["raw"] });
    case "BinaryExpression": case "LogicalExpression": case "AssignmentExpression": {
      const left = part("left"), right = part("right"), { operator } = node;
      return (bindings) => ({ type, left: left.make(bindings), operator, right: right.make(bindings) });
    }
    case "UnaryExpression": {
      const argument = part("argument"), { operator } = node;
      return (bindings) => ({ type, operator, prefix: true, argument: argument.make(bindings) });
    }
    case "ConditionalExpression": case "IfStatement": {
      const test = part("test"), consequent = part("consequent"), alternate = part("alternate");
      return (bindings) => ({ type, test: test.make(bindings), consequent: consequent.make(bindings), alternate: alternate.make(bindings) });
    }
    case "MemberExpression": {
      const object = part("object"), property = part("property"), { computed } = node;
      return (bindings) => ({ type, object: object.make(bindings), property: property.make(bindings), computed, optional: false });
    }
    case "CallExpression": {
      const callee = part("callee"), given = part("arguments");
      return (bindings) => ({ type, callee: callee.make(bindings), arguments: given.make(bindings), optional: false });
    }
    case "ExpressionStatement": {
      const held = part("expression");
      return (bindings) => ({ type, expression: held.make(bindings) });
    }
    case "VariableDeclaration": {
      const declarations = part("declarations"), { kind } = node;
      return (bindings) => ({ type, declarations: declarations.make(bindings), kind });
    }
    case "VariableDeclarator": {
      const id = part("id"), init = part("init");
      return (bindings) => ({ type, id: id.make(bindings), init: init.make(bindings) });
    }
    case "BlockStatement": {
      const body = part("body");
      return (bindings) => ({ type, body: body.make(bindings) });
    }
    default: {
      const all = [...parts];
      return (bindings) => Object.fromEntries(all.map(([key, one]) => [key, one.make(bindings)]));
    }
  }
}

/** The name of a hole for a statement: `$$name;`. */
function statementHole(node: object): string | undefined {
  const { type, expression: held } = node as { type?: unknown; expression?: { type?: unknown; name?: unknown } };
  return type === "ExpressionStatement" && held?.type === "Identifier" && typeof held.name === "string" && held.name.startsWith("$$") ? held.name.slice(2) : undefined;
}

function prepareList(list: readonly unknown[]): Part {
  const parts = list.map(prepare), [first, second, third] = parts;
  if (parts.every(({ filling }) => filling === undefined)) return new Part(parts.map((part) => part.make({})), undefined);
  switch (parts.length) {
    case 1: return new Part(undefined, (bindings) => [first!.make(bindings)]);
    case 2: return new Part(undefined, (bindings) => [first!.make(bindings), second!.make(bindings)]);
    case 3: return new Part(undefined, (bindings) => [first!.make(bindings), second!.make(bindings), third!.make(bindings)]);
    default: return new Part(undefined, (bindings) => parts.map((part) => part.make(bindings)));
  }
}

/** Those that most templates have, read by functions of their own: that is quicker than by a name that may be any. */
type Named = Readonly<Record<string, unknown>>;
const READERS: Readonly<Record<string, (bindings: Named) => unknown>> = {
  a: ({ a }) => a, b: ({ b }) => b, c: ({ c }) => c, t: ({ t }) => t, v: ({ v }) => v, x: ({ x }) => x, i: ({ i }) => i, l: ({ l }) => l, g: ({ g }) => g, m: ({ m }) => m,
  r: ({ r }) => r, w: ({ w }) => w, e: ({ e }) => e, n: ({ n }) => n, k: ({ k }) => k, p: ({ p }) => p, h: ({ h }) => h, d: ({ d }) => d, q: ({ q }) => q, u: ({ u }) => u,
};

function hole(name: string): Filling {
  const position = Number(name), read = READERS[name];
  const lookUp = Number.isInteger(position) ? (bindings: Bindings) => (bindings as readonly unknown[])[position] : read ?? ((bindings: Bindings) => (bindings as Named)[name]);
  return (bindings) => {
    const bound = (lookUp as Filling)(bindings);
    if (bound === undefined) throw new Error(`template hole $${name} is not bound`);
    return bound;
  };
}

function template(node: unknown): Filling {
  const prepared = prepare(node);
  return (bindings) => prepared.make(bindings);
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
  if (value >= 0) return literal(value);
  return { type: "UnaryExpression", operator: "-", prefix: true, argument: literal(-value) };
}

/** Of the shape that those of templates have: they know how they were written. */
function literal(value: number): Literal { return { type: "Literal", value, raw: undefined } as unknown as Literal; }

export function assign(name: string, value: Expression): Statement {
  return { type: "ExpressionStatement", expression: { type: "AssignmentExpression", left: identifier(name), operator: "=", right: value } };
}

export function declare(name: string, value: Expression): Statement {
  return { type: "VariableDeclaration", declarations: [{ type: "VariableDeclarator", id: identifier(name), init: value }], kind: "const" };
}

export function call(name: string, args: Expression[]): Expression {
  return { type: "CallExpression", callee: identifier(name), arguments: args, optional: false };
}

export function evaluate(value: Expression): Statement { return { type: "ExpressionStatement", expression: value }; }

export function block(body: Statement[]): Statement { return { type: "BlockStatement", body }; }
