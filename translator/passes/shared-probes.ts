/**
 * One test of the TLB for the accesses of a block that lie close together: off one register, or one sum of registers, by constants.
 *
 * Registers are followed through the block as an unknown term and a constant, so that PUSH, POP and [ESP + 8] are seen to be neighbours. A
 * probe before the first of them only looks: where it fails, each access goes its slow way at its own place, with its own fault.
 *
 * Invariant: between a probe and its last access nothing runs that could make a TLB entry slower: no interpreter, no monitor.
 */
import { endOf } from "../ir/instantiate.ts";
import { derived, OPS, PROBE, type Node, type Op } from "../ir/opcodes.ts";
import type { BlockInstruction } from "../region/block.ts";

/** A value: a term (0: none) and a constant. */
interface Value { readonly term: number; readonly offset: number }

interface Access {
  /** Of which instruction; equal ones share their nodes. */
  readonly at: number;
  readonly node: Node;
  readonly address: Value;
  readonly size: 1 | 2 | 4;
}

/** Bytes from the first to the last of a group: more would cross a page's end too often. */
const MOST_SPAN = 256;
/** Fewer accesses are not worth a probe, unless they are to the same word. */
const FEWEST = 3, FEWEST_IN_WORD = 2;

const SIZE_FLAG = { 1: PROBE.bytes, 2: PROBE.halves, 4: PROBE.words } as const;
const ZERO_TERM = 0, NOTHING: Value = { term: ZERO_TERM, offset: 0 };

export function shareProbes(instructions: readonly BlockInstruction[]): readonly BlockInstruction[] {
  const replaced = new Replaced(), values = new Values();
  let window: Access[] = [];
  const close = (): void => {
    if (window.length >= FEWEST_IN_WORD) for (const group of groupsOf(window)) replaced.replace(group);
    window = [];
    values.forget();
  };
  instructions.forEach(({ plain, meaning }, at) => {
    if (!plain || meaning.end.kind === "repeat") { close(); return; }
    values.begin();
    for (const { node, size, closes } of stepsOf(meaning)) {
      if (closes) close();
      if (size !== undefined) window.push({ at, node, address: values.of(node.args[0]!), size });
      else values.follow(node);
    }
  });
  close();
  return replaced.count === 0 ? instructions : rewrite(instructions, replaced);
}

/** What matters of an instruction: an access, a read or change of a register, a call that ends what may share a probe. */
interface Step {
  readonly node: Node;
  readonly size: Access["size"] | undefined;
  readonly closes: boolean;
}

const SIZES: ReadonlyMap<Op, Access["size"]> = new Map([1, 2, 4].flatMap((size) => ["load", "store", "modify"].map((name) => [`${name}${8 * size}` as Op, size as Access["size"]] as const)));
const FOLLOWED: ReadonlySet<Op> = new Set<Op>(["reg32", "setReg32", "setReg16", "setReg8"]);

const stepsOf = derived(({ nodes }) => nodes.flatMap((node): Step[] => {
  const { effect } = OPS[node.op], closes = effect === "monitor" || effect === "call" && !node.name.startsWith("x87_"), size = SIZES.get(node.op);
  return closes || size !== undefined || FOLLOWED.has(node.op) ? [{ node, size, closes }] : [];
}));

// --- Values -----------------------------------------------------------------------------------------------------

/** What registers hold, as far as addresses go. */
class Values {
  #terms = 0;
  readonly #combined = new Map<string, number>();
  /** Nodes of the instruction that is looked at, and their values: there are few. */
  readonly #nodes: Node[] = [];
  readonly #values: Value[] = [];
  #count = 0;
  readonly #registers: Value[] = [];

  constructor() { this.forget(); }

  /** What follows is another instruction. */
  begin(): void { this.#count = 0; }

  #note(node: Node, value: Value): Value {
    this.#nodes[this.#count] = node;
    this.#values[this.#count++] = value;
    return value;
  }

  #fresh(): Value { return { term: ++this.#terms, offset: 0 }; }

