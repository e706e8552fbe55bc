/** `calque profile`: samples a guest's call stacks while it runs, and says which functions it spends its instructions in. */
import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { performance } from "node:perf_hooks";
import { EventTrace, RegionWatch } from "../profile/event-trace.ts";
import { foldedStacks, profileTable, speedscope } from "../profile/formats.ts";
import { Profile } from "../profile/profile.ts";
import { StackSampler } from "../profile/sampler.ts";
import { makeFolder, writeWhole } from "./files.ts";
import { bootOptions } from "./guests.ts";
import type { Settings } from "./options.ts";
import { exitCode } from "./outcome.ts";
import { version } from "./package-root.ts";
import { prepareWith } from "./prepare.ts";
import { Progress } from "./progress.ts";
import { report } from "./run.ts";
import { isStdoutClosed, SerialOutput } from "./serial.ts";
import { runSession } from "./session.ts";
import { startAt, stateAfter } from "./start-point.ts";
import { symbolsFor } from "./symbols.ts";
import { TextOutput } from "./text-output.ts";

type Format = Settings["profile"]["format"];

const FILES: Readonly<Record<Format, string>> = { text: "profile.txt", folded: "profile.folded", speedscope: "profile.speedscope.json" };
const FORMATS = Object.keys(FILES) as Format[];

const isFolder = (path: string): boolean => path.endsWith("/") || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Before the run, so that a place that cannot be written is told at once: a folder takes every format. Throws `CalqueError`. */
function openOutputs({ out, format }: Settings["profile"]): ReadonlyArray<{ readonly format: Format; readonly write: (text: string) => void }> {
  if (out === undefined && format === "text") return [];
  if (out === undefined || !isFolder(out)) {
    const output = new TextOutput(out ?? "-");
    return [{ format, write: (text) => { output.write(text); output.close(); } }];
  }
  makeFolder(out);
  return FORMATS.map((each) => ({ format: each, write: (text) => writeWhole(join(out, FILES[each]), text) }));
}

/** Runs and samples the guest that the settings name, and returns the exit code. Throws `CalqueError`. */
export async function profile(settings: Settings): Promise<number> {
  const options = bootOptions(settings), symbols = symbolsFor(settings, options.kernel), samples = new Profile(symbols);
  const from = settings.startAfter === undefined ? undefined : stateAfter(settings, settings.startAfter);
  const watch = settings.profile.events === undefined ? undefined : new RegionWatch(() => performance.now());
  const { machine, replay } = prepareWith(settings, settings.engine, options, undefined, watch === undefined ? {} : { measurement: watch });
  if (from !== undefined) startAt(machine, from);
  const outputs = openOutputs(settings.profile), eventFile = settings.profile.events === undefined ? undefined : new TextOutput(settings.profile.events);
  const serial = new SerialOutput(settings.serial), progress = new Progress("profile"), sampler = new StackSampler(machine, samples, settings.profile.interval);
  machine.onSerial = serial.byte;
  const events = eventFile === undefined || watch === undefined ? undefined : new EventTrace(machine, watch, symbols, eventFile.write);
  const end = await runSession(machine, {
    pace: "none", input: undefined, timeout: settings.timeout, maxInstructions: settings.maxInstructions, endTime: replay?.end,
    run: (limits) => sampler.run(limits), flush: () => progress.flush(serial, machine), interrupted: isStdoutClosed,
  });
  progress.erase();
  serial.close();
  events?.close();
  eventFile?.close();
  report(end, machine);
  const table = profileTable(samples), name = basename(options.kernel.name);
  const texts: Readonly<Record<Format, () => string>> = { text: () => table, folded: () => foldedStacks(samples), speedscope: () => speedscope(samples, name, `calque ${version()}`) };
  for (const { format, write } of outputs) write(texts[format]());
  process.stderr.write(`\n${table}`);
  return exitCode(end, machine, false);
}
