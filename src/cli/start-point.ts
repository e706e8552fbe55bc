/** `--after`: the machine as it is when the guest has executed so many instructions, or has printed a text. */
import { CalqueError } from "../error.ts";
import type { Machine, MachineState } from "../machine.ts";
import type { Settings } from "./options.ts";
import { prepare } from "./prepare.ts";

/** Instructions between two looks at the count. */
const SLICE = 10_000_000;
const isCount = (text: string): boolean => /^[0-9][0-9_]*$/.test(text);

/** Runs the guest there, without the script of the settings, its output unseen. Throws `CalqueError` where it ends before. */
export function stateAfter(settings: Settings, after: string): MachineState {
  const script = isCount(after) ? [] : [{ kind: "expect", text: new TextEncoder().encode(after) } as const];
  const { machine } = prepare({ ...settings, script, replay: undefined }, settings.engine);
  const count = isCount(after) ? Number(after.replaceAll("_", "")) : Infinity;
  while (machine.instructions < count) {
    const exit = machine.run({ maxInstructions: Math.min(SLICE, count - machine.instructions) });
    if (exit.reason === "expected") break;
    if (exit.reason !== "budget" && exit.reason !== "asleep") throw new CalqueError(`the guest ended (${exit.reason}) after ${machine.instructions} instructions, before that`, "--after");
  }
  return machine.save();
}

/** Puts a machine with a script of its own there; the script begins. */
export function startAt(machine: Machine, state: MachineState): void {
  machine.restore({ ...state, script: machine.save().script, started: false });
}
