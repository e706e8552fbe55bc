/** `calque trace`. */
import { BlockFormat, InstructionFormat } from "../trace/text-format.ts";
import { QemuFormat } from "../trace/qemu-format.ts";
import { Tracer, type TraceFormat } from "../trace/tracer.ts";
import type { Machine } from "../machine.ts";
import type { SymbolTable } from "../symbols.ts";
import { bootOptions } from "./guests.ts";
import type { Settings } from "./options.ts";
import { exitCode } from "./outcome.ts";
import { prepareWith } from "./prepare.ts";
import { Progress } from "./progress.ts";
import { report } from "./run.ts";
import { SerialOutput, isStdoutClosed } from "./serial.ts";
import { runSession } from "./session.ts";
import { parseRange, symbolsFor } from "./symbols.ts";
import { TextOutput } from "./text-output.ts";

/** Traced instructions between two looks at the output: 4 MB of QEMU's format at most. */
const SLICE = 4096;

function formatFor({ format, unit, registers }: Settings["trace"], machine: Machine, symbols: SymbolTable): TraceFormat {
  if (format === "qemu") return new QemuFormat(machine);
  return unit === "blocks" ? new BlockFormat(machine, { symbols, registers }) : new InstructionFormat(machine, { symbols, registers });
}

/** Runs the guest that the settings name, prints the trace, and returns the exit code. Throws `CalqueError`. */
export async function trace(settings: Settings): Promise<number> {
  const { from, to = Infinity, ring, ranges, out } = settings.trace;
  const options = bootOptions(settings), symbols = symbolsFor(settings, options.kernel);
  const selection = { from, to, ring, ranges: ranges.map((range) => parseRange(range, symbols, "--range")) };
  const { machine, replay } = prepareWith(settings, settings.engine, options);
  const output = new TextOutput(out), serial = new SerialOutput(settings.serial);
  machine.onSerial = serial.byte;
  const tracer = new Tracer(machine, formatFor(settings.trace, machine, symbols), selection, output.write);
  const progress = out === "-" || settings.serial.kind === "stdio" ? undefined : new Progress("trace");
  const most = Math.min(settings.maxInstructions ?? Infinity, to);
  try {
    const end = await runSession(machine, {
      pace: "none", input: undefined, timeout: settings.timeout, maxInstructions: most === Infinity ? undefined : most, endTime: replay?.end,
      run: (limits) => tracer.run(limits), sliceLimit: () => (tracer.active ? SLICE : Infinity), ready: output.ready,
      flush: () => {
        serial.flush();
        output.flush();
        progress?.update(machine);
      },
      interrupted: isStdoutClosed,
    });
    progress?.erase();
    tracer.flush();
    output.flush();
    if (end.reason !== "budget" || most !== to) report(end, machine);
    return exitCode(end, machine, most !== to);
  } finally {
    serial.close();
    output.close();
  }
}
