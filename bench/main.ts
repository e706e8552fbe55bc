/**
 * `npm run bench`: whole guests under calque and its peers, the engines in turn, round after round, so that
 * a change in the machine's load meets them all alike.
 *
 *     node bench/main.ts [--rounds N] [--only NAME]... [--case NAME]... [--json FILE]
 */
import { renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import type { BootCase } from "./cases/boot-case.ts";
import { CASES, DEFAULT_CASES, KERNEL_CASES } from "./cases/index.ts";
import type { Engine } from "./engines/engine.ts";
import { ENGINES } from "./engines/index.ts";
import { runUntil, type Marks, type RunResult } from "./process-run.ts";
import { median } from "./statistics.ts";
import { formatTable } from "./table.ts";

interface Measured {
  readonly engine: Engine;
  readonly runs: RunResult[];
  failure: string | undefined;
}

const usage = `usage: npm run bench -- [--rounds N] [--only NAME]... [--case NAME]... [--json FILE]
engines: ${ENGINES.map((engine) => engine.name + (engine.onlyOnRequest ? " (slow: only with --only)" : "")).join(", ")}
cases: ${Object.keys(CASES).join(", ")}; kernels: all but whole guests (default: ${DEFAULT_CASES.join(", ")})`;

function fail(message: string): never {
  process.stderr.write(`bench: ${message}\n${usage}\n`);
  process.exit(2);
}

function readOptions(): { rounds: number; only: string[]; cases: string[]; json: string | undefined; help: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: "string", default: "3" }, only: { type: "string", multiple: true, default: [] },
        case: { type: "string", multiple: true, default: [] }, json: { type: "string" }, help: { type: "boolean", default: false },
      },
    });
    return { rounds: Number(values.rounds), only: values.only, cases: values.case, json: values.json, help: values.help };
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

function marksOf(engine: Engine, guest: BootCase): Marks {
  return engine.startsAtOnce === true ? { expect: guest.expect } : guest;
}

/** Throws where another run of the case had another result. */
function checkAgainst(measured: readonly Measured[], result: RunResult): void {
  const other = measured.flatMap(({ runs }) => runs).find((run) => run.checksum !== result.checksum);
  if (other !== undefined) throw new Error(`checksum ${result.checksum}, but ${other.checksum} before`);
}

async function measureRounds(guest: BootCase, engines: readonly Engine[], rounds: number): Promise<Measured[]> {
  const measured: Measured[] = engines.map((engine) => ({ engine, runs: [], failure: undefined }));
  for (let round = 1; round <= rounds; round++) {
    for (const entry of measured) {
      if (entry.failure !== undefined) continue;
      try {
        const result = await runUntil(entry.engine.command(guest), marksOf(entry.engine, guest), guest.timeoutSeconds);
        checkAgainst(measured, result);
        entry.runs.push(result);
        process.stderr.write(`round ${round}/${rounds}  ${entry.engine.name}  ${result.seconds.toFixed(2)} s  ${result.peakMiB.toFixed(0)} MiB\n`);
      } catch (error) {
        entry.failure = error instanceof Error ? error.message : String(error);
        process.stderr.write(`round ${round}/${rounds}  ${entry.engine.name}  failed: ${entry.failure}\n`);
      }
    }
  }
  return measured;
}

/** The first engine that finished is the 1.00 of the ratios: calque where it takes part. */
function report(measured: readonly Measured[]): string {
  const finished = measured.filter((entry) => entry.runs.length > 0);
  const reference = median(finished[0]?.runs.map((run) => run.seconds) ?? []);
  const rows = measured.map(({ engine, runs }) => {
    if (runs.length === 0) return [engine.title, engine.version(), "failed", "", "", "", ""];
    const seconds = runs.map((run) => run.seconds), middle = median(seconds);
    return [
      engine.title, engine.version(), middle.toFixed(2), Math.min(...seconds).toFixed(2), Math.max(...seconds).toFixed(2),
      (middle / reference).toFixed(2), median(runs.map((run) => run.peakMiB)).toFixed(0),
    ];
  });
  return formatTable(["engine", "version", "median s", "min s", "max s", "ratio", "peak MiB"], rows);
}

/** Medians in seconds, a row for each case and a column for each engine. */
function overview(all: ReadonlyMap<string, readonly Measured[]>, engines: readonly Engine[]): string {
  const rows = [...all].map(([name, measured]) => [name, ...engines.map((engine) => {
    const runs = measured.find((entry) => entry.engine === engine)?.runs ?? [];
    return runs.length === 0 ? "-" : median(runs.map((run) => run.seconds)).toFixed(2);
  })]);
  return formatTable(["median s", ...engines.map((engine) => engine.name)], rows);
}

function writeJson(file: string, results: readonly object[]): void {
  writeFileSync(`${file}.partial`, `${JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, results }, null, 2)}\n`);
  renameSync(`${file}.partial`, file);
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) { process.stdout.write(`${usage}\n`); return; }
  if (!Number.isInteger(options.rounds) || options.rounds < 1) fail("--rounds wants a positive integer");
  const engines = chosenEngines(options.only);
  if (engines.length === 0) fail("no engine can run here");
  const results: object[] = [], all = new Map<string, readonly Measured[]>();
  for (const name of (options.cases.length > 0 ? options.cases : DEFAULT_CASES).flatMap((name) => name === "kernels" ? KERNEL_CASES : [name])) {
    const guest = (CASES[name] ?? fail(`no case ${name}`))();
    const measured = await measureRounds(guest, engines.filter((engine) => engine.runs?.(guest) ?? true), options.rounds);
    all.set(name, measured);
    const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Node ${process.version}`;
    process.stdout.write(`\n${guest.title} (${guest.provenance})\n${machine}; ${options.rounds} rounds\n\n${report(measured)}\n`);
    results.push(...measured.map(({ engine, runs, failure }) => ({ case: name, engine: engine.name, version: engine.version(), runs, failure })));
    if (measured.some((entry) => entry.failure !== undefined)) process.exitCode = 1;
  }
  if (all.size > 1) process.stdout.write(`\n${overview(all, engines)}\n`);
  if (options.json !== undefined) writeJson(options.json, results);
}

await main().catch((error: unknown) => { fail(error instanceof Error ? error.message : String(error)); });
