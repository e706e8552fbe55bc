/** The main tables of a measurement as text, at most 100 columns wide. */
import { INTERPRETED, TRANSLATED, type ClassTable } from "./classes.ts";
import type { Coverage } from "./coverage.ts";
import type { Report } from "./report.ts";
import type { Reason } from "./time-split.ts";

const grouped = (value: number): string => Math.round(value).toLocaleString("en");
const percent = (value: number, decimals = 2): string => `${value.toFixed(decimals)} %`;

/** Cells in columns: the first to the left, the others to the right. */
function aligned(rows: ReadonlyArray<readonly string[]>): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, k) => Math.max(...rows.map((row) => row[k]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, k) => (k === 0 ? cell.padEnd(widths[k]!) : cell.padStart(widths[k]!))).join("  ")}`.trimEnd()).join("\n");
}

const NAMES = { ident: "ident", inline: "inline", callout: "callout", linked: "branch, linked", dispatched: "branch, dispatched", branch: "branch" } as const;

const sum = (values: Readonly<Record<string, number>>): number => Object.values(values).reduce((total, value) => total + value, 0);

export function classRows(table: ClassTable): string[][] {
  const { shares } = table;
  const translated = TRANSLATED.map((name) => [NAMES[name], grouped(table.static[name]), percent(shares.static[name]), grouped(table.translated[name]), percent(shares.translated[name])]);
  const interpreted = INTERPRETED.map((name) => [NAMES[name], grouped(table.staticInterpreted[name]), "", grouped(table.interpreted[name]), percent(shares.interpreted[name])]);
  const total = (name: string, statics: number, dynamics: number, share: number): string[] => [name, grouped(statics), "", grouped(dynamics), percent(share)];
  return [
    ["class", "distinct", "", "executed", ""],
    ["translated code"], ...translated.map(indented), indented(total("in all", sum(table.static), sum(table.translated), sum(shares.translated))),
    ["interpreted"], ...interpreted.map(indented), indented(total("in all", sum(table.staticInterpreted), sum(table.interpreted), sum(shares.interpreted))),
    total("total", sum(table.static) + sum(table.staticInterpreted), table.total, sum(shares.translated) + sum(shares.interpreted)),
  ];
}

const indented = ([first, ...rest]: readonly string[]): string[] => [`  ${first}`, ...rest];

function reasonRows(title: string, reasons: readonly Reason[], most = 12): string[][] {
  const rows = reasons.slice(0, most).map(({ reason, count, perThousand, milliseconds }) => [reason, grouped(count), perThousand.toFixed(4), `${milliseconds.toFixed(1)} ms`]);
  return rows.length === 0 ? [] : [[title, "times", "per 1,000", "about"], ...rows];
}

function coverageRows(name: string, { distinct, steps }: Coverage): string[] { return [name, ...steps.map(({ count }) => grouped(count)), grouped(distinct)]; }

function coverageTable({ coverage }: Report): string[][] {
  return [["make up", ...coverage.instructions.steps.map((step) => `${step.percent} %`), "all"], coverageRows("instructions", coverage.instructions), coverageRows("basic blocks", coverage.blocks)];
}

function ringRows({ rings }: Report): string[][] {
  const rows = (["supervisor", "user"] as const).map((name) => {
    const { translated, interpreted, total } = rings[name];
    const share = (count: number): string => (total === 0 ? "" : percent(count / total * 100));
    return [name, grouped(total), ...TRANSLATED.map((each) => share(translated[each])), share(sum(interpreted))];
  });
  return [["ring", "executed", ...TRANSLATED, "interpreted"], ...rows];
}

function regionLines({ regions, tlb, selfModifyingCode: smc }: Report): string[] {
  const dropped = Object.entries(regions.dropped).map(([cause, count]) => `${cause} ${grouped(count)}`);
  return [
    `  ${grouped(regions.made)} regions of ${grouped(regions.instructions)} instructions in ${grouped(regions.blocks)} blocks, ${grouped(regions.codeBytes / 1000)} kB of JavaScript`,
    wrapped("regions dropped", dropped),
    `  ${grouped(regions.entries)} entries, ${grouped(regions.linksUsed)} branches linked, ${grouped(regions.dispatches)} dispatched`,
    `  TLB: ${grouped(tlb.fills)} fills; flushes: ${grouped(tlb.flushes.all)} of all, ${grouped(tlb.flushes.nonGlobal)} but global, ${grouped(tlb.flushes.page)} of a page`,
    `  code pages watched: ${grouped(smc.watchedPages)}; stores on code ${grouped(smc.writeHits)}, beside it ${grouped(smc.falseHits)}`,
  ];
}

const WIDTH = 100;

/** A list behind its title, on as many lines as it needs. */
function wrapped(title: string, items: readonly string[]): string {
  const lines = [`  ${title}:`];
  for (const [k, item] of (items.length === 0 ? ["none"] : items).entries()) {
    const text = ` ${item}${k < items.length - 1 ? "," : ""}`;
    if (lines.at(-1)!.length + text.length > WIDTH) lines.push("   ");
    lines[lines.length - 1] += text;
  }
  return lines.join("\n");
}

/** With a final newline. */
export function summary(report: Report): string {
  const { run, time } = report;
  const times = time.activities.toSorted((a, b) => b.milliseconds - a.milliseconds).map(({ activity, percent: share, milliseconds }) => [activity, percent(share, 1), `${milliseconds.toFixed(0)} ms`]);
  const slow = Object.entries(report.slowMemory.causes).filter(([, count]) => count > 0).map(([cause, count]) => `${cause} ${grouped(count)}`);
  return `${[
    `${run.guest}${run.after === null ? "" : ` after ${JSON.stringify(run.after)}`}: ${grouped(run.instructions)} instructions, ${run.seconds.toFixed(2)} s while measured, end: ${run.end}`,
    aligned(classRows(report.classes)),
    aligned(ringRows(report)),
    ...[reasonRows("calls of the monitor", report.callouts), reasonRows("helpers", report.helpers, 6), reasonRows("events", report.events, 6)].filter((rows) => rows.length > 0).map(aligned),
    wrapped("slow memory accesses", slow),
    aligned(coverageTable(report)),
    aligned([["time in the virtual CPU", "", "about"], ...times]),
    regionLines(report).join("\n"),
  ].join("\n\n")}\n`;
}
