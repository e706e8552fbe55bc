/**
 * The IR as text: one line a value or effect, `t3 = add reg32(ebx), 4`.
 *
 * Constants, operand fields and reads of state that nothing overtakes stand where they are used; every other value has a name.
 */
import { KIND } from "../../runtime/abi.ts";
import { endValue, OPS, type End, type Meaning, type Node } from "./opcodes.ts";

const REGISTERS = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "zero"] as const;
const HALVES = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"] as const;
const LOW_BYTES = ["al", "cl", "dl", "bl"] as const, HIGH_BYTES = ["ah", "ch", "dh", "bh"] as const;
const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"] as const;
const WIDTHS = [8, 16, 32] as const;
const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"] as const;

/** A flag kind word as text: "sub32". */
export function kindName(word: number): string {
  const name = Object.entries(KIND).find(([, kind]) => kind === word >> 2)?.[0], width = WIDTHS[word & 3];
  return name === undefined || width === undefined ? `kind ${word}` : `${name}${width}`;
}

/** A register as an operation of this width names it. */
function registerName(op: string, index: number): string {
  if (op.endsWith("8")) return ((index & 1) === 0 ? LOW_BYTES[index >> 2] : HIGH_BYTES[index >> 2]) ?? `byte ${index}`;
  return (op.endsWith("16") ? HALVES[index] : REGISTERS[index]) ?? `register ${index}`;
}

function numberText(value: number): string {
  const magnitude = Math.abs(value);
  return `${value < 0 ? "-" : ""}${magnitude < 10 ? String(magnitude) : `0x${magnitude.toString(16)}`}`;
}

const HEADS = new Set<Node["op"]>(["compute", "guard", "call", "monitor", "slot", "setSlot"]);

/** Prints the nodes of one instruction; names are its own. */
class Printer {
  readonly lines: string[] = [];
  readonly #nodes: readonly Node[];
  readonly #names = new Map<Node, string>();
  readonly #uses = new Map<Node, number>();
  readonly #position = new Map<Node, number>();

  constructor({ nodes, end }: Meaning) {
    this.#nodes = nodes;
    nodes.forEach((node, k) => this.#position.set(node, k));
    for (const node of nodes) for (const arg of node.args) this.#count(arg);
    const last = endValue(end);
    if (last !== undefined) this.#count(last);
  }

  #count(node: Node): void {
    const uses = (this.#uses.get(node) ?? 0) + 1;
    this.#uses.set(node, uses);
    if (uses === 1) for (const arg of node.args) this.#count(arg);
  }

  run(end: End): string[] {
    this.#nodes.forEach((node, k) => this.#statement(node, k));
    this.lines.push(...this.#end(end));
    return this.lines;
  }

  #statement(node: Node, k: number): void {
    if (OPS[node.op].effect === "reads") {
      if (!this.#readsInPlace(node, k)) this.#name(node);
    } else if (node.op === "probe") this.lines.push(`${probeName(node)} = probe ${this.#value(node.args[0]!)}, ${node.number} bytes`);
    else if (OPS[node.op].result === "none" || (this.#uses.get(node) ?? 0) === 0) this.lines.push(this.#text(node));
    else this.#name(node);
  }

  /** A read may stand where it is used if it is used once and nothing has an effect in between. */
  #readsInPlace(node: Node, k: number): boolean {
    if (this.#uses.get(node) !== 1 || node.args.some((arg) => arg.op !== "const" && arg.op !== "field")) return false;
    const next = this.#nodes.findIndex((later, at) => at > k && OPS[later.op].effect !== "reads");
    return next < 0 ? true : reaches(this.#nodes[next]!, node);
  }

  #name(node: Node): string {
    const text = this.#text(node), name = `t${this.#names.size}`;
    this.#names.set(node, name);
    this.lines.push(`${name} = ${text}`);
    return name;
  }

  #value(node: Node): string {
    const known = this.#names.get(node);
    if (known !== undefined) return known;
    switch (node.op) {
      case "const": return numberText(node.number);
      case "field": return `<${node.name}>`;
      case "nextEip": case "thisEip": case "carry": case "flags": return node.op;
      case "slot": return `slot(${node.name})`;
      case "probe": return probeName(node);
      case "condition": return `condition(${CONDITIONS[node.number] ?? node.number})`;
      case "reg8": case "reg16": case "reg32": case "slotAt": if (this.#position.has(node)) return this.#inPlace(node); break;
      default: break;
    }
    return this.#name(node);
  }

  #inPlace(node: Node): string { return `${node.op}(${this.#operands(node).join(", ")})`; }

  #text(node: Node): string {
    const operands = this.#operands(node).join(", ");
    if (node.op === "setFlags" || node.op === "setFlagsCarry" || node.op === "setFlagsIf") return `${node.op} ${kindName(node.number)} ${operands}`;
    if (node.op === "linear") return `linear ${SEGMENTS[node.number]}, ${operands}`;
    if (node.op === "condition") return `condition ${CONDITIONS[node.number] ?? node.number}`;
    if (node.op.startsWith("near")) return `${node.op} ${this.#operands(node).map((operand, k) => (k === 0 && node.number !== 0 ? `${operand} + ${node.number}` : operand)).join(", ")}`;
    if (node.op.startsWith("code")) return `${node.op} host ${numberText(node.number)}`;
    const head = HEADS.has(node.op) ? `${node.op} ${node.name}` : node.op;
    if (operands === "") return head;
    return node.op === "setSlot" ? `${head}, ${operands}` : `${head} ${operands}`;
  }

  /** Register and segment numbers by name, everything else as a value. */
  #operands(node: Node): string[] {
    return node.args.map((arg, k) => {
      if (k === 0 && arg.op === "const" && /^(reg|setReg)(8|16|32)$/.test(node.op)) return registerName(node.op, arg.number);
      if (k === 0 && arg.op === "const" && node.op === "slotAt") return `${node.name} ${SEGMENTS[arg.number] ?? arg.number}`;
      return node.op === "slotAt" ? `${node.name} ${this.#value(arg)}` : this.#value(arg);
    });
  }

  #end(end: End): string[] {
    switch (end.kind) {
      case "next": case "jump": case "call": case "transferred": return [end.kind];
      case "branch": return [`branch ${this.#value(end.condition)}`];
      case "indirect": return [`${end.how} to ${this.#value(end.to)}`];
      case "repeat": return [`repeat while ${this.#value(end.again)}`];
    }
    return end satisfies never;
  }
}

/** Accesses of other instructions name it too. */
function probeName({ name }: Node): string { return `p${name}`; }

function reaches(from: Node, to: Node): boolean { return from === to || from.args.some((arg) => reaches(arg, to)); }

/** The IR of one instruction, a line each; the last one says how control goes on. */
export function printMeaning(meaning: Meaning): string[] { return new Printer(meaning).run(meaning.end); }
