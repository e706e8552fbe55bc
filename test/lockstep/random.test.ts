/**
 * Random guests in both engines: code that loops, traps, rewrites itself and its tables, and is interrupted, for fixed seeds.
 *
 * CALQUE_LOCKSTEP_SEED is the first seed, CALQUE_LOCKSTEP_GUESTS their number.
 */
import { expect, it } from "vitest";
import type { Vcpu } from "../../runtime/vcpu.ts";
import { loadRandomGuest, recipeFor } from "../hostile/random-guest.ts";
import { runTwins, TRANSLATIONS, twins } from "../hostile/twins.ts";

const FIRST = Number(process.env["CALQUE_LOCKSTEP_SEED"] ?? 1), GUESTS = Number(process.env["CALQUE_LOCKSTEP_GUESTS"] ?? 8);
const BUDGET = 40_000, EVERY = 997;
/** Every third guest forgets the code that it does not use all the time. */
const FORGETFUL = { instructions: 5, regions: 2, share: 0 };

it.each(TRANSLATIONS)(`random guests ${FIRST} to ${FIRST + GUESTS - 1}: %s`, { timeout: 3_600_000 }, (_name, options) => {
  let translated = 0, evictions = 0;
  for (let seed = FIRST; seed < FIRST + GUESTS; seed++) {
    const pair = twins({ ...options, ...seed % 3 === 0 ? { keep: FORGETFUL } : {} });
    for (const machine of [pair.translated, pair.interpreted]) loadRandomGuest(machine, recipeFor(seed));
    const parting = runTwins(pair, BUDGET, EVERY);
    const replay = `CALQUE_LOCKSTEP_SEED=${seed} CALQUE_LOCKSTEP_GUESTS=1 npx vitest run test/lockstep/random.test.ts`;
    if (parting !== undefined) expect.fail(`seed ${seed} parts between ${parting.equalAt} and ${parting.differentAt}:\n${parting.lines.join("\n")}\nreplay: ${replay}`);
    translated += (pair.translated.vcpu.stats as { readonly translated: number }).translated;
    evictions += (pair.translated.vcpu as Vcpu).cache.stats.evictions;
  }
  expect(translated).toBeGreaterThan(GUESTS * BUDGET / 100);
  expect(evictions).toBeGreaterThan(GUESTS);
});
