/**
 * The code of one WebAssembly function as it is written: locals, labels, and instructions that become shorter where they meet.
 *
 * V8 first compiles a function in one pass, the time of which goes by its bytes and, at each branch, by its locals.
 */
import { Bytes } from "./bytes.ts";
import { OPCODE, TYPE } from "./opcodes.ts";

/** A tree that has to run as JavaScript. */
export class NotCompiled extends Error {
  override readonly name = "NotCompiled";
}

/** How values are held: but for the last, all in 32 bits; `u32` is to be compared as unsigned, `bit` is 0 or 1, `sum` is right modulo 2^32 only. */
export type Kind = "i32" | "u32" | "bit" | "sum" | "f64";

export interface Local {
  readonly index: number;
  readonly kind: Kind;
}

/** What is known of a branch. */
/** A branch that is nearly always taken, or nearly never. */
export type Hint = readonly [at: number, isTaken: boolean];

export type Likelihood = "likely" | "unlikely" | undefined;

export class FunctionBody {
  readonly #code = new Bytes();
  readonly #locals = new Map<string, Local>();
  /** Names declared in the blocks around, innermost last. */
  readonly #scopes: string[][] = [];
  /** Locals that no name has any more, by type. */
  readonly #free = new Map<number, number[]>([[TYPE.i32, []], [TYPE.f64, []]]);
  /** Types of all locals, by their index. */
  readonly #types: number[] = [];
  readonly #parameters: number;
  /** Labels around, innermost last; undefined where none can be named. */
  readonly #labels: Array<string | undefined> = [];
  /** Where hinted branches stand in the code, and whether they are taken. */
  readonly #hints: Hint[] = [];
  /** Behind a `local.set`: where it begins, of what. */
  #setEnd = -1;
  #setAt = 0;
  #setIndex = 0;

  constructor(parameters: readonly string[]) {
    for (const name of parameters) this.declare(name, "i32");
    this.#parameters = parameters.length;
  }

  refuse(what: string): never { throw new NotCompiled(what); }

  // --- Locals -----------------------------------------------------------------------------------------------------

  declare(name: string, kind: Kind): Local {
    const known = this.#locals.get(name);
    if (known !== undefined && known.kind === kind) return known;
    if (known !== undefined) this.refuse(`${name} holds different things`);
    const type = kind === "f64" ? TYPE.f64 : TYPE.i32, local = { index: this.#free.get(type)!.pop() ?? this.#types.push(type) - 1, kind };
    this.#locals.set(name, local);
    this.#scopes.at(-1)?.push(name);
    return local;
  }

  /** The local of this name, if there is one. */
  find(name: string): Local | undefined { return this.#locals.get(name); }

  /** Emits a block: what is declared in it is gone behind it, and its locals serve others. */
  scope(emit: () => void): void {
    const names: string[] = [];
    this.#scopes.push(names);
    emit();
    this.#scopes.pop();
    for (const name of names) {
      const { index } = this.local(name);
      this.#locals.delete(name);
      this.#free.get(this.#types[index]!)!.push(index);
    }
  }

  local(name: string): Local { return this.#locals.get(name) ?? this.refuse(`no local ${name}`); }

  get(local: Local): void {
    if (this.#setEnd === this.#code.length && this.#setIndex === local.index) {
      this.#code.length = this.#setAt;
      this.#setEnd = -1;
      this.tee(local);
      return;
    }
    this.op(OPCODE.get);
    this.#code.unsigned(local.index);
  }

  set({ index }: Local): void {
    this.#setAt = this.#code.length;
    this.op(OPCODE.set);
    this.#code.unsigned(index);
    this.#setEnd = this.#code.length;
    this.#setIndex = index;
  }

  tee({ index }: Local): void {
    this.op(OPCODE.tee);
    this.#code.unsigned(index);
  }

  // --- Instructions -----------------------------------------------------------------------------------------------

  op(code: number): void { this.#code.byte(code); }

  constant(value: number): void {
    this.op(OPCODE.constant);
    this.#code.signed(value);
  }
  constantLong(value: number): void {
    this.op(OPCODE.constantLong);
    this.#code.signed(value);
  }
  constantDouble(value: number): void {
    this.op(OPCODE.constantDouble);
    this.#code.double(value);
  }

  /** A load or store at the address on the stack and `offset`, aligned to 2^`shift` bytes. */
  access(opcode: number, shift: number, offset: number): void {
    this.op(opcode);
    this.#code.unsigned(shift);
    this.#code.unsigned(offset);
  }

  call(index: number): void {
    this.op(OPCODE.call);
    this.#code.unsigned(index);
  }

  /** The code so far, and its branch hints. */
  protected get code(): Bytes { return this.#code; }
  get hints(): readonly Hint[] { return this.#hints; }
  /** How many locals there are, parameters among them. */
  get locals(): number { return this.#types.length; }

  truncate(): void {
    this.op(OPCODE.saturating);
    this.op(OPCODE.truncateLong);
    this.op(OPCODE.wrap);
  }

  // --- Control ----------------------------------------------------------------------------------------------------

  open(code: number, label?: string, type: number = TYPE.void): void {
    this.op(code);
    this.op(type);
    this.#labels.push(label);
  }

  /** An `if`; the code behind it is executed where the value on the stack is not 0. */
  openIf(likelihood: Likelihood, type: number = TYPE.void): void {
    this.#hint(likelihood);
    this.open(OPCODE.if, undefined, type);
  }

  close(): void {
    this.op(OPCODE.end);
    this.#labels.pop();
  }

  goTo(label: string): void { this.#branch(OPCODE.br, label); }

  goToIf(label: string, likelihood: Likelihood): void {
    this.#hint(likelihood);
    this.#branch(OPCODE.brIf, label);
  }

  /** Goes on with what is thrown around the innermost `catch_all`. */
  rethrow(): void {
    this.op(OPCODE.rethrow);
    this.#code.unsigned(0);
  }

  catchTag(tag: number): void {
    this.op(OPCODE.catch);
    this.#code.unsigned(tag);
  }

  #branch(code: number, label: string): void {
    const at = this.#labels.lastIndexOf(label);
    if (at < 0) this.refuse(`no label ${label}`);
    this.op(code);
    this.#code.unsigned(this.#labels.length - 1 - at);
  }

  #hint(likelihood: Likelihood): void {
    if (likelihood !== undefined) this.#hints.push([this.#code.length, likelihood === "likely"]);
  }

  // --- The whole --------------------------------------------------------------------------------------------------

  /** As the code section has it, and its branch hints (Branch Hinting, phase 4: `metadata.code.branch_hint`) as their section has them. */
  finish(): { readonly body: Bytes; readonly hints: Bytes | undefined } {
    this.op(OPCODE.end);
    const body = new Bytes(), runs: Array<[count: number, type: number]> = [];
    for (const type of this.#types.slice(this.#parameters)) {
      const last = runs.at(-1);
      if (last?.[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    body.unsigned(runs.length);
    for (const [count, type] of runs) {
      body.unsigned(count);
      body.byte(type);
    }
    const start = body.length;
    body.append(this.#code);
    return { body, hints: hintsOf(this.#hints, start) };
  }
}

/** Branch hints of a function as their section has them, its code beginning `start` bytes behind its locals. */
export function hintsOf(hints: readonly Hint[], start: number): Bytes | undefined {
  if (hints.length === 0) return undefined;
  const bytes = new Bytes();
  bytes.unsigned(hints.length);
  for (const [at, isTaken] of hints) {
    bytes.unsigned(start + at);
    bytes.byte(1);
    bytes.byte(isTaken ? 1 : 0);
  }
  return bytes;
}
