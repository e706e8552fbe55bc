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
}

export class ExecutedTable {
  /** By linear address and ring; several where the code was not always the same. */
  readonly #records = new Map<number, Executed[]>();

  /** The record of an instruction, made where there is none. */
  at(linear: number, user: boolean, row: Row, length: number): Executed {
    const key = (linear >>> 0) * 2 + (user ? 1 : 0);
    let list = this.#records.get(key);
    if (list === undefined) this.#records.set(key, (list = []));
    let record = list.find((known) => known.row === row && known.length === length);
    if (record === undefined) {
      record = { linear: linear >>> 0, user, length, row, class: row.class, isTranslated: false, interpreted: 0, translated: 0, dispatched: 0 };
      list.push(record);
    }
    return record;
  }

  /** All records, by address. */
  all(): Executed[] {
    return [...this.#records].sort(([a], [b]) => a - b).flatMap(([, records]) => records);
  }

  get size(): number { return this.#records.size; }
}
