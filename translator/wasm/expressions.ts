/**
 * Expressions as WebAssembly.
 *
 * A value is wanted as an int32 (`int`: modulo 2^32, as the operators of bits take it), as a number (`float`: exactly, as a float64) or as a condition; `kind` says what
 * JavaScript has there. Integers are added in 32 bits where only these count, and as float64s where they are compared.
 */
import type { CallExpression, ConditionalExpression, Expression, LogicalExpression, Pattern } from "estree";
import { FunctionBody, type Kind } from "./body.ts";
import { ELEMENTS, integer, placeOf, type Element } from "./elements.ts";
import { INTRINSICS } from "./intrinsics.ts";
import { answers, isOfLibrary } from "./library.ts";
import type { Imports } from "./module.ts";
import { OPCODE, TYPE } from "./opcodes.ts";
import { assigns, isAsking, isNatural, isNegativeZero, isOneOrNothing, isSimple, isSmall, number, rotationOf, shiftOf, unmasked } from "./shapes.ts";

/** What the names of the ABI are. */
export interface WasmEnvironment {
  /** Arrays in the memory: their first byte. Others are read by a function of that name. */
  readonly arrays: ReadonlyMap<string, number>;
  /** Names that stand for an int32. */
  readonly constants: ReadonlyMap<string, number>;
}

const BITWISE: Partial<Record<string, number>> = { "|": OPCODE.or, "&": OPCODE.and, "^": OPCODE.xor, "<<": OPCODE.shl, ">>": OPCODE.sar, ">>>": OPCODE.shr };
const SHIFTS: ReadonlySet<string> = new Set(["<<", ">>", ">>>"]);
const ARITHMETIC: Partial<Record<string, number>> = { "+": OPCODE.add, "-": OPCODE.sub, "*": OPCODE.mul };
const FLOATING: Partial<Record<string, number>> = { "+": OPCODE.addDouble, "-": OPCODE.subDouble, "*": OPCODE.mulDouble, "/": OPCODE.divDouble };
const COMPARISON: Partial<Record<string, readonly [signed: number, unsigned: number, floating: number]>> = {
  "===": [OPCODE.eq, OPCODE.eq, OPCODE.eqDouble], "!==": [OPCODE.ne, OPCODE.ne, OPCODE.neDouble], "<": [OPCODE.lts, OPCODE.ltu, OPCODE.ltDouble],
  "<=": [OPCODE.les, OPCODE.leu, OPCODE.leDouble], ">": [OPCODE.gts, OPCODE.gtu, OPCODE.gtDouble], ">=": [OPCODE.ges, OPCODE.geu, OPCODE.geDouble],
};

/** What an operator is, where it is. */
interface Operator {
  readonly bitwise: number | undefined;
  readonly arithmetic: number | undefined;
  readonly floating: number | undefined;
  readonly comparison: readonly [signed: number, unsigned: number, floating: number] | undefined;
}
const OPERATORS: ReadonlyMap<string, Operator> = new Map([BITWISE, FLOATING, COMPARISON].flatMap(Object.keys).map((operator) => [
  operator, { bitwise: BITWISE[operator], arithmetic: ARITHMETIC[operator], floating: FLOATING[operator], comparison: COMPARISON[operator] },
]));
const NO_OPERATOR: Operator = { bitwise: undefined, arithmetic: undefined, floating: undefined, comparison: undefined };
/** Functions that answer with a float64. */
const FLOAT_RESULTS = new Set(["x87Sum", "x87Product", "x87Integer"]);

const wasmType = (kind: Kind): number => kind === "f64" ? TYPE.f64 : TYPE.i32;

export class Expressions extends FunctionBody {
  readonly environment: WasmEnvironment;
  /** Own names of ABI arrays. */
  readonly arrays = new Map<string, string>();
  /** Constants that are an element's index: of what, by 2^how much. */
  readonly quotients = new Map<string, { readonly of: Expression; readonly shift: number }>();
  readonly imports: Imports;
  /** Functions of the same module, by name. */
  readonly own = new Map<string, number>();

  constructor(parameters: readonly string[], environment: WasmEnvironment, imports: Imports) {
    super(parameters);
    this.environment = environment;
    this.imports = imports;
  }

  // --- Kinds ------------------------------------------------------------------------------------------------------

