/** `calque compare`: the same guest in both engines, one after the other; on request in single blocks and under other machines too. */
import { performance } from "node:perf_hooks";
import { CalqueError } from "../error.ts";
import { recognize } from "../loaders/recognize.ts";
import type { MachineState } from "../machine.ts";
import { ClassSampler } from "./class-sampler.ts";
import { writeWhole } from "./files.ts";
import { bootOptions } from "./guests.ts";
import { warn } from "./messages.ts";
import type { Engine, Settings } from "./options.ts";
import { EXIT, exitCode } from "./outcome.ts";
import type { PeerGuest } from "./peers/peer.ts";
import { qemu } from "./peers/qemu.ts";
import { runPeer } from "./peers/run-peer.ts";
import { v86 } from "./peers/v86.ts";
import { prepare } from "./prepare.ts";
import { Progress } from "./progress.ts";
import { report, statistics } from "./run.ts";
import { SerialOutput, isStdoutClosed } from "./serial.ts";
import { runSession, type SessionEnd } from "./session.ts";
import { startAt, stateAfter } from "./start-point.ts";

/** A way to run the guest. */
interface Variant {
  readonly name: string;
  readonly engine: Engine;
  readonly singleBlocks: boolean;
}

const TRANSLATE: Variant = { name: "translate", engine: "translate", singleBlocks: false };
const INTERPRET: Variant = { name: "interpret", engine: "interpret", singleBlocks: false };
const BLOCKS: Variant = { name: "no regions", engine: "translate", singleBlocks: true };

interface Measured {
  readonly variant: Variant;
  readonly end: SessionEnd;
  readonly code: number;
  readonly seconds: number;
  /** While measured. */
  readonly instructions: number;
  readonly hash: string;
  /** Of executed instructions, by class; undefined where it was not looked at. */
  readonly shares: string | undefined;
  readonly output: string;
  readonly outputBytes: number;
  readonly translated: number;
  readonly figures: object;
}

/** How a run is looked at: the first one's output is shown, one interpreted one's classes are sampled. */
interface View { readonly live: boolean; readonly sampled: boolean }

async function measure(settings: Settings, variant: Variant, from: MachineState | undefined, { live, sampled }: View): Promise<Measured> {
  const { machine, replay } = prepare(settings, variant.engine, undefined, { singleBlocks: variant.singleBlocks });
  if (from !== undefined) startAt(machine, from);
  const output = new SerialOutput(live ? settings.serial : { kind: "none" }), first = machine.instructions;
  machine.onSerial = output.byte;
  const progress = new Progress(variant.name);
  const sampler = sampled ? new ClassSampler(machine) : undefined;
  const started = performance.now();
  const end = await runSession(machine, {
    pace: "none", input: undefined, timeout: settings.timeout, maxInstructions: settings.maxInstructions, endTime: replay?.end,
    flush: () => progress.flush(output, machine), interrupted: () => live && isStdoutClosed(),
    ...(sampler === undefined ? {} : { sliceLimit: sampler.next }),
  });
  const seconds = (performance.now() - started) / 1000, { stats } = machine.vcpu;
  progress.erase();
  output.close();
  if (live) report(end, machine);
  return {
    variant, end, code: exitCode(end, machine, false), seconds, instructions: machine.instructions - first, hash: machine.stateHash(true),
    shares: sampler?.shares(), output: output.digest(), outputBytes: output.total, translated: "translated" in stats ? Number(stats.translated) : 0,
    figures: statistics(settings, machine, { end, seconds }),
  };
}

/** The middle one by time; of an even number, the slower of the two. */
function medianRun(runs: readonly Measured[]): Measured {
  return runs.toSorted((a, b) => a.seconds - b.seconds)[runs.length >> 1]!;
}

const row = (cells: readonly string[]): string => `  ${cells[0]!.padEnd(18)}${cells.slice(1).map((cell) => cell.padStart(16)).join("")}\n`;

function line({ variant, instructions, seconds, end }: Measured): string {
  return row([variant.name, instructions.toLocaleString("en"), seconds.toFixed(3), (instructions / seconds / 1e6).toFixed(1), end.reason]);
}

function same(name: string, runs: readonly Measured[], value: (run: Measured) => string, shown: string): string {
  const [first] = runs, other = runs.find((run) => value(run) !== value(first!));
  return `  ${name}: ${other === undefined ? `equal (${shown})` : `DIFFERENT (${value(first!)} by ${first!.variant.name}, ${value(other)} by ${other.variant.name})`}\n`;
}

