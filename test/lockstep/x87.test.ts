/**
 * Random x87 code in both engines: what regions compute with pairs of float64s, against the interpreter. Page faults in the midst of runs, unmasked exceptions,
 * stack faults, all precisions and directions of rounding, NaNs and denormals are among it.
 *
 * CALQUE_LOCKSTEP_SEED is the first seed, CALQUE_LOCKSTEP_GUESTS their number.
 */
import { expect, it } from "vitest";
import { loadX87Guest } from "../hostile/x87-guest.ts";
import { runTwins, TRANSLATIONS, twins } from "../hostile/twins.ts";

const FIRST = Number(process.env["CALQUE_LOCKSTEP_SEED"] ?? 1), GUESTS = Number(process.env["CALQUE_LOCKSTEP_GUESTS"] ?? 8);
const BUDGET = 40_000, EVERY = 997;

it.each(TRANSLATIONS)(`random x87 guests ${FIRST} to ${FIRST + GUESTS - 1}: %s`, { timeout: 3_600_000 }, (name, options) => {
  let translated = 0, retries = 0;
  for (let seed = FIRST; seed < FIRST + GUESTS; seed++) {
    const pair = twins(options);
    for (const machine of [pair.translated, pair.interpreted]) loadX87Guest(machine, seed);
    const parting = runTwins(pair, BUDGET, EVERY);
    const replay = `CALQUE_LOCKSTEP_SEED=${seed} CALQUE_LOCKSTEP_GUESTS=1 npx vitest run test/lockstep/x87.test.ts`;
    if (parting !== undefined) expect.fail(`seed ${seed} parts between ${parting.equalAt} and ${parting.differentAt}:\n${parting.lines.join("\n")}\nreplay: ${replay}`);
    const stats = pair.translated.vcpu.stats as { readonly translated: number; readonly retries: number };
    translated += stats.translated;
    retries += stats.retries;
  }
  expect(translated).toBeGreaterThan(GUESTS * BUDGET / 10);
  if (name === "regions") expect(retries).toBeGreaterThan(GUESTS);
});
