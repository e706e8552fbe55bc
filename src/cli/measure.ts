/** `calque measure`: runs a guest while everything is counted, prints the main tables, writes report.json and report.html. */
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Measurement } from "../../runtime/measure/measurement.ts";
import { makeReport } from "../measure/report.ts";
import { summary } from "../measure/summary.ts";
import { Timeline } from "../measure/timeline.ts";
import { makeFolder, writeWhole } from "./files.ts";
import { guestVersion } from "./guests.ts";
import type { Settings } from "./options.ts";
import { exitCode } from "./outcome.ts";
import { version } from "./package-root.ts";
import { prepare } from "./prepare.ts";
import { Progress } from "./progress.ts";
import { RegionSampler } from "./region-sampler.ts";
import { reportPage } from "./report-page.ts";
import { report as reportEnd } from "./run.ts";
import { isStdoutClosed, SerialOutput } from "./serial.ts";
import { runSession } from "./session.ts";
import { startAt, stateAfter } from "./start-point.ts";

const clock = (): number => performance.now();

/** Runs and measures the guest that the settings name, and returns the exit code. Throws `CalqueError`. */
export async function measure(settings: Settings): Promise<number> {
  makeFolder(settings.out); // before the run, so that one that cannot be made is told at once
  const measurement = new Measurement(clock), from = settings.startAfter === undefined ? undefined : stateAfter(settings, settings.startAfter);
  const { machine, replay } = prepare(settings, settings.engine, undefined, { measurement, sampled: true });
  if (from !== undefined) startAt(machine, from);
  const output = new SerialOutput(settings.serial);
  machine.onSerial = output.byte;
  const progress = new Progress("measure"), sampler = new RegionSampler(), timeline = new Timeline(machine, measurement, clock);
  const end = await runSession(machine, {
    pace: "none", input: undefined, timeout: settings.timeout, maxInstructions: settings.maxInstructions, endTime: replay?.end,
    flush: () => progress.flush(output, machine), interrupted: isStdoutClosed, sliceLimit: timeline.next,
  });
  const { seconds } = timeline, samples = sampler.stop();
  progress.erase();
  output.close();
  reportEnd(end, machine);
  const report = makeReport(machine, measurement, timeline, {
    calque: version(), guest: settings.kernel ?? settings.operands[0] ?? "demo", guestVersion: guestVersion(settings.operands[0]) ?? null,
    host: `Node ${process.version}`, after: settings.startAfter ?? null, end: end.reason, seconds,
  }, samples);
  writeWhole(join(settings.out, "report.json"), `${JSON.stringify(report, null, 1)}\n`);
  writeWhole(join(settings.out, "report.html"), reportPage(report));
  process.stderr.write(`\n${summary(report)}\n  the whole of it: ${join(settings.out, "report.html")} and ${join(settings.out, "report.json")}\n`);
  return exitCode(end, machine, false);
}
