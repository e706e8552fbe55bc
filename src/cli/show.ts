/** `calque show`: guest code and what becomes of it. */
import { modeKey, modeOf } from "../../runtime/mode.ts";
import { LIMITS } from "../../runtime/region.ts";
import { explain, explainAll, type CodeBytes, type Explanation, type ExplainOptions, type Mode } from "../../translator/translate.ts";
import { CalqueError } from "../error.ts";
import { readLinear } from "../inspect.ts";
import type { Machine } from "../machine.ts";
import { formatExplanations } from "./explanation.ts";
import { bootOptions } from "./guests.ts";
import type { Settings } from "./options.ts";
import { EXIT } from "./outcome.ts";
import { prepareWith } from "./prepare.ts";

/** Longest instruction. */
const LONGEST = 15;
/** Instructions between two looks at the guest's output. */
const SLICE = 10_000_000;

/** The mode that bytes without a machine are taken for: flat protected mode at CPL 0, or real mode. */
function assumedMode(bits: 16 | 32): Mode {
  const flat = bits === 32;
  return { bits, flat, user: false, fs: flat, gs: flat };
}

function options(settings: Settings): ExplainOptions { return { limits: LIMITS, profile: settings.engine === "translate" }; }

function parseHex(text: string): Uint8Array {
  const digits = text.replaceAll(/[\s,]|0x/g, "");
  if (!/^([0-9a-fA-F]{2})+$/.test(digits)) throw new CalqueError("bytes are pairs of hexadecimal digits, as in hex:01d8c3", `hex:${text}`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Runs the guest up to the place that --at names. */
function runTo(machine: Machine, at: string | undefined): void {
  if (at === undefined) return;
  const count = /^[0-9][0-9_]*$/.test(at) ? Number(at.replaceAll("_", "")) : Infinity;
  while (machine.instructions < count) {
    const exit = machine.run({ maxInstructions: Math.min(SLICE, count - machine.instructions) });
    if (exit.reason === "expected") return;
    if (exit.reason !== "budget" && exit.reason !== "asleep") throw new CalqueError(`the guest ended (${exit.reason}) after ${machine.instructions} instructions, before that`, "--at");
  }
}

function explainHex(digits: string, settings: Settings): Explanation[] {
  const bytes = parseHex(digits), address = settings.loadAt ?? 0;
  const code: CodeBytes = {
    mode: assumedMode(settings.bits ?? 32),
    at: (linear) => {
      const offset = (linear - address) >>> 0;
      return bytes.subarray(offset, offset + LONGEST);
    },
  };
  return explainAll(address, bytes.length, code, options(settings));
}

function explainImage(operand: string, settings: Settings): Explanation[] {
  const [, image, digits] = /^(.+)@0x([0-9a-fA-F]{1,8})$/.exec(operand) ?? [];
  if (image === undefined || digits === undefined) throw new CalqueError("show takes hex:BYTES or IMAGE@0xADDRESS", operand);
  const { at } = settings;
  const untilText = at !== undefined && !/^[0-9][0-9_]*$/.test(at);
  const script = untilText ? [...settings.script, { kind: "expect", text: new TextEncoder().encode(at) } as const] : settings.script;
  const { machine } = prepareWith({ ...settings, script }, settings.engine, bootOptions({ ...settings, operands: [image] }));
  runTo(machine, at);
  const address = Number.parseInt(digits, 16) | 0;
  if (readLinear(machine, address, 1).length === 0) throw new CalqueError(`nothing is mapped at 0x${digits}`, operand);
  const mode = settings.at === undefined && settings.bits !== undefined ? assumedMode(settings.bits) : modeOf(modeKey(machine));
  return explain(address, { mode, at: (linear) => readLinear(machine, linear, LONGEST) }, options(settings));
}

/** Prints what becomes of the code, and returns the exit code. Throws `CalqueError`. */
export async function show(settings: Settings): Promise<number> {
  const [operand, ...others] = settings.operands;
  if (operand === undefined || others.length > 0) throw new CalqueError("show takes one hex:BYTES or IMAGE@0xADDRESS");
  const explanations = operand.startsWith("hex:") ? explainHex(operand.slice(4), settings) : explainImage(operand, settings);
  process.stdout.write(formatExplanations(explanations, process.stdout.isTTY ? process.stdout.columns : 0));
  return EXIT.ok;
}
