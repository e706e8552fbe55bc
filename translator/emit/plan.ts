/**
 * What emission has to know of an instruction's nodes before it begins: what each is, how often it is wanted, and which reads of guest state a change of
 * it would overtake. It does not depend on where the instruction stands, so equal instructions share it.
 */
import type { Statement } from "estree";
import { derived, endValue, OPS, type Node, type Op } from "../ir/opcodes.ts";
import { MEMORY, NEAR } from "./access-templates.ts";
import type { Bindings } from "./estree.ts";

export type State = "registers" | "flags" | "slots";
export const STATE_BIT: Readonly<Record<State, number>> = { registers: 1, flags: 2, slots: 4 };
export const ANY_STATE = 7;

export const READS: Partial<Record<Op, State>> = {
  reg8: "registers", reg16: "registers", reg32: "registers", slot: "slots", slotAt: "slots", condition: "flags", carry: "flags", flags: "flags",
};
const WRITES: Partial<Record<Op, State>> = {
  setReg8: "registers", setReg16: "registers", setReg32: "registers", setSlot: "slots",
  setFlags: "flags", setFlagsCarry: "flags", setFlagsIf: "flags", putFlags: "flags",
  setCarry: "flags", setCarryOverflow: "flags", setCarryOverflowIf: "flags",
};

type StepKind = "code" | "read" | "linear" | "memory" | "probe" | "near" | "guard" | "call" | "write";

/** A node that keeps its place, and what is known of it. */
export interface Step {
  readonly node: Node;
  readonly kind: StepKind;
  /** Of an access. */
  readonly template: ((bindings: Bindings) => Statement[]) | undefined;
  /** What a write changes. */
  readonly changed: State | undefined;
  readonly isUsed: boolean;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** What the instruction's end needs, where it needs one value. */
  readonly result: Node | undefined;
  /** What is needed behind all steps. */
  readonly results: readonly Node[];
  /** Values that are wanted more than once and have to be named. */
  readonly shared: readonly Node[];
  /** By position: bits of the state that is read before it and wanted behind it. */
  readonly overtaken: readonly number[];
}

export const NO_PLAN: Plan = { steps: [], result: undefined, results: [], shared: [], overtaken: [] };

/** The plan of a whole instruction. */
export const planFor = derived(({ nodes, end }): Plan => {
  const result = endValue(end);
  return planOf(nodes, result === undefined ? [] : [result]);
});

/** Counts how often nodes are wanted; there are few in an instruction. */
class Uses {
  readonly nodes: Node[] = [];
  readonly times: number[] = [];

  /** Of a node, and at its first use of what is below it. */
  count(node: Node): void {
    if (node.op === "const") return;
    const at = this.nodes.indexOf(node);
    if (at >= 0) { this.times[at]!++; return; }
    this.nodes.push(node);
    this.times.push(1);
    if (node.op !== "probe") for (let k = 0; k < node.args.length; k++) this.count(node.args[k]!);
  }
}

export function planOf(nodes: readonly Node[], results: readonly Node[]): Plan {
  const uses = new Uses();
  for (let k = 0; k < nodes.length; k++) {
    const { args } = nodes[k]!;
    for (let j = 0; j < args.length; j++) uses.count(args[j]!);
  }
  for (let k = 0; k < results.length; k++) uses.count(results[k]!);
  let shared = NO_NODES;
  for (let k = 0; k < uses.nodes.length; k++) {
    const node = uses.nodes[k]!;
    if (uses.times[k]! > 1 && node.op !== "field" && node.op !== "nextEip") shared = [...shared, node];
  }
  const steps: Step[] = [];
  for (let k = 0; k < nodes.length; k++) {
    const node = nodes[k]!, { kind, template, changed } = rowOf(node.op);
    steps.push({ node, kind, template, changed, isUsed: uses.nodes.includes(node) });
  }
  return { steps, result: results[0], results, shared, overtaken: overtakenIn(nodes, results) };
}

const NO_NODES: readonly Node[] = [];

/** What a step is by its operation alone. */
type Row = Pick<Step, "kind" | "template" | "changed">;
const rows = new Map<Op, Row>();

function rowOf(op: Op): Row {
  let row = rows.get(op);
  if (row === undefined) rows.set(op, (row = { kind: kindOf(op), template: MEMORY[op] ?? NEAR[op], changed: WRITES[op] }));
  return row;
}

function kindOf(op: Op): StepKind {
  const { effect } = OPS[op];
  if (op.startsWith("code")) return "code";
  if (READS[op] !== undefined || effect === "reads") return "read";
  if (op === "linear" || op === "probe" || op === "guard") return op;
  if (MEMORY[op] !== undefined) return "memory";
  if (NEAR[op] !== undefined) return "near";
  return effect === "call" || effect === "monitor" ? "call" : "write";
}

function overtakenIn(nodes: readonly Node[], results: readonly Node[]): number[] {
  const overtaken: number[] = [];
  for (let k = 0; k < nodes.length; k++) overtaken.push(0);
  for (let k = 0; k < nodes.length; k++) noteBelow(nodes[k]!, k, nodes, overtaken);
  for (let k = 0; k < results.length; k++) note(results[k]!, nodes.length, nodes, overtaken);
  return overtaken;
}

function noteBelow({ args }: Node, last: number, nodes: readonly Node[], overtaken: number[]): void {
  for (let k = 0; k < args.length; k++) note(args[k]!, last, nodes, overtaken);
}

/** Notes the reads at and below `node`, which is still wanted at position `last`: changes between the two overtake them. */
function note(node: Node, last: number, nodes: readonly Node[], overtaken: number[]): void {
  if (node.op === "const" || node.op === "probe") return;
  const read = READS[node.op], at = read === undefined ? -1 : nodes.indexOf(node);
  if (at >= 0) for (let k = at + 1; k < last; k++) overtaken[k] = overtaken[k]! | STATE_BIT[read!];
  noteBelow(node, last, nodes, overtaken);
}
