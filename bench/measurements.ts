/**
 * Measures the guests of docs/measurements.md and prints its tables.
 *
 *     npx node bench/measurements.ts [--guest NAME]... [--reports FOLDER] [--keep] [--compare [--runs N]]
 *
 * Reports go to FOLDER/NAME (report/measurements where it is not given); `--keep` takes those that are there. With `--compare` both engines run instead,
 * for the last table.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Report } from "../src/measure/report.ts";
import { compareTable, coverageTable, distinctTable, executedTable, sensitiveShare, slowPathTable } from "./measurement-tables.ts";

const AT_PROMPT = ["debian", "--after", "~ # "];

/** The guests by their names in the document, as arguments of `calque measure` and `calque compare`. */
export const GUESTS: Readonly<Record<string, readonly string[]>> = {
  demo: ["demo"],
  boot: ["debian", "--expect", "~ # "],
  "shell loop": [...AT_PROMPT, "--send", 'for i in $(seq 20000); do j=$((i*3)); done; echo su"m"\\n', "--expect", "sum"],
  "fork and exec": [...AT_PROMPT, "--send", 'for i in $(seq 300); do /bin/true; done; echo for"ks"\\n', "--expect", "forks"],
  compute: [...AT_PROMPT, "--send", "seq 300000 | sha256sum\\n", "--expect", "  -"],
};

const LAUNCHER = join(import.meta.dirname, "../bin/calque.js");

function calque(args: readonly string[]): void {
  process.stderr.write(`calque ${args.join(" ")}\n`);
  const { status } = spawnSync(process.execPath, [LAUNCHER, ...args, "--serial", "none"], { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error(`calque ${args.join(" ")} ended with code ${status}`);
}

const folderOf = (name: string): string => name.replaceAll(" ", "-");
const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

interface Options {
  readonly names: readonly string[];
  readonly reports: string;
  readonly keep: boolean;
  readonly runs: string;
}

function measureAll({ names, reports, keep }: Options): string {
  const measured = new Map(names.map((name) => {
    const folder = join(reports, folderOf(name));
    if (!keep) calque(["measure", ...GUESTS[name]!, "--out", folder]);
    return [name, read(join(folder, "report.json")) as Report];
  }));
  const shares = [...measured].map(([name, report]) => `${sensitiveShare(report).toFixed(2)} % (${name})`), boot = measured.get("boot");
  return [
    "## Executed instructions by class", executedTable(measured), "## Distinct instructions by class", distinctTable(measured),
    "## Beside VMware's translator", `Sensitive instructions: ${shares.join(", ")}\n`, "## Calls of the monitor and other slow paths", slowPathTable(measured),
    ...(boot === undefined ? [] : ["## How little code it is", coverageTable(boot)]),
  ].join("\n");
}

function compareAll({ names, reports, runs }: Options): string {
  mkdirSync(reports, { recursive: true });
  return `## Interpreter against translator\n${compareTable(names.map((guest) => {
    const path = join(reports, `${folderOf(guest)}-compare.json`);
    calque(["compare", ...GUESTS[guest]!, "--runs", runs, "--stats", path]);
    const { translate, interpret } = read(path) as Record<"translate" | "interpret", { readonly seconds: number }>;
    return { guest, translated: translate.seconds, interpreted: interpret.seconds };
  }))}`;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: {
    guest: { type: "string", multiple: true, default: Object.keys(GUESTS) }, reports: { type: "string", default: "report/measurements" },
    keep: { type: "boolean", default: false }, compare: { type: "boolean", default: false }, runs: { type: "string", default: "3" },
  } });
  const unknown = values.guest.find((name) => !Object.hasOwn(GUESTS, name));
  if (unknown !== undefined) throw new Error(`no guest ${JSON.stringify(unknown)}; there are ${Object.keys(GUESTS).join(", ")}`);
  const options = { names: values.guest, reports: values.reports, keep: values.keep, runs: values.runs };
  process.stdout.write(values.compare ? compareAll(options) : measureAll(options));
}
