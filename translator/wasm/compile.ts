/**
 * A region's JavaScript as a WebAssembly function.
 *
 * What V8 does with a new JavaScript function, it does in steps: it is read, executed some thousand times as bytecode, ten times as slow as the interpreter of
 * decoded instructions, and optimised then, for the ways that it has gone. A WebAssembly function runs as machine code from its first call. The JavaScript
 * that regions are made of needs nothing else: integers of 32 bits, float64s, views of one memory, calls, structured control flow.
 *
 * The tree is the region's JavaScript, and it means the same here as there. What cannot be said so throws `NotCompiled`, and the JavaScript runs.
 */
import type { Expression, FunctionExpression, Statement, VariableDeclarator } from "estree";
import { ARRAY_SOURCES } from "../emit/check.ts";
import { PARAMETERS } from "../emit/region-facts.ts";
import { NotCompiled, type Likelihood } from "./body.ts";
import { halved } from "./elements.ts";
import { Expressions, type WasmEnvironment } from "./expressions.ts";
import { answers, CALLED, LIBRARY_ARRAYS, libraryTrees, namesOf } from "./library.ts";
import { Imports, moduleOf, type Shape, type WasmImport } from "./module.ts";
import { OPCODE, TYPE } from "./opcodes.ts";
import { isAsking } from "./shapes.ts";

export { NotCompiled };
export type { WasmEnvironment, WasmImport };

export interface WasmText {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `i.0` and so on in the module. */
  readonly imports: readonly WasmImport[];
}

/** The tag of JavaScript's exceptions is the only one. */
const JS_TAG = 0;

/** Statements as WebAssembly. */
export class Statements extends Expressions {
  list(statements: readonly Statement[]): void { for (let k = 0; k < statements.length; k++) this.statement(statements[k]!); }

  statement(statement: Statement): void {
    switch (statement.type) {
      case "EmptyStatement": return;
      case "BlockStatement": this.scope(() => { this.list(statement.body); }); return;
      case "VariableDeclaration": {
        const { declarations, kind } = statement;
        for (let k = 0; k < declarations.length; k++) this.#declare(declarations[k]!, kind === "const");
        return;
      }
      case "ExpressionStatement": this.#effect(statement.expression); return;
      case "IfStatement": this.#if(statement.test, statement.consequent, statement.alternate ?? undefined); return;
      case "LabeledStatement":
        if (statement.body.type === "ForStatement") this.#loop(statement.body.body, statement.label.name);
        else {
          this.open(OPCODE.block, waysOf(statement.label.name).out);
          this.statement(statement.body);
          this.close();
        }
        return;
      case "ForStatement": this.#loop(statement.body, `#${this.#loops.length}`); return;
      case "BreakStatement": case "ContinueStatement": this.goTo(this.#labelOf(wayOf(statement)!)); return;
      case "TryStatement": this.#try(statement); return;
      case "ReturnStatement":
        this.value(statement.argument!, "i32");
        this.op(OPCODE.return);
        return;
      default: this.refuse(statement.type);
    }
  }

  #if(test: Expression, consequent: Statement, alternate: Statement | undefined): void {
    if (test.type === "Literal") {
      if (test.value) this.statement(consequent);
      else if (alternate !== undefined) this.statement(alternate);
      return;
    }
    const likelihood = likelihoodOf(consequent, alternate), way = wayOf(consequent);
    if (alternate === undefined && way !== undefined) { this.#goToIf(test, way, likelihood); return; }
    if (alternate === undefined && test.type === "LogicalExpression" && test.operator === "&&") {
      this.#if(test.left, { type: "IfStatement", test: test.right, consequent }, undefined);
      return;
    }
    this.condition(test);
    this.openIf(likelihood);
    this.statement(consequent);
    if (alternate !== undefined) {
      this.op(OPCODE.else);
      this.statement(alternate);
    }
    this.close();
  }

  #goToIf(test: Expression, way: string, likelihood: Likelihood): void {
    if (test.type === "LogicalExpression" && test.operator === "||") {
      this.#goToIf(test.left, way, likelihood);
      this.#goToIf(test.right, way, likelihood);
      return;
    }
    this.condition(test);
    this.goToIf(this.#labelOf(way), likelihood);
  }

  /** Labels of the loops around. */
  readonly #loops: string[] = [];

  /** What names no label goes to the innermost loop. */
  #labelOf(way: string): string { return way.endsWith(" ") ? way + (this.#loops.at(-1) ?? "") : way; }

  #loop(body: Statement, label: string): void {
    const ways = waysOf(label);
    this.#loops.push(label);
    this.open(OPCODE.block, ways.out);
    this.open(OPCODE.loop, ways.again);
    this.statement(body);
    this.goTo(ways.again);
    this.close();
    this.close();
    this.#loops.pop();
  }

