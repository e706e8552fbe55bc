/**
 * Proves of a generated function that it can reach nothing but its ABI.
 *
 * The source is parsed again, and every node must be of a kind on the list, every name one of the ABI's or declared in the function
 * itself, every property access an index into an ABI array (or a constant that is one) or, in a handler, a field of the decoded instruction. Nothing else can be written
 * in that grammar: no property by name, no `this`, no nested function, no assignment to an ABI name.
 */
import { parse } from "acorn";
import { children } from "./walk.ts";
import type { Node as TreeNode, VariableDeclarator } from "estree";

/** Why a source was refused: what stands where. */
export class CodeRefused extends Error {
  override readonly name = "CodeRefused";
}

const ALLOWED = new Set([
  "Program", "ExpressionStatement", "FunctionExpression", "BlockStatement", "VariableDeclaration", "VariableDeclarator", "ReturnStatement", "IfStatement",
  "ForStatement", "LabeledStatement", "BreakStatement", "ContinueStatement", "TryStatement", "CatchClause", "Identifier", "Literal",
  "BinaryExpression", "LogicalExpression", "UnaryExpression", "UpdateExpression", "ConditionalExpression", "AssignmentExpression", "MemberExpression",
  "CallExpression", "EmptyStatement",
]);
const UNARY = new Set(["-", "~", "!"]);
/** Fields of a decoded instruction that handlers read; `h` alone may be changed. */
const FIELDS = new Set(["n", "t", "o", "e", "d", "s", "b", "x", "c", "p", "m", "k", "h"]);
/** ABI names that hold typed arrays. */
const ARRAYS = new Set(["S", "S8", "S16", "MEM8", "MEM16", "MEM32", "READ", "WRITE", "EXEC", "F", "RUNS", "MEMF32", "MEMF64", "COUNT"]);
/** What regions have them from: each declares those that it uses, as constants of its own. */
export const ARRAY_SOURCES: Readonly<Record<string, string>> = {
  S: "state", MEM8: "ram8", MEM16: "ram16", MEM32: "ram32", READ: "readTlb", WRITE: "writeTlb", EXEC: "execTlb",
  F: "registerPairs", MEMF32: "ramSingles", MEMF64: "ramDoubles",
};
const SOURCES = new Set(Object.values(ARRAY_SOURCES));

/** Throws `CodeRefused` unless `source`, one function expression, names only `names` and its own locals. */
export function checkCode(source: string, names: readonly string[]): void {
  new Checker(new Set(names), source).run(parseFunction(source));
}

