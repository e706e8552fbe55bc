/** Baseline code by itself: put together from bytes, run over a small memory, with stubs for what it asks of the virtual CPU. */
import { carryOf, conditionOf, flagsOf } from "../../runtime/flags.ts";
import { CpuState, SLOT, STATE_BYTES } from "../../runtime/state.ts";
import type { PatchedImmediate } from "../../translator/ir/instantiate.ts";
import { HOLE, type Template } from "../../translator/baseline/template.ts";
import { UNKNOWN_KIND } from "../../translator/baseline/place.ts";
import { BaselineModule, type BaselineInstruction, type BaselineText, type Fields, type Form, Forms, type Mode, Patterns, Templates } from "../../translator/translate.ts";

/** Where the code is; where the host has the page behind it. All pages are mapped as they are. */
export const AT = 0x5000, PAGE = 4096, SECOND = 0x6000;
const FLAT: Mode = { bits: 32, flat: true, user: false };
const STATE = 0, READ = 4096, WRITE = 8192, EXEC = 12288, RAM = 65536, RAM_BYTES = 65536;
const { JSTag } = WebAssembly as unknown as { readonly JSTag: WebAssembly.ImportValue };
const ARRAYS = new Map([["state", STATE], ["stateBytes", STATE], ["stateHalves", STATE], ["readTlb", READ], ["writeTlb", WRITE], ["ram8", RAM], ["ram16", RAM], ["ram32", RAM]]);

const noFields = (): Fields => ({ d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 });

export interface Taken {
  readonly form: Form;
  readonly fields: Fields;
  readonly length: number;
}

/** What a step or an answer of the virtual CPU does; `left` is the budget in its place. */
export type Asked = (name: string, args: readonly number[]) => number;

export interface Ran {
  readonly code: number;
  readonly eip: number;
  readonly left: number;
  /** What was asked, with its arguments. */
  readonly asked: ReadonlyArray<readonly [name: string, ...args: number[]]>;
}

/** A piece that is a module of its own. */
export interface Text extends BaselineText {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly imports: BaselineModule["imports"];
}

export class Host {
  readonly templates: Templates;
  readonly #patterns = new Patterns(new Forms(FLAT));
  readonly memory = new WebAssembly.Memory({ initial: (RAM + RAM_BYTES) / 65536, maximum: (RAM + RAM_BYTES) / 65536 });
  readonly cpu = new CpuState(this.memory.buffer as ArrayBuffer, STATE);
  readonly ram = new Uint8Array(this.memory.buffer, RAM, RAM_BYTES);
  /** By page. */
  readonly exec = new Int32Array(this.memory.buffer, EXEC, 16);
  answer: Asked = () => 0;
  #asked: Array<readonly [string, ...number[]]> = [];

  /** `check` as `Templates` has it. */
  constructor(check?: (source: string, names: readonly string[]) => void) {
    this.templates = new Templates({ arrays: ARRAYS, constants: new Map() }, check);
    if (STATE_BYTES > READ) throw new Error("the state lies on the tables");
    this.cpu.flagKind = 0;
  }

  decode(bytes: Uint8Array, at = 0): Taken {
    const pattern = this.#patterns.at(bytes, at, bytes.length - at), fields = noFields();
    if ("failure" in pattern) throw new Error(`${pattern.failure} at ${at}`);
    pattern.fill(bytes, at, fields);
    return { form: pattern.form, fields, length: pattern.length };
  }

  template(bytes: readonly number[], kind = UNKNOWN_KIND, isPatched = false): Template | undefined {
    const { form, fields } = this.decode(Uint8Array.from(bytes));
    return this.templates.of(form, fields, kind, isPatched);
  }

  /** The holes of a template as words; of an offset in the state words, of which slot. */
  holes(bytes: readonly number[], kind = UNKNOWN_KIND, isPatched = false): string[] {
    return this.template(bytes, kind, isPatched)!.holes.map(({ what, field, base, scale }) => {
      if (what === HOLE.offset) return `${field}<<${scale}${base === STATE ? "" : `+${base - STATE}`}`;
      return what === HOLE.field ? field : Object.entries(HOLE).find(([, number]) => number === what)![0];
    });
  }

  /** The instructions of code that stands at `from`: one behind the other, or those that begin at these distances. */
  instructions(code: Uint8Array, { from = AT, starts, patched }: { from?: number; starts?: readonly number[]; patched?: ReadonlyMap<number, PatchedImmediate> } = {}): BaselineInstruction[] {
    const found: BaselineInstruction[] = [], add = (at: number): number => {
      const { form, fields, length } = this.decode(code, at);
      found.push({ address: from + at | 0, length, form, fields, patched: patched?.get(at), second: at + length + from > (from | PAGE - 1) + 1 ? SECOND : undefined });
      return length;
    };
    if (starts === undefined) for (let at = 0; at < code.length;) at += add(at);
    else for (const at of starts) add(at);
    return found;
  }

  text(instructions: readonly BaselineInstruction[], entry = AT): Text {
    const module = new BaselineModule(this.templates, { state: STATE, ram: RAM, exec: EXEC });
    return { ...module.add(instructions, entry), bytes: module.bytes(), imports: module.imports };
  }

  /** A function that enters code at an address with a budget. */
  load(text: Text): (entry: number, left: number, delta?: number) => Ran {
    const { cpu } = this, functions: Record<string, (...args: number[]) => unknown> = { carryOf, conditionOf, flagsOf } as unknown as Record<string, (...args: number[]) => unknown>;
    const imported = Object.fromEntries(text.imports.map(({ name }, k) => [k, (functions[name] ?? ((...args: number[]): number => this.#ask(name, args))) as WebAssembly.ImportValue]));
    const run = new WebAssembly.Instance(new WebAssembly.Module(text.bytes), { h: { m: this.memory, e: JSTag }, i: imported }).exports["0"] as (left: number, entry: number, delta: number) => number;
    return (entry, left, delta = 0) => {
      const number = text.entries.get(entry);
      if (number === undefined) throw new Error(`no entry at ${entry.toString(16)}`);
      this.#asked = [];
      const code = run(left, number, delta);
      return { code, eip: cpu.eip, left: cpu.left, asked: this.#asked };
    };
  }

  #ask(name: string, args: readonly number[]): number {
    this.#asked.push([name, ...args]);
    return this.answer(name, args);
  }

  /** Puts code together and runs it. */
  run(code: Uint8Array, left: number, options: { entry?: number; starts?: readonly number[]; delta?: number } = {}): Ran & { readonly text: Text } {
    const entry = options.entry ?? AT, text = this.text(this.instructions(code, options), entry);
    return { ...this.load(text)(entry, left, options.delta), text };
  }
}

/** A step that is one instruction, after which the code may go on. */
export function stepsOn({ cpu }: Host): Asked {
  return (name, args) => {
    if (name === "step") cpu.words[SLOT.left] = args[1]!;
    return 0;
  };
}
