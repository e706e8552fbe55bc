/** A trace for people: one line an instruction or a block, in columns. */
import { NO_ERROR_CODE, VECTOR } from "../../runtime/faults.ts";
import type { Machine } from "../machine.ts";
import type { SymbolTable } from "../symbols.ts";
import { CodeReader, type CodeAt } from "./code-reader.ts";
import { codeSize, hex32, placeText, RegisterWatch, type Place } from "./place.ts";
import type { Delivery, TraceFormat } from "./tracer.ts";

export interface TextOptions {
  readonly symbols: SymbolTable | undefined;
  /** All general registers on every line, not only those that changed. */
  readonly registers: boolean;
}

const COUNT = 12, BARE_PLACE = 13, NAMED_PLACE = 44, BYTES = 23, TEXT = 40;
const EXCEPTIONS: ReadonlyMap<number, string> = new Map(Object.entries(VECTOR).map(([name, vector]) => [vector, `#${name}`]));

/** What both layouts share: the columns up to the place, and the lines of deliveries. */
class Columns {
  readonly code: CodeReader;
  readonly watch: RegisterWatch;
  readonly #machine: Machine;
  readonly #options: TextOptions;
  readonly #placeWidth: number;
  /** The count that follows what was printed last. */
  #next = -1;

  constructor(machine: Machine, options: TextOptions) {
    this.code = new CodeReader(machine);
    this.watch = new RegisterWatch(machine.cpu);
    this.#machine = machine;
    this.#options = options;
    this.#placeWidth = options.symbols === undefined || options.symbols.size === 0 ? BARE_PLACE : NAMED_PLACE;
  }

  codeAt({ linear, eip }: Place): CodeAt { return this.code.at(linear, eip, codeSize(this.#machine.cpu)); }

  /** Changes count from here where something was left out before. */
  standing(count: number): void {
    if (count !== this.#next) this.watch.look();
  }

  follow(next: number): string {
    this.#next = next;
    return this.watch.changes(this.#options.registers);
  }

  lead(place: Place, count: number): string {
    return `${String(count).padStart(COUNT)} ${place.cpl} ${placeText(place, this.#options.symbols).padEnd(this.#placeWidth)}`;
  }

  delivery(delivery: Delivery, count: number, code: CodeAt | undefined): string {
    const { from, to } = delivery, changes = this.follow(count);
    const bytes = code === undefined ? "" : code.hex, text = code === undefined ? "" : code.text;
    const target = to === undefined ? "not delivered" : `ring ${to.cpl} ${placeText(to, this.#options.symbols)}`;
    return `${this.lead(from, count)}  ${bytes.padEnd(BYTES)} ${text.padEnd(TEXT)} ${this.#cause(delivery)} -> ${target} ${changes}`.trimEnd() + "\n";
  }

  #cause({ cause, vector, errorCode }: Delivery): string {
    if (cause === "interrupt") return `interrupt 0x${vector.toString(16)} at ${this.#machine.time} ns`;
    const error = errorCode === NO_ERROR_CODE ? "" : ` error ${errorCode.toString(16).padStart(4, "0")}`;
    const address = vector === VECTOR.PF ? ` cr2 ${hex32(this.#machine.cpu.cr2)}` : "";
    return `exception 0x${vector.toString(16)} ${EXCEPTIONS.get(vector) ?? ""}${error}${address}`;
  }
}

/** Count, ring, CS:EIP, bytes, instruction, and the registers that it changed. */
export class InstructionFormat implements TraceFormat {
  readonly #columns: Columns;
  #place: Place | undefined;
  #code: CodeAt | undefined;

  constructor(machine: Machine, options: TextOptions) { this.#columns = new Columns(machine, options); }

  standing(place: Place, count: number): void {
    this.#columns.standing(count);
    this.#place = place;
    this.#code = this.#columns.codeAt(place);
  }

  retired(count: number): string {
    const { hex, text } = this.#code!;
    const line = `${this.#columns.lead(this.#place!, count)}  ${hex.padEnd(BYTES)} ${text.padEnd(TEXT)} ${this.#columns.follow(count + 1)}`;
    this.#code = undefined;
    return `${line.trimEnd()}\n`;
  }

  delivered(delivery: Delivery, count: number): string {
    const code = delivery.interrupts && delivery.cause === "exception" ? this.#code : undefined;
    this.#code = undefined;
    return this.#columns.delivery(delivery, count, code);
  }

  flush(): string { return ""; }
}

/** One line a basic block: count and place of its first instruction, how many were executed, the last one, what changed. */
export class BlockFormat implements TraceFormat {
  readonly #columns: Columns;
  #head: { readonly place: Place; readonly count: number } | undefined;
  #length = 0;
  #standing: { readonly place: Place; readonly code: CodeAt } | undefined;
  #last: { readonly place: Place; readonly code: CodeAt } | undefined;

  constructor(machine: Machine, options: TextOptions) { this.#columns = new Columns(machine, options); }

  standing(place: Place, count: number): void {
    this.#standing = { place, code: this.#columns.codeAt(place) };
    if (this.#head === undefined) this.#columns.standing(count);
  }

  retired(count: number): string {
    const { place, code } = this.#standing!;
    // Where instructions were left out, what was begun ends before them.
    const before = this.#head !== undefined && (count !== this.#head.count + this.#length || !this.#continues(place)) ? this.#close() : "";
    this.#head ??= { place, count };
    this.#length++;
    this.#last = { place, code };
    return code.instruction === undefined || code.instruction.row.ends ? before + this.#close() : before;
  }

  /** The next instruction in line, or the same one again: a REP stretch. */
  #continues({ eip }: Place): boolean {
    const { place, code } = this.#last!;
    return eip === (place.eip + code.bytes.length | 0) || eip === place.eip;
  }

  #close(): string {
    const { place, count } = this.#head!, { code } = this.#last!;
    const size = String(this.#length).padStart(4), changes = this.#columns.follow(count + this.#length);
    this.#head = undefined;
    this.#length = 0;
    return `${`${this.#columns.lead(place, count)} ${size}  ${code.text.padEnd(TEXT)} ${changes}`.trimEnd()}\n`;
  }

  delivered(delivery: Delivery, count: number): string {
    const code = delivery.interrupts && delivery.cause === "exception" ? this.#standing?.code : undefined;
    this.#standing = undefined;
    return this.#columns.delivery(delivery, count, code);
  }

  flush(): string { return this.#head === undefined ? "" : this.#close(); }
}
