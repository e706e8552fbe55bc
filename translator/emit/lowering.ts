/**
 * How operations look in JavaScript. What does not depend on where guest registers live stands in one
 * table; a `Place` says the rest: the interpreter's handlers keep registers in the state words, regions in locals.
 */
import type { Expression, Statement } from "estree";
import { SLOT } from "../../runtime/abi.ts";
import type { SlotName } from "../../runtime/abi.ts";
import type { Node, Op } from "../ir/opcodes.ts";
import { nearBindings, openProbe, type Probe } from "./probe.ts";
import { call, declare, expression, identifier, number, statements, type Bindings } from "./estree.ts";
import { NEAR } from "./access-templates.ts";
import { ANY_STATE, NO_PLAN, planOf, READS, STATE_BIT, type Plan, type State, type Step } from "./plan.ts";

type Template = (bindings: Bindings) => Expression;

/** Pure operations, by argument position. */
export const PURE: Partial<Record<Op, Template>> = {
  add: expression("$0 + $1 | 0"), sub: expression("$0 - $1 | 0"), mul: expression("imul($0, $1)"),
  and: expression("$0 & $1"), or: expression("$0 | $1"), xor: expression("$0 ^ $1"),
  shl: expression("$0 << $1"), shr: expression("$0 >>> $1 | 0"), sar: expression("$0 >> $1"),
  not: expression("~$0"), neg: expression("-$0 | 0"),
  zext8: expression("$0 & 255"), zext16: expression("$0 & 65535"), sext8: expression("$0 << 24 >> 24"), sext16: expression("$0 << 16 >> 16"),
  clz: expression("clz32($0)"),
  eq: expression("$0 === $1"), ne: expression("$0 !== $1"),
  ltu: expression("$0 >>> 0 < $1 >>> 0"), leu: expression("$0 >>> 0 <= $1 >>> 0"), lts: expression("$0 < $1"), les: expression("$0 <= $1"),
  bnot: expression("!$0"), band: expression("$0 && $1"), bor: expression("$0 || $1"), bxor: expression("$0 !== $1"),
  bit: expression("$0 ? 1 : 0"), select: expression("$0 ? $1 : $2"),
};

/** No arguments; nobody changes it. */
const NONE: Expression[] = [];

/** What a function returns, so that V8 need not allow for anything else wherever the value goes. */
const INT32 = expression("$v | 0");

/** P S E W of the hidden attributes as a 4 GiB segment of writable, expand-up data has them, and the bits that say so (SDM volume 3, 3.4.5.1). */
const OPEN = 0x92, OPEN_MASK = 0x9e;
const LINEAR = {
  open: expression(`($access & ${OPEN_MASK} ^ ${OPEN} | ~$limit) === 0`), address: expression("$base + $a | 0"),
  choose: statements("let $v = $address; if (!($open)) { $v = $checked; }"),
};

/** Bytes of the host's memory at a place that is known. */
function codeAt(op: Op, host: number): Expression {
  const byte = (k: number): Expression => CODE.byte({ p: number(host + k) });
  if (op === "code8") return byte(0);
  if (op === "code16") return CODE.pair({ a: byte(0), b: byte(1) });
  return (host & 3) === 0 ? CODE.word({ p: number(host >> 2) }) : CODE.four({ a: byte(0), b: byte(1), c: byte(2), d: byte(3) });
}
const CODE = {
  byte: expression("MEM8[$p]"), pair: expression("$a | $b << 8"), four: expression("$a | $b << 8 | $c << 16 | $d << 24"), word: expression("MEM32[$p]"),
};

/** Where guest registers and flags live, and how an access says where it stands. */
export interface Place {
  /** A value that reads state: reg*, slot, slotAt, nextEip, field, condition, carry, flags. */
  read(node: Node, args: Expression[]): Expression;
  /** A change of state: setReg*, setSlot, setFlags*, putFlags. */
  write(node: Node, args: Expression[]): Statement[];
  /** Where a faulting operation stands: its number and the budget left. */
  readonly where: { readonly id: Expression; readonly left: Expression };
  /** Statements before a guard, so that its fault finds its place. */
  beforeGuard(): Statement[];
  /** The call of a runtime function that may look at all state; `into` is to hold what it returns. */
  call(node: Node, made: Expression, into: string | undefined): Statement[];
  temporary(): string;
  /** The probes of the block. */
  readonly probes: Map<Node, Probe>;
}

