/** The tables of docs/measurements.md, from reports of `calque measure` and figures of `calque compare`. */
import { INTERPRETED, TRANSLATED } from "../src/measure/classes.ts";
import type { Report } from "../src/measure/report.ts";
import type { Reason } from "../src/measure/time-split.ts";

/** Reports by the guest's name in the document. */
export type Reports = ReadonlyMap<string, Report>;
type Cell = (report: Report) => string;

const grouped = (value: number): string => Math.round(value).toLocaleString("en");
const sum = (values: Readonly<Record<string, number>>): number => Object.values(values).reduce((total, value) => total + value, 0);
const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;

function table(reports: Reports, rows: ReadonlyArray<readonly [title: string, cell: Cell]>): string {
  const columns = [...reports.values()];
  return [line(["", ...reports.keys()]), `|${"---|".repeat(columns.length + 1)}\n`, ...rows.map(([title, cell]) => line([title, ...columns.map(cell)]))].join("");
}

const TITLES = { ident: "ident", inline: "inline", callout: "callout", linked: "branch, linked", dispatched: "branch, dispatched", branch: "branch" } as const;

export function executedTable(reports: Reports): string {
  return table(reports, [
    ["instructions", ({ classes }) => grouped(classes.total)],
    ...TRANSLATED.map((name): [string, Cell] => [`translated: ${TITLES[name]}, %`, ({ classes }) => classes.shares.translated[name].toFixed(2)]),
    ...INTERPRETED.map((name): [string, Cell] => [`interpreted: ${TITLES[name]}, %`, ({ classes }) => classes.shares.interpreted[name].toFixed(2)]),
    ["translated, %", ({ classes }) => sum(classes.shares.translated).toFixed(2)],
    ["supervisor, %", ({ rings, classes }) => (rings.supervisor.total / Math.max(1, classes.total) * 100).toFixed(2)],
  ]);
}

export function distinctTable(reports: Reports): string {
  return table(reports, [
    ["distinct instructions translated", ({ classes }) => grouped(sum(classes.static))],
    ...TRANSLATED.map((name): [string, Cell] => [`${TITLES[name]}, %`, ({ classes }) => classes.shares.static[name].toFixed(2)]),
    ["distinct, never translated", ({ classes }) => grouped(sum(classes.staticInterpreted))],
  ]);
}

/** Of inline and callout instructions, translated and interpreted, in percent of all. */
export function sensitiveShare({ classes: { shares: { translated, interpreted } } }: Report): number {
  return translated.inline + translated.callout + interpreted.inline + interpreted.callout;
}

export function slowPathTable(reports: Reports): string {
  const perThousand = (count: number, { run }: Report): number => count / Math.max(1, run.instructions) * 1000;
  const all = (reasons: readonly Reason[], report: Report, digits: number): string => perThousand(reasons.reduce((total, { count }) => total + count, 0), report).toFixed(digits);
  return table(reports, [
    ["monitor calls per 1,000", (report) => all(report.callouts, report, 3)],
    ["most frequent reasons (per 1,000)", ({ callouts }) => callouts.slice(0, 4).map((each) => `${each.reason} ${each.perThousand.toFixed(3)}`).join(", ")],
    ["helper steps per 1,000", (report) => all(report.helpers, report, 3)],
    ["faults and interrupts per 1,000", (report) => all(report.events, report, 4)],
    ["slow memory accesses per 1,000", (report) => perThousand(sum(report.slowMemory.causes), report).toFixed(3)],
    ["TLB fills", ({ tlb }) => grouped(tlb.fills)],
    ["regions made", ({ regions }) => grouped(regions.made)],
    ["instructions in them", ({ regions }) => grouped(regions.instructions)],
    ["branches linked for one dispatched", ({ regions }) => (regions.linksUsed / Math.max(1, regions.dispatches)).toFixed(1)],
  ]);
}

export function coverageTable({ coverage: { instructions, blocks } }: Report): string {
  const heads = instructions.steps.map(({ percent }) => `${percent} %`);
  return [
    line(["make up", ...heads, "all"]), `|${"---|".repeat(heads.length + 2)}\n`,
    ...[["instructions", instructions] as const, ["basic blocks", blocks] as const].map(([name, { steps, distinct }]) => line([name, ...steps.map(({ count }) => grouped(count)), grouped(distinct)])),
  ].join("");
}

/** Host seconds of a guest in both engines. */
export interface Compared {
  readonly guest: string;
  readonly translated: number;
  readonly interpreted: number;
}

export function compareTable(rows: readonly Compared[]): string {
  return [
    line(["", "translated, s", "interpreted, s", "ratio"]), "|---|---|---|---|\n",
    ...rows.map(({ guest, translated, interpreted }) => line([guest, translated.toFixed(1), interpreted.toFixed(1), (interpreted / translated).toFixed(2)])),
  ].join("");
}
