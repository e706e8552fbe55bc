/** How often each guest instruction was executed, and as what. */
import type { InstructionClass, Row } from "../../translator/translate.ts";

/** One instruction at one linear address. Where another one stood there at another time, that is a record of its own. */
export interface Executed {
  readonly linear: number;
  readonly user: boolean;
  readonly length: number;
  readonly row: Row;
  /** In translated code; the row's class where it never was. */
  class: InstructionClass;
  /** It was part of a region. */
  isTranslated: boolean;
  interpreted: number;
  translated: number;
  /** Of `translated`: branches that left their region. */
  dispatched: number;
  /** A branch that has an edge inside a region. */
  isLinked: boolean;
}

/** Executions by class, of all instructions so far. */
export interface ClassTotals {
  readonly translated: Record<"ident" | "inline" | "callout" | "linked" | "dispatched", number>;
  /** By the class of the row: what the instruction could be at best. */
  readonly interpreted: Record<InstructionClass, number>;
}

/** Programs that are loaded at another address each time would fill the memory with records (some 200 bytes each). */
const MOST_RECORDS = 2_000_000;
/** Where the instructions beyond them are recorded, by row alone. */
export const ELSEWHERE = 0xffffffff;

export class ExecutedTable {
  readonly #most: number;
  #size = 0;

  /** By linear address and ring; several where the code was not always the same. */
  readonly #records = new Map<number, Executed[]>();
  readonly totals: ClassTotals = {
    translated: { ident: 0, inline: 0, callout: 0, linked: 0, dispatched: 0 }, interpreted: { ident: 0, inline: 0, callout: 0, branch: 0 },
  };

  constructor(most = MOST_RECORDS) { this.#most = most; }

  /** The record of an instruction, made where there is none; that of `ELSEWHERE` where there are too many. */
  at(linear: number, user: boolean, row: Row, length: number): Executed {
    const key = (linear >>> 0) * 2 + (user ? 1 : 0);
    let list = this.#records.get(key);
    if (list === undefined && this.#size >= this.#most && linear !== ELSEWHERE) return this.at(ELSEWHERE, user, row, 0);
    if (list === undefined) this.#records.set(key, (list = []));
    let record = list.find((known) => known.row === row && known.length === length);
    if (record === undefined) {
      record = { linear: linear >>> 0, user, length, row, class: row.class, isTranslated: false, interpreted: 0, translated: 0, dispatched: 0, isLinked: false };
      this.#size++;
      list.push(record);
    }
    return record;
  }

  addInterpreted(record: Executed, executions: number): void {
    record.interpreted += executions;
    this.totals.interpreted[record.row.class] += executions;
  }

  /** Executions in a region; of a branch, `dispatched` of them left it. */
  addTranslated(record: Executed, executions: number, dispatched: number): void {
    const { translated } = this.totals;
    record.translated += executions;
    record.dispatched += dispatched;
    if (record.class !== "branch") translated[record.class] += executions;
    else {
      translated.linked += executions - dispatched;
      translated.dispatched += dispatched;
    }
  }

  /** All records, by address. */
  all(): Executed[] {
    return [...this.#records].sort(([a], [b]) => a - b).flatMap(([, records]) => records);
  }

  get size(): number { return this.#size; }
}