/** `S[slot]` */
export function word(name: string): Expression {
  const index = SLOT[name as SlotName];
  if (index === undefined) throw new Error(`no state slot ${name}`);
  return wordAt(number(index));
}

export function wordAt(index: Expression): Expression {
  return { type: "MemberExpression", object: identifier("S"), property: index, computed: true, optional: false };
}

/** A runtime function's name as an identifier: "x87 fadd m4" → x87_fadd_m4. */
export function functionName(name: string): string {
  let known = functionNames.get(name);
  if (known === undefined) functionNames.set(name, (known = name.replaceAll(/[^A-Za-z0-9]/g, "_")));
  return known;
}

const functionNames = new Map<string, string>();

/**
 * Turns the nodes of one instruction into statements.
 *
 * Invariant: an expression that is still to be written may read guest state only if no statement written in between
 * changes that state; a read that would be overtaken is put into a temporary first.
 */
export class InstructionEmitter {
  readonly body: Statement[];
  readonly #place: Place;
  /** Values that have a name by now; there are few. */
  readonly #nodes: Node[] = [];
  readonly #names: Expression[] = [];
  /** The address and TLB entry of each modify node. */
  #modified: Map<Node, { a: Expression; t: Expression }> | undefined = undefined;
  #plan: Plan = NO_PLAN;

  /** Appends to `body`. */
  constructor(place: Place, body: Statement[] = []) {
    this.#place = place;
    this.body = body;
  }

  /** Emits all effects in order; `plan.result` is what the instruction's end still needs. */
  run(plan: Plan): Expression | undefined {
    this.#plan = plan;
    const { steps, result } = plan;
    for (let k = 0; k < steps.length; k++) this.#effect(steps[k]!, k);
    return result === undefined ? undefined : this.#value(result);
  }

  /** The values of some of these nodes, which have no effect. */
  values(nodes: readonly Node[], wanted: readonly Node[]): Expression[] {
    this.#plan = planOf(nodes, wanted);
    return wanted.map((node) => this.#value(node));
  }

  #named(node: Node): Expression | undefined {
    const at = this.#nodes.indexOf(node);
    return at < 0 ? undefined : this.#names[at];
  }

