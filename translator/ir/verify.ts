/**
 * Proves of IR that it is well formed, by the table of operations.
 *
 * Three things are proved. *Shape*: every operation has the arguments, types and names that its row says. *Order*: a value that touches
 * guest state stands in the instruction's list before it is used. *Precision*: whatever may fault stands before the first lasting
 * change of a register, slot or flag, so that a fault leaves the instruction undone.
 */
import { KIND, SLOT } from "../../runtime/abi.ts";
import { kindName, printMeaning } from "./print.ts";
import { endValue, OPS, type End, type Meaning, type Node, type OpRow } from "./opcodes.ts";

/** IR that is malformed: a fault of ours. */
export class IrInvalid extends Error {
  override readonly name = "IrInvalid";
}

const FIELDS = new Set(["d", "s", "b", "x", "c", "p", "m", "k"]);
const NAMED = new Set<Node["op"]>(["field", "slot", "setSlot", "slotAt", "linear", "compute", "guard", "call", "monitor", "probe"]);
const SEGMENT_WORDS = new Set(["selector0", "base0", "limit0", "access0"]);
/** Kinds that leave operands, that leave the carry too, and that depend on a count which may be 0. */
const PLAIN_KINDS = new Set<number>([KIND.add, KIND.sub, KIND.logic, KIND.mul, KIND.imul]);
const CARRY_KINDS = new Set<number>([KIND.inc, KIND.dec, KIND.adc, KIND.sbb]);
const COUNTED_KINDS = new Set<number>([KIND.shl, KIND.shr, KIND.sar]);
const KINDS_OF: Partial<Record<Node["op"], ReadonlySet<number>>> = { setFlags: PLAIN_KINDS, setFlagsCarry: CARRY_KINDS, setFlagsIf: new Set([...COUNTED_KINDS, KIND.logic]) };
const ZERO_REGISTER = 8, GS = 5;

/** Throws `IrInvalid` for the first thing that is wrong. `known`: operand fields have been replaced by their values. */
export function verifyMeaning(meaning: Meaning, known: boolean): void {
  new Verifier(meaning, known).run();
}

class Verifier {
  readonly #meaning: Meaning;
  readonly #known: boolean;
  /** Nodes of the list that stand before the one that is looked at. */
  readonly #done = new Set<Node>();
  readonly #checked = new Set<Node>();
  readonly #committed = new Set<Node>();
  /** Registers changed so far; one that got its first value back is not. */
  readonly #changed = new Set<string>();
  /** Registers' values as they were read before their first change. */
  readonly #original = new Set<Node>();
  #changedState = false;

  constructor(meaning: Meaning, known: boolean) {
    this.#meaning = meaning;
    this.#known = known;
  }

  run(): void {
    const { nodes, end } = this.#meaning;
    for (const node of nodes) {
      if (OPS[node.op].effect === "pure") this.#fail(node, "has no effect, so it stands in no list");
      if (this.#done.has(node)) this.#fail(node, "stands in the list twice");
      for (const arg of node.args) this.#value(arg);
      this.#shape(node);
      this.#precision(node);
      this.#done.add(node);
    }
    for (const node of nodes) if (/^(nearM|m)odify/.test(node.op) && !this.#committed.has(node)) this.#fail(node, "is never committed");
    this.#end(end);
  }

  #fail(node: Node, why: string): never {
    throw new IrInvalid(`${node.op}${node.name === "" ? "" : ` ${node.name}`}: ${why}\n${printMeaning(this.#meaning).join("\n")}`);
  }

  /** A value that is used here: pure ones are checked where they are first used, others must have happened. */
  #value(node: Node): void {
    if (OPS[node.op].effect !== "pure") {
      if (!this.#done.has(node) && node.op !== "probe") this.#fail(node, "is used before it happens");
      return;
    }
    if (this.#checked.has(node)) return;
    this.#checked.add(node);
    for (const arg of node.args) this.#value(arg);
    this.#shape(node);
  }

  #end(end: End): void {
    const value = endValue(end);
    if (value === undefined) return;
    this.#value(value);
    const wanted = end.kind === "branch" ? "bool" : "i32";
    if (OPS[value.op].result !== wanted) this.#fail(value, `an end of kind ${end.kind} needs ${wanted}`);
  }

  // --- Shape ----------------------------------------------------------------------------------------------------

  #shape(node: Node): void {
    const row: OpRow = OPS[node.op];
    if (!row.variadic && node.args.length !== row.args.length) this.#fail(node, `has ${node.args.length} arguments, not ${row.args.length}`);
    node.args.forEach((arg, k) => {
      const wanted = row.variadic ? "i32" : row.args[k], given = OPS[arg.op].result;
      if (given !== wanted) this.#fail(node, `argument ${k} is ${given}, not ${wanted}`);
    });
    if ((node.name !== "") !== NAMED.has(node.op)) this.#fail(node, node.name === "" ? "has no name" : "has a name");
    if ((node.number | 0) !== node.number) this.#fail(node, `${node.number} is no int32`);
    this.#details(node);
  }

