/**
 * The blocks of baseline code: in the order of addresses, with the ways that lead to them. A way forward leads to a block's label, a way back and the entry to its
 * place in the table at the top.
 */
import type { Fields, Form } from "../form.ts";
import type { PatchedImmediate } from "../ir/instantiate.ts";
import type { End } from "../ir/opcodes.ts";
import { UNKNOWN_KIND } from "./place.ts";
import type { Template, Templates } from "./template.ts";

/** An instruction as it was found; addresses are linear ones. */
export interface BaselineInstruction {
  readonly address: number;
  /** Of one that the interpreter executes anyhow, any that leads out of the page. */
  readonly length: number;
  /** Undefined where the interpreter is to execute it. */
  readonly form: Form | undefined;
  readonly fields: Fields;
  readonly patched: PatchedImmediate | undefined;
  /** Of one whose bytes lie on two pages: where the host has the second page. It is the interpreter's where that is another one. */
  readonly second: number | undefined;
}

/** An instruction in its block. */
export interface Piece extends BaselineInstruction {
  /** Undefined where the interpreter executes it. */
  readonly template: Template | undefined;
}

export interface Block {
  readonly address: number;
  readonly pieces: Piece[];
  /** Its number in the table at the top; -1 where no way leads there by it. */
  entry: number;
  /** Its label counted from the innermost one, where none is closed; -1 where no way leads there by one. */
  label: number;
}

export class Blocks {
  readonly list: Block[] = [];
  /** Those that are entered, by their number in the table. */
  readonly table: readonly Block[];
  /** How many have labels. */
  labels = 0;
  /** Instructions of all, which are executed once at most between two looks at the budget. */
  length = 0;
  readonly #templates: Templates;
  /** By address. */
  readonly #numbers = new Map<number, number>();

  /** `instructions` in the order of their addresses; `from`: where the code is entered beside the places that control comes back to. */
  constructor(instructions: readonly BaselineInstruction[], from: number, templates: Templates) {
    this.#templates = templates;
    this.#divide(instructions, this.#leaders(instructions));
    this.#enterAt(from);
    this.table = this.#label();
  }

  /** The number of the block at an address. */
  numberAt(address: number): number | undefined { return this.#numbers.get(address); }

  /** Where blocks begin: where ways lead, behind what leads elsewhere, and behind what may stand in the shadow of an STI at its block's end. */
  #leaders(instructions: readonly BaselineInstruction[]): ReadonlySet<number> {
    const leaders = new Set<number>();
    for (const { address, length, form, fields } of instructions) {
      if (form === undefined) continue;
      const { end, isStepped } = this.#templates.factsOf(form), next = address + length | 0;
      if (isStepped || end !== "next" && end !== "repeat") leaders.add(next);
      if (!isStepped && isDirect(end)) leaders.add(next + fields.k | 0);
    }
    instructions.forEach((instruction, k) => {
      const next = instructions[k + 1];
      if (isSti(instruction) && next !== undefined && leaders.has(next.address)) leaders.add(next.address + next.length | 0);
    });
    return leaders;
  }

  #divide(instructions: readonly BaselineInstruction[], leaders: ReadonlySet<number>): void {
    let next = NaN, block: Block | undefined, before: BaselineInstruction | undefined;
    for (const instruction of instructions) {
      const { address, length } = instruction;
      if (block === undefined || leaders.has(address) || address !== next) {
        // A block that ends with STI takes what is in its shadow along.
        if (block !== undefined && before !== undefined && address === next && isSti(before)) this.#append(block, instruction);
        block = { address, pieces: [], entry: -1, label: -1 };
        this.#kind = UNKNOWN_KIND;
        this.#numbers.set(address, this.list.length);
        this.list.push(block);
      }
      this.#append(block, instruction);
      next = address + length | 0;
      before = instruction;
    }
  }

  /** The kind of the flags behind what was appended last. */
  #kind = UNKNOWN_KIND;

  #append(block: Block, instruction: BaselineInstruction): void {
    const { form, fields, patched, second } = instruction;
    let template = form === undefined ? undefined : this.#templates.of(form, fields, this.#kind, patched !== undefined);
    if (second !== undefined && (template?.end !== "next" || template.behind !== "nothing")) template = undefined;
    this.#kind = template === undefined || second !== undefined ? UNKNOWN_KIND : template.kind ?? this.#kind;
    block.pieces.push({ ...instruction, template });
    this.length++;
  }

  /** A way leads to an address from block number `k`: forward by its label, back by the table. */
  #lead(address: number, k: number): void {
    const to = this.#numbers.get(address);
    if (to === undefined) return;
    if (to <= k) this.list[to]!.entry = 0;
    else this.list[to]!.label = 0;
  }

  #enterAt(address: number): void {
    const k = this.#numbers.get(address);
    if (k !== undefined) this.list[k]!.entry = 0;
  }

  /** Numbers labels and entries; returns the blocks that are entered, by number. */
  #label(): Block[] {
    this.list.forEach(({ pieces }, k) => {
      const { template, address, length, fields } = pieces.at(-1)!, next = address + length | 0;
      if (template === undefined) this.#enterAt(next); // the interpreter may have stopped there
      if (template !== undefined && isDirect(template.end)) this.#lead(next + fields.k | 0, k);
      if (template?.end === "call" || template?.end === "indirect" || template?.end === "transferred") this.#enterAt(next);
      else if (template?.end !== "jump") this.#lead(next, k);
    });
    const [first] = this.list, table: Block[] = [];
    if (first!.label < 0) first!.entry = 0;
    for (const block of this.list) {
      if (block.entry < 0 && block.label < 0) continue;
      block.label = this.labels++;
      if (block.entry < 0) continue;
      block.entry = table.length;
      table.push(block);
    }
    return table;
  }
}

function isSti({ form }: BaselineInstruction): boolean { return form?.semantics === "sti"; }

/** Whether a transfer leads to a fixed address. */
export function isDirect(end: End["kind"]): boolean { return end === "jump" || end === "call" || end === "branch"; }