  kind(expression: Expression): Kind {
    switch (expression.type) {
      case "Literal": {
        const { value } = expression;
        if (typeof value === "boolean") return "bit";
        if (typeof value !== "number") return this.refuse("a literal that is no number");
        return integer(expression) === undefined ? "f64" : value > 0x7fffffff ? "u32" : "i32";
      }
      case "Identifier": {
        const local = this.find(expression.name);
        if (local !== undefined) return local.kind;
        return this.environment.constants.has(expression.name) || this.quotients.has(expression.name) || this.isHole(expression.name) ? "i32" : this.local(expression.name).kind;
      }
      case "UnaryExpression":
        if (expression.operator === "!") return "bit";
        if (expression.operator === "~") return "i32";
        if (expression.argument.type === "Literal") return integer(expression) === undefined ? "f64" : "i32";
        return this.kind(expression.argument) === "f64" ? "f64" : "sum";
      case "BinaryExpression": return this.#binaryKind(expression.operator, expression.left as Expression, expression.right);
      case "LogicalExpression": return "bit";
      case "ConditionalExpression": return this.#common(expression.consequent, expression.alternate);
      case "AssignmentExpression": return expression.left.type === "Identifier" ? this.local(expression.left.name).kind : this.kind(expression.right);
      case "MemberExpression": return fieldOf(expression) !== undefined || this.#elementOf(expression).kind === "i32" ? "i32" : "f64";
      case "CallExpression": {
        const name = expression.callee.type === "Identifier" ? expression.callee.name : "";
        return INTRINSICS.get(name)?.kind ?? (FLOAT_RESULTS.has(name) ? "f64" : "i32");
      }
      default: return this.refuse(expression.type);
    }
  }

