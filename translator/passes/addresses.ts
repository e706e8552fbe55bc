/**
 * Addresses as an unknown term and a constant.
 *
 * What an instruction does to addresses follows from its bytes: each of its accesses, and each register that it leaves behind, is a *recipe* over the
 * registers as they are before it. Equal instructions share their recipes; a block is followed by evaluating them one after the other.
 */
import { derived, OPS, type Meaning, type Node, type Op } from "../ir/opcodes.ts";

/** Bytes of an access. */
export type Size = 1 | 2 | 4;

/**
 * A value. `constant`: `offset`; `register`: register `index` before the instruction, plus `offset`; `unknown`: the instruction's unknown value of that `index`;
 * the others are of `a` and `b`, where that is no sum of a term and a constant the unknown value `index`.
 */
interface Recipe {
  readonly kind: "constant" | "register" | "unknown" | "add" | "sub" | "shl";
  readonly index: number;
  readonly offset: number;
  readonly a: Recipe | undefined;
  readonly b: Recipe | undefined;
}

export interface Addresses {
  /** In guest order; undefined stands for a call that ends what may share a probe. */
  readonly steps: ReadonlyArray<{ readonly node: Node; readonly size: Size; readonly address: Recipe } | undefined>;
  readonly accesses: number;
  /** Registers that it changes. */
  readonly changed: ReadonlyArray<readonly [register: number, value: Recipe]>;
  /** How many unknown values it makes. */
  readonly unknown: number;
}

const NUMBER_OF_REGISTERS = 8;
const SIZES: ReadonlyMap<Op, Size> = new Map(([1, 2, 4] as const).flatMap((size) => ["load", "store", "modify"].map((name) => [`${name}${8 * size}` as Op, size] as const)));

export const addressesOf = derived((meaning): Addresses => new Reader().read(meaning));

/** Reads off a meaning what it does to addresses. */
class Reader {
  readonly #known = new Map<Node, Recipe>();
  readonly #registers = new Map<number, Recipe>();
  #unknown = 0;

  read({ nodes }: Meaning): Addresses {
    const steps: Array<Addresses["steps"][number]> = [];
    for (const node of nodes) {
      const { effect } = OPS[node.op], size = SIZES.get(node.op);
      if (effect === "monitor" || effect === "call" && !node.name.startsWith("x87_")) {
        steps.push(undefined);
        for (let register = 0; register < NUMBER_OF_REGISTERS; register++) this.#registers.set(register, this.#fresh());
      }
      if (size !== undefined) steps.push({ node, size, address: this.#of(node.args[0]!) });
      else this.#follow(node);
    }
    return { steps, accesses: steps.filter((step) => step !== undefined).length, changed: [...this.#registers], unknown: this.#unknown };
  }

  #fresh(): Recipe { return { kind: "unknown", index: this.#unknown++, offset: 0, a: undefined, b: undefined }; }

  /** Reads and changes of registers, in guest order. */
  #follow(node: Node): void {
    const register = node.args[0]?.number ?? 0;
    switch (node.op) {
      case "reg32": this.#known.set(node, this.#registers.get(register) ?? (register < NUMBER_OF_REGISTERS ? { ...constant(0), kind: "register", index: register } : constant(0))); return;
      case "setReg32": this.#registers.set(register, this.#of(node.args[1]!)); return;
      case "setReg16": this.#registers.set(register, this.#fresh()); return;
      case "setReg8": this.#registers.set(register >> 2, this.#fresh()); return;
      default:
    }
  }

  #of(node: Node): Recipe {
    let recipe = this.#known.get(node);
    if (recipe === undefined) this.#known.set(node, (recipe = this.#recipe(node)));
    return recipe;
  }

  #recipe({ op, args: [a, b], number }: Node): Recipe {
    switch (op) {
      case "const": return constant(number);
      case "add": case "shl": case "sub": return this.#computed(op, this.#of(a!), this.#of(b!));
      default: return this.#fresh();
    }
  }

  #computed(kind: "add" | "sub" | "shl", a: Recipe, b: Recipe): Recipe {
    if (kind !== "shl" && b.kind === "constant" && (a.kind === "register" || a.kind === "unknown")) return { ...a, offset: (kind === "add" ? a.offset + b.offset : a.offset - b.offset) | 0 };
    return { kind, index: kind === "add" ? 0 : this.#unknown++, offset: 0, a, b };
  }
}

function constant(offset: number): Recipe { return { kind: "constant", index: 0, offset, a: undefined, b: undefined }; }

/** No term. */
const NOTHING = 0;
/** More terms than a block can have. */
const MANY = 2 ** 24;

/** What registers hold at a place of a block, as far as addresses go. */
export class Registers {
  readonly #terms = new Float64Array(NUMBER_OF_REGISTERS);
  readonly #offsets = new Int32Array(NUMBER_OF_REGISTERS);
  /** Sums and shifted terms. */
  #combined: Map<number, number> | undefined = undefined;
  #last = 0;
  /** The first unknown value of the instruction. */
  #unknown = 0;
  /** The last value that was evaluated. */
  term = NOTHING;
  offset = 0;

