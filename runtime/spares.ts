/**
 * What evicted pages leave to those that come after them: decoded instructions and index tables. A guest that makes new code without end then
 * lives on the objects that it has, and the host has nothing to collect.
 */
import * as steps from "./insn.ts";
import { Insn, type Handler } from "./insn.ts";

const { LINK } = steps;
const MOST_TABLES = 512;

export class Spares {
  readonly #insns: Insn[] = [];
  readonly #tables: Uint16Array[] = [];

  insn(offset: number, handler: Handler, kind: number): Insn {
    const spare = this.#insns.pop();
    if (spare === undefined) return new Insn(offset, handler, kind);
    spare.renew(offset, handler, kind);
    return spare;
  }

  /** Takes an instruction that nothing leads to any more but what compares epochs, with its links to other pages. */
  give(insn: Insn): void {
    const { n, t } = insn;
    if (n.kind === LINK) this.#insns.push(n);
    if (t.kind === LINK && t !== n) this.#insns.push(t);
    insn.n = insn.t = insn;
    insn.r = undefined;
    this.#insns.push(insn);
  }

  /** Keeps no more than so many instructions. */
  keep(most: number): void {
    if (this.#insns.length > most) this.#insns.length = most;
  }

  /** A table of 4096 zeros. */
  index(): Uint16Array { return this.#tables.pop() ?? new Uint16Array(4096); }

  giveIndex(table: Uint16Array): void {
    if (this.#tables.length < MOST_TABLES) this.#tables.push(table.fill(0));
  }
}
