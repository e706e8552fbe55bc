/**
 * One TLB test for several accesses, in JavaScript (translator/passes/shared-probes.ts chooses them).
 *
 * `p` is the lowest address of the group, `h` where the host has it and `w` the same in words; a test is 0 where all bytes of the group are aligned,
 * mapped in a row, and may be read, or written, without asking. An access whose test is not 0 goes the slow way alone.
 */
import type { Expression, Statement } from "estree";
import { PROBE, type Node, type Op } from "../ir/opcodes.ts";
import { expression, identifier, number, statements, type Bindings } from "./estree.ts";

const OPEN = {
  address: statements("const $p = $a;"), last: statements("const $q = $p + $d | 0;"),
  read: statements("const $t = READ[$p >>> 12];"), write: statements("const $t = WRITE[$p >>> 12];"),
  host: statements("const $h = $p ^ $t;"), words: statements("const $w = $h >>> 2;"),
  test: statements("const $v = $x;"),
};
const TEST = {
  /** By the largest access. */
  aligned4: expression("($p | $t) & 3"), aligned2: expression("($p | $t) & 1"), any: expression("$t & 1"),
  /** The host has the last byte where it would be if it had all bytes in a row: it does so in one page, and often in two. */
  inRow: expression("$x | ($q ^ $u) - $h - $d"),
  /** A write entry that is the read entry is as fast and for the same page. */
  same: expression("$x | $t ^ $u"),
};
const INDEX = { 1: expression("$h + $d | 0"), 2: expression("$h + $d >>> 1"), 4: expression("$w + $d") }, FIRST_HALF = expression("$h >>> 1");
const ADDRESS = expression("$p + $d | 0");

/** The names that a probe's accesses need. */
export interface Probe {
  readonly address: Expression;
  readonly host: Expression;
  readonly words: Expression;
  readonly mayRead: Expression;
  readonly mayWrite: Expression;
}

/** Declares what the accesses of `probe` need; `temporary` makes new names, `address` is the lowest one. */
export function openProbe(probe: Node, address: Expression, temporary: () => string): { readonly body: Statement[]; readonly made: Probe } {
  const group = probe.args[1]!.number, reads = (group & PROBE.reads) !== 0, writes = (group & PROBE.writes) !== 0;
  const size = (group & PROBE.words) !== 0 ? 4 : (group & PROBE.halves) !== 0 ? 2 : 1, body: Statement[] = [];
  const declared = (template: (bindings: Bindings) => Statement[], hole: string, bindings: Record<string, Expression>): Expression => {
    const name = identifier(temporary());
    body.push(...template({ ...bindings, [hole]: name }));
    return name;
  };
  const entry = (template: (bindings: Bindings) => Statement[], at: Expression): Expression => declared(template, "t", { p: at });
  const main = reads ? OPEN.read : OPEN.write;
  const p = declared(OPEN.address, "p", { a: address }), t = entry(main, p), host = declared(OPEN.host, "h", { p, t });
  const words = (group & PROBE.words) === 0 ? host : declared(OPEN.words, "w", { h: host });
  let test = (size === 4 ? TEST.aligned4 : size === 2 ? TEST.aligned2 : TEST.any)({ p, t }), both = reads && writes ? [[t, entry(OPEN.write, p)] as const] : [];
  if (probe.number > size) {
    const d = number(probe.number - 1), q = declared(OPEN.last, "q", { p, d }), u = entry(main, q);
    test = TEST.inRow({ x: test, q, u, h: host, d });
    if (reads && writes) both = [...both, [u, entry(OPEN.write, q)] as const];
  }
  const mayRead = declared(OPEN.test, "v", { x: test });
  const mayWrite = both.length === 0 ? mayRead : declared(OPEN.test, "v", { x: both.reduce((x, [read, write]) => TEST.same({ x, t: read, u: write }), mayRead) });
  return { body, made: { address: p, host, words, mayRead, mayWrite } };
}

/** An access `distance` bytes above its group's lowest address: whether it is fast, where it is, and its address. */
export function nearBindings({ address, host, words, mayRead, mayWrite }: Probe, op: Op, distance: number): Record<"g" | "m" | "a", Expression> {
  const size = op.endsWith("32") ? 4 : op.endsWith("16") ? 2 : 1;
  return { g: op.startsWith("nearLoad") ? mayRead : mayWrite, m: indexOf(size, host, words, distance), a: distance === 0 ? address : ADDRESS({ p: address, d: number(distance) }) };
}

function indexOf(size: 1 | 2 | 4, host: Expression, words: Expression, distance: number): Expression {
  if (distance === 0) return size === 1 ? host : size === 2 ? FIRST_HALF({ h: host }) : words;
  return INDEX[size]({ h: host, w: words, d: number(size === 4 ? distance >> 2 : distance) });
}
