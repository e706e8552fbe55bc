/**
 * What emission has to know of an instruction's nodes before it begins: what each is, how often it is wanted, and which reads of guest state a change of
 * it would overtake. It does not depend on where the instruction stands, so equal instructions share it.
 */
import type { Statement } from "estree";
import { derived, OPS, type End, type Node, type Op } from "../ir/opcodes.ts";
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
  readonly shared: ReadonlySet<Node>;
  readonly positions: ReadonlyMap<Node, number>;
  /** By position: bits of the state that is read before it and wanted behind it. */
  readonly overtaken: readonly number[];
}

export const NO_PLAN: Plan = { steps: [], result: undefined, results: [], shared: new Set(), positions: new Map(), overtaken: [] };

/** What an end wants to know. */
export function resultOf(end: End): Node | undefined {
  switch (end.kind) {
    case "branch": return end.condition;
    case "indirect": return end.to;
    case "repeat": return end.again;
    case "next": case "jump": case "call": case "transferred": return undefined;
  }
  return end satisfies never;
}

/** The plan of a whole instruction. */
export const planFor = derived(({ nodes, end }): Plan => {
  const result = resultOf(end);
  return planOf(nodes, result === undefined ? [] : [result]);
});

export function planOf(nodes: readonly Node[], results: readonly Node[]): Plan {
  const uses = new Map<Node, number>(), positions = new Map<Node, number>();
  const count = (node: Node): void => {
    if (node.op === "const") return;
    const before = uses.get(node) ?? 0;
    uses.set(node, before + 1);
    if (before === 0 && node.op !== "probe") for (const arg of node.args) count(arg);
  };
  nodes.forEach((node, k) => {
    positions.set(node, k);
    for (const arg of node.args) count(arg);
  });
  results.forEach(count);
  const shared = new Set<Node>();
  for (const [node, times] of uses) if (times > 1 && node.op !== "field" && node.op !== "nextEip") shared.add(node);
  const steps = nodes.map((node): Step => ({
    node, kind: kindOf(node.op), template: MEMORY[node.op] ?? NEAR[node.op], changed: WRITES[node.op], isUsed: uses.has(node),
  }));
  return { steps, result: results[0], results, shared, positions, overtaken: overtakenIn(nodes, results, positions) };
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

function overtakenIn(nodes: readonly Node[], results: readonly Node[], positions: ReadonlyMap<Node, number>): number[] {
  const overtaken = nodes.map(() => 0);
  /** Reads below `node` that are still wanted at position `last`: changes between the two overtake them. */
  const visit = (node: Node, last: number): void => {
    if (node.op === "const" || node.op === "probe") return;
    const read = READS[node.op];
    if (read !== undefined) for (let k = (positions.get(node) ?? last) + 1; k < last; k++) overtaken[k] = overtaken[k]! | STATE_BIT[read];
    for (const arg of node.args) visit(arg, last);
  };
  nodes.forEach((node, k) => { for (const arg of node.args) visit(arg, k); });
  for (const result of results) visit(result, nodes.length);
  return overtaken;
}
