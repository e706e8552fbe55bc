/**
 * One test of the TLB for the accesses of a block that lie close together: off one register, or one sum of registers, by constants.
 *
 * Registers are followed through the block as an unknown term and a constant, so that PUSH, POP and [ESP + 8] are seen to be neighbours. A
 * probe before the first of them only looks: where it fails, each access goes its slow way at its own place, with its own fault.
 *
 * Invariant: between a probe and its last access nothing runs that could make a TLB entry slower: no interpreter, no monitor.
 */
import { endOf } from "../ir/instantiate.ts";
import { PROBE, type Node, type Op } from "../ir/opcodes.ts";
import type { BlockInstruction } from "../region/block.ts";
import { addressesOf, Registers, type Size } from "./addresses.ts";

interface Access {
  /** Of which instruction; equal ones share their nodes. */
  readonly at: number;
  readonly node: Node;
  /** The address: a term (0: none) and a constant. */
  readonly term: number;
  readonly offset: number;
  readonly size: Size;
}

/** Bytes from the first to the last of a group: more would cross a page's end too often. */
const MOST_SPAN = 256;
/** Fewer accesses are not worth a probe, unless they are to the same word. */
const FEWEST = 3, FEWEST_IN_WORD = 2;

const SIZE_FLAG = { 1: PROBE.bytes, 2: PROBE.halves, 4: PROBE.words } as const;

export function shareProbes(instructions: readonly BlockInstruction[]): readonly BlockInstruction[] {
  let accesses = 0;
  for (let at = 0; at < instructions.length; at++) accesses += addressesOf(instructions[at]!.meaning).accesses;
  if (accesses < FEWEST_IN_WORD) return instructions;
  const replaced = new Replaced(), registers = new Registers();
  let window: Access[] = [];
  const close = (): void => {
    if (window.length >= FEWEST_IN_WORD) for (const group of groupsOf(window)) replaced.replace(group);
    window = [];
  };
  for (let at = 0; at < instructions.length; at++) {
    const { plain, meaning } = instructions[at]!;
    if (!plain || meaning.end.kind === "repeat") {
      close();
      registers.forget();
      continue;
    }
    const addresses = addressesOf(meaning);
    registers.begin(addresses);
    for (let k = 0; k < addresses.steps.length; k++) {
      const step = addresses.steps[k];
      if (step === undefined) { close(); continue; }
      registers.evaluate(step.address);
      window.push({ at, node: step.node, term: registers.term, offset: registers.offset, size: step.size });
    }
    registers.follow(addresses);
  }
  close();
  return replaced.count === 0 ? instructions : rewrite(instructions, replaced);
}

// --- Groups -----------------------------------------------------------------------------------------------------

/** Accesses that share a probe, in guest order. */
function groupsOf(window: readonly Access[]): Access[][] {
  if (window.every(({ term }, k) => window.findIndex((other) => other.term === term) === k)) return [];
  const byTerm = new Map<number, Access[]>();
  for (const access of window) {
    const list = byTerm.get(access.term);
    if (list === undefined) byTerm.set(access.term, [access]);
    else list.push(access);
  }
  return [...byTerm.values()].flatMap((list) => (list.length < FEWEST_IN_WORD ? [] : clusters(aligned(list)))).filter(isWorthIt);
}

/** Those that can be aligned together: the first of the largest accesses says how. */
function aligned(list: readonly Access[]): Access[] {
  const size = Math.max(...list.map((access) => access.size)), first = list.find((access) => access.size === size)!.offset;
  return list.filter((access) => ((access.offset - first) & (access.size - 1)) === 0);
}

/** Cuts a list where it spans too much. */
function clusters(list: readonly Access[]): Access[][] {
  const sorted = list.toSorted((a, b) => a.offset - b.offset), found: Access[][] = [];
  for (const access of sorted) {
    const current = found.at(-1);
    if (current !== undefined && access.offset + access.size - lowest(current) <= MOST_SPAN) current.push(access);
    else found.push([access]);
  }
  return found.map((cluster) => list.filter((access) => cluster.includes(access)));
}

function isWorthIt(group: readonly Access[]): boolean {
  return group.length >= FEWEST || group.length >= FEWEST_IN_WORD && spanOf(group) <= largest(group);
}

function largest(group: readonly Access[]): number { return Math.max(...group.map(({ size }) => size)); }

/** Of a group sorted or not: its lowest offset, down to a place that is aligned as its largest access. */
function lowest(group: readonly Access[]): number {
  const size = largest(group), least = Math.min(...group.map(({ offset }) => offset)), at = group.find((access) => access.size === size)!.offset;
  return least - ((least - at) & (size - 1));
}