  #binaryKind(operator: string, left: Expression, right: Expression): Kind {
    const { comparison, floating } = OPERATORS.get(operator) ?? NO_OPERATOR;
    if (comparison !== undefined) return "bit";
    if (operator === ">>>") return ((integer(right) ?? 0) & 31) === 0 ? "u32" : "i32";
    if (floating !== undefined) return operator === "/" || this.kind(left) === "f64" || this.kind(right) === "f64" ? "f64" : "sum";
    return "i32";
  }

  #common(consequent: Expression, alternate: Expression): Kind {
    const one = this.kind(consequent), other = this.kind(alternate);
    if (one === other) return one;
    if (one === "f64" || other === "f64") return "f64";
    if (one === "u32" && isNatural(alternate) || other === "u32" && isNatural(consequent)) return "u32";
    return one === "sum" || other === "sum" || one === "u32" || other === "u32" ? "sum" : "i32";
  }

  // --- Values -----------------------------------------------------------------------------------------------------

  /** Puts the value on the stack, as its kind has it. */
  value(expression: Expression, kind: Kind): void {
    if (kind === "f64") this.float(expression);
    else this.int(expression);
  }

  /** Puts the value on the stack exactly, as a float64. */
  float(expression: Expression): void {
    const constant = number(expression);
    if (constant !== undefined) { this.constantDouble(constant); return; }
    const kind = this.kind(expression);
    if (kind === "f64" || kind === "sum") { this.#floating(expression, kind); return; }
    this.int(expression);
    this.op(kind === "u32" ? OPCODE.doubleOfUnsigned : OPCODE.doubleOfSigned);
  }

  #floating(expression: Expression, kind: Kind): void {
    switch (expression.type) {
      case "UnaryExpression":
        this.float(expression.argument);
        this.op(OPCODE.negDouble);
        return;
      case "BinaryExpression": {
        this.float(expression.left as Expression);
        if (expression.operator === "+" && isNegativeZero(expression.right)) return;
        this.float(expression.right);
        this.op(FLOATING[expression.operator] ?? this.refuse(expression.operator));
        return;
      }
      case "ConditionalExpression": this.#conditional(expression, "f64"); return;
      case "Identifier": this.get(this.local(expression.name)); return;
      case "AssignmentExpression": this.#assigned(expression); return;
      case "MemberExpression": this.#element(expression); return;
      case "CallExpression": this.callOf(expression, "f64"); return;
      default: this.refuse(`${expression.type} as a ${kind}`);
    }
  }

  /** Puts the value on the stack modulo 2^32. */
  int(expression: Expression): void {
    switch (expression.type) {
      case "Identifier": this.#name(expression.name); return;
      case "BinaryExpression": this.#binary(expression.operator, expression.left as Expression, expression.right); return;
      case "MemberExpression":
        if (!expression.computed) { this.field(fieldOf(expression)?.name ?? this.refuse("a property")); return; }
        this.#element(expression);
        if (this.#elementOf(expression).kind !== "i32") this.truncate();
        return;
      case "ConditionalExpression":
        if (this.kind(expression) === "f64") this.#truncated(expression);
        else this.#conditional(expression, "i32");
        return;
      case "CallExpression":
        if (this.kind(expression) === "f64") this.#truncated(expression);
        else this.callOf(expression, "i32");
        return;
      case "UnaryExpression": {
        const known = integer(expression);
        if (known === undefined) this.#unary(expression.operator, expression.argument, expression);
        else this.constant(known);
        return;
      }
      case "LogicalExpression": this.#logical(expression); return;
      case "AssignmentExpression":
        if (this.kind(expression) === "f64") this.#truncated(expression);
        else this.#assigned(expression);
        return;
      case "Literal": {
        const known = integer(expression);
        if (known !== undefined) this.constant(known);
        else if (typeof expression.value === "boolean") this.constant(Number(expression.value));
        else this.#truncated(expression);
        return;
      }
      default: this.refuse(expression.type);
    }
  }

  // Code with holes in it has values that are filled in later: these names, and operand fields of the decoded instruction.

  protected isHole(_name: string): boolean { return false; }
  protected hole(name: string): void { this.refuse(name); }
  protected field(_name: string): void { this.refuse("an operand field"); }

  /** As `access`, with an operand field added to the offset. */
  protected accessField(_opcode: number, _shift: number, _offset: number, _field: Field): void { this.refuse("an operand field"); }

  #truncated(expression: Expression): void {
    this.float(expression);
    this.truncate();
  }

  #name(name: string): void {
    const local = this.find(name);
    if (local !== undefined) {
      this.get(local);
      if (local.kind === "f64") this.truncate();
      return;
    }
    const constant = this.environment.constants.get(name), quotient = this.quotients.get(name);
    if (constant !== undefined) this.constant(constant);
    else if (this.isHole(name)) this.hole(name);
    else if (quotient === undefined) this.local(name);
    else {
      this.int(quotient.of);
      this.constant(quotient.shift);
      this.op(OPCODE.shr);
    }
  }

  #unary(operator: string, argument: Expression, whole: Expression): void {
    if (operator === "!") {
      this.condition(argument);
      this.op(OPCODE.eqz);
    } else if (operator === "~") {
      this.int(argument);
      this.constant(-1);
      this.op(OPCODE.xor);
    } else if (operator !== "-") this.refuse(operator);
    else if (this.kind(whole) === "f64") {
      this.float(whole);
      this.truncate();
    } else {
      this.constant(0);
      this.int(argument);
      this.op(OPCODE.sub);
    }
  }

  #binary(operator: string, left: Expression, right: Expression): void {
    const { comparison, bitwise, arithmetic, floating } = OPERATORS.get(operator) ?? NO_OPERATOR;
    if (comparison !== undefined) { this.#compare(operator, comparison, left, right); return; }
    const rest = integer(right);
    if (bitwise !== undefined) {
      if (rest === 0 && operator !== "&" || rest === -1 && operator === "&") { this.int(left); return; }
      if (this.#shortened(operator, left, right, rest)) return;
      this.int(left);
      this.int(SHIFTS.has(operator) ? shiftOf(right) : right);
      this.op(bitwise);
      return;
    }
    const isSum = operator === "+" || operator === "-" || operator === "*" && (isSmall(left) || isSmall(right));
    if (!isSum || this.#binaryKind(operator, left, right) === "f64") {
      this.float(left);
      if (operator !== "+" || !isNegativeZero(right)) {
        this.float(right);
        this.op(floating ?? this.refuse(operator));
      }
      this.truncate();
      return;
    }
    this.int(left);
    if (rest === 0 && operator !== "*") return;
    this.int(right);
    this.op(arithmetic!);
  }

  /** What WebAssembly has an instruction for. */
  #shortened(operator: string, left: Expression, right: Expression, rest: number | undefined): boolean {
    if (operator === ">>" && (rest === 24 || rest === 16) && left.type === "BinaryExpression" && left.operator === "<<" && integer(left.right) === rest) {
      this.int(left.left as Expression);
      this.op(rest === 24 ? OPCODE.extend8 : OPCODE.extend16);
      return true;
    }
    const rotation = operator === "|" ? rotationOf(left, right) : undefined;
    if (rotation === undefined) return false;
    this.#name(rotation.name);
    this.int(rotation.by);
    this.op(OPCODE.rotl);
    return true;
  }

  #compare(operator: string, [signed, unsigned, floating]: readonly [number, number, number], left: Expression, right: Expression): void {
    const one = this.kind(left), other = this.kind(right), isBit = one === "bit";
    if (isBit !== (other === "bit") && (operator === "===" || operator === "!==")) this.refuse("a comparison of a truth value with a number");
    const isUnsigned = one === "u32" || other === "u32";
    if (one === "f64" || other === "f64" || one === "sum" || other === "sum" || isUnsigned && one !== other && !isNatural(one === "u32" ? right : left)) {
      this.float(left);
      this.float(right);
      this.op(floating);
      return;
    }
    this.int(left);
    if (operator === "===" && integer(right) === 0) { this.op(OPCODE.eqz); return; }
    this.int(right);
    this.op(isUnsigned ? unsigned : signed);
  }

  // --- Conditions -------------------------------------------------------------------------------------------------

  /** Puts an int32 on the stack that is 0 where the value is false. */
  condition(expression: Expression): void {
    if (expression.type === "BinaryExpression" && expression.operator === "!==" && integer(expression.right) === 0) {
      const kind = this.kind(expression.left as Expression);
      if (kind === "i32" || kind === "u32") { this.int(expression.left as Expression); return; }
    }
    const kind = this.kind(expression);
    if (kind !== "f64" && kind !== "sum") { this.int(expression); return; }
    this.float(expression);
    this.op(OPCODE.absDouble);
    this.constantDouble(0);
    this.op(OPCODE.gtDouble); // a NaN is false
  }

  /** As 0 or 1. */
  #bit(expression: Expression): void {
    this.condition(expression);
    if (isOneOrNothing(expression)) return;
    this.constant(0);
    this.op(OPCODE.ne);
  }

  #logical({ operator, left, right }: LogicalExpression): void {
    this.condition(left);
    this.openIf(undefined, TYPE.i32);
    if (operator === "&&") this.#bit(right);
    else this.constant(1);
    this.op(OPCODE.else);
    if (operator === "&&") this.constant(0);
    else if (operator === "||") this.#bit(right);
    else this.refuse(operator);
    this.close();
  }

  #conditional({ test, consequent, alternate }: ConditionalExpression, kind: Kind): void {
    if (kind !== "f64") {
      const one = integer(consequent), other = integer(alternate);
      if (one === 1 && other === 0) { this.#bit(test); return; }
      if (one === 0 && other === 1) {
        this.condition(test);
        this.op(OPCODE.eqz);
        return;
      }
    }
    if (isSimple(consequent) && isSimple(alternate) && !assigns(test)) {
      this.value(consequent, kind);
      this.value(alternate, kind);
      this.condition(test);
      this.op(OPCODE.select);
      return;
    }
    this.condition(test);
    this.openIf(isAsking(alternate) ? "likely" : isAsking(consequent) ? "unlikely" : undefined, wasmType(kind));
    this.value(consequent, kind);
    this.op(OPCODE.else);
    this.value(alternate, kind);
    this.close();
  }

  // --- Assignments and memory -------------------------------------------------------------------------------------

  #assigned(expression: Expression): void {
    if (expression.type !== "AssignmentExpression" || expression.operator !== "=" || expression.left.type !== "Identifier") this.refuse("a value of another assignment");
    this.tee(this.assignment(expression.left.name, expression.right));
  }

  /** Puts on the stack what the local is to be. */
  assignment(name: string, right: Expression): ReturnType<FunctionBody["local"]> {
    const local = this.local(name), kind = this.kind(right);
    const isHeld = local.kind === "f64" || kind === local.kind || local.kind === "i32" && (kind === "bit" || integer(right) !== undefined);
    if (!isHeld) this.refuse(`${name} becomes something else: ${kind}`);
    this.value(right, local.kind);
    return local;
  }

  /** The element that is named. */
  #elementOf(target: Pattern | Expression): Element {
    if (target.type !== "MemberExpression" || !target.computed || target.object.type !== "Identifier") this.refuse("an element of another kind");
    return this.#array(target.object.name).element;
  }

  /** Arrays that were named. */
  readonly #used = new Map<string, { readonly element: Element; readonly base: number | undefined }>();

  #array(name: string): { readonly element: Element; readonly base: number | undefined } {
    let array = this.#used.get(name);
    if (array === undefined) {
      const source = this.arrays.get(name) ?? name;
      this.#used.set(name, (array = { element: ELEMENTS[source] ?? OUTSIDE, base: this.environment.arrays.get(source) }));
    }
    return array;
  }

  #element(target: Expression): void {
    const element = this.#elementOf(target);
    if (element === OUTSIDE && target.type === "MemberExpression" && target.object.type === "Identifier") {
      this.int(target.property as Expression);
      this.call(this.imports.of(target.object.name, [TYPE.i32], TYPE.i32));
      return;
    }
    const { offset, field } = this.#address(target, element);
    this.#access(element.load, element.shift, offset, field);
    if (element.kind === "single") this.op(OPCODE.promote);
  }

  store(target: Pattern | Expression, right: Expression): void {
    const element = this.#elementOf(target);
    if (element === OUTSIDE) this.refuse("a store elsewhere");
    const { offset, field } = this.#address(target, element);
    if (element.kind === "i32") this.int(unmasked(right, element.shift));
    else this.float(right);
    if (element.kind === "single") this.op(OPCODE.demote);
    this.#access(element.store, element.shift, offset, field);
  }

  #access(opcode: number, shift: number, offset: number, field: Field | undefined): void {
    if (field === undefined) this.access(opcode, shift, offset);
    else this.accessField(opcode, shift, offset, field);
  }

  /** Puts the address of an element on the stack, as far as it is not known; what is. */
  #address(target: Pattern | Expression, { shift }: Element): { readonly offset: number; readonly field: Field | undefined } {
    if (target.type !== "MemberExpression" || target.object.type !== "Identifier") this.refuse("an element of another kind");
    const { name } = target.object, base = this.#array(name).base ?? this.refuse(`${this.arrays.get(name) ?? name} is elsewhere`);
    const { address, scale, offset } = placeOf(target.property as Expression, shift, (name, by) => {
      const quotient = this.quotients.get(name);
      return quotient?.shift === by ? quotient.of : undefined;
    });
    const field = address === undefined ? undefined : fieldOf(address);
    if (address === undefined || field !== undefined) this.constant(0);
    else this.int(address);
    if (field !== undefined) return { offset: base + offset, field: { name: field.name, scale: field.scale + scale } };
    if (scale > 0) {
      this.constant(scale);
      this.op(OPCODE.shl);
    }
    return { offset: base + offset, field: undefined };
  }

  // --- Calls ------------------------------------------------------------------------------------------------------

  /** A call, and its result where it is wanted. Numbers beyond int32 go as float64s; truth values as 1 and 0. */
  callOf({ callee, arguments: given }: Extract<Expression, CallExpression | { type: "CallExpression" }>, wanted: "i32" | "f64" | undefined): void {
    if (callee.type !== "Identifier") this.refuse("a call of another kind");
    const args = given as Expression[], intrinsic = INTRINSICS.get(callee.name);
    if (intrinsic?.emit(this, args) === true) {
      if (wanted === undefined && intrinsic.kind !== undefined) this.op(OPCODE.drop);
      return;
    }
    const own = this.own.get(callee.name);
    if (own !== undefined || isOfLibrary(callee.name)) {
      for (const arg of args) this.int(arg);
      const hasResult = answers(callee.name);
      this.call(own ?? this.imports.of(callee.name, args.map(() => TYPE.i32), hasResult ? TYPE.i32 : undefined));
      if (hasResult && wanted === undefined) this.op(OPCODE.drop);
      return;
    }
    const types = args.map((arg) => {
      const kind = this.kind(arg), held = kind === "u32" || kind === "sum" ? "f64" : kind;
      this.value(arg, held);
      return wasmType(held);
    });
    this.call(this.imports.of(callee.name, types, wanted === undefined ? undefined : wanted === "f64" ? TYPE.f64 : TYPE.i32));
  }
}

/** An operand field, times 2^`scale`. */
export interface Field {
  readonly name: string;
  readonly scale: number;
}

/** The operand field that an expression is. */
function fieldOf(expression: Expression): Field | undefined {
  if (expression.type === "MemberExpression") return expression.computed || expression.property.type !== "Identifier" ? undefined : { name: expression.property.name, scale: 0 };
  if (expression.type !== "BinaryExpression" || expression.operator !== "<<") return undefined;
  const field = fieldOf(expression.left as Expression), by = integer(expression.right);
  return field === undefined || by === undefined ? undefined : { name: field.name, scale: field.scale + by };
}

/** An array that does not lie in the memory. */
const OUTSIDE: Element = { shift: 0, load: 0, store: 0, kind: "i32" };
