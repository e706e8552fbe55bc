/** The tables of docs/measurements.md can be made anew by a command of the repository. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { GUESTS } from "../../bench/measurements.ts";
import { compareTable, coverageTable, distinctTable, executedTable, sensitiveShare, slowPathTable } from "../../bench/measurement-tables.ts";
import { DEMO, measured } from "../measure/measured.ts";

const document = readFileSync(join(import.meta.dirname, "../../docs/measurements.md"), "utf8");

const { report } = measured(DEMO, { maxInstructions: 3_000_000 });

/** First cells of the rows. */
const titles = (text: string): string[] => text.trim().split("\n").map((line) => line.split("|")[1]!.trim());
const rowsUnder = (heading: string): string => document.split(`## ${heading}\n`)[1]!.split("\n## ")[0]!.split("\n").filter((line) => line.startsWith("|")).join("\n");

it("measures the guests that the document names, by its commands", () => {
  const commands = [...document.matchAll(/^\| ([\w ]+) \| `npx calque measure (.*)` \|$/gm)].map(([, name, args]) => [name, args!.replaceAll("\\|", "|")]);
  const quoted = (word: string): string => (/[ $|]/.test(word) ? `'${word}'` : word);
  expect(commands).toEqual(Object.entries(GUESTS).map(([name, args]) => [name, args.map(quoted).join(" ")]));
});

it("prints the document's tables", () => {
  const reports = new Map([["demo", report], ["boot", report]]);
  const tables = { "Executed instructions by class": executedTable(reports), "Distinct instructions by class": distinctTable(reports), "Calls of the monitor and other slow paths": slowPathTable(reports), "How little code it is": coverageTable(report) };
  for (const [heading, text] of Object.entries(tables)) expect(titles(text), heading).toEqual(titles(rowsUnder(heading)));
  const compared = compareTable(Object.keys(GUESTS).map((guest) => ({ guest, translated: 2, interpreted: 5 })));
  expect(titles(compared)).toEqual(titles(rowsUnder("Interpreter against translator")));
  expect(compared).toContain("| boot | 2.0 | 5.0 | 2.50 |");
});

it("takes its figures from the report", () => {
  const text = executedTable(new Map([["demo", report]]));
  const rows = new Map(text.trim().split("\n").slice(2).map((line) => line.split("|").slice(1, 3).map((cell) => cell.trim()) as [string, string]));
  expect(rows.get("instructions")).toBe("3,000,000");
  const shares = [...rows].filter(([title]) => /^(translated|interpreted): /.test(title)).map(([, share]) => Number(share));
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 6);
  const { inline, callout } = report.classes.interpreted, { translated } = report.classes;
  expect(sensitiveShare(report)).toBeCloseTo((inline + callout + translated.inline + translated.callout) / 3e4, 1);
});
