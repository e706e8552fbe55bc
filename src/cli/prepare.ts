/** From settings to a machine that is ready to run. */
import type { BootOptions } from "../loaders/recognize.ts";
import type { Machine, MachineOptions } from "../machine.ts";
import { createMachine } from "../pc.ts";
import { parseRecording, type Recording } from "../recording.ts";
import { readText } from "./files.ts";
import { bootOptions } from "./guests.ts";
import { DEFAULT_RTC, type Engine, type Settings } from "./options.ts";

export interface Prepared {
  readonly machine: Machine;
  readonly replay: Recording | undefined;
  /** What the machine's clock showed at power-on. */
  readonly rtc: number;
}

/** A machine with its guest loaded. `beforeInput` sees it before a replay is queued. Throws `CalqueError`. */
export function prepareWith(settings: Settings, engine: Engine, options: BootOptions, beforeInput: (machine: Machine, rtc: number) => void = () => {}, more: MachineOptions = {}): Prepared {
  const replay = settings.replay === undefined ? undefined : parseRecording(readText(settings.replay), settings.replay);
  const rtc = settings.rtc ?? replay?.rtc ?? DEFAULT_RTC;
  const machine = createMachine({
    memory: settings.memory, engine, rtc, script: settings.script, verifyCode: settings.verifyCode, off: settings.off,
    ...(settings.debugExit === undefined ? {} : { debugExit: settings.debugExit }), ...more,
  });
  machine.boot(options);
  beforeInput(machine, rtc);
  for (const { bytes, time } of replay?.events ?? []) machine.sendSerial(bytes, time);
  return { machine, replay, rtc };
}

/** As `prepareWith`, with the guest that the settings name. */
export function prepare(settings: Settings, engine: Engine, beforeInput?: (machine: Machine, rtc: number) => void, more?: MachineOptions): Prepared {
  return prepareWith(settings, engine, bootOptions(settings), beforeInput, more);
}
