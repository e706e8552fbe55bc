/** `calque run`. */
import { performance } from "node:perf_hooks";
import type { Machine } from "../machine.ts";
import { recordedEnd, recordedEvent, recordingHeader } from "../recording.ts";
import { describeDisaster } from "./disaster.ts";
import { PendingFile, writeWhole } from "./files.ts";
import { guestVersion } from "./guests.ts";
import { warn } from "./messages.ts";
import type { Settings } from "./options.ts";
import { describeEnd, exitCode } from "./outcome.ts";
import { version } from "./package-root.ts";
import { prepare } from "./prepare.ts";
import { Progress } from "./progress.ts";
import { SerialOutput, isStdoutClosed } from "./serial.ts";
import { runSession, type SessionEnd } from "./session.ts";
import { InputSource } from "./terminal.ts";

/** A session's record: complete under its name even where the session ends badly. */
class Recorder {
  readonly #file: PendingFile;

  constructor(path: string, rtc: number, machine: Machine) {
    this.#file = new PendingFile(path, true);
    this.#file.write(recordingHeader(rtc));
    machine.onInput = (event) => this.#file.write(recordedEvent(event));
  }

  close(end: SessionEnd, time: number): void {
    if (end.reason === "left") this.#file.write(recordedEnd(time));
    this.#file.commit();
  }
}

interface Figures { readonly end: SessionEnd; readonly seconds: number }

export function statistics(settings: Settings, machine: Machine, { end, seconds }: Figures): object {
  return {
    calque: version(), guest: settings.kernel ?? settings.operands[0] ?? "demo", guestVersion: guestVersion(settings.operands[0]),
    engine: machine.engine, end: end.reason, instructions: machine.instructions, guestTime: machine.time,
    seconds, mips: machine.instructions / seconds / 1e6, memory: machine.memory.size, stateHash: machine.stateHash(true),
    vcpu: machine.vcpu.stats, regions: machine.vcpu.regionStats, code: machine.vcpu.codeStats, memoryStats: machine.memory.stats,
  };
}

function noteUnusedSend(settings: Settings): void {
  const last = settings.script.at(-1);
  if (last?.kind === "send" && settings.script.some((step) => step.kind === "expect")) warn("the --send after the last --expect is never typed: the run ends there");
}

/** Runs the guest that the settings name, and returns the exit code. Throws `CalqueError`. */
export async function run(settings: Settings): Promise<number> {
  noteUnusedSend(settings);
  let recorder: Recorder | undefined;
  const { machine, replay } = prepare(settings, settings.engine, (fresh, rtc) => {
    if (settings.record !== undefined) recorder = new Recorder(settings.record, rtc, fresh);
  });
  const output = new SerialOutput(settings.serial);
  machine.onSerial = output.byte;

  const atTerminal = process.stdin.isTTY;
  const interactive = atTerminal && settings.serial.kind === "stdio" && replay === undefined;
  const input = interactive || settings.readInput ? new InputSource(interactive) : undefined;
  // A guest on the terminal has it to itself.
  const progress = settings.serial.kind === "stdio" ? undefined : new Progress("run");
  const started = performance.now();
  try {
    const end = await runSession(machine, {
      pace: settings.pace ?? (atTerminal && replay === undefined ? "real" : "none"), input, timeout: settings.timeout,
      maxInstructions: settings.maxInstructions, endTime: replay?.end, interrupted: isStdoutClosed,
      flush: () => {
        output.flush();
        progress?.update(machine);
      },
    });
    progress?.erase();
    const seconds = (performance.now() - started) / 1000;
    input?.close();
    recorder?.close(end, machine.time);
    report(end, machine);
    if (settings.stats !== undefined) writeWhole(settings.stats, `${JSON.stringify(statistics(settings, machine, { end, seconds }), null, 2)}\n`);
    return exitCode(end, machine, true);
  } finally {
    input?.close();
    output.close();
  }
}

/** Says on stderr what there is to say about an end that was not wanted. */
export function report(end: SessionEnd, machine: Machine): void {
  const sentence = describeEnd(end, machine);
  if (sentence !== "") warn(sentence);
  if (end.reason === "shutdown") process.stderr.write(describeDisaster(machine));
}
