/** `calque compare`: the same guest in both engines, one after the other. */
import { performance } from "node:perf_hooks";
import { writeWhole } from "./files.ts";
import { warn } from "./messages.ts";
import type { Engine, Settings } from "./options.ts";
import { EXIT, exitCode } from "./outcome.ts";
import { prepare } from "./prepare.ts";
import { ClassSampler } from "./class-sampler.ts";
import { Progress } from "./progress.ts";
import { report, statistics } from "./run.ts";
import { SerialOutput, isStdoutClosed } from "./serial.ts";
import { runSession, type SessionEnd } from "./session.ts";

interface Measured {
  readonly engine: Engine;
  readonly end: SessionEnd;
  readonly code: number;
  readonly seconds: number;
  readonly instructions: number;
  readonly hash: string;
  /** Of executed instructions, by class; undefined where it was not looked at. */
  readonly shares: string | undefined;
  readonly output: string;
  readonly outputBytes: number;
  readonly stats: object;
  readonly figures: object;
}

async function measure(settings: Settings, engine: Engine, live: boolean): Promise<Measured> {
  const { machine, replay } = prepare(settings, engine);
  const output = new SerialOutput(live ? settings.serial : { kind: "none" });
  machine.onSerial = output.byte;
  const progress = new Progress(engine);
  const sampler = live ? undefined : new ClassSampler(machine);
  const started = performance.now();
  const end = await runSession(machine, {
    pace: "none", input: undefined, timeout: settings.timeout, maxInstructions: settings.maxInstructions, endTime: replay?.end,
    flush: () => progress.flush(output, machine), interrupted: () => live && isStdoutClosed(),
    ...(sampler === undefined ? {} : { sliceLimit: sampler.next }),
  });
  const seconds = (performance.now() - started) / 1000;
  progress.erase();
  output.close();
  if (live) report(end, machine);
  return {
    engine, end, code: exitCode(end, machine, false), seconds, instructions: machine.instructions, hash: machine.stateHash(true),
    shares: sampler?.shares(), output: output.digest(), outputBytes: output.total, stats: machine.vcpu.stats, figures: statistics(settings, machine, { end, seconds }),
  };
}

/** "90.1 % translated code", where the virtual CPU counts it. */
function translatedShare({ stats, instructions }: Measured): string | undefined {
  const translated = "translated" in stats ? Number(stats.translated) : NaN;
  return Number.isNaN(translated) ? undefined : `${(translated / instructions * 100).toFixed(1)} % of the instructions ran as translated code`;
}

function summary(a: Measured, b: Measured): string {
  const grouped = (value: number): string => value.toLocaleString("en");
  const row = (cells: readonly string[]): string => `  ${cells[0]!.padEnd(10)}${cells.slice(1).map((cell) => cell.padStart(16)).join("")}\n`;
  const line = (m: Measured): string => row([m.engine, grouped(m.instructions), m.seconds.toFixed(3), (m.instructions / m.seconds / 1e6).toFixed(1), m.end.reason]);
  const translated = translatedShare(a);
  return [
    "\n", row(["engine", "instructions", "seconds", "MIPS", "end"]), line(a), line(b), "\n",
    translated === undefined ? "" : `  ${translated}\n`,
    `  executed by class: ${b.shares ?? ""} (sampled)\n`,
    `  translation runs ${(b.seconds / a.seconds).toFixed(2)} times as fast as interpretation\n`,
    `  final state: ${a.hash === b.hash ? `equal (${a.hash})` : `DIFFERENT (${a.hash} translated, ${b.hash} interpreted)`}\n`,
    `  serial output: ${a.output === b.output ? `equal (${a.outputBytes} bytes)` : "DIFFERENT"}\n`,
  ].join("");
}

/** Runs the guest twice, prints the comparison, and returns the exit code. Throws `CalqueError`. */
export async function compare(settings: Settings): Promise<number> {
  const translated = await measure(settings, "translate", true);
  if (isStdoutClosed()) return EXIT.ok;
  if (translated.end.reason === "timeout") return translated.code;
  const interpreted = await measure(settings, "interpret", false);
  process.stderr.write(summary(translated, interpreted));
  if (settings.stats !== undefined) writeWhole(settings.stats, `${JSON.stringify({ translate: translated.figures, interpret: interpreted.figures }, null, 2)}\n`);
  if (interpreted.end.reason === "timeout") {
    warn("timeout while interpreting");
    return interpreted.code;
  }
  const equal = translated.hash === interpreted.hash && translated.output === interpreted.output && translated.instructions === interpreted.instructions;
  return equal ? translated.code : EXIT.failed;
}

