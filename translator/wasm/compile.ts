/**
 * A region's JavaScript as a WebAssembly function.
 *
 * What V8 does with a new JavaScript function, it does in steps: it is read, executed some thousand times as bytecode, ten times as slow as the interpreter of
 * decoded instructions, and optimised then, for the ways that it has gone. A WebAssembly function runs as machine code from its first call. The JavaScript
 * that regions are made of needs nothing else: integers of 32 bits, views of one memory, calls, structured control flow.
 *
 * The tree is the region's JavaScript, and it means the same here as there. What cannot be said with integers throws `NotCompiled`, and the JavaScript runs.
 */
import type { Expression, FunctionExpression, Pattern, Statement, SwitchCase, VariableDeclarator } from "estree";
import { ARRAY_SOURCES } from "../emit/check.ts";
import { Bytes } from "./bytes.ts";
import { OPCODE, TYPE } from "./opcodes.ts";

/** A tree that has to run as JavaScript. */
export class NotCompiled extends Error {
  override readonly name = "NotCompiled";
}

/** What a name of the ABI is: an array's first byte in the memory. */
export interface WasmEnvironment {
  readonly arrays: ReadonlyMap<string, number>;
  /** Names that stand for an int32. */
  readonly constants: ReadonlyMap<string, number>;
}

/** A function that the module imports; `parameters` int32s, and whether it is asked for one back. */
export interface WasmImport {
  readonly name: string;
  readonly parameters: number;
  readonly hasResult: boolean;
}

export interface WasmText {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `i.0` and so on in the module. */
  readonly imports: readonly WasmImport[];
}

/** Parameters of every region's function. */
export const PARAMETERS = ["left", "entry", "delta"] as const;

/** How values are held: all in 32 bits; `u32` is to be compared as unsigned, `bit` is 0 or 1, `sum` is right modulo 2^32 only. */
type Kind = "i32" | "u32" | "bit" | "sum";

interface Local {
  readonly index: number;
  readonly kind: Kind;
}

/** Bytes of an element, as a power of two, and its load and store. */
const ELEMENTS: Readonly<Record<string, { readonly shift: number; readonly load: number; readonly store: number }>> = {
  state: { shift: 2, load: OPCODE.load, store: OPCODE.store }, ram32: { shift: 2, load: OPCODE.load, store: OPCODE.store },
  readTlb: { shift: 2, load: OPCODE.load, store: OPCODE.store }, writeTlb: { shift: 2, load: OPCODE.load, store: OPCODE.store },
  execTlb: { shift: 2, load: OPCODE.load, store: OPCODE.store },
  ram16: { shift: 1, load: OPCODE.load16, store: OPCODE.store16 }, ram8: { shift: 0, load: OPCODE.load8, store: OPCODE.store8 },
};

const BITWISE: Partial<Record<string, number>> = { "|": OPCODE.or, "&": OPCODE.and, "^": OPCODE.xor, "<<": OPCODE.shl, ">>": OPCODE.sar, ">>>": OPCODE.shr };
const ARITHMETIC: Partial<Record<string, number>> = { "+": OPCODE.add, "-": OPCODE.sub, "*": OPCODE.mul };
const COMPARISON: Partial<Record<string, readonly [signed: number, unsigned: number]>> = {
  "===": [OPCODE.eq, OPCODE.eq], "!==": [OPCODE.ne, OPCODE.ne], "<": [OPCODE.lts, OPCODE.ltu], "<=": [OPCODE.les, OPCODE.leu], ">": [OPCODE.gts, OPCODE.gtu], ">=": [OPCODE.ges, OPCODE.geu],
};

/** The tag of JavaScript's exceptions is the only import that is no function but the memory. */
const JS_TAG = 0;

class Compiler {
  readonly #environment: WasmEnvironment;
  readonly #body = new Bytes();
  readonly #locals = new Map<string, Local>();
  /** Own names of ABI arrays. */
  readonly #arrays = new Map<string, string>();
  /** Labels around, innermost last; undefined where none can be named. */
  readonly #labels: Array<string | undefined> = [];
  readonly imports: WasmImport[] = [];
  readonly #importNumbers = new Map<string, number>();

