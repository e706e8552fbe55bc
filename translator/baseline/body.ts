/** The body of a baseline function, by the instruction of WebAssembly. */
import { Bytes } from "../wasm/bytes.ts";
import type { Hint } from "../wasm/body.ts";
import type { Imports } from "../wasm/module.ts";
import { OPCODE, TYPE } from "../wasm/opcodes.ts";
import { BASELINE_PARAMETERS } from "./template.ts";

const WORD = 2, LEFT = BASELINE_PARAMETERS.indexOf("left");

export class BaselineBody {
  protected readonly code = new Bytes();
  protected readonly hints: Hint[] = [];
  protected readonly imports: Imports;
  /** Blocks that are open inside those of labels. */
  protected inner = 0;
  readonly #state: number;

  /** `state`: where the machine's memory has the state words. */
  constructor(state: number, imports: Imports) {
    this.#state = state;
    this.imports = imports;
  }

  protected constant(value: number): void {
    this.code.byte(OPCODE.constant);
    this.code.signed(value);
  }
  protected get(local: number): void {
    this.code.byte(OPCODE.get);
    this.code.unsigned(local);
  }
  protected set(local: number): void {
    this.code.byte(OPCODE.set);
    this.code.unsigned(local);
  }

  protected loadWord(slot: number): void {
    this.constant(0);
    this.#access(OPCODE.load, slot);
  }
  protected storeConstant(slot: number, value: number): void {
    this.constant(0);
    this.constant(value);
    this.#access(OPCODE.store, slot);
  }
  protected storeWord(slot: number, local: number): void {
    this.constant(0);
    this.get(local);
    this.#access(OPCODE.store, slot);
  }
  #access(opcode: number, slot: number): void {
    this.code.byte(opcode);
    this.code.unsigned(WORD);
    this.code.unsigned(this.#state + 4 * slot);
  }

  /** Calls a function of integers with what is on the stack. */
  protected call(name: string, parameters: number): void {
    this.code.byte(OPCODE.call);
    this.code.unsigned(this.imports.of(name, Array.from<number>({ length: parameters }).fill(TYPE.i32), TYPE.i32));
  }

  /** Where the value on the stack is not 0. */
  protected when(then: () => void, otherwise?: () => void): void {
    this.code.byte(OPCODE.if);
    this.code.byte(TYPE.void);
    this.inner++;
    then();
    if (otherwise !== undefined) {
      this.code.byte(OPCODE.else);
      otherwise();
    }
    this.inner--;
    this.code.byte(OPCODE.end);
  }

  /** The same where it nearly always is 0. */
  protected seldom(then: () => void, otherwise?: () => void): void {
    this.hints.push([this.code.length, false]);
    this.when(then, otherwise);
  }

  /** Adds to the budget. */
  protected charge(count: number): void {
    this.get(LEFT);
    this.constant(count);
    this.code.byte(OPCODE.add);
    this.set(LEFT);
  }
}
