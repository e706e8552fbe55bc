/**
 * Where guest registers and flags live in baseline code: in the state words, as in handlers. What a handler reads off the decoded instruction, its operand
 * fields, are holes here; where the instruction stands, and how much budget is left, is known to the code around it.
 */
import type { Expression, Statement } from "estree";
import { CARRY_APART, CHANGED, KIND, OVERFLOW_APART, SLOT } from "../../runtime/abi.ts";
import { carryAfter, conditionAfter } from "../emit/conditions.ts";
import { expression, identifier, number, statements } from "../emit/estree.ts";
import { FLAG_WORDS, HandlerPlace } from "../emit/handler.ts";
import type { Place } from "../emit/lowering.ts";
import { answersHowItLeft, answersWhetherToLeave, calledExactly, touchedBy, transfers } from "../ir/calls.ts";
import type { Node } from "../ir/opcodes.ts";

/**
 * Parameters that a template has beside the decoded instruction: the number of its site; its address and the following one's, as they were when its code
 * was made; how many instructions of its block are not done before it.
 */
export const SITE = "site", THIS = "self", NEXT = "next", REST = "rest";

const MOVED = expression("delta + $a | 0");
const GUARD = statements(`S[${SLOT.faultId}] = ${SITE}; S[${SLOT.left}] = left;`)({});
const EXACTLY = statements(`callOut(${SITE}, left + ${REST} | 0);`)({}), FROM = statements(`S[${SLOT.eip}] = delta + ${NEXT} | 0;`)({});
const EXPLICIT = KIND.explicit * 4;

/** The kind of flags of which nothing is known. */
export const UNKNOWN_KIND = -1;

export class BaselinePlace extends HandlerPlace {
  override readonly where: Place["where"] = { id: identifier(SITE), left: identifier("left") };
  /** The kind word of the flags as they are now, and whether it was set here. */
  kind: number;
  changesKind = false;
  /** What the monitor answered: not 0 where the region must be left behind the instruction. */
  answer: Expression | undefined;
  /** What the region returns behind a transfer by the monitor. */
  code: Expression = number(CHANGED);

  constructor(kind: number) {
    super(true);
    this.kind = kind;
  }

  override beforeGuard(): Statement[] { return GUARD; }

  override call(node: Node, made: Expression, into: string | undefined): Statement[] {
    if (calledExactly(node)) return [...GUARD, ...EXACTLY, ...super.call(node, made, into)];
    if (touchedBy(node)?.flags !== false) this.#becomes(UNKNOWN_KIND);
    const answersHow = answersHowItLeft(node), name = answersHow || answersWhetherToLeave(node) ? this.temporary() : into;
    if (answersHow) this.code = identifier(name!);
    else if (name !== into) this.answer = identifier(name!);
    return [...GUARD, ...(transfers(node) ? FROM : []), ...super.call(node, made, name)];
  }

  override read(node: Node, args: Expression[]): Expression {
    switch (node.op) {
      case "nextEip": return MOVED({ a: identifier(NEXT) });
      case "thisEip": return MOVED({ a: identifier(THIS) });
      case "condition": {
        const known = this.kind === UNKNOWN_KIND ? undefined : conditionAfter(this.kind, node.number);
        return known?.(FLAG_WORDS) ?? super.read(node, args);
      }
      case "carry": {
        const known = this.kind === UNKNOWN_KIND ? undefined : carryAfter(this.kind);
        return known?.(FLAG_WORDS) ?? super.read(node, args);
      }
      default: return super.read(node, args);
    }
  }

  override write(node: Node, args: Expression[]): Statement[] {
    if (node.op.startsWith("setFlags") || node.op.startsWith("setCarry") || node.op === "putFlags") this.#becomes(kindBehind(node, this.kind));
    return super.write(node, args);
  }

  #becomes(kind: number): void {
    this.kind = kind;
    this.changesKind = true;
  }
}

function kindBehind({ op, number: kind }: Node, before: number): number {
  switch (op) {
    case "setFlags": case "setFlagsCarry": return kind;
    case "putFlags": return EXPLICIT;
    case "setCarry": return before === UNKNOWN_KIND ? before : before | CARRY_APART;
    case "setCarryOverflow": return before === UNKNOWN_KIND ? before : before | CARRY_APART | OVERFLOW_APART;
    case "setFlagsIf": case "setCarryOverflowIf": return UNKNOWN_KIND;
    default: return before;
  }
}
