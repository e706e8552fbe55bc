import { describe, expect, test } from "vitest";
import { AC } from "../../../runtime/state.ts";
import { ROWS } from "../../../translator/isa/index.ts";
import type { Engine } from "../../../runtime/vcpu.ts";
import { hexBytes, type Result } from "./case-format.ts";
import { differences } from "./compare.ts";
import { EngineUnderTest } from "./engine.ts";
import { Generator, type Generated } from "./generate.ts";
import { NativeOracle } from "./native.ts";
import { SequenceGenerator } from "./sequences.ts";

const SEED = Number(process.env["CALQUE_ORACLE_SEED"] ?? 1);
/** Runs one case alone, as a failure prints it. */
const ONLY = process.env["CALQUE_ORACLE_CASE"];
const CASES = Number(process.env["CALQUE_ORACLE_CASES"] ?? 40_000);
/** A case costs the translator a translation, a hundred times what it costs the interpreter. */
const TRANSLATED_SHARE = 10;
const BATCH = 10_000, SHOWN = 40, TIMEOUT = 3_600_000;

function openOracle(): NativeOracle | string {
  try {
    return new NativeOracle();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface CaseSource {
  case(index: number): Generated | undefined;
}

/** The same cases with alignment checks on. */
/** RETF with such an immediate: the outer stack pointer is misaligned, and the processor may look at it before it looks at CS. */
const misalignsOuterStack = ({ name, bytes }: Generated): boolean => name.startsWith("ret_far") && (bytes[bytes.indexOf(0xca) + 1]! & 3) !== 0 && bytes.includes(0xca);

const underAlignmentChecks = (source: CaseSource): CaseSource => ({
  case: (index) => {
    const made = source.case(index);
    return made === undefined || misalignsOuterStack(made) ? undefined : { ...made, eflags: made.eflags | AC };
  },
});

interface Outcome {
  readonly ran: number;
  /** Cases that the oracle's answer decides nothing about. */
  readonly leftOut: number;
  readonly covered: ReadonlySet<string>;
  readonly failures: readonly string[];
}

function runOnEngine(engine: EngineUnderTest, made: Generated, native: Result): string[] {
  try {
    const found = differences(made, native, engine.run(made));
    return engine.outsideIsZero(made) ? found : [...found, "memory outside the window was written"];
  } catch (error) {
    return [`the engine failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`];
  }
}

/** Runs cases 0 to `count` - 1 on the oracle and on an engine. */
function compareAll(oracle: NativeOracle, engine: EngineUnderTest, source: CaseSource, count: number, testName: string): Outcome {
  const indices = ONLY === undefined ? Array.from({ length: count }, (_, index) => index) : [Number(ONLY)];
  const covered = new Set<string>(), failures: string[] = [];
  let ran = 0, leftOut = 0;
  for (let from = 0; from < indices.length; from += BATCH) {
    const batch = indices.slice(from, from + BATCH).flatMap((index) => {
      const generated = source.case(index);
      if (generated === undefined) return [];
      const made = oracle.comparable(generated);
      if (made === undefined) leftOut++;
      return made === undefined ? [] : [{ index, made }];
    });
    const results = oracle.run(batch.map(({ made }) => made));
    for (const [position, { index, made }] of batch.entries()) {
      ran++;
      covered.add(made.name);
      let found = runOnEngine(engine, made, results[position]!);
      // The host may have interrupted the processor, and IRET makes any null selector 0: what differs does so twice.
      if (found.length > 0) found = runOnEngine(engine, made, oracle.run([made])[0]!);
      if (found.length === 0) continue;
      failures.push(`${made.name} [${hexBytes(made.bytes)}]: ${found.join("; ")}\n`
        + `    replay: CALQUE_ORACLE_SEED=${SEED} CALQUE_ORACLE_CASE=${index} npx vitest run test/oracle/integer -t "${testName}"`);
    }
  }
  return { ran, leftOut, covered, failures };
}

function report(title: string, oracle: NativeOracle, { ran, leftOut, failures }: Outcome): void {
  for (const line of failures.slice(0, SHOWN)) process.stderr.write(`${line}\n`);
  const without = leftOut === 0 ? "" : ` (${leftOut} left out)`;
  process.stderr.write(`integer oracle, ${title}, against ${oracle.title}: ${ran} cases${without}, ${failures.length} differ\n`);
}

function reportCoverage(generator: Generator, covered: ReadonlySet<string>): void {
  const say = (what: string, names: readonly string[]): void => { process.stderr.write(`${what}: ${names.length === 0 ? "none" : names.join("; ")}\n`); };
  const rows = new Set(generator.templates.map((template) => template.sample.row));
  const untouched = ROWS.filter((row) => !rows.has(row) && !generator.excludedRows.has(row) && !row.mnemonic.startsWith("f"));
  say("rows of the table without a form", untouched.map((row) => `${row.mnemonic} ${row.codes.join(",")}`.trim()));
  say("forms without a case", generator.templates.map((template) => template.name).filter((name) => !covered.has(name)));
  for (const [reason, forms] of Map.groupBy(generator.excluded, ([, why]) => why)) process.stderr.write(`${forms.length} forms left out: ${reason}\n`);
}

const oracle = openOracle();

describe("integer instructions against the processor", () => {
  if (typeof oracle === "string") {
    test("the native oracle runs", ({ skip }) => {
      if (process.env["CI"] === "true") throw new Error(oracle);
      process.stderr.write(`native integer oracle skipped: ${oracle}\n`);
      skip();
    });
    return;
  }

  test.each<[string, Engine | "baseline", number]>([
    ["single instructions, interpreted", "interpret", CASES],
    ["single instructions, translated", "translate", Math.ceil(CASES / TRANSLATED_SHARE)],
    ["single instructions, baseline code", "baseline", Math.ceil(CASES / TRANSLATED_SHARE)],
  ])("%s", { timeout: TIMEOUT }, (title, kind, count) => {
    const generator = new Generator(SEED, oracle.lowPage), engine = new EngineUnderTest(kind);
    const outcome = compareAll(oracle, engine, generator, count, title);
    report(title, oracle, outcome);
    if (kind === "interpret" && ONLY === undefined) reportCoverage(generator, outcome.covered);
    expect(outcome.failures).toHaveLength(0);
    expect(outcome.ran).toBeGreaterThan(0);
    if (kind === "translate" && ONLY === undefined) expect(engine.vcpu.regionStats.made).toBeGreaterThan(outcome.ran / 2);
    if (kind === "baseline" && ONLY === undefined) expect(engine.vcpu.regionStats.baseline.made).toBeGreaterThan(outcome.ran / 2);
  });

  if (!oracle.checksAlignment) process.stderr.write(`integer oracle, alignment checks skipped: ${oracle.title} raises no #AC\n`);
  test.skipIf(!oracle.checksAlignment).each<[string, Engine | "baseline", number]>([
    ["alignment checks, interpreted", "interpret", Math.ceil(CASES / 16)],
    ["alignment checks, translated", "translate", Math.ceil(CASES / (2 * TRANSLATED_SHARE))],
  ])("%s", { timeout: TIMEOUT }, (title, kind, count) => {
    const outcome = compareAll(oracle, new EngineUnderTest(kind), underAlignmentChecks(new Generator(SEED, oracle.lowPage)), count, title);
    report(title, oracle, outcome);
    expect(outcome.failures).toHaveLength(0);
    expect(outcome.ran).toBeGreaterThan(0);
  });

  test.each<[string, Engine | "baseline", number]>([
    ["sequences, interpreted", "interpret", Math.ceil(CASES / 8)],
    ["sequences, translated", "translate", Math.ceil(CASES / TRANSLATED_SHARE)],
    ["sequences, baseline code", "baseline", Math.ceil(CASES / TRANSLATED_SHARE)],
  ])("%s", { timeout: TIMEOUT }, (title, kind, count) => {
    const engine = new EngineUnderTest(kind);
    const outcome = compareAll(oracle, engine, new SequenceGenerator(SEED), count, title);
    report(title, oracle, outcome);
    expect(outcome.failures).toHaveLength(0);
    expect(outcome.ran).toBeGreaterThan(0);
    if (kind === "translate" && ONLY === undefined) expect(engine.vcpu.regionStats.made).toBeGreaterThan(outcome.ran / 2);
    if (kind === "baseline" && ONLY === undefined) expect(engine.vcpu.regionStats.baseline.made).toBeGreaterThan(outcome.ran / 2);
  });
});
