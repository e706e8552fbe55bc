/** A profile as text: a table for people, and what flame-graph tools read. */
import type { FunctionShare, Profile } from "./profile.ts";

/** Rows of the table. */
const MOST_ROWS = 30;

const percent = (part: number, whole: number): string => `${(100 * part / whole).toFixed(2).padStart(6)} %`;

function ringShares(shares: readonly FunctionShare[], samples: number): string {
  const rings = Map.groupBy(shares, ({ ring }) => ring);
  return [...rings.entries()].sort(([a], [b]) => a - b)
    .map(([ring, functions]) => `ring ${ring} ${percent(functions.reduce((sum, { self }) => sum + self, 0), samples).trim()}`).join(", ");
}

/** Self and total share, ring and name of the functions that ran most. */
export function profileTable(profile: Profile): string {
  const count = profile.samples.length, shares = profile.shares(), shown = shares.filter(({ self }) => self > 0);
  if (count === 0) return "  no samples: the guest ended before the first; --interval takes a smaller distance\n";
  const instructions = profile.samples.reduce((sum, { distance }) => sum + distance, 0);
  return [
    `  ${count.toLocaleString("en")} samples of ${instructions.toLocaleString("en")} instructions: ${ringShares(shares, count)}\n\n`,
    "      self     total  ring  function\n",
    ...shown.slice(0, MOST_ROWS).map(({ self, total, ring, name }) => `  ${percent(self, count)}  ${percent(total, count)}     ${ring}  ${name}\n`),
    shown.length > MOST_ROWS ? `  and ${shown.length - MOST_ROWS} more functions\n` : "",
  ].join("");
}

/** A stack a line, outermost first and below its ring, then how many samples it has: "ring 0;main;copy 17". */
export function foldedStacks(profile: Profile): string {
  const { functions, stacks } = profile;
  return profile.stackCounts().map((count, k) => {
    const stack = stacks[k]!, ring = functions[stack[0]!]!.ring;
    return `${[`ring ${ring}`, ...stack.map((index) => functions[index]!.name.replaceAll(";", ":"))].join(";")} ${count}\n`;
  }).toSorted().join("");
}

/**
 * A sampled profile of speedscope's file format (www.speedscope.app/file-format-schema.json), one profile a ring, in the order of the run; a
 * sample weighs the instructions since the one before.
 */
export function speedscope(profile: Profile, name: string, exporter: string): string {
  const { functions, stacks, samples } = profile;
  const rings = [...new Set(functions.map(({ ring }) => ring))].sort((a, b) => a - b);
  const profiles = rings.map((ring) => {
    const own = samples.filter(({ stack }) => functions[stacks[stack]![0]!]!.ring === ring), weights = own.map(({ distance }) => distance);
    return {
      type: "sampled", name: `${name}, ring ${ring}`, unit: "none", startValue: 0, endValue: weights.reduce((sum, weight) => sum + weight, 0),
      samples: own.map(({ stack }) => stacks[stack]!), weights,
    };
  });
  return `${JSON.stringify({
    $schema: "https://www.speedscope.app/file-format-schema.json", name, exporter,
    shared: { frames: functions.map((known) => ({ name: known.name })) }, profiles,
  })}\n`;
}
