/**
 * The shell commands of the group "shell" in two checkouts of calque in turn, again and again in two guests that stay: what one machine does slower in one minute
 * than in the next it does slower to both. The first execution, which translates, is told apart from the median of the others.
 *
 *     npx node bench/in-turn.ts --other FOLDER [--rounds 8] [--match fork,awk] [--flags=--node-flag]
 *
 * `--flags` go to the Node of this checkout alone; without `--other` it is compared with itself.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { guestFolder, shell } from "./cases/debian.ts";
import { EngineProcess } from "./engine-process.ts";
import { median } from "./statistics.ts";
import { formatTable } from "./table.ts";

const HERE = join(import.meta.dirname, "..");

const { values } = parseArgs({ options: { other: { type: "string" }, rounds: { type: "string", default: "8" }, match: { type: "string" }, flags: { type: "string" } } });
const { dialogue, expect, timeoutSeconds } = shell.build("session"), wanted = values.match?.split(",");
const steps = dialogue!.filter(({ name }) => wanted === undefined || wanted.some((part) => name.includes(part)));
if (steps.length === 0) {
  console.error("nothing matches");
  process.exit(2);
}

/** A guest as a user runs it; in real time, so that it sleeps at its prompt while the other one works. */
const start = (folder: string, flags: readonly string[]): EngineProcess => new EngineProcess({
  file: process.execPath, args: [...flags, join(folder, "bin/calque.js"), "run", "debian", "--input", "-", "--pace", "real"], environment: { CALQUE_GUESTS: guestFolder },
});
const sessions = [start(values.other ?? HERE, []), start(HERE, values.flags?.split(",") ?? [])] as const;

async function seconds(session: EngineProcess, command: string): Promise<number> {
  const begun = performance.now();
  session.send(`${command}\n`);
  const { time } = await session.waitFor([expect], timeoutSeconds);
  return (time - begun) / 1000;
}

try {
  await Promise.all(sessions.map(async (session) => session.waitFor([expect], timeoutSeconds)));
  const times = new Map(steps.map(({ name }) => [name, [[], []] as readonly [number[], number[]]]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { name, command } of steps) {
      for (const k of round % 2 === 0 ? [0, 1] as const : [1, 0] as const) times.get(name)![k].push(await seconds(sessions[k], command));
    }
  }
  const rows = [...times].map(([name, [other, own]]) => {
    const ratios = own.map((taken, k) => taken / other[k]!), [first, ...rest] = ratios;
    return [name, other[0]!.toFixed(2), own[0]!.toFixed(2), first!.toFixed(2), ...(rest.length === 0 ? ["", "", ""] : [median(other.slice(1)).toFixed(2), median(own.slice(1)).toFixed(2), median(rest).toFixed(2)])];
  });
  console.log(formatTable(["command", "first: other s", "this s", "ratio", "then: other s", "this s", "ratio"], rows));
} finally {
  for (const session of sessions) session.close();
}
