/**
 * Interpreter handlers: the translator applied to one instruction whose operands are still unknown.
 *
 * A handler is `function (i) { …; return next; }`: `i` is the decoded instruction, whose fields hold the operands; the result
 * is the decoded instruction to execute next. Registers live in the state words.
 */
import { generate } from "astring";
import type { Expression, FunctionExpression, Statement } from "estree";
import { CARRY_APART, KIND, OVERFLOW_APART, SLOT, WIDTH32 } from "../../runtime/abi.ts";
import type { Form } from "../form.ts";
import { calledExactly, touchedBy, transfers } from "../ir/calls.ts";
import { endValue, OPS, type End, type Meaning, type Node } from "../ir/opcodes.ts";
import { meaningOf } from "../semantics/index.ts";
import { conditionAfter } from "./conditions.ts";
import { declare, evaluate, expression, flagBindings, identifier, number, statements } from "./estree.ts";
import { functionName, InstructionEmitter, word, wordAt, type Place } from "./lowering.ts";
import { planFor } from "./plan.ts";

export interface HandlerText {
  /** A JavaScript function expression. */
  readonly source: string;
  /** Runtime functions that it names beyond the fixed ABI. */
  readonly functions: readonly string[];
  /** It must run at an exact count: it calls the monitor. */
  readonly exact: boolean;
  /** It makes calls that a region does not make by itself, or ends in a way of its own: regions hand the instruction to the interpreter. */
  readonly plain: boolean;
}

const READ = {
  field: (name: string): Expression => ({ type: "MemberExpression", object: identifier("i"), property: identifier(name), computed: false, optional: false }),
  reg8: expression("S8[$0]"), reg16: expression("S16[$0 << 1]"), reg32: expression("S[$0]"),
  nextEipFlat: expression("S[$page] + i.e | 0"), nextEip: expression("S[$page] + i.e - S[$base] | 0"),
  thisEip: expression("S[$page] + i.o - S[$base] | 0"),
};

const PUT_APART = `S[${SLOT.flagKind}] = S[${SLOT.flagKind}] | ${CARRY_APART | OVERFLOW_APART};`;
const WRITE = {
  setReg8: statements("S8[$0] = $1;"), setReg16: statements("S16[$0 << 1] = $1;"), setReg32: statements("S[$0] = $1;"),
  setSlot: statements("$w = $0;"),
  setFlags: statements(`S[${SLOT.flagKind}] = $k; S[${SLOT.flagA}] = $0; S[${SLOT.flagB}] = $1;`),
  setFlagsCarry: statements(`S[${SLOT.flagKind}] = $k; S[${SLOT.flagA}] = $0; S[${SLOT.flagB}] = $1; S[${SLOT.flagCarry}] = $2;`),
  setFlagsIf: statements(`if ($0) { S[${SLOT.flagKind}] = $k; S[${SLOT.flagA}] = $1; S[${SLOT.flagB}] = $2; }`),
  setCarry: statements(`S[${SLOT.flagKind}] = S[${SLOT.flagKind}] | ${CARRY_APART}; S[${SLOT.flagCarry}] = S[${SLOT.flagCarry}] & ~2 | $0 << 1;`),
  setCarryOverflow: statements(`${PUT_APART} S[${SLOT.flagCarry}] = S[${SLOT.flagCarry}] & 1 | $0 << 1 | $1 << 31;`),
  setCarryOverflowIf: statements(`if ($0) { ${PUT_APART} S[${SLOT.flagCarry}] = S[${SLOT.flagCarry}] & 1 | $1 << 1 | $2 << 31; }`),
  putFlags: statements(`S[${SLOT.flagA}] = $0; S[${SLOT.flagKind}] = 0;`),
};

export const FLAG_WORDS = { k: word("flagKind"), a: word("flagA"), b: word("flagB"), c: word("flagCarry") };
const GENERAL = {
  condition: expression("conditionOf($n, $k, $a, $b, $c)"), carry: expression("carryOf($k, $a, $b, $c)"), flags: expression("flagsOf($k, $a, $b, $c)"),
};
/** The two kinds that nearly all conditions follow are asked inline. */
const LIKELY = expression(`($k >> 2) === ${KIND.sub} ? $sub : ($k >> 2) === ${KIND.logic} ? $logic : $general`);

function handlerCondition(code: number): Expression {
  const sub = conditionAfter(KIND.sub * 4 + WIDTH32, code), logic = conditionAfter(KIND.logic * 4 + WIDTH32, code);
  const general = GENERAL.condition({ ...FLAG_WORDS, n: number(code) });
  if (sub === undefined || logic === undefined) return general; // overflow or parity alone
  return LIKELY({ ...FLAG_WORDS, sub: sub(FLAG_WORDS), logic: logic(FLAG_WORDS), general });
}

/** Registers and flags in the state words; operands in the fields of the decoded instruction. */
export class HandlerPlace implements Place {
  readonly where: Place["where"] = { id: number(0), left: number(0) };
  readonly probes = new Map<never, never>();
  readonly #flat: boolean;
  #temporaries = 0;