function parseFunction(source: string): TreeNode {
  let tree: TreeNode;
  try {
    tree = parse(`(${source});`, { ecmaVersion: 2022 }) as unknown as TreeNode;
  } catch (error) {
    throw new CodeRefused(`generated code refused: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const [statement, ...more] = tree.type === "Program" ? tree.body : [];
  const isFunction = statement?.type === "ExpressionStatement" && statement.expression.type === "FunctionExpression";
  if (!isFunction || more.length > 0) throw new CodeRefused("generated code refused: it is not one function expression");
  return tree;
}

class Checker {
  readonly #abi: ReadonlySet<string>;
  readonly #source: string;
  readonly #locals = new Set<string>();
  /** Declared as constants that are ABI arrays. */
  readonly #arrays = new Set<string>();
  #functions = 0;

  constructor(abi: ReadonlySet<string>, source: string) {
    this.#abi = abi;
    this.#source = source;
  }

  run(tree: TreeNode): void {
    this.#declare(tree);
    this.#visit(tree);
  }

  #refuse(node: TreeNode, why: string): never {
    const { start, end } = node as unknown as { start: number; end: number };
    throw new CodeRefused(`generated code refused: ${why}: ${this.#source.slice(start - 1, Math.min(end, start + 60) - 1)}`);
  }

  /** Collects parameters and locals first: labels and hoisting make order irrelevant. */
  #declare(node: TreeNode): void {
    if (node.type === "VariableDeclaration" && node.kind === "const") for (const declared of node.declarations) this.#array(declared);
    if (node.type === "VariableDeclarator" && node.id.type === "Identifier" && !this.#arrays.has(node.id.name)) this.#local(node.id);
    if (node.type === "FunctionExpression") for (const parameter of node.params) this.#local(parameter);
    if (node.type === "CatchClause" && node.param !== null) this.#local(node.param);
    for (const child of children(node)) this.#declare(child);
  }

  /** `const MEM32 = ram32`: another name for an ABI array. */
  #array({ id, init }: VariableDeclarator): void {
    if (id.type === "Identifier" && init?.type === "Identifier" && ARRAY_SOURCES[id.name] === init.name && this.#abi.has(init.name)) this.#arrays.add(id.name);
  }

  #local(node: TreeNode): void {
    if (node.type !== "Identifier") this.#refuse(node, "a pattern is declared");
    if (ARRAYS.has(node.name) && !this.#abi.has(node.name)) this.#refuse(node, "an array's name is declared as something else");
    if (this.#abi.has(node.name)) this.#refuse(node, "an ABI name is declared anew");
    this.#locals.add(node.name);
  }

  #name(node: TreeNode & { type: "Identifier" }): void {
    if (!this.#abi.has(node.name) && !this.#locals.has(node.name) && !this.#arrays.has(node.name)) this.#refuse(node, `"${node.name}" is not in the ABI`);
  }

  #visit(node: TreeNode): void {
    if (!ALLOWED.has(node.type)) this.#refuse(node, `${node.type} is not allowed`);
    switch (node.type) {
      case "Identifier": this.#name(node); return;
      case "FunctionExpression":
        if (++this.#functions > 1 || node.async || node.generator) this.#refuse(node, "a nested, async or generator function");
        this.#visit(node.body);
        return;
      case "Literal":
        if (typeof node.value !== "number" && typeof node.value !== "boolean") this.#refuse(node, "a literal that is no number");
        return;
      case "UnaryExpression":
        if (!UNARY.has(node.operator)) this.#refuse(node, `operator ${node.operator}`);
        break;
      case "BinaryExpression":
        if (node.operator === "in" || node.operator === "instanceof") this.#refuse(node, `operator ${node.operator}`);
        break;
      case "MemberExpression": this.#member(node); return;
      case "CallExpression":
        if (node.callee.type !== "Identifier" || !this.#abi.has(node.callee.name) || ARRAYS.has(node.callee.name) || SOURCES.has(node.callee.name)) this.#refuse(node, "a call of something that is no ABI function");
        break;
      case "AssignmentExpression": this.#target(node.left); break;
      case "UpdateExpression": this.#target(node.argument); break;
      case "VariableDeclarator":
        if (node.init != null) this.#visit(node.init);
        return;
      case "CatchClause": this.#visit(node.body); return;
      case "LabeledStatement": this.#visit(node.body); return;
      case "BreakStatement": case "ContinueStatement": return;
      default: break;
    }
    for (const child of children(node)) this.#visit(child);
  }

  #member(node: TreeNode & { type: "MemberExpression" }): void {
    if (node.object.type !== "Identifier" || node.optional) this.#refuse(node, "a member of something that is no name");
    if (node.computed) {
      if (!ARRAYS.has(node.object.name) || !this.#abi.has(node.object.name) && !this.#arrays.has(node.object.name)) this.#refuse(node, "an index into something that is no ABI array");
      this.#visit(node.property as TreeNode);
      return;
    }
    const field = node.property.type === "Identifier" ? node.property.name : "";
    if (!this.#locals.has(node.object.name) || !FIELDS.has(field)) this.#refuse(node, `field "${field}"`);
  }

  #target(node: TreeNode): void {
    if (node.type === "Identifier") {
      if (!this.#locals.has(node.name)) this.#refuse(node, "an assignment to an ABI name");
    } else if (node.type !== "MemberExpression") this.#refuse(node, "an assignment to something else");
    else if (!node.computed && (node.property.type !== "Identifier" || node.property.name !== "h")) this.#refuse(node, "an assignment to a field");
  }
}
