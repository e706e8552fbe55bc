/** `calque show`: guest code and what becomes of it. */
import { Measurement } from "../../runtime/measure/measurement.ts";
import { modeKey, modeOf } from "../../runtime/mode.ts";
import { LIMITS } from "../../runtime/region.ts";
import { explain, explainAll, type CodeBytes, type Explanation, type ExplainOptions, type Mode } from "../../translator/translate.ts";
import { CalqueError } from "../error.ts";
import { readLinear } from "../inspect.ts";
import { countNote, explainLive, liveRegions, regionsAt, type Figures } from "../live-regions.ts";
import type { Machine } from "../machine.ts";
import type { SymbolTable } from "../symbols.ts";
import { formatExplanations } from "./explanation.ts";
import { bootOptions } from "./guests.ts";
import type { Settings } from "./options.ts";
import { EXIT } from "./outcome.ts";
import { prepareWith } from "./prepare.ts";
import { Progress } from "./progress.ts";
import { RegionSampler } from "./region-sampler.ts";
import { parseAddress, symbolsFor } from "./symbols.ts";

/** Longest instruction. */
const LONGEST = 15;
/** Instructions between two looks at the guest's output. */
const SLICE = 10_000_000;
/** Of the regions that hold an instruction, so many are shown. */
const MOST_REGIONS = 3;

/** The mode that bytes without a machine are taken for: flat protected mode at CPL 0, or real mode. */
function assumedMode(bits: 16 | 32): Mode {
  const flat = bits === 32;
  return { bits, flat, user: false };
}

function options(settings: Settings): ExplainOptions { return { limits: LIMITS, profile: settings.engine === "translate" }; }