  constructor(environment: WasmEnvironment) { this.#environment = environment; }

  run(tree: FunctionExpression): Uint8Array<ArrayBuffer> {
    for (const name of PARAMETERS) this.#local(name, "i32");
    this.#importOf("caught", 1, true);
    this.#list(tree.body.body);
    this.#body.byte(OPCODE.end);
    return this.#module();
  }

  #refuse(what: string): never { throw new NotCompiled(what); }

  // --- The module -----------------------------------------------------------------------------------------------

  #module(): Uint8Array<ArrayBuffer> {
    const module = new Bytes(), shapes = new Map<string, number>(), types = new Bytes();
    for (const byte of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) module.byte(byte);
    const shapeOf = (parameters: readonly number[], hasResult: boolean): number => {
      const key = `${parameters.join()}>${hasResult}`, known = shapes.get(key);
      if (known !== undefined) return known;
      types.byte(TYPE.function);
      types.unsigned(parameters.length);
      for (const parameter of parameters) types.byte(parameter);
      types.unsigned(hasResult ? 1 : 0);
      if (hasResult) types.byte(TYPE.i32);
      shapes.set(key, shapes.size);
      return shapes.size - 1;
    };
    const integers = (count: number): number[] => Array.from<number>({ length: count }).fill(TYPE.i32);
    const imports = new Bytes();
    imports.unsigned(this.imports.length + 2);
    imports.name("h"); imports.name("m"); imports.byte(2); imports.byte(0); imports.unsigned(1);
    imports.name("h"); imports.name("e"); imports.byte(4); imports.byte(0); imports.unsigned(shapeOf([TYPE.externref], false));
    this.imports.forEach(({ parameters, hasResult }, k) => {
      imports.name("i"); imports.name(String(k)); imports.byte(0); imports.unsigned(k === 0 ? shapeOf([TYPE.externref], true) : shapeOf(integers(parameters), hasResult));
    });
    const own = shapeOf(integers(PARAMETERS.length), true);
    const section = (id: number, content: Bytes): void => {
      module.byte(id);
      module.sized(content);
    };
    const counted = new Bytes();
    counted.unsigned(shapes.size);
    counted.append(types);
    section(1, counted);
    section(2, imports);
    const functions = new Bytes();
    functions.unsigned(1); functions.unsigned(own);
    section(3, functions);
    const exported = new Bytes();
    exported.unsigned(1); exported.name("r"); exported.byte(0); exported.unsigned(this.imports.length);
    section(7, exported);
    const code = new Bytes(), whole = new Bytes();
    whole.unsigned(1); whole.unsigned(this.#locals.size - PARAMETERS.length); whole.byte(TYPE.i32);
    whole.append(this.#body);
    code.unsigned(1); code.sized(whole);
    section(10, code);
    return module.written.slice();
  }

  #importOf(name: string, parameters: number, hasResult: boolean): number {
    const key = `${name} ${parameters} ${hasResult}`, known = this.#importNumbers.get(key);
    if (known !== undefined) return known;
    this.imports.push({ name, parameters, hasResult });
    this.#importNumbers.set(key, this.imports.length - 1);
    return this.imports.length - 1;
  }

  #local(name: string, kind: Kind): Local {
    const known = this.#locals.get(name);
    if (known !== undefined && known.kind === kind) return known;
    if (known !== undefined) this.#refuse(`${name} holds different things`);
    const local = { index: this.#locals.size, kind };
    this.#locals.set(name, local);
    return local;
  }

  #named(name: string): Local { return this.#locals.get(name) ?? this.#refuse(`no local ${name}`); }

  // --- Statements -------------------------------------------------------------------------------------------------

  #op(code: number): void { this.#body.byte(code); }

  #open(code: number, label: string | undefined): void {
    this.#op(code);
    this.#op(TYPE.void);
    this.#labels.push(label);
  }
  #close(): void {
    this.#op(OPCODE.end);
    this.#labels.pop();
  }
  #goTo(label: string): void {
    const at = this.#labels.lastIndexOf(label);
    if (at < 0) this.#refuse(`no label ${label}`);
    this.#op(OPCODE.br);
    this.#body.unsigned(this.#labels.length - 1 - at);
  }

  #list(statements: readonly Statement[]): void { for (const statement of statements) this.#statement(statement); }

  #statement(statement: Statement): void {
    switch (statement.type) {
      case "EmptyStatement": return;
      case "BlockStatement": this.#list(statement.body); return;
      case "VariableDeclaration": for (const declared of statement.declarations) this.#declare(declared); return;
      case "ExpressionStatement": this.#effect(statement.expression); return;
      case "IfStatement":
        this.#condition(statement.test);
        this.#open(OPCODE.if, undefined);
        this.#statement(statement.consequent);
        if (statement.alternate != null) {
          this.#op(OPCODE.else);
          this.#statement(statement.alternate);
        }
        this.#close();
        return;
      case "LabeledStatement":
        if (statement.body.type === "ForStatement") this.#loop(statement.body.body, statement.label.name);
        else {
          this.#open(OPCODE.block, `break ${statement.label.name}`);
          this.#statement(statement.body);
          this.#close();
        }
        return;
      case "ForStatement": this.#loop(statement.body, ""); return;
      case "BreakStatement": this.#goTo(`break ${statement.label?.name ?? ""}`); return;
      case "ContinueStatement": this.#goTo(`continue ${statement.label?.name ?? ""}`); return;
      case "TryStatement": this.#try(statement); return;
      case "ReturnStatement":
        this.#value(statement.argument!);
        this.#op(OPCODE.return);
        this.#op(0x00); // nothing comes behind it
        return;
      default: this.#refuse(statement.type);
    }
  }

  #loop(body: Statement, label: string): void {
    this.#open(OPCODE.block, `break ${label}`);
    this.#open(OPCODE.loop, `continue ${label}`);
    this.#statement(body);
    this.#goTo(`continue ${label}`);
    this.#close();
    this.#close();
  }

  #try({ block, handler, finalizer }: Extract<Statement, { type: "TryStatement" }>): void {
    this.#open(OPCODE.try, undefined);
    this.#list(block.body);
    if (handler == null) {
      this.#op(OPCODE.catchAll);
      this.#list(finalizer!.body);
      this.#op(OPCODE.rethrow);
      this.#body.unsigned(0);
      this.#close();
      this.#list(finalizer!.body);
      return;
    }
    const [only, ...more] = handler.body.body, made = only?.type === "ExpressionStatement" ? only.expression : undefined;
    if (more.length > 0 || made?.type !== "AssignmentExpression" || made.left.type !== "Identifier" || made.right.type !== "CallExpression") this.#refuse("a catch of another kind");
    this.#op(OPCODE.catch);
    this.#body.unsigned(JS_TAG);
    this.#op(OPCODE.call);
    this.#body.unsigned(0);
    this.#set(made.left.name);
    this.#close();
  }

  #declare({ id, init }: VariableDeclarator): void {
    if (id.type !== "Identifier" || init == null) this.#refuse("a declaration without a value");
    if (init.type === "Identifier" && ARRAY_SOURCES[id.name] === init.name) {
      this.#arrays.set(id.name, init.name);
      return;
    }
    const kind = this.#kind(init);
    this.#local(id.name, kind === "sum" ? this.#refuse(`${id.name} is more than an int32`) : kind);
    this.#value(init);
    this.#set(id.name);
  }

  #set(name: string): void {
    this.#op(OPCODE.set);
    this.#body.unsigned(this.#named(name).index);
  }

  #effect(expression: Expression): void {
    if (expression.type === "CallExpression") { this.#call(expression, false); return; }
    if (expression.type !== "AssignmentExpression" || expression.operator !== "=") this.#refuse(`${expression.type} as a statement`);
    const { left, right } = expression;
    if (left.type === "Identifier") {
      const kind = this.#kind(right), { kind: held } = this.#named(left.name);
      if (kind === "sum" || kind !== held && held !== "i32") this.#refuse(`${left.name} becomes something else`);
      this.#value(right);
      this.#set(left.name);
      return;
    }
    const place = this.#place(left);
    this.#value(right);
    this.#access(place.store, place);
  }

  // --- Memory -----------------------------------------------------------------------------------------------------

  /** Puts the address of an element on the stack, as far as it is not known. */
  #place(target: Pattern | Expression): { load: number; store: number; shift: number; offset: number } {
    if (target.type !== "MemberExpression" || !target.computed || target.object.type !== "Identifier") this.#refuse("an element of another kind");
    const source = this.#arrays.get(target.object.name) ?? this.#refuse(`no array ${target.object.name}`), element = ELEMENTS[source] ?? this.#refuse(`elements of ${source}`);
    const base = this.#environment.arrays.get(source) ?? this.#refuse(`${source} is elsewhere`), index = target.property as Expression, { shift } = element;
    const known = integer(index);
    if (known !== undefined) {
      this.#constant(0);
      return { ...element, offset: base + (known << shift) };
    }
    // Words are accessed only where a test says that they are aligned.
    if (shift > 0 && index.type === "BinaryExpression" && index.operator === ">>>" && integer(index.right) === shift && index.left.type === "BinaryExpression" && index.left.operator === "^") {
      this.#value(index.left);
      return { ...element, offset: base };
    }
    let offset = base;
    const distance = index.type === "BinaryExpression" && index.operator === "+" ? integer(index.right) : undefined;
    if (shift === 2 && distance !== undefined && distance > 0) {
      this.#value((index as { left: Expression }).left);
      offset += distance << shift;
    } else this.#value(index);
    if (shift > 0) {
      this.#constant(shift);
      this.#op(OPCODE.shl);
    }
    return { ...element, offset };
  }

  #access(opcode: number, { shift, offset }: { shift: number; offset: number }): void {
    this.#op(opcode);
    this.#body.unsigned(shift);
    this.#body.unsigned(offset);
  }

  // --- Expressions ------------------------------------------------------------------------------------------------

  #constant(value: number): void {
    this.#op(OPCODE.constant);
    this.#body.signed(value);
  }

  #kind(expression: Expression): Kind {
    switch (expression.type) {
      case "Literal":
        if (typeof expression.value === "boolean") return "bit";
        return typeof expression.value === "number" && Number.isInteger(expression.value) ? expression.value > 0x7fffffff ? "u32" : "i32" : this.#refuse("a number with a fraction");
      case "Identifier": return this.#environment.constants.has(expression.name) ? "i32" : this.#named(expression.name).kind;
      case "UnaryExpression": return expression.operator === "!" ? "bit" : expression.operator === "-" && integer(expression) === undefined ? "sum" : "i32";
      case "BinaryExpression": {
        const { operator } = expression;
        return COMPARISON[operator] !== undefined ? "bit" : operator === ">>>" ? "u32" : ARITHMETIC[operator] !== undefined ? "sum" : "i32";
      }
      case "LogicalExpression": return "bit";
      case "ConditionalExpression": {
        const one = this.#kind(expression.consequent), other = this.#kind(expression.alternate);
        return one === other ? one : one === "sum" || other === "sum" ? "sum" : one === "u32" || other === "u32" ? this.#refuse("a choice of signs") : "i32";
      }
      case "MemberExpression": case "CallExpression": return "i32";
      default: return this.#refuse(expression.type);
    }
  }

  /** A value that is asked only whether it is 0. */
  #condition(expression: Expression): void {
    if (expression.type === "BinaryExpression" && expression.operator === "!==" && integer(expression.right as Expression) === 0 && this.#kind(expression.left as Expression) !== "sum") {
      this.#value(expression.left as Expression);
      return;
    }
    if (this.#kind(expression) === "sum") this.#refuse("a test of more than an int32");
    this.#value(expression);
  }

  /** Puts the value on the stack, modulo 2^32. */
  #value(expression: Expression): void {
    const known = integer(expression);
    if (known !== undefined) { this.#constant(known); return; }
    switch (expression.type) {
      case "Literal": this.#constant(Number(expression.value)); return;
      case "Identifier": {
        const constant = this.#environment.constants.get(expression.name);
        if (constant !== undefined) { this.#constant(constant); return; }
        this.#op(OPCODE.get);
        this.#body.unsigned(this.#named(expression.name).index);
        return;
      }
      case "UnaryExpression": this.#unary(expression.operator, expression.argument); return;
      case "BinaryExpression": this.#binary(expression.operator, expression.left as Expression, expression.right); return;
      case "LogicalExpression":
        this.#condition(expression.left);
        if (expression.operator === "&&") this.#choose(() => { this.#bit(expression.right); }, () => { this.#constant(0); });
        else this.#choose(() => { this.#constant(1); }, () => { this.#bit(expression.right); });
        return;
      case "ConditionalExpression": this.#conditional(expression); return;
      case "MemberExpression": {
        const place = this.#place(expression);
        this.#access(place.load, place);
        return;
      }
      case "CallExpression": this.#call(expression, true); return;
      default: this.#refuse(expression.type);
    }
  }

  /** As 0 or 1. */
  #bit(expression: Expression): void {
    this.#value(expression);
    if (this.#kind(expression) === "bit") return;
    this.#constant(0);
    this.#op(OPCODE.ne);
  }

  #choose(first: () => void, second: () => void): void {
    this.#op(OPCODE.if);
    this.#op(TYPE.i32);
    this.#labels.push(undefined);
    first();
    this.#op(OPCODE.else);
    second();
    this.#close();
  }

  #conditional({ test, consequent, alternate }: Extract<Expression, { type: "ConditionalExpression" }>): void {
    if (integer(consequent) === 1 && integer(alternate) === 0) { this.#bit(test); return; }
    if (isSimple(consequent) && isSimple(alternate)) {
      this.#value(consequent);
      this.#value(alternate);
      this.#condition(test);
      this.#op(OPCODE.select);
      return;
    }
    this.#condition(test);
    this.#choose(() => { this.#value(consequent); }, () => { this.#value(alternate); });
  }

  #unary(operator: string, argument: Expression): void {
    if (operator === "!") {
      this.#condition(argument);
      this.#op(OPCODE.eqz);
    } else if (operator === "~") {
      this.#value(argument);
      this.#constant(-1);
      this.#op(OPCODE.xor);
    } else if (operator === "-") {
      this.#constant(0);
      this.#value(argument);
      this.#op(OPCODE.sub);
    } else this.#refuse(operator);
  }

  #binary(operator: string, left: Expression, right: Expression): void {
    const comparison = COMPARISON[operator];
    if (comparison !== undefined) { this.#compare(operator, comparison, left, right); return; }
    const opcode = BITWISE[operator] ?? ARITHMETIC[operator] ?? this.#refuse(operator), rest = integer(right);
    this.#value(left);
    if (rest === 0 && (operator === "|" || operator === "+" || operator === ">>>")) return;
    this.#value(right);
    this.#op(opcode);
  }

  #compare(operator: string, [signed, unsigned]: readonly [number, number], left: Expression, right: Expression): void {
    const one = this.#kind(left), other = this.#kind(right);
    if (one === "sum" || other === "sum") this.#refuse("a comparison of more than int32s");
    const isNatural = (expression: Expression): boolean => (integer(expression) ?? -1) >= 0;
    if ((one === "u32") !== (other === "u32") && !isNatural(one === "u32" ? right : left)) this.#refuse("a comparison of different signs");
    this.#value(left);
    if (operator === "===" && integer(right) === 0) { this.#op(OPCODE.eqz); return; }
    this.#value(right);
    this.#op(one === "u32" || other === "u32" ? unsigned : signed);
  }

  #call({ callee, arguments: given }: Extract<Expression, { type: "CallExpression" }>, isWanted: boolean): void {
    if (callee.type !== "Identifier") this.#refuse("a call of another kind");
    const args = given as Expression[];
    for (const arg of args) {
      if (this.#kind(arg) === "sum") this.#refuse("an argument that is more than an int32");
      this.#value(arg);
    }
    if (callee.name === "imul") { this.#op(OPCODE.mul); return; }
    if (callee.name === "clz32") { this.#op(OPCODE.clz); return; }
    this.#op(OPCODE.call);
    this.#body.unsigned(this.#importOf(callee.name, args.length, isWanted));
  }
}

/** The int32 that an expression is. */
function integer(expression: Expression | SwitchCase["test"]): number | undefined {
  if (expression?.type === "Literal" && typeof expression.value === "number" && Number.isInteger(expression.value)) return expression.value | 0;
  if (expression?.type === "UnaryExpression" && expression.operator === "-" && expression.argument.type === "Literal" && Number.isInteger(expression.argument.value)) return -(expression.argument.value as number) | 0;
  return undefined;
}

/** Worth computing where it is not asked for, rather than a jump. */
function isSimple(expression: Expression): boolean { return expression.type === "Identifier" || integer(expression) !== undefined; }

/** The module of a region's function. Throws `NotCompiled` where it has to run as JavaScript. */
export function compileRegion(tree: FunctionExpression, environment: WasmEnvironment): WasmText {
  const compiler = new Compiler(environment), bytes = compiler.run(tree);
  return { bytes, imports: compiler.imports };
}