  #keep(node: Node, value: Expression): void {
    this.#nodes.push(node);
    this.#names.push(value);
  }

  #name(node: Node, value: Expression): Expression {
    const name = identifier(this.#place.temporary());
    this.body.push(declare(name.name, value));
    this.#keep(node, name);
    return name;
  }

  #value(node: Node): Expression {
    if (node.op === "const") return number(node.number);
    const named = this.#named(node);
    if (named !== undefined) return named;
    const args = this.#arguments(node);
    let value: Expression;
    if (node.op === "compute") value = INT32({ v: call(functionName(node.name), args) });
    else {
      const template = PURE[node.op];
      value = template === undefined ? this.#place.read(node, args) : template(args);
    }
    return this.#plan.shared.includes(node) ? this.#name(node, value) : value;
  }

  /** An argument as an identifier or literal. */
  #simple(node: Node): Expression {
    const value = this.#value(node);
    return value.type === "Identifier" || value.type === "Literal" ? value : this.#name(node, value);
  }

  #effect({ node, kind, template, changed, isUsed }: Step, k: number): void {
    switch (kind) {
      case "code": // at its place: what follows may write there
        if (isUsed) this.#name(node, codeAt(node.op, node.number));
        return;
      case "read": return;
      case "linear": this.#linear(node); return;
      case "memory": this.#memory(node, template!); return;
      case "probe": this.#probe(node); return;
      case "near": this.#near(node, template!); return;
      case "guard":
        this.body.push(...this.#place.beforeGuard(), { type: "ExpressionStatement", expression: call(functionName(node.name), this.#arguments(node)) });
        return;
      case "call": {
        const args = this.#arguments(node);
        this.#rescueBehind(k, undefined);
        const into = isUsed ? this.#place.temporary() : undefined;
        this.body.push(...this.#place.call(node, call(functionName(node.name), args), into));
        if (into !== undefined) this.#keep(node, identifier(into));
        return;
      }
      case "write": {
        // Several words are assigned one after the other: none of the arguments may still read them.
        if (changed === "flags" && node.op !== "putFlags") for (const arg of node.args) this.#rescue(arg, k, "flags");
        const args = this.#arguments(node);
        this.#rescueBehind(k, changed);
        const made = this.#place.write(node, args);
        for (let each = 0; each < made.length; each++) this.body.push(made[each]!);
      }
    }
  }

  #arguments({ args }: Node): Expression[] {
    switch (args.length) {
      case 0: return NONE;
      case 1: return [this.#value(args[0]!)];
      case 2: return [this.#value(args[0]!), this.#value(args[1]!)];
      default: return args.map((arg) => this.#value(arg));
    }
  }

  /** Names what is read before position `k` and wanted behind it. */
  #rescueBehind(k: number, state: State | undefined): void {
    const { steps, overtaken, results } = this.#plan;
    if ((overtaken[k]! & (state === undefined ? ANY_STATE : STATE_BIT[state])) === 0) return;
    for (let after = k + 1; after < steps.length; after++) for (const arg of steps[after]!.node.args) this.#rescue(arg, k, state);
    for (const result of results) this.#rescue(result, k, state);
  }

  #linear(node: Node): void {
    const a = this.#simple(node.args[0]!), v = identifier(this.#place.temporary()), segment = node.number;
    const checked = call(functionName(node.name), [number(segment), a, ...node.args.slice(1).map((arg) => this.#value(arg))]);
    const open = LINEAR.open({ access: word(`access${segment}`), limit: word(`limit${segment}`) });
    const [declaration, test] = LINEAR.choose({ v, address: LINEAR.address({ base: word(`base${segment}`), a }), open, checked });
    if (test?.type !== "IfStatement" || test.consequent.type !== "BlockStatement") throw new Error("template of linear");
    const consequent: Statement = { ...test.consequent, body: [...this.#place.beforeGuard(), ...test.consequent.body] };
    this.body.push(declaration!, { ...test, consequent });
    this.#keep(node, v);
  }

  #memory(node: Node, template: (bindings: Bindings) => Statement[]): void {
    const { id, left } = this.#place.where;
    if (node.op.startsWith("commit")) {
      const [modified] = node.args;
      if (modified!.op.startsWith("near")) { this.#near(modified!, NEAR[modified!.op.replace("Modify", "Store") as Op]!, node.args[1]); return; }
      const { a, t } = this.#modified!.get(node.args[0]!)!;
      this.body.push(...template({ a, t, x: this.#simple(node.args[1]!), i: id, l: left }));
      return;
    }
    const a = this.#simple(node.args[0]!), t = identifier(this.#place.temporary());
    if (node.op.startsWith("store")) {
      this.body.push(...template({ a, t, x: this.#simple(node.args[1]!), i: id, l: left }));
      return;
    }
    const v = identifier(this.#place.temporary());
    this.body.push(...template({ a, t, v, i: id, l: left }));
    this.#keep(node, v);
    if (node.op.startsWith("modify")) (this.#modified ??= new Map()).set(node, { a, t });
  }

  #probe(node: Node): void {
    const { body, made } = openProbe(node, this.#value(node.args[0]!), () => this.#place.temporary());
    this.body.push(...body);
    this.#place.probes.set(node, made);
  }

  #near(node: Node, template: (bindings: Bindings) => Statement[], written = node.args[1]): void {
    const { id, left } = this.#place.where, where = nearBindings(this.#place.probes.get(node.args[0]!)!, node.op, node.number);
    if (written !== undefined) {
      this.body.push(...template({ g: where.g, m: where.m, a: where.a, i: id, l: left, x: this.#simple(written) }));
      return;
    }
    const v = identifier(this.#place.temporary());
    this.body.push(...template({ g: where.g, m: where.m, a: where.a, i: id, l: left, v }));
    this.#keep(node, v);
  }

  /** Names the state reads below `node` that come before position `k` and that a change of `state` (all, if undefined) there would overtake. */
  #rescue(node: Node, k: number, state: State | undefined): void {
    if (node.op === "const" || node.op === "probe" || this.#named(node) !== undefined) return;
    const reads = READS[node.op];
    if (reads !== undefined && (state === undefined || reads === state) && this.#plan.steps.findIndex((step) => step.node === node) < k) {
      this.#name(node, this.#place.read(node, node.args.map((arg) => this.#value(arg))));
      return;
    }
    for (const arg of node.args) this.#rescue(arg, k, state);
  }
}