function spanOf(group: readonly Access[]): number {
  return Math.max(...group.map(({ offset, size }) => offset + size)) - lowest(group);
}

// --- Rewriting --------------------------------------------------------------------------------------------------

function made(op: Op, args: readonly Node[], value = 0, name = ""): Node { return { op, args, number: value, name }; }

/** (x + c) + d == x + (c + d) */
function plus(node: Node, distance: number): Node {
  const [base, by] = node.op === "add" && node.args[1]!.op === "const" ? [node.args[0]!, node.args[1]!.number + distance | 0] : [node, distance];
  return by === 0 ? base : made("add", [base, constant(by)]);
}

function constant(value: number): Node { return made("const", [], value | 0); }

/** What stands in the place of an access, and the probe before it if it is a group's first. */
interface Replacement {
  readonly node: Node;
  readonly probe: Node | undefined;
  readonly by: Node;
}

function replacementOf(replaced: readonly Replacement[], node: Node): Replacement | undefined {
  for (let k = 0; k < replaced.length; k++) if (replaced[k]!.node === node) return replaced[k];
  return undefined;
}

class Replaced {
  /** How many. */
  count = 0;
  /** By instruction. */
  readonly #byInstruction: Array<Replacement[] | undefined> = [];

  of(at: number): readonly Replacement[] | undefined { return this.#byInstruction[at]; }

  #set({ at, node }: Access, probe: Node | undefined, by: Node): void {
    while (this.#byInstruction.length <= at) this.#byInstruction.push(undefined);
    const replaced = this.#byInstruction[at], one: Replacement = { node, probe, by };
    if (replaced === undefined) this.#byInstruction[at] = [one];
    else replaced.push(one);
    this.count++;
  }

  /** Notes what stands in the place of each access of a group, and of the commits of those that are modified. */
  replace(group: readonly Access[]): void {
    const low = lowest(group), [first] = group, down = low - first!.offset;
    let flags = 0;
    for (const { node, size } of group) flags |= SIZE_FLAG[size] | (node.op.startsWith("load") ? PROBE.reads : PROBE.writes);
    const probe = made("probe", [plus(first!.node.args[0]!, down), constant(flags)], spanOf(group), `${this.count}`);
    for (const access of group) {
      const { node, offset } = access, near = made(`near${node.op[0]!.toUpperCase()}${node.op.slice(1)}` as Op, [probe, ...node.args.slice(1)], offset - low);
      this.#set(access, access === first ? probe : undefined, near);
    }
  }
}

/** The block with its accesses replaced, wherever their values are used. */
function rewrite(instructions: readonly BlockInstruction[], all: Replaced): BlockInstruction[] {
  const probes = new Map<Node, Node>();
  return instructions.map((instruction, at) => {
    const replaced = all.of(at), { nodes, end } = instruction.meaning;
    if (replaced === undefined) return instruction;
    const copies = new Copies(replaced, probes), rewritten: Node[] = [];
    for (let k = 0; k < nodes.length; k++) {
      const node = nodes[k]!, probe = replacementOf(replaced, node)?.probe;
      if (probe !== undefined) rewritten.push(copies.of(probe));
      rewritten.push(copies.of(node));
    }
    return { ...instruction, meaning: { nodes: rewritten, end: endOf(end, (node) => copies.of(node)), memo: [] } };
  });
}

/** The nodes of one instruction with its accesses replaced. */
class Copies {
  readonly #replaced: readonly Replacement[];
  /** Of the block: instructions have them in common. */
  readonly #probes: Map<Node, Node>;
  readonly #nodes: Node[] = [];
  readonly #copies: Node[] = [];

  constructor(replaced: readonly Replacement[], probes: Map<Node, Node>) {
    this.#replaced = replaced;
    this.#probes = probes;
  }

  of(node: Node): Node {
    if (node.args.length === 0) return node;
    const known = this.#nodes.indexOf(node);
    if (known >= 0) return this.#copies[known]!;
    if (node.op === "probe") {
      const probe = this.#probes.get(node);
      if (probe !== undefined) return probe;
    }
    const copy = this.#copy(replacementOf(this.#replaced, node)?.by ?? node);
    if (node.op === "probe") this.#probes.set(node, copy);
    this.#nodes.push(node);
    this.#copies.push(copy);
    return copy;
  }

  /** The node itself where nothing below it is replaced. */
  #copy(node: Node): Node {
    const { op, args, number, name } = node;
    let changed: Node[] | undefined;
    for (let k = 0; k < args.length; k++) {
      const arg = args[k]!, copy = this.of(arg);
      if (copy !== arg) (changed ??= [...args])[k] = copy;
    }
    return changed === undefined ? node : { op, args: changed, number, name };
  }
}