  #details(node: Node): void {
    const [first] = node.args;
    switch (node.op) {
      case "field":
        if (this.#known) this.#fail(node, "the operands are known");
        if (!FIELDS.has(node.name)) this.#fail(node, "is no field");
        return;
      case "slot": case "setSlot": if (!(node.name in SLOT)) this.#fail(node, "is no state slot"); return;
      case "slotAt":
        if (!SEGMENT_WORDS.has(node.name)) this.#fail(node, "is no row of segment words");
        if (first!.op !== "field" && !(first!.op === "const" && first!.number >= 0 && first!.number <= GS)) this.#fail(node, "the index is no segment register");
        return;
      case "condition": if (node.number < 0 || node.number > 15) this.#fail(node, `${node.number} is no condition code`); return;
      case "setFlags": case "setFlagsCarry": case "setFlagsIf":
        if ((node.number & 3) === 3 || !this.#kindFits(node)) this.#fail(node, `flag kind ${kindName(node.number)} is not for this operation`);
        return;
      case "commit8": case "commit16": case "commit32": this.#commit(node); return;
      default: if (/^(reg|setReg)(8|16|32)$/.test(node.op)) this.#register(node);
    }
  }

  /** A shift's flags may be set without a condition where its count is known not to be 0. */
  #kindFits(node: Node): boolean {
    const kind = node.number >> 2, count = node.args[1]!;
    return KINDS_OF[node.op]!.has(kind) || (node.op === "setFlags" && COUNTED_KINDS.has(kind) && count.op === "const" && count.number > 0 && count.number < 32);
  }

  /** A register is named by a field of the form or by its number. */
  #register(node: Node): void {
    const [index] = node.args;
    if (index!.op === "field") return;
    if (index!.op !== "const") this.#fail(node, "the register number is computed");
    const most = node.op === "reg32" ? ZERO_REGISTER : 7;
    const valid = node.op.endsWith("8") ? (index!.number & ~0b1101) === 0 : index!.number >= 0 && index!.number <= most;
    if (!valid) this.#fail(node, `no register ${index!.number}`);
  }

  #commit(node: Node): void {
    const [modified] = node.args;
    if (modified!.op !== node.op.replace("commit", "modify") && modified!.op !== node.op.replace("commit", "nearModify")) this.#fail(node, `commits a ${modified!.op}`);
    if (this.#committed.has(modified!)) this.#fail(node, "commits a second time");
    this.#committed.add(modified!);
  }

  // --- Precision ------------------------------------------------------------------------------------------------

  #precision(node: Node): void {
    const { effect } = OPS[node.op];
    switch (effect) {
      case "reads": if (node.op.startsWith("reg") && !this.#changed.has(registerOf(node))) this.#original.add(node); return;
      case "writes": this.#write(node); return;
      case "memory": case "call": case "monitor":
        if (!node.op.startsWith("commit") && (this.#changedState || this.#changed.size > 0)) this.#fail(node, "may fault after guest state was changed");
        return;
      case "pure": return;
    }
    effect satisfies never;
  }

  #write(node: Node): void {
    if (!node.op.startsWith("setReg")) { this.#changedState = true; return; }
    const register = registerOf(node), value = node.args[1]!;
    if (node.op === "setReg32" && this.#original.has(value) && registerOf(value) === register) this.#changed.delete(register);
    else this.#changed.add(register);
  }
}

function registerOf(node: Node): string {
  const [index] = node.args;
  return index!.op === "field" ? `<${index!.name}>` : `${node.op.endsWith("8") ? index!.number >> 2 : index!.number}`;
}