function summary(medians: readonly Measured[], all: readonly Measured[], runs: number): string {
  const [translated, interpreted, blocks] = medians as [Measured, Measured, Measured?], shares = all.find((run) => run.shares !== undefined)?.shares;
  return [
    "\n", row(["engine", "instructions", runs === 1 ? "seconds" : `median of ${runs}, s`, "MIPS", "end"]), ...medians.map(line), "\n",
    `  ${(translated.translated / translated.instructions * 100).toFixed(1)} % of the instructions ran as translated code\n`,
    shares === undefined ? "" : `  executed by class: ${shares} (sampled)\n`,
    `  translation runs ${(interpreted.seconds / translated.seconds).toFixed(2)} times as fast as interpretation\n`,
    blocks === undefined ? "" : `  regions run ${(blocks.seconds / translated.seconds).toFixed(2)} times as fast as single blocks\n`,
    same("final state", all, ({ hash }) => hash, translated.hash),
    same("serial output", all, ({ output }) => output, `${translated.outputBytes} bytes`),
  ].join("");
}

/** The guest as other machines take it. Throws `CalqueError` where they cannot. */
function peerGuest(settings: Settings): PeerGuest {
  const { kernel, initrd, commandLine } = bootOptions(settings), kind = settings.loadAt === undefined ? recognize(kernel) : "flat";
  if (kind === "flat") throw new CalqueError("other machines are given multiboot kernels and bzImages only", "--peers");
  if (!settings.script.some((step) => step.kind === "expect") || settings.startAfter !== undefined) throw new CalqueError("needs an --expect that ends the run, and no --after", "--peers");
  return { kernel: kernel.name, kind, ...(initrd === undefined ? {} : { initrd: initrd.name }), commandLine: commandLine ?? "", memoryMiB: settings.memory >>> 20 };
}

const PEER_TIMEOUT = 600;

/** A line for each peer: the time from the start of its process to the last expected text. */
async function peerLines(settings: Settings, guest: PeerGuest, calque: number): Promise<string> {
  const lines: string[] = [];
  for (const peer of [qemu, v86]) {
    const missing = peer.missing(), title = missing === undefined ? `${peer.title} ${peer.version()}` : peer.title;
    if (missing !== undefined) {
      lines.push(`  ${title}: ${missing}\n`);
      continue;
    }
    const times: number[] = [];
    for (let k = 0; k < settings.runs; k++) {
      const run = await runPeer(peer.command(guest), settings.script, settings.timeout ?? PEER_TIMEOUT);
      if ("failure" in run) {
        lines.push(`  ${title}: ${run.failure}\n`);
        break;
      }
      times.push(run.seconds);
    }
    const median = times.toSorted((a, b) => a - b)[times.length >> 1];
    if (median !== undefined && times.length === settings.runs) lines.push(`  ${title}: ${median.toFixed(3)} s from its start; calque takes ${(calque / median).toFixed(2)} times as long\n`);
  }
  return lines.join("");
}

/** Runs the guest in each way, prints the comparison, and returns the exit code. Throws `CalqueError`. */
export async function compare(settings: Settings): Promise<number> {
  const peers = settings.peers ? peerGuest(settings) : undefined, from = settings.startAfter === undefined ? undefined : stateAfter(settings, settings.startAfter);
  const variants = [TRANSLATE, INTERPRET, ...(settings.noRegions ? [BLOCKS] : [])], all: Measured[] = [];
  for (let round = 0; round < settings.runs; round++) {
    for (const variant of variants) {
      // Sampling stops the machine often; where there are several rounds it stays out of most of them.
      const run = await measure(settings, variant, from, { live: all.length === 0, sampled: variant === INTERPRET && round === 0 });
      all.push(run);
      if (isStdoutClosed()) return EXIT.ok;
      if (run.end.reason !== "timeout") continue;
      warn(`timeout (${variant.name})`);
      return run.code;
    }
  }
  const medians = variants.map((variant) => medianRun(all.filter((run) => run.variant === variant)));
  process.stderr.write(summary(medians, all, settings.runs));
  if (peers !== undefined) process.stderr.write(await peerLines(settings, peers, medians[0]!.seconds));
  if (settings.stats !== undefined) {
    writeWhole(settings.stats, `${JSON.stringify(Object.fromEntries(medians.map((run) => [run.variant.name, { ...run.figures, allSeconds: all.filter(({ variant }) => variant === run.variant).map(({ seconds }) => seconds) }])), null, 2)}\n`);
  }
  const [first] = all as [Measured];
  return all.every(({ hash, output, instructions }) => hash === first.hash && output === first.output && instructions === first.instructions) ? first.code : EXIT.failed;
}
