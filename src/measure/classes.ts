/**
 * Executed instructions by class.
 *
 * In translated code an instruction is ident, inline, callout, or a branch, which is linked where it went on inside its region and
 * dispatched where it left it. An interpreted one has the class of its row: what it could be at best.
 */
import type { Executed } from "../../runtime/measure/executed.ts";
import type { InstructionClass } from "../../translator/translate.ts";
import { percentages } from "./shares.ts";

export const TRANSLATED = ["ident", "inline", "callout", "linked", "dispatched"] as const;
export const INTERPRETED = ["ident", "inline", "callout", "branch"] as const satisfies readonly InstructionClass[];
export type TranslatedClass = (typeof TRANSLATED)[number];

export type ByTranslatedClass = Record<TranslatedClass, number>;
export type ByInterpretedClass = Record<InstructionClass, number>;

/** Numbers of instructions. */
export interface ClassCounts {
  /** Distinct instructions that were translated. A branch with an edge inside a region counts as linked. */
  readonly static: ByTranslatedClass;
  /** Distinct instructions that never were. */
  readonly staticInterpreted: ByInterpretedClass;
  /** Executions in translated code. */
  readonly translated: ByTranslatedClass;
  /** Executions by the interpreter. */
  readonly interpreted: ByInterpretedClass;
  /** All executions. */
  readonly total: number;
}

/** Percent: `static` adds up to 100; `translated` and `interpreted` together do. */
export interface ClassShares {
  readonly static: ByTranslatedClass;
  readonly translated: ByTranslatedClass;
  readonly interpreted: ByInterpretedClass;
}

export interface ClassTable extends ClassCounts {
  readonly shares: ClassShares;
}

const translatedZeros = (): ByTranslatedClass => ({ ident: 0, inline: 0, callout: 0, linked: 0, dispatched: 0 });
const interpretedZeros = (): ByInterpretedClass => ({ ident: 0, inline: 0, callout: 0, branch: 0 });

export function countClasses(records: Iterable<Executed>): ClassCounts {
  const counts = { static: translatedZeros(), staticInterpreted: interpretedZeros(), translated: translatedZeros(), interpreted: interpretedZeros(), total: 0 };
  for (const record of records) {
    counts.total += record.translated + record.interpreted;
    counts.interpreted[record.row.class] += record.interpreted;
    if (record.class === "branch") {
      counts.translated.linked += record.translated - record.dispatched;
      counts.translated.dispatched += record.dispatched;
    } else counts.translated[record.class] += record.translated;
    if (!record.isTranslated) counts.staticInterpreted[record.row.class]++;
    else counts.static[record.class === "branch" ? (record.isLinked ? "linked" : "dispatched") : record.class]++;
  }
  return counts;
}

/** Shares of the executions: percent that add up to 100. */
export function dynamicShares(translated: ByTranslatedClass, interpreted: ByInterpretedClass): Pick<ClassShares, "translated" | "interpreted"> {
  const parts = percentages([...TRANSLATED.map((name) => translated[name]), ...INTERPRETED.map((name) => interpreted[name])]);
  const named = <Name extends string>(names: readonly Name[], from: number): Record<Name, number> =>
    Object.fromEntries(names.map((name, k) => [name, parts[from + k]!])) as Record<Name, number>;
  return { translated: named(TRANSLATED, 0), interpreted: named(INTERPRETED, TRANSLATED.length) };
}

export function classTable(records: Iterable<Executed>): ClassTable {
  const counts = countClasses(records), parts = percentages(TRANSLATED.map((name) => counts.static[name]));
  const ofStatic = Object.fromEntries(TRANSLATED.map((name, k) => [name, parts[k]!])) as ByTranslatedClass;
  return { ...counts, shares: { static: ofStatic, ...dynamicShares(counts.translated, counts.interpreted) } };
}

/** Groups records by a key, in the order of their first appearance. */
export function groupBy<Key>(records: Iterable<Executed>, keyOf: (record: Executed) => Key): Map<Key, Executed[]> {
  const groups = new Map<Key, Executed[]>();
  for (const record of records) {
    const key = keyOf(record), group = groups.get(key);
    if (group === undefined) groups.set(key, [record]);
    else group.push(record);
  }
  return groups;
}