  #try({ block, handler, finalizer }: Extract<Statement, { type: "TryStatement" }>): void {
    this.open(OPCODE.try);
    this.statement(block);
    if (handler == null) {
      this.op(OPCODE.catchAll);
      this.list(finalizer!.body);
      this.rethrow();
      this.close();
      this.list(finalizer!.body);
      return;
    }
    const [only, ...more] = handler.body.body, made = only?.type === "ExpressionStatement" ? only.expression : undefined;
    if (more.length > 0 || made?.type !== "AssignmentExpression" || made.left.type !== "Identifier" || made.right.type !== "CallExpression" || made.right.callee.type !== "Identifier") this.refuse("a catch of another kind");
    this.catchTag(JS_TAG);
    this.call(this.imports.of(made.right.callee.name, [TYPE.externref], TYPE.i32));
    this.set(this.local(made.left.name));
    this.close();
  }

  #declare({ id, init }: VariableDeclarator, isConstant: boolean): void {
    if (id.type !== "Identifier" || init == null) this.refuse("a declaration without a value");
    if (init.type === "Identifier" && ARRAY_SOURCES[id.name] === init.name) {
      this.arrays.set(id.name, init.name);
      return;
    }
    if (isConstant && this.#isQuotient(id.name, init)) return;
    if (isConstant) this.#constants.add(id.name);
    const kind = this.kind(init), held = kind === "sum" ? "f64" : kind;
    const local = this.declare(id.name, held);
    this.value(init, held);
    this.set(local);
  }

  /** `const w = h >>> 2` of a constant h needs no local: h says where the word is. */
  #isQuotient(name: string, init: Expression): boolean {
    const of = halved(init, 2);
    if (of?.type !== "Identifier" || !this.#constants.has(of.name)) return false;
    this.quotients.set(name, { of, shift: 2 });
    return true;
  }
  readonly #constants = new Set<string>();

  #effect(expression: Expression): void {
    if (expression.type === "CallExpression") { this.callOf(expression, undefined); return; }
    if (expression.type !== "AssignmentExpression" || expression.operator !== "=") this.refuse(`${expression.type} as a statement`);
    const { left, right } = expression;
    if (left.type === "Identifier") this.set(this.assignment(left.name, right));
    else this.store(left, right);
  }
}

/** The label that a statement goes to, where it does nothing else. */
function wayOf(statement: Statement): string | undefined {
  if (statement.type === "BlockStatement") return statement.body.length === 1 ? wayOf(statement.body[0]!) : undefined;
  if (statement.type === "BreakStatement") return waysOf(statement.label?.name ?? "").out;
  return statement.type === "ContinueStatement" ? waysOf(statement.label?.name ?? "").again : undefined;
}

/** What `break` and `continue` go to, by label: each the same string wherever it is wanted, which is quick to find. */
const ways = new Map<string, { readonly out: string; readonly again: string }>();

function waysOf(label: string): { readonly out: string; readonly again: string } {
  let known = ways.get(label);
  if (known === undefined) ways.set(label, (known = { out: `break ${label}`, again: `continue ${label}` }));
  return known;
}

/** What leaves the region, or asks the runtime, is rare. */
function likelihoodOf(consequent: Statement, alternate: Statement | undefined): Likelihood {
  if (alternate !== undefined && asks(alternate)) return asks(consequent) ? undefined : "likely";
  return leaves(consequent) || asks(consequent) ? "unlikely" : undefined;
}

function last(statement: Statement): Statement | undefined { return statement.type === "BlockStatement" ? statement.body.at(-1) : statement; }

const INNER = /^(?:to|loop)\d/;
/** Behind a label other than those of blocks and loops there is the way out, of the region or of a run. */
function leaves(statement: Statement): boolean {
  const end = last(statement);
  return end?.type === "BreakStatement" && end.label != null && !INNER.test(end.label.name);
}

function asks(statement: Statement): boolean {
  const end = last(statement);
  if (end?.type !== "ExpressionStatement") return false;
  const { expression } = end;
  return isAsking(expression.type === "AssignmentExpression" && expression.left.type === "Identifier" ? expression.right : expression);
}

/** The module of the functions of `LIBRARY`, by the names that these give; what they call in turn is imported. Throws `NotCompiled` where an array lies elsewhere. */
export function compileLibrary(environment: WasmEnvironment): WasmText {
  const imports = new Imports(), trees = libraryTrees();
  // The numbers of own functions begin behind the imports.
  for (const [name, parameters] of CALLED) imports.of(name, integers(parameters), answers(name) ? TYPE.i32 : undefined);
  const own = new Map(trees.map(({ id }, k) => [id.name, imports.list.length + k]));
  const functions = trees.map(({ id, params, body: { body } }) => {
    const code = new Statements(namesOf(params), environment, imports), hasResult = answers(id.name);
    for (const [name, index] of own) code.own.set(name, index);
    for (const [own, array] of LIBRARY_ARRAYS) code.arrays.set(own, array);
    code.list(body);
    if (hasResult) code.constant(0);
    return { name: id.name, shownName: id.name, shape: { parameters: integers(params.length), result: hasResult ? TYPE.i32 : undefined }, ...code.finish() };
  });
  return { bytes: moduleOf(functions, imports.list, true), imports: imports.list };
}

const integers = (count: number): number[] => Array.from<number>({ length: count }).fill(TYPE.i32);

/** A region's function. */
export const REGION: Shape = { parameters: PARAMETERS.map(() => TYPE.i32), result: TYPE.i32 };

/** The module of a region's function, `r`. Throws `NotCompiled` where it has to run as JavaScript. */
export function compileRegion(tree: FunctionExpression, environment: WasmEnvironment): WasmText {
  const imports = new Imports(), body = new Statements(PARAMETERS, environment, imports);
  body.list(tree.body.body);
  body.constant(0); // nothing comes here
  return { bytes: moduleOf([{ name: "r", shownName: tree.id?.name ?? "region", shape: REGION, ...body.finish() }], imports.list, true), imports: imports.list };
}