  /** Nothing is known of any register. */
  forget(): void { for (let k = 0; k < 8; k++) this.#registers[k] = this.#fresh(); }

  /** Reads and changes of registers, in guest order. */
  follow(node: Node): void {
    const [index, value] = node.args;
    switch (node.op) {
      case "reg32": this.#note(node, this.#registers[index!.number] ?? NOTHING); return;
      case "setReg32": this.#registers[index!.number] = this.of(value!); return;
      case "setReg16": this.#registers[index!.number] = this.#fresh(); return;
      case "setReg8": this.#registers[index!.number >> 2] = this.#fresh(); return;
      default:
    }
  }

  of(node: Node): Value {
    for (let k = 0; k < this.#count; k++) if (this.#nodes[k] === node) return this.#values[k]!;
    return this.#note(node, this.#evaluate(node));
  }

  #evaluate({ op, args, number }: Node): Value {
    const [a, b] = args;
    switch (op) {
      case "const": return { term: ZERO_TERM, offset: number };
      case "add": {
        const x = this.of(a!), y = this.of(b!), offset = x.offset + y.offset | 0;
        if (x.term === ZERO_TERM) return { term: y.term, offset };
        return { term: y.term === ZERO_TERM ? x.term : this.#combine(`${Math.min(x.term, y.term)}+${Math.max(x.term, y.term)}`), offset };
      }
      case "sub": {
        const x = this.of(a!), y = this.of(b!);
        return y.term === ZERO_TERM ? { term: x.term, offset: x.offset - y.offset | 0 } : this.#fresh();
      }
      case "shl": {
        const x = this.of(a!), y = this.of(b!);
        if (y.term !== ZERO_TERM || y.offset < 0 || y.offset > 31) return this.#fresh();
        return { term: x.term === ZERO_TERM ? ZERO_TERM : this.#combine(`${x.term}<<${y.offset}`), offset: x.offset << y.offset };
      }
      default: return this.#fresh();
    }
  }

  /** The same sum of the same terms is the same term. */
  #combine(key: string): number {
    let term = this.#combined.get(key);
    if (term === undefined) this.#combined.set(key, (term = ++this.#terms));
    return term;
  }
}

// --- Groups -----------------------------------------------------------------------------------------------------

/** Accesses that share a probe, in guest order. */
function groupsOf(window: readonly Access[]): Access[][] {
  const byTerm = new Map<number, Access[]>();
  for (const access of window) {
    const list = byTerm.get(access.address.term);
    if (list === undefined) byTerm.set(access.address.term, [access]);
    else list.push(access);
  }
  return [...byTerm.values()].flatMap((list) => (list.length < FEWEST_IN_WORD ? [] : clusters(aligned(list)))).filter(isWorthIt);
}

/** Those that can be aligned together: the first of the largest accesses says how. */
function aligned(list: readonly Access[]): Access[] {
  const size = Math.max(...list.map((access) => access.size)), first = list.find((access) => access.size === size)!.address.offset;
  return list.filter((access) => ((access.address.offset - first) & (access.size - 1)) === 0);
}

/** Cuts a list where it spans too much. */
function clusters(list: readonly Access[]): Access[][] {
  const sorted = list.toSorted((a, b) => a.address.offset - b.address.offset), found: Access[][] = [];
  for (const access of sorted) {
    const current = found.at(-1);
    if (current !== undefined && access.address.offset + access.size - lowest(current) <= MOST_SPAN) current.push(access);
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
  const size = largest(group), least = Math.min(...group.map(({ address }) => address.offset)), at = group.find((access) => access.size === size)!.address.offset;
  return least - ((least - at) & (size - 1));
}

function spanOf(group: readonly Access[]): number {
  return Math.max(...group.map(({ address, size }) => address.offset + size)) - lowest(group);
}

// --- Rewriting --------------------------------------------------------------------------------------------------

function made(op: Op, args: readonly Node[], value = 0, name = ""): Node { return { op, args, number: value, name }; }

/** (x + c) + d == x + (c + d) */
function plus(node: Node, distance: number): Node {
  const [base, by] = node.op === "add" && node.args[1]!.op === "const" ? [node.args[0]!, node.args[1]!.number + distance | 0] : [node, distance];
  return by === 0 ? base : made("add", [base, constant(by)]);
}

function constant(value: number): Node { return made("const", [], value | 0); }

/** What stands in the place of accesses. */
class Replaced {
  /** How many. */
  count = 0;
  /** By instruction. */
  readonly #byInstruction = new Map<number, Map<Node, readonly Node[]>>();

  of(at: number): ReadonlyMap<Node, readonly Node[]> | undefined { return this.#byInstruction.get(at); }

  #set({ at, node }: Access, nodes: readonly Node[]): void {
    const replaced = this.#byInstruction.get(at);
    if (replaced === undefined) this.#byInstruction.set(at, new Map([[node, nodes]]));
    else replaced.set(node, nodes);
    this.count++;
  }

  /** Notes what stands in the place of each access of a group, and of the commits of those that are modified. */
  replace(group: readonly Access[]): void {
    const low = lowest(group), [first] = group, down = low - first!.address.offset;
    let flags = 0;
    for (const { node, size } of group) flags |= SIZE_FLAG[size] | (node.op.startsWith("load") ? PROBE.reads : PROBE.writes);
    const probe = made("probe", [plus(first!.node.args[0]!, down), constant(flags)], spanOf(group), `${this.count}`);
    for (const access of group) {
      const { node, address } = access, near = made(`near${node.op[0]!.toUpperCase()}${node.op.slice(1)}` as Op, [probe, ...node.args.slice(1)], address.offset - low);
      this.#set(access, access === first ? [probe, near] : [near]);
    }
  }
}

/** The block with its accesses replaced, wherever their values are used. */
function rewrite(instructions: readonly BlockInstruction[], all: Replaced): BlockInstruction[] {
  const probes = new Map<Node, Node>();
  return instructions.map((instruction, at) => {
    const replaced = all.of(at), { nodes, end } = instruction.meaning;
    if (replaced === undefined) return instruction;
    const copied: Node[] = [], copies: Node[] = [];
    const copy = (node: Node): Node => {
      if (node.args.length === 0) return node;
      const known = copied.indexOf(node);
      if (known >= 0) return copies[known]!;
      if (node.op === "probe" && probes.has(node)) return probes.get(node)!;
      const meant = replaced.get(node)?.at(-1) ?? node, args = meant.args.map(copy);
      const result = args.every((arg, k) => arg === meant.args[k]) ? meant : { op: meant.op, args, number: meant.number, name: meant.name };
      if (node.op === "probe") probes.set(node, result);
      copied.push(node);
      copies.push(result);
      return result;
    };
    return { ...instruction, meaning: { nodes: nodes.flatMap((node) => [...(replaced.get(node)?.slice(0, -1) ?? []), node].map(copy)), end: endOf(end, copy) } };
  });
}
