/**
 * Templates of baseline code: what the handler of a form does, as WebAssembly that was compiled once, with holes for what tells one instruction of the
 * form from another. An instruction is copied from its template and its holes are filled.
 *
 * Registers live in the state words, so a template begins and ends with nothing in locals, and stands behind any other. Values that often are 0 (a
 * displacement, an absent register), counts of shifts and the kind of the flags before it, where that is known, choose among templates of one form.
 */
import { generate } from "astring";
import type { Expression, FunctionExpression, Statement } from "estree";
import { SLOT } from "../../runtime/abi.ts";
import { ARRAY_SOURCES } from "../emit/check.ts";
import { expression, identifier, statements, type Bindings } from "../emit/estree.ts";
import { functionName, InstructionEmitter } from "../emit/lowering.ts";
import { isPlain } from "../emit/handler.ts";
import { factsOf } from "../emit/instruction-facts.ts";
import { planFor } from "../emit/plan.ts";
import { ZERO_REGISTER, type FieldName, type Fields, type Form } from "../form.ts";
import { instantiate } from "../ir/instantiate.ts";
import { endValue, type End, type Meaning, type Node, type Op } from "../ir/opcodes.ts";
import { meaningOf } from "../semantics/index.ts";
import { NotCompiled, type Hint, type Kind, type Local } from "../wasm/body.ts";
import { Statements } from "../wasm/compile.ts";
import type { Field, WasmEnvironment } from "../wasm/expressions.ts";
import { Imports } from "../wasm/module.ts";
import { OPCODE } from "../wasm/opcodes.ts";
import { BaselinePlace, NEXT, REST, SITE, THIS, UNKNOWN_KIND } from "./place.ts";

/** Stands where a hole is, so that what is before it and behind it does not meet. */
const FILLING = 0xff;

/** What fills a hole. */
export const HOLE = {
  /** A constant: an operand field, the site's number, an address. */
  field: 0, site: 1, self: 2, next: 3, rest: 4,
  /** The offset of an access: what is known of it, and a field times a power of two. */
  offset: 5,
  /** The index of a function that is called. */
  call: 6,
} as const;

export interface Hole {
  /** The place of the one byte that stands for it. */
  readonly at: number;
  readonly what: (typeof HOLE)[keyof typeof HOLE];
  readonly field: FieldName;
  /** Of an offset: log2 of the factor, and what is added. */
  readonly scale: number;
  readonly base: number;
  /** Which of the template's imports. */
  readonly index: number;
}

/**
 * What has to be seen to behind a template whose end is "next". `answered`, `stepped`, `enabled`: a value is on the stack. Not 0: the region must be left; the
 * interpreter has to execute the instruction; STI has found that it faults (1) or that an interrupt waits (2).
 */
export type Behind = "nothing" | "answered" | "called out" | "stepped" | "enabled";

export interface Template {
  readonly bytes: Uint8Array;
  readonly holes: readonly Hole[];
  /** Where branches stand, in the order of the bytes. */
  readonly hints: readonly Hint[];
  readonly imports: Imports;
  /** How many locals it uses, the function's parameters among them. */
  readonly locals: number;
  /** How control goes on. Where that depends on a value, the template leaves it on the stack; behind a transfer by the monitor, what the region returns. */
  readonly end: End["kind"];
  /** Control comes back behind it. */
  readonly isCall: boolean;
  readonly behind: Behind;
  readonly mayFault: boolean;
  /** The kind word of the flags behind it; undefined where it is what it was before. */
  readonly kind: number | undefined;
}

/** Parameters of a baseline function, which every template may use. */
export const BASELINE_PARAMETERS = ["left", "entry", "delta"] as const;

const ARRAYS: ReadonlyMap<string, string> = new Map([...Object.entries(ARRAY_SOURCES), ["S8", "stateBytes"], ["S16", "stateHalves"]]);
/** Shifts by an immediate are worth a template for each count, of which the processor looks at five bits. */
const COUNT_BITS = 31;
const BY_COUNT: ReadonlySet<string> = new Set(["rol", "ror", "rcl", "rcr", "shl", "shr", "sar", "shld", "shrd"]);
/** Of a register with itself. */
const WITH_ITSELF: ReadonlySet<string> = new Set(["xor", "sub"]);

const NAMED: ReadonlyMap<string, Hole["what"]> = new Map([[SITE, HOLE.site], [THIS, HOLE.self], [NEXT, HOLE.next], [REST, HOLE.rest]]);

class TemplateCode extends Statements {
  readonly holes: Hole[] = [];

