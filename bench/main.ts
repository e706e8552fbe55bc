/**
 * `npm run bench`: the same guests under calque and its peers, the engines in turn, round after round, so that
 * a change in the machine's load meets them all alike. The exit code is 1 where a run failed or calque reached another checksum.
 *
 *     node bench/main.ts [--group NAME]... [--match TEXT]... [--only ENGINE]... [--rounds N] [--json FILE]
 */
import { renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import type { Group, GuestCase } from "./cases/guest-case.ts";
import { DEFAULT_GROUPS, GROUPS } from "./cases/index.ts";
import type { Engine } from "./engines/engine.ts";
import { ENGINES } from "./engines/index.ts";
import { runCase, type Reading } from "./measure.ts";
import { differing, groupTable, lapTable, slowestTable, type Row } from "./report.ts";

const usage = `usage: npm run bench -- [--group NAME]... [--match TEXT]... [--only ENGINE]... [--rounds N] [--json FILE]
engines: ${ENGINES.map((engine) => engine.name + (engine.onlyOnRequest ? " (slow: only with --only)" : "")).join(", ")}
groups: ${GROUPS.map((group) => group.name).join(", ")} (default: ${DEFAULT_GROUPS.map((group) => group.name).join(", ")})`;

interface Options {
  readonly rounds: number;
  readonly only: readonly string[];
  readonly groups: readonly string[];
  readonly match: readonly string[];
  readonly json: string | undefined;
  readonly help: boolean;
}

function fail(message: string): never {
  process.stderr.write(`bench: ${message}\n${usage}\n`);
  process.exit(2);
}

function readOptions(): Options {
  try {
    const several = { type: "string", multiple: true, default: [] as string[] } as const;
    const { values } = parseArgs({ options: {
      rounds: { type: "string", default: "3" }, only: several, group: several, match: several, json: { type: "string" }, help: { type: "boolean", default: false },
    } });
    return { rounds: Number(values.rounds), only: values.only, groups: values.group, match: values.match, json: values.json, help: values.help };
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

function chosenEngines(only: readonly string[]): Engine[] {
  const unknown = only.find((name) => !ENGINES.some((engine) => engine.name === name));
  if (unknown !== undefined) fail(`no engine ${unknown}`);
  const wanted = ENGINES.filter((engine) => only.length === 0 ? engine.onlyOnRequest !== true : only.includes(engine.name));
  return wanted.filter((engine) => {
    const reason = engine.missing();
    if (reason !== undefined) process.stderr.write(`${engine.name}: left out: ${reason}\n`);
    return reason === undefined;
  });
}

function chosenGroups(names: readonly string[]): readonly Group[] {
  if (names.length === 0) return DEFAULT_GROUPS;
  return names.map((name) => GROUPS.find((group) => group.name === name) ?? fail(`no group ${name}`));
}

async function measureCase(guest: GuestCase, engines: readonly Engine[], rounds: number): Promise<Row[]> {
  const readings = new Map<Engine, Reading[]>(engines.map((engine) => [engine, []])), failed = new Map<Engine, string>();
  for (let round = 1; round <= rounds; round++) {
    for (const engine of engines.filter((each) => !failed.has(each) && (each.runs?.(guest) ?? true))) {
      try {
        const run = await runCase(engine, guest);
        readings.get(engine)!.push(...run);
        process.stderr.write(`${round}/${rounds}  ${engine.name}  ${run.map(({ row, seconds }) => `${row} ${seconds.toFixed(2)} s`).join("  ")}\n`);
      } catch (error) {
        failed.set(engine, `${engine.name}: ${error instanceof Error ? error.message : String(error)}`);
        process.stderr.write(`${round}/${rounds}  ${guest.name}  failed: ${failed.get(engine)}\n`);
      }
    }
  }
  const names = [guest.name, ...guest.dialogue?.map((step) => step.name) ?? []];
  return names.map((name) => ({
    name, guest, failures: [...failed.values()],
    cells: engines.map((engine) => ({ engine, readings: readings.get(engine)!.filter((reading) => reading.row === name) })),
  }));
}

async function measureGroup(group: Group, engines: readonly Engine[], options: Options): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of group.names) {
    if (options.match.length > 0 && !options.match.some((text) => name.includes(text))) continue;
    rows.push(...await measureCase(group.build(name), engines, options.rounds));
  }
  return rows;
}

function writeJson(file: string, results: readonly object[]): void {
  writeFileSync(`${file}.partial`, `${JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, results }, null, 2)}\n`);
  renameSync(`${file}.partial`, file);
}

function jsonOf(group: Group, row: Row): object {
  return {
    group: group.name, row: row.name, operations: row.guest.operations, failures: row.failures, differing: differing(row),
    engines: row.cells.map(({ engine, readings }) => ({ engine: engine.name, version: engine.version(), readings })),
  };
}

function judge(rows: readonly Row[]): void {
  const wrong = rows.some((row) => row.failures.length > 0 || differing(row).some((name) => name === "translate" || name === "interpret"));
  if (wrong) process.exitCode = 1;
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) { process.stdout.write(`${usage}\n`); return; }
  if (!Number.isInteger(options.rounds) || options.rounds < 1) fail("--rounds wants a positive integer");
  const engines = chosenEngines(options.only), groups = chosenGroups(options.groups);
  if (engines.length === 0) fail("no engine can run here");
  const versions = engines.map((engine) => `${engine.title} ${engine.version()}`.trim()).join(", ");
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Node ${process.version}; ${options.rounds === 1 ? "one round" : `medians of ${options.rounds} rounds`}`;
  const results: object[] = [], all: Row[] = [];
  for (const group of groups) {
    const rows = await measureGroup(group, engines, options);
    if (rows.length === 0) continue;
    const tables = [groupTable(group, rows, engines), lapTable(rows)].filter((table) => table !== undefined);
    process.stdout.write(`\n${group.title} (${group.provenance()})\n${versions}\n${machine}\n\n${tables.join("\n\n")}\n`);
    all.push(...rows);
    results.push(...rows.map((row) => jsonOf(group, row)));
    if (options.json !== undefined) writeJson(options.json, results);
    judge(rows);
  }
  if (all.length === 0) fail("nothing matches");
  const slowest = slowestTable(all, 12);
  if (slowest !== undefined && all.length > 1) process.stdout.write(`\n${slowest}\n`);
}

await main().catch((error: unknown) => { fail(error instanceof Error ? error.message : String(error)); });