  constructor(flat: boolean) { this.#flat = flat; }

  temporary(): string { return `t${this.#temporaries++}`; }
  beforeGuard(): Statement[] { return []; }
  call(_node: Node, made: Expression, into: string | undefined): Statement[] { return [into === undefined ? evaluate(made) : declare(into, made)]; }

  read(node: Node, args: Expression[]): Expression {
    switch (node.op) {
      case "field": return READ.field(node.name);
      case "reg8": case "reg16": case "reg32": return READ[node.op](args);
      case "slot": return word(node.name);
      case "slotAt": return wordAt({ type: "BinaryExpression", operator: "+", left: number(SLOT[node.name as "selector0"]), right: args[0]! });
      case "nextEip": return this.#flat ? READ.nextEipFlat({ page: number(SLOT.page) }) : READ.nextEip({ page: number(SLOT.page), base: number(SLOT.base1) });
      case "thisEip": return READ.thisEip({ page: number(SLOT.page), base: number(SLOT.base1) });
      case "condition": return handlerCondition(node.number);
      case "carry": return GENERAL.carry(FLAG_WORDS);
      case "flags": return GENERAL.flags(FLAG_WORDS);
      default: throw new Error(`${node.op} is no read`);
    }
  }

  write(node: Node, args: Expression[]): Statement[] {
    switch (node.op) {
      case "setReg8": case "setReg16": case "setReg32": case "setFlags": case "setFlagsCarry": case "setFlagsIf": case "putFlags": case "setCarry": case "setCarryOverflow":
      case "setCarryOverflowIf":
        return WRITE[node.op](flagBindings(args, node.number));
      case "setSlot": return WRITE.setSlot({ 0: args[0]!, w: word(node.name) });
      default: throw new Error(`${node.op} is no write`);
    }
  }
}

const END = {
  next: statements("return i.n;"),
  jump: statements("return i.t;"),
  branch: statements("return $c ? i.t : i.n;"),
  indirect: statements("return jumpTo($to);"),
  repeat: statements("return $c !== 0 ? i : i.n;"),
  transferred: statements("return TRANSFERRED;"),
  /** With a profile: backward targets and called functions gather heat. */
  jumpHot: statements("const target = i.t; if (++target.h === HOT) hot(target); return target;"),
  branchHot: statements("if ($c) { const target = i.t; if (++target.h === HOT) hot(target); return target; } return i.n;"),
  callToHot: statements("const target = jumpTo($to); if (++target.h === HOT) hot(target); return target;"),
};

function endStatements(end: End, value: Expression | undefined, profile: boolean, backward: boolean): Statement[] {
  switch (end.kind) {
    case "next": return END.next({});
    case "jump": return profile && backward ? END.jumpHot({}) : END.jump({});
    case "call": return profile ? END.jumpHot({}) : END.jump({});
    case "branch": return (profile && backward ? END.branchHot : END.branch)({ c: value! });
    case "indirect": return (profile && end.how === "call" ? END.callToHot : END.indirect)({ to: value! });
    case "repeat": return END.repeat({ c: value! });
    case "transferred": return END.transferred({});
  }
  return end satisfies never;
}

/** Whether a meaning can stand in a region as JavaScript: no calls but those that a region may make. */
export function isPlain(meaning: Meaning): boolean {
  if (meaning.end.kind === "transferred" && !meaning.nodes.some(transfers)) return false;
  return meaning.nodes.every((node) => {
    const { effect } = OPS[node.op];
    return effect !== "call" && effect !== "monitor" || touchedBy(node) !== undefined || calledExactly(node);
  });
}

/**
 * The handler of a form. `profile`: gather heat on backward branches and calls, for the engine that translates;
 * `backward` says that a direct branch of this form goes back.
 */
export function handlerText(form: Form, profile: boolean, backward: boolean): HandlerText {
  const meaning = meaningOf(form);
  const emitter = new InstructionEmitter(new HandlerPlace(form.mode.flat));
  const value = emitter.run(planFor(meaning));
  const body = [...emitter.body, ...endStatements(meaning.end, value, profile, backward)];
  const name = functionName(`${form.mnemonic} ${form.key.split(" ")[1] ?? ""}`);
  const handler: FunctionExpression = { type: "FunctionExpression", id: identifier(name), params: [identifier("i")], body: { type: "BlockStatement", body } };
  const source = generate(handler);
  return {
    source,
    functions: runtimeFunctions(meaning),
    exact: meaning.nodes.some((node) => OPS[node.op].effect === "monitor"),
    plain: isPlain(meaning),
  };
}

/** The runtime functions that a meaning names. */
export function runtimeFunctions(meaning: Meaning): string[] {
  const names: string[] = [], { nodes } = meaning, last = endValue(meaning.end);
  for (let k = 0; k < nodes.length; k++) addFunctions(nodes[k]!, names);
  if (last !== undefined) addFunctions(last, names);
  return names;
}

function addFunctions({ op, name, args }: Node, names: string[]): void {
  if ((op === "linear" || op === "compute" || op === "guard" || op === "call" || op === "monitor") && !names.includes(name)) names.push(name);
  for (let k = 0; k < args.length; k++) addFunctions(args[k]!, names);
}

