import { afterAll, describe, expect, test } from "vitest";
import { ROWS } from "../../../translator/isa/index.ts";
import type { Engine } from "../../../runtime/vcpu.ts";
import { hexBytes } from "./case-format.ts";
import { differences } from "./compare.ts";
import { EngineUnderTest } from "./engine.ts";
import { Generator, type Generated } from "./generate.ts";
import { NativeOracle } from "./native.ts";

const CASES = Number(process.env["CALQUE_ORACLE_CASES"] ?? 200_000);
const SEED = Number(process.env["CALQUE_ORACLE_SEED"] ?? 1);
const ONLY = process.env["CALQUE_ORACLE_CASE"];
const BATCH = 10_000, SHOWN = 40;

function openOracle(): NativeOracle | string {
  try {
    return new NativeOracle();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface Numbered {
  readonly index: number;
  readonly made: Generated;
}

/** The cases of a run, in batches; a replayed one alone. */
function* batches(generator: Generator): globalThis.Generator<Numbered[]> {
  const all = ONLY === undefined ? Array.from({ length: CASES }, (_, index) => index) : [Number(ONLY)];
  for (let from = 0; from < all.length; from += BATCH) {
    yield all.slice(from, from + BATCH).flatMap((index) => {
      const made = generator.case(index);
      return made === undefined ? [] : [{ index, made }];
    });
  }
}

function describeFailure({ index, made }: Numbered, found: readonly string[]): string {
  return `${made.template.name} [${hexBytes(made.bytes)}]: ${found.join("; ")}\n    replay: CALQUE_ORACLE_SEED=${SEED} CALQUE_ORACLE_CASE=${index} npx vitest run test/oracle/integer`;
}

function runOnEngine(engine: EngineUnderTest, { made }: Numbered, native: Parameters<typeof differences>[1]): string[] {
  try {
    const found = differences(made, native, engine.run(made));
    return engine.outsideIsZero(made) ? found : [...found, "memory outside the window was written"];
  } catch (error) {
    return [`the engine failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`];
  }
}

const oracle = openOracle();

describe("integer instructions against this machine's processor", () => {
  if (typeof oracle === "string") {
    test("the native oracle runs", ({ skip }) => {
      if (process.env["CI"] === "true") throw new Error(oracle);
      process.stderr.write(`native integer oracle skipped: ${oracle}\n`);
      skip();
    });
    return;
  }

  const generator = new Generator(SEED, oracle.lowPage);
  const covered = new Set<string>();

  test.each<Engine>(["interpret", "translate"])("%s agrees with the processor", { timeout: 600_000 }, (kind) => {
    const engine = new EngineUnderTest(kind), failures: string[] = [];
    let ran = 0;
    for (const batch of batches(generator)) {
      const results = oracle.run(batch.map(({ made }) => made));
      for (const [position, numbered] of batch.entries()) {
        ran++;
        covered.add(numbered.made.template.name);
        const found = runOnEngine(engine, numbered, results[position]!);
        if (found.length > 0) failures.push(describeFailure(numbered, found));
      }
    }
    for (const line of failures.slice(0, SHOWN)) process.stderr.write(`${line}\n`);
    process.stderr.write(`${kind}: ${ran} cases of ${generator.templates.length} forms, ${failures.length} differ\n`);
    expect(failures).toHaveLength(0);
    expect(ran).toBeGreaterThan(0);
  });

  afterAll(() => {
    if (ONLY !== undefined) return;
    const missed = generator.templates.filter((template) => !covered.has(template.name)).map((template) => template.name);
    const rows = new Set(generator.templates.map((template) => template.sample.row));
    const untouched = ROWS.filter((row) => !rows.has(row) && !generator.excludedRows.has(row)).map((row) => `${row.mnemonic} ${row.codes.join(",")}`.trim());
    process.stderr.write(`rows of the table without a form: ${untouched.length === 0 ? "none" : untouched.join("; ")}\n`);
    process.stderr.write(`forms without a case: ${missed.length === 0 ? "none" : missed.join(", ")}\n`);
    const reasons = Map.groupBy(generator.excluded, ([, reason]) => reason);
    for (const [reason, forms] of reasons) process.stderr.write(`${forms.length} forms left out: ${reason}\n`);
  });
});
