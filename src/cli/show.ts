/** `calque show`: guest code and what becomes of it. */
import { CalqueError } from "../error.ts";
import { readLinear } from "../inspect.ts";
import { disassemble, formatLine } from "../listing.ts";
import type { Machine } from "../machine.ts";
import { codeBits } from "./disaster.ts";
import { bootOptions } from "./guests.ts";
import type { Settings } from "./options.ts";
import { EXIT } from "./outcome.ts";
import { prepareWith } from "./prepare.ts";

interface Code {
  readonly bytes: Uint8Array;
  readonly address: number;
  readonly bits: 16 | 32;
}

const LENGTH = 256;
/** Instructions between two looks at the guest's output. */
const SLICE = 10_000_000;

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

function codeOfImage(operand: string, settings: Settings): Code {
  const [, image, digits] = /^(.+)@0x([0-9a-fA-F]{1,8})$/.exec(operand) ?? [];
  if (image === undefined || digits === undefined) throw new CalqueError("show takes hex:BYTES or IMAGE@0xADDRESS", operand);
  const { at } = settings;
  const untilText = at !== undefined && !/^[0-9][0-9_]*$/.test(at);
  const script = untilText ? [...settings.script, { kind: "expect", text: new TextEncoder().encode(at) } as const] : settings.script;
  const { machine } = prepareWith({ ...settings, script }, settings.engine, bootOptions({ ...settings, operands: [image] }));
  runTo(machine, at);
  const address = Number.parseInt(digits, 16) | 0;
  const bytes = readLinear(machine, address, LENGTH);
  if (bytes.length === 0) throw new CalqueError(`nothing is mapped at 0x${digits}`, operand);
  return { bytes, address, bits: settings.at === undefined && settings.bits !== undefined ? settings.bits : codeBits(machine) };
}

/** Prints the listing, and returns the exit code. Throws `CalqueError`. */
export async function show(settings: Settings): Promise<number> {
  const [operand, ...others] = settings.operands;
  if (operand === undefined || others.length > 0) throw new CalqueError("show takes one hex:BYTES or IMAGE@0xADDRESS");
  const code: Code = operand.startsWith("hex:")
    ? { bytes: parseHex(operand.slice(4)), address: settings.loadAt ?? 0, bits: settings.bits ?? 32 }
    : codeOfImage(operand, settings);
  process.stdout.write(disassemble(code.bytes, code.address, code.bits).map((line) => formatLine(line)).join(""));
  return EXIT.ok;
}