function parseHex(text: string): Uint8Array {
  const digits = text.replaceAll(/[\s,]|0x/g, "");
  if (!/^([0-9a-fA-F]{2})+$/.test(digits)) throw new CalqueError("bytes are pairs of hexadecimal digits, as in hex:01d8c3", `hex:${text}`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Where the guest is to be looked at: after so many instructions, or when all of the script has been seen. */
interface Moment { readonly option: string; readonly count: number }

function runTo(machine: Machine, { option, count }: Moment): void {
  const progress = new Progress("show");
  while (machine.instructions < count) {
    const exit = machine.run({ maxInstructions: Math.min(SLICE, count - machine.instructions) });
    progress.update(machine);
    if (exit.reason === "budget" || exit.reason === "asleep") continue;
    progress.erase();
    if (exit.reason === "expected") return;
    throw new CalqueError(`the guest ended (${exit.reason}) after ${machine.instructions} instructions, before that`, option);
  }
  progress.erase();
}

function momentOf({ at, after, script }: Settings): Moment | undefined {
  if (at !== undefined) return { option: "--at", count: /^[0-9][0-9_]*$/.test(at) ? Number(at.replaceAll("_", "")) : Infinity };
  if (after !== undefined) return { option: "--after", count: after };
  return script.some(({ kind }) => kind === "expect") ? { option: "--expect", count: Infinity } : undefined;
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

/** What of which guest. */
interface Request {
  /** An address or a symbol; undefined for the hottest regions. */
  readonly place: string | undefined;
  readonly image: readonly string[];
}

const USAGE = "show takes hex:BYTES, IMAGE@PLACE, PLACE [IMAGE] or --hot N [IMAGE]; a PLACE is 0xADDRESS or a symbol";

function requestOf({ operands, hot, kernel }: Settings): Request {
  const [first, second, ...others] = operands;
  if (others.length > 0 || second !== undefined && hot !== undefined || second !== undefined && kernel !== undefined) throw new CalqueError(USAGE);
  if (hot !== undefined) return { place: undefined, image: operands };
  if (first === undefined) throw new CalqueError(USAGE);
  if (second !== undefined) return { place: first, image: [second] };
  const [, image, place] = /^(.+)@([^@]+)$/.exec(first) ?? [];
  return image === undefined || place === undefined ? { place: first, image: [] } : { place, image: [image] };
}

interface Guest {
  readonly machine: Machine;
  readonly symbols: SymbolTable;
  readonly figures: Figures;
}

function executions(measurement: Measurement): (linear: number, user: boolean) => number {
  const counts = new Map<string, number>(), key = (linear: number, user: boolean): string => `${user ? "u" : "s"}${linear >>> 0}`;
  measurement.collect();
  for (const { linear, user, interpreted, translated } of measurement.executed.all()) {
    counts.set(key(linear, user), (counts.get(key(linear, user)) ?? 0) + interpreted + translated);
  }
  return (linear, user) => counts.get(key(linear, user)) ?? 0;
}

const BASELINE = "baseline";

/** A guest that stands where it is to be looked at. Its hot code becomes regions, which can be read, and not first what is put together from templates. */
function prepareGuest(settings: Settings, image: readonly string[], moment: Moment | undefined): Guest {
  const { at } = settings, untilText = moment?.option === "--at" && moment.count === Infinity;
  const script = untilText ? [...settings.script, { kind: "expect", text: new TextEncoder().encode(at) } as const] : settings.script;
  const boot = bootOptions({ ...settings, operands: image }), symbols = symbolsFor(settings, boot.kernel);
  const measurement = settings.counts ? new Measurement(() => performance.now()) : undefined;
  const { machine } = prepareWith({ ...settings, script, off: new Set([...settings.off, BASELINE]) }, settings.engine, boot, undefined, { sampled: settings.time, ...(measurement === undefined ? {} : { measurement }) });
  const sampler = settings.time ? new RegionSampler() : undefined;
  if (moment !== undefined) runTo(machine, moment);
  const samples = sampler?.stop();
  return { machine, symbols, figures: { ...(measurement === undefined ? {} : { countOf: executions(measurement) }), ...(samples === undefined ? {} : { samples }) } };
}

/** What the translator would make of the code now: of what was executed where `live`, else of all that can be. */
function explainCode({ machine, symbols, figures }: Guest, address: number, settings: Settings, live: boolean): Explanation[] {
  const started = machine.instructions > 0, mode = !started && settings.bits !== undefined ? assumedMode(settings.bits) : modeOf(modeKey(machine));
  const view = live ? machine.vcpu.codeView?.() : undefined;
  const [first, ...others] = explain(address, { mode, at: (linear) => readLinear(machine, linear, LONGEST) }, {
    ...options(settings), nameOf: (linear) => symbols.describe(linear), noteOf: countNote(figures, mode.user), ...(view?.executed(address | 0) === undefined ? {} : { view }),
  });
  return [settings.time ? { ...first!, title: `${first!.title}, not translated now: no time per instruction` } : first!, ...others];
}

function explainGuest(settings: Settings): Explanation[] {
  const { hot, at, after } = settings, { place, image } = requestOf(settings), moment = momentOf(settings);
  if (at !== undefined && after !== undefined) throw new CalqueError("give one moment, with --at or with --after", "--after");
  const live = moment !== undefined && moment.option !== "--at";
  if (hot !== undefined && !live) throw new CalqueError("no code is hot before it has run: say until when with --after COUNT or --expect TEXT", "--hot");
  if (settings.counts && !live) throw new CalqueError("nothing was executed yet: say until when with --after COUNT or --expect TEXT", "--counts");
  if (settings.time && (!live || settings.engine === "interpret")) {
    throw new CalqueError(live ? "the interpreter has no time per instruction: one handler serves all of a form" : "nothing was executed yet: say until when with --after COUNT or --expect TEXT", "--time");
  }
  const guest = prepareGuest(settings, image, moment), { machine, symbols, figures } = guest;
  if (place === undefined) {
    const regions = liveRegions(machine).slice(0, hot);
    if (regions.length === 0) throw new CalqueError(`nothing was translated in ${machine.instructions} instructions`, "--hot");
    return regions.flatMap((region) => explainLive(machine, region, symbols, figures));
  }
  const address = parseAddress(place, symbols, settings.operands[0]!);
  if (readLinear(machine, address, 1).length === 0) throw new CalqueError(`nothing is mapped at 0x${address.toString(16)}`, settings.operands[0]);
  const regions = live ? regionsAt(machine, address, symbols.rangeOf(place)?.[1]).slice(0, MOST_REGIONS) : [];
  return regions.length > 0 ? regions.flatMap((region) => explainLive(machine, region, symbols, figures)) : explainCode(guest, address, settings, live);
}

function requireNoRun({ at, after, hot, counts, time }: Settings): void {
  const [option] = Object.entries({ at, after, hot, counts: counts || undefined, time: time || undefined }).find(([, value]) => value !== undefined) ?? [];
  if (option !== undefined) throw new CalqueError("bytes do not run; give a guest", `--${option}`);
}

/** Prints what becomes of the code, and returns the exit code. Throws `CalqueError`. */
export async function show(settings: Settings): Promise<number> {
  const [operand] = settings.operands, isBytes = operand?.startsWith("hex:") === true;
  if (isBytes && settings.operands.length > 1) throw new CalqueError(USAGE);
  if (isBytes) requireNoRun(settings);
  const explanations = isBytes ? explainHex(operand!.slice(4), settings) : explainGuest(settings);
  const terminal = process.stdout.isTTY, colours = settings.color || terminal && !process.env["NO_COLOR"];
  process.stdout.write(formatExplanations(explanations, terminal ? process.stdout.columns : 0, colours));
  return EXIT.ok;
}