  constructor() { this.forget(); }

  /** Nothing is known of any register. */
  forget(): void {
    for (let register = 0; register < NUMBER_OF_REGISTERS; register++) this.#set(register, ++this.#last, 0);
  }

  #set(register: number, term: number, offset: number): void {
    this.#terms[register] = term;
    this.#offsets[register] = offset;
  }

  /** Before the recipes of another instruction. */
  begin({ unknown }: Addresses): void {
    this.#unknown = this.#last + 1;
    this.#last += unknown;
  }

  /** Behind it. */
  follow({ changed }: Addresses): void {
    if (changed.length === 0) return;
    if (changed.length === 1) {
      this.evaluate(changed[0]![1]);
      this.#set(changed[0]![0], this.term, this.offset);
      return;
    }
    const values = changed.map(([register, recipe]) => {
      this.evaluate(recipe);
      return [register, this.term, this.offset] as const;
    });
    for (const [register, term, offset] of values) this.#set(register, term, offset);
  }

  /** Puts the value into `term` and `offset`. */
  evaluate(recipe: Recipe): void {
    switch (recipe.kind) {
      case "constant": this.#becomes(NOTHING, recipe.offset); return;
      case "register": this.#becomes(this.#terms[recipe.index]!, this.#offsets[recipe.index]! + recipe.offset | 0); return;
      case "unknown": this.#becomes(this.#unknown + recipe.index, recipe.offset); return;
      case "add": case "sub": case "shl": {
        this.evaluate(recipe.a!);
        const { term, offset } = this;
        this.evaluate(recipe.b!);
        this.#compute(recipe, term, offset);
      }
    }
  }

  /** Of a value and the one that was evaluated last. */
  #compute({ kind, index }: Recipe, term: number, offset: number): void {
    const { term: other, offset: by } = this;
    if (kind === "add") this.#becomes(term === NOTHING ? other : other === NOTHING ? term : this.#combine(Math.min(term, other) * MANY + Math.max(term, other)), offset + by | 0);
    else if (kind === "sub" && other === NOTHING) this.#becomes(term, offset - by | 0);
    else if (kind === "shl" && other === NOTHING && by >= 0 && by <= 31) this.#becomes(term === NOTHING ? NOTHING : this.#combine(-(term * 32 + by)), offset << by);
    else this.#becomes(this.#unknown + index, 0);
  }

  #becomes(term: number, offset: number): void {
    this.term = term;
    this.offset = offset;
  }

  /** The same sum of the same terms is the same term. */
  #combine(key: number): number {
    const combined = (this.#combined ??= new Map<number, number>());
    let term = combined.get(key);
    if (term === undefined) combined.set(key, (term = ++this.#last));
    return term;
  }
}
