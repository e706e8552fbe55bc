/**
 * `calque lockstep`: both engines run the same guest side by side, and their states are compared again and again.
 *
 * After a difference both go back to the last snapshot at which they were equal, run to the interval in which they part,
 * and halve it down to one instruction.
 */
import { performance } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Machine, MachineExit, MachineState } from "../machine.ts";
import { architecturalDifferences, ramDifferences, boardDifferences } from "../state-difference.ts";
import { listing } from "./disaster.ts";
import { formatRegisters } from "../inspect.ts";
import { warn } from "./messages.ts";
import { Progress } from "./progress.ts";
import type { Settings } from "./options.ts";
import { EXIT, describeEnd } from "./outcome.ts";
import { prepare } from "./prepare.ts";
import { SerialOutput, isStdoutClosed } from "./serial.ts";

type Pair = readonly [translated: Machine, interpreted: Machine];
interface Snapshot { readonly state: MachineState; readonly count: number }

/** A snapshot is taken when the last one is older than this many times what one costs. */
const SNAPSHOT_RARITY = 20;

const sameExit = (a: MachineExit, b: MachineExit): boolean => JSON.stringify(a) === JSON.stringify(b);

interface Ended { readonly exits: readonly [MachineExit, MachineExit]; readonly equal: boolean }

/** Runs both to the same instruction count; their exits, and whether they still agree. `equal` says nothing where one was paused. */
function runBoth(pair: Pair, instructions: number, pause = (): boolean => false): Ended {
  const limits = { maxInstructions: instructions, pause }, exits = [pair[0].run(limits), pair[1].run(limits)] as const;
  return { exits, equal: sameExit(...exits) && pair[0].stateHash() === pair[1].stateHash() };
}

function restoreBoth(pair: Pair, snapshot: Snapshot): void {
  for (const machine of pair) machine.restore(snapshot.state);
}

/** The largest step at which both agree, counted from the snapshot; they differ one instruction later. */
function bisect(pair: Pair, snapshot: Snapshot, span: number): number | undefined {
  let equal = 0, different = span;
  restoreBoth(pair, snapshot);
  if (runBoth(pair, different).equal) return undefined;
  while (different - equal > 1) {
    const middle = Math.floor((equal + different) / 2);
    restoreBoth(pair, snapshot);
    if (runBoth(pair, middle).equal) equal = middle;
    else different = middle;
  }
  return equal;
}

/** Narrows from the snapshot to the first interval of `every` instructions that ends in a difference. */
function narrow(pair: Pair, snapshot: Snapshot, until: number, every: number): { readonly from: Snapshot; readonly span: number } | undefined {
  restoreBoth(pair, snapshot);
  let from = snapshot;
  while (from.count < until) {
    const span = Math.min(every, until - from.count);
    if (!runBoth(pair, span).equal) return { from, span };
    from = { state: pair[1].save(), count: pair[1].instructions };
  }
  return undefined;
}

function describeDifference(pair: Pair): string {
  const lines = [...architecturalDifferences(pair[0].cpu, pair[1].cpu), ...boardDifferences(pair[0], pair[1]), ...ramDifferences(pair[0], pair[1])];
  const times = pair[0].time === pair[1].time && pair[0].instructions === pair[1].instructions ? []
    : [`count and time: ${pair[0].instructions}, ${pair[0].time} translated; ${pair[1].instructions}, ${pair[1].time} interpreted`];
  return [...times, ...lines].map((line) => `  ${line}\n`).join("");
}

function reportDifference(pair: Pair, snapshot: Snapshot, lastEqual: number, every: number, exits: readonly [MachineExit, MachineExit]): void {
  const write = (text: string): void => { process.stderr.write(text); };
  const until = Math.max(pair[0].instructions, pair[1].instructions);
  warn(`the engines differ between instruction ${lastEqual} and ${until} (exits: ${exits[0].reason} translated, ${exits[1].reason} interpreted)`);
  write(describeDifference(pair));
  const place = narrow(pair, snapshot, until, every);
  const step = place === undefined ? undefined : bisect(pair, place.from, place.span);
  if (place === undefined || step === undefined) {
    warn("from the snapshot both engines agree: the difference depends on code that was translated before it; a smaller --every narrows it");
    return;
  }
  restoreBoth(pair, place.from);
  if (step > 0) runBoth(pair, step);
  const count = place.from.count + step;
  warn(`the first difference is made by instruction ${count + 1}:`);
  write(listing(pair[1]));
  const before = formatRegisters(pair[1].cpu);
  runBoth(pair, 1);
  write(`before:\n${before}\nafter, translated:\n${formatRegisters(pair[0].cpu)}\nafter, interpreted:\n${formatRegisters(pair[1].cpu)}\ndifferent:\n${describeDifference(pair)}`);
  write(`again: the same command with --max-instructions ${count + 1}\n`);
}

/** Runs the guest in both engines, and returns the exit code. Throws `CalqueError`. */
export async function lockstep(settings: Settings): Promise<number> {
  return runLockstep([prepare(settings, "translate").machine, prepare(settings, "interpret").machine], settings);
}

const checksText = (checks: number): string => `${checks} check${checks === 1 ? "" : "s"}`;

function timedOut(instructions: number, checks: number): number {
  warn(`timeout; equal so far: ${instructions} instructions, ${checksText(checks)}`);
  return EXIT.timeout;
}

/** Runs two machines that were prepared alike. */
export async function runLockstep(pair: Pair, settings: Pick<Settings, "serial" | "every" | "timeout" | "maxInstructions">): Promise<number> {
  const output = new SerialOutput(settings.serial), progress = new Progress("lockstep");
  pair[1].onSerial = output.byte;
  const deadline = performance.now() + (settings.timeout ?? Infinity) * 1000, last = settings.maxInstructions ?? Infinity;
  let snapshot: Snapshot = { state: pair[1].save(), count: 0 };
  let snapshotTime = performance.now(), snapshotCost = 0, checks = 0;
  for (;;) {
    const before = pair[1].instructions;
    const { exits, equal } = runBoth(pair, Math.min(settings.every, last - before), () => performance.now() >= deadline);
    progress.flush(output, pair[0]);
    if (exits.some(({ reason }) => reason === "paused")) {
      progress.erase();
      return timedOut(before, checks);
    }
    checks++;
    const count = pair[1].instructions, expired = performance.now() >= deadline;
    const end = exits[1].reason === "asleep" || exits[1].reason === "budget" && count < last ? undefined : exits[1];
    if (!equal || end !== undefined || expired) progress.erase();
    if (!equal || end !== undefined && pair[0].stateHash(true) !== pair[1].stateHash(true)) {
      pair[1].onSerial = () => {};
      reportDifference(pair, snapshot, before, settings.every, exits);
      return EXIT.failed;
    }
    if (end !== undefined) {
      const sentence = describeEnd(end, pair[1]);
      warn(`equal: ${count} instructions, ${checksText(checks)}, end by ${end.reason}, state ${pair[1].stateHash()}${sentence === "" ? "" : ` (${sentence})`}`);
      return EXIT.ok;
    }
    if (isStdoutClosed()) return EXIT.ok;
    if (expired) return timedOut(count, checks);
    const now = performance.now();
    if (now - snapshotTime > snapshotCost * SNAPSHOT_RARITY) {
      snapshot = { state: pair[1].save(), count };
      snapshotTime = performance.now();
      snapshotCost = Math.max(snapshotTime - now, 10);
    }
    await nextTurn();
  }
}