  #hole(what: Hole["what"], field: FieldName = "d", scale = 0, base = 0, index = 0): void {
    this.holes.push({ at: this.code.length, what, field, scale, base, index });
    this.op(FILLING);
  }

  override declare(name: string, kind: Kind): Local {
    if (kind === "f64") this.refuse("a float64"); // a function's locals are of one type
    return super.declare(name, kind);
  }

  protected override field(name: string): void { this.#hole(HOLE.field, name as FieldName); }
  protected override isHole(name: string): boolean { return NAMED.has(name); }
  protected override hole(name: string): void { this.#hole(NAMED.get(name)!); }

  protected override accessField(opcode: number, shift: number, offset: number, { name, scale }: Field): void {
    this.op(opcode);
    this.op(shift);
    this.#hole(HOLE.offset, name as FieldName, scale, offset);
  }

  override call(index: number): void {
    this.op(OPCODE.call);
    this.#hole(HOLE.call, "d", 0, 0, index);
  }

  get written(): Uint8Array { return this.code.written.slice(); }
}

/** What the templates of a form have in common. */
export interface FormFacts {
  /** With its operands open. */
  readonly meaning: Meaning;
  readonly end: End["kind"];
  /** What is behind it may come to be executed: at once, or when a call returns. */
  readonly isFollowed: boolean;
  /** The interpreter executes it. */
  readonly isStepped: boolean;
  /** It calls a runtime function or the monitor, which takes as long as many instructions. */
  readonly calls: boolean;
  /** It matters of what kind the flags before it are. */
  readonly readsFlags: boolean;
  readonly templates: Map<number, Template | undefined>;
}

/** So many are kept, some KB each; a boot of Linux and a session in its shell have need of fewer. */
const MOST_TEMPLATES = 1 << 13;

/** The templates of one mode. */
export class Templates {
  readonly #environment: WasmEnvironment;
  readonly #check: ((source: string, names: readonly string[]) => void) | undefined;
  readonly #facts = new Map<Form, FormFacts>();
  #kept = 0;
  /** How many were made. */
  made = 0;

  /** `check` is told of every template's JavaScript before it is compiled, and of the runtime functions that it names. */
  constructor(environment: WasmEnvironment, check?: (source: string, names: readonly string[]) => void) {
    this.#environment = environment;
    this.#check = check;
  }

  factsOf(form: Form): FormFacts {
    let facts = this.#facts.get(form);
    if (facts === undefined) this.#facts.set(form, (facts = factsOfForm(form)));
    return facts;
  }

  /**
   * The template of an instruction, `kind` being that of the flags before it; undefined where the interpreter has to execute it. Where its immediate is
   * `isPatched`, it has a hole.
   */
  of(form: Form, fields: Fields, kind: number, isPatched: boolean): Template | undefined {
    const facts = this.factsOf(form), { templates } = facts;
    if (facts.isStepped || isPatched && isClosed(form, fields, "m")) return undefined;
    const key = keyOf(form, fields, facts.readsFlags ? kind : UNKNOWN_KIND);
    let template = templates.get(key);
    if (template === undefined && !templates.has(key)) {
      if (this.#kept++ === MOST_TEMPLATES) this.#forget();
      this.made++;
      templates.set(key, (template = this.#compile(form, facts, fields, kind)));
    }
    return template;
  }

  #forget(): void {
    for (const { templates } of this.#facts.values()) templates.clear();
    this.#kept = 1;
  }

  #compile(form: Form, { meaning, readsFlags }: FormFacts, fields: Fields, kind: number): Template | undefined {
    const special = SPECIAL.get(form.semantics);
    if (special !== undefined) return this.#written(form, special, special.value({}));
    const place = new BaselinePlace(readsFlags ? kind : UNKNOWN_KIND), emitter = new InstructionEmitter(place);
    const closed = instantiate(meaning, fields, undefined, (field) => !isClosed(form, fields, field as FieldName)), value = emitter.run(planFor(closed)), { end } = closed;
    const { mayFault, functions, callsExactly } = factsOf(closed), behind = place.answer !== undefined ? "answered" : callsExactly ? "called out" : "nothing";
    return this.#written(form, {
      body: emitter.body, end: end.kind, isCall: end.kind === "call" || end.kind === "indirect" && end.how === "call", behind, mayFault, functions: functions.map(functionName), kind: place.changesKind ? place.kind : undefined,
    }, end.kind === "transferred" ? place.code : place.answer ?? value);
  }

  #written(form: Form, { body, functions, ...facts }: Written, value: Expression | undefined): Template | undefined {
    this.#check?.(textOf(form, body, value), functions);
    const imports = new Imports(), code = new TemplateCode(BASELINE_PARAMETERS, this.#environment, imports);
    for (const [name, source] of ARRAYS) code.arrays.set(name, source);
    try {
      code.list(body);
      if (value !== undefined && facts.end === "branch") code.condition(value);
      else if (value !== undefined) code.int(value);
    } catch (error) {
      if (error instanceof NotCompiled) return undefined;
      throw error;
    }
    return { ...facts, bytes: code.written, holes: code.holes, hints: code.hints, imports, locals: code.locals };
  }
}

/** What a template does, in JavaScript. */
interface Written extends Pick<Template, "end" | "isCall" | "behind" | "mayFault" | "kind"> {
  readonly body: readonly Statement[];
  /** The runtime functions that it names. */
  readonly functions: readonly string[];
}

/** What regions do in a way of their own. */
const SPECIAL: ReadonlyMap<string, Written & { readonly value: (bindings: Bindings) => Expression }> = new Map([
  ["rdtsc", {
    body: statements(`
      let $t = 1;
      if (S[${SLOT.isTimed}] !== 0) $t = 0; else $t = timestamp(${SITE}) | 0;
      if ($t === 0) {
        S[${SLOT.eax}] = S[${SLOT.spentLow}] - left - ${REST} | 0;
        S[${SLOT.edx}] = S[${SLOT.spentHigh}] - (S[${SLOT.spentLow}] >>> 0 < left + ${REST} >>> 0 ? 1 : 0) | 0;
      }`)({ t: identifier("t0") }),
    value: expression("t0"), end: "next", isCall: false, behind: "stepped", mayFault: true, kind: undefined, functions: ["timestamp"],
  }],
  ["sti", { body: [], value: expression("enableInterrupts()"), end: "next", isCall: false, behind: "enabled", mayFault: true, kind: undefined, functions: ["enableInterrupts"] }],
]);

function factsOfForm(form: Form): FormFacts {
  const meaning = meaningOf(form), { nodes, end } = meaning, value = endValue(end);
  const isStepped = !SPECIAL.has(form.semantics) && !isPlain(meaning);
  return { meaning, end: end.kind, isFollowed: isFollowed(meaning), isStepped, calls: nodes.some(({ op }) => op === "call" || op === "monitor"), readsFlags: !BY_COUNT.has(form.semantics) && (nodes.some(readsKind) || value !== undefined && readsKind(value)), templates: new Map() };
}

/** Transfers by the monitor that come back. */
const RETURNING: ReadonlySet<string> = new Set(["softwareInterrupt", "callFar"]);

function isFollowed({ nodes, end }: Meaning): boolean {
  if (end.kind === "transferred") return nodes.some(({ name }) => RETURNING.has(name));
  return end.kind !== "jump" && (end.kind !== "indirect" || end.how === "call");
}

/** A template as a JavaScript function of the decoded instruction. */
function textOf(form: Form, body: readonly Statement[], value: Expression | undefined): string {
  const tree: FunctionExpression = {
    type: "FunctionExpression", id: identifier(functionName(`${form.mnemonic} ${form.key.split(" ")[1] ?? ""}`)), params: ["i", "left", "delta", SITE, THIS, NEXT, REST].map(identifier),
    body: { type: "BlockStatement", body: value === undefined ? [...body] : [...body, { type: "ReturnStatement", argument: value }] },
  };
  return generate(tree);
}

/** Whether the template is made for this value of a field. */
function isClosed({ semantics, operands }: Form, fields: Fields, field: FieldName): boolean {
  switch (field) {
    case "b": case "x": return fields[field] === ZERO_REGISTER;
    case "p": return fields.p === 0;
    case "c": return true;
    case "m": return BY_COUNT.has(semantics);
    case "d": case "s": return WITH_ITSELF.has(semantics) && fields.d === fields.s && operands.every(({ kind }) => kind === "reg");
    case "k": return false;
  }
}

/** Tells templates of one form apart. */
function keyOf(form: Form, fields: Fields, kind: number): number {
  const itself = isClosed(form, fields, "d") ? fields.d + 1 : 0, count = isClosed(form, fields, "m") ? fields.m & COUNT_BITS : 0;
  const memory = (fields.b === ZERO_REGISTER ? 1 : 0) | (fields.x === ZERO_REGISTER ? 2 : 0) | (fields.p === 0 ? 4 : 0) | fields.c << 3;
  return ((memory << 8 | count) << 6 | itself) * 512 + kind + 1;
}

const READING: ReadonlySet<Op> = new Set<Op>(["condition", "carry", "setCarry", "setCarryOverflow"]);

function readsKind({ op, args }: Node): boolean { return READING.has(op) || args.some(readsKind); }
