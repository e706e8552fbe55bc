/** The options of the command line: one table, from which parsing and help derive. */
import { parseArgs } from "node:util";
import { OPTIMISATIONS } from "../../runtime/region.ts";
import { CalqueError } from "../error.ts";
import { parseSendText, type ScriptStep } from "../input.ts";
import { checkMemorySize } from "../loaders/recognize.ts";

export type Command = "run" | "lockstep" | "compare" | "trace" | "measure" | "profile" | "show" | "guests";
export const COMMANDS: readonly Command[] = ["run", "lockstep", "compare", "trace", "measure", "profile", "show", "guests"];

interface Option {
  /** How help writes the value; "" for a switch. */
  readonly value: string;
  readonly help: string;
  readonly commands: readonly Command[];
  readonly repeated?: true;
}

const RUNNING: readonly Command[] = ["run", "lockstep", "compare", "trace", "measure", "profile"], MACHINE: readonly Command[] = [...RUNNING, "show"];

export const OPTIONS = {
  kernel: { value: "FILE", help: "the kernel or image to start, in place of a name", commands: MACHINE },
  initrd: { value: "FILE", help: "initial RAM disk (bzImage) or module (multiboot)", commands: MACHINE },
  append: { value: "TEXT", help: "the kernel command line", commands: MACHINE },
  memory: { value: "SIZE", help: "RAM, as 48M or 1G (default 256M)", commands: MACHINE },
  "load-at": { value: "ADDRESS", help: "the file is a flat image: load and enter it here", commands: MACHINE },
  bits: { value: "16|32", help: "flat images: real mode or flat protected mode (default 32)", commands: MACHINE },
  engine: { value: "translate|interpret", help: "how guest code is run (default translate)", commands: ["run", "trace", "measure", "profile", "show"] },
  serial: { value: "stdio|none|file:FILE", help: "where COM1 goes (default stdio; none where a trace or profile goes there)", commands: ["run", "compare", "trace", "measure", "profile"] },
  expect: { value: "TEXT", help: "wait for this text from the guest; the last one ends the run well", commands: MACHINE, repeated: true },
  send: { value: "TEXT", help: "type this when the --expect before it is seen; knows \\n \\r \\t \\xHH", commands: MACHINE, repeated: true },
  timeout: { value: "SECONDS", help: "give up after so long (exit code 124)", commands: RUNNING },
  "max-instructions": { value: "N", help: "stop after N guest instructions", commands: RUNNING },
  every: { value: "N", help: "compare the engines' states every N instructions (default 1000000)", commands: ["lockstep"] },
  pace: { value: "none|real", help: "idle time is skipped, or slept (default real at a terminal)", commands: ["run"] },
  input: { value: "-", help: "read serial input from stdin though it is no terminal", commands: ["run"] },
  "debug-exit": { value: "PORT", help: "a write of v to this port ends the run with exit code (v << 1 | 1) & 255", commands: RUNNING },
  rtc: { value: "now|DATE", help: "what the clock shows at power-on (default 2026-01-01)", commands: MACHINE },
  record: { value: "FILE", help: "write all serial input with its guest times", commands: ["run"] },
  replay: { value: "FILE", help: "feed a recorded session again", commands: RUNNING },
  stats: { value: "FILE.json", help: "write the run's figures", commands: ["run", "compare"] },
  runs: { value: "N", help: "run each engine so often, in turn, and compare medians (default 1)", commands: ["compare"] },
  "no-regions": { value: "", help: "run a third time with each basic block translated alone", commands: ["compare"] },
  peers: { value: "", help: "run the image under QEMU and v86 too, where they are", commands: ["compare"] },
  "no-pass": { value: "NAME,…", help: OPTIMISATIONS.join(" "), commands: RUNNING },
  "verify-code": { value: "", help: "check every generated function before it runs", commands: RUNNING },
  at: { value: "COUNT|TEXT", help: "first run the guest so many instructions, or until it has printed TEXT", commands: ["show"] },
  after: { value: "COUNT|TEXT", help: "first run the guest so many instructions; not show: or until it printed TEXT", commands: ["show", "measure", "profile", "compare"] },
  counts: { value: "", help: "show how often each instruction was executed (needs --after or --expect)", commands: ["show"] },
  time: { value: "", help: "show which instructions take the time (needs --after or --expect)", commands: ["show"] },
  hot: { value: "N", help: "the N regions of the running guest that were entered most often", commands: ["show"] },
  color: { value: "", help: "colours though stdout is no terminal", commands: ["show"] },
  symbols: { value: "FILE", help: "names of addresses: ELF, System.map or /proc/kallsyms; may be repeated", commands: ["trace", "profile", "show"], repeated: true },
  out: { value: "FILE|FOLDER", help: "where it goes: a trace or profile (default stdout), a report (default report)", commands: ["trace", "measure", "profile"] },
  format: { value: "FORMAT", help: "trace: text, or qemu as -d cpu; profile: text, folded, speedscope", commands: ["trace", "profile"] },
  interval: { value: "N", help: "a sample every N instructions, on average (default 20000)", commands: ["profile"] },
  trace: { value: "FILE.json", help: "write interrupts, exceptions and regions too, for Chrome's tracing or Perfetto", commands: ["profile"] },
  instructions: { value: "", help: "a line an instruction (the default)", commands: ["trace"] },
  blocks: { value: "", help: "a line a block", commands: ["trace"] },
  registers: { value: "", help: "all general registers on every line, not only what changed", commands: ["trace"] },
  range: { value: "A-B|SYMBOL", help: "only these linear addresses, B not included; may be repeated", commands: ["trace"], repeated: true },
  ring: { value: "0|3", help: "only code of this privilege level", commands: ["trace"] },
  from: { value: "COUNT", help: "begin behind so many instructions, which run at full speed", commands: ["trace"] },
  to: { value: "COUNT", help: "end the run behind so many instructions", commands: ["trace"] },
  fetch: { value: "", help: "get the guests that come from packages", commands: ["guests"] },
} as const satisfies Record<string, Option>;

export type OptionName = keyof typeof OPTIONS;
const TABLE: Readonly<Record<OptionName, Option>> = OPTIONS;
const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];

export type Engine = "translate" | "interpret";
export type SerialSink = { readonly kind: "stdio" | "none" } | { readonly kind: "file"; readonly path: string };

/** 2026-01-01 00:00:00 UTC, in ms. */
export const DEFAULT_RTC = Date.UTC(2026, 0, 1);

const DEFAULT_INTERVAL = 20_000;

export interface TraceSettings {
  /** A path, or "-". */
  readonly out: string;
  readonly format: "text" | "qemu";
  readonly unit: "instructions" | "blocks";
  readonly registers: boolean;
  /** As they were written; symbols are looked up later. */
  readonly ranges: readonly string[];
  readonly ring: 0 | 3 | undefined;
  readonly from: number;
  readonly to: number | undefined;
}

export interface ProfileSettings {
  /** A file or folder; undefined = on stdout, the text on stderr. */
  readonly out: string | undefined;
  readonly format: "text" | "folded" | "speedscope";
  /** Where the trace of events goes. */
  readonly events: string | undefined;
  /** Mean distance of samples, in instructions. */
  readonly interval: number;
}

/** What the user asked for, checked and converted; files are not opened yet. */
export interface Settings {
  readonly operands: readonly string[];
  readonly kernel: string | undefined;
  readonly initrd: string | undefined;
  readonly append: string | undefined;
  readonly memory: number;
  readonly loadAt: number | undefined;
  readonly bits: 16 | 32 | undefined;
  readonly engine: Engine;
  readonly serial: SerialSink;
  readonly script: readonly ScriptStep[];
  readonly timeout: number | undefined;
  readonly maxInstructions: number | undefined;
  readonly every: number;
  readonly pace: "none" | "real" | undefined;
  readonly readInput: boolean;
  readonly debugExit: number | undefined;
  /** ms since 1970 UTC, where it was given. */
  readonly rtc: number | undefined;
  readonly record: string | undefined;
  readonly replay: string | undefined;
  readonly stats: string | undefined;
  /** Of measure and compare: where they begin. */
  readonly startAfter: string | undefined;
  readonly runs: number;
  readonly noRegions: boolean;
  readonly peers: boolean;
  readonly out: string;
  readonly verifyCode: boolean;
  /** Optimisations to leave out. */
  readonly off: ReadonlySet<string>;
  readonly at: string | undefined;
  readonly after: number | undefined;
  readonly hot: number | undefined;
  readonly counts: boolean;
  readonly time: boolean;
  readonly color: boolean;
  /** Files, in the order in which they were given. */
  readonly symbols: readonly string[];
  readonly trace: TraceSettings;
  readonly profile: ProfileSettings;
  readonly fetch: boolean;
}

export type Request =
  | { readonly kind: "help"; readonly command: Command | undefined }
  | { readonly kind: "version" }
  | { readonly kind: "command"; readonly command: Command; readonly settings: Settings };

function parseNumber(text: string, name: OptionName): number {
  const digits = text.replaceAll("_", "");
  const value = /^(0x[0-9a-f]+|[0-9]+(\.[0-9]+)?(e[0-9]+)?)$/i.test(digits) ? Number(digits) : NaN;
  if (!Number.isSafeInteger(value)) throw new CalqueError(`${JSON.stringify(text)} is not a whole number from 0 to 2^53 - 1`, `--${name}`);
  return value;
}

function parseCount(text: string, name: OptionName): number {
  const value = parseNumber(text, name);
  if (value < 1) throw new CalqueError("1 at least", `--${name}`);
  return value;
}

function parseLimited(text: string, name: OptionName, limit: number): number {
  const value = parseNumber(text, name);
  if (value > limit) throw new CalqueError(`${text} is beyond 0x${limit.toString(16)}`, `--${name}`);
  return value;
}

export function parseMemory(text: string): number {
  const match = /^([0-9]+)([KMG]?)(?:i?B)?$/i.exec(text);
  if (match === null) throw new CalqueError(`${JSON.stringify(text)} is not a size such as 256M`, "--memory");
  const unit = { "": 1, K: 1 << 10, M: 1 << 20, G: 1 << 30 }[match[2]!.toUpperCase()]!;
  const bytes = Number(match[1]) * unit;
  if (bytes < 1 << 20 || bytes > 0x7ffff000) throw new CalqueError(`${text} of memory; from 1M to 2047M will do`, "--memory");
  return checkMemorySize(bytes);
}

function parseSeconds(text: string): number {
  const value = /^[0-9]*\.?[0-9]+$/.test(text) ? Number(text) : NaN;
  if (!(value > 0)) throw new CalqueError(`${JSON.stringify(text)} is not a number of seconds`, "--timeout");
  return value;
}

function parseRtc(text: string): number {
  if (text === "now") return Date.now();
  const zoned = /([Zz]|[+-]\d\d:?\d\d)$/.test(text) && text.includes(":") ? text : text.includes(":") ? `${text.replace(" ", "T")}Z` : `${text}T00:00:00Z`;
  const value = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(zoned) : NaN;
  if (Number.isNaN(value)) throw new CalqueError(`${JSON.stringify(text)} is neither "now" nor a date such as 2026-01-01 or 2026-01-01T12:00:00Z`, "--rtc");
  return value;
}

function parseChoice<Choice extends string>(text: string, name: OptionName, choices: readonly Choice[]): Choice {
  const choice = choices.find((known) => known === text);
  if (choice === undefined) throw new CalqueError(`${JSON.stringify(text)} is none of ${choices.join(", ")}`, `--${name}`);
  return choice;
}

function parseOptimisations(text: string, name: OptionName): ReadonlySet<string> {
  return new Set(text.split(",").map((optimisation) => parseChoice(optimisation, name, OPTIMISATIONS)));
}

function parseSerial(text: string): SerialSink {
  if (text.startsWith("file:") && text.length > 5) return { kind: "file", path: text.slice(5) };
  if (text === "stdio" || text === "none") return { kind: text };
  throw new CalqueError(`${JSON.stringify(text)} is none of stdio, none, file:FILE`, "--serial");
}

interface Given {
  readonly operands: string[];
  readonly values: Map<OptionName, string>;
  readonly script: ScriptStep[];
  readonly ranges: string[];
  readonly symbols: string[];
}

function collect(command: Command, args: readonly string[]): Given | "help" {
  const config = Object.fromEntries(OPTION_NAMES.map((name) => [name, { type: TABLE[name].value === "" ? "boolean" : "string", multiple: true } as const]));
  const { tokens } = parseArgs({
    args: attachValues(args), options: { ...config, help: { type: "boolean", short: "h" } }, allowPositionals: true, strict: false, tokens: true,
  });
  const given: Given = { operands: [], values: new Map(), script: [], ranges: [], symbols: [] };
  for (const token of tokens) {
    if (token.kind === "positional") given.operands.push(token.value);
    if (token.kind !== "option") continue;
    if (token.name === "help") return "help";
    const name = OPTION_NAMES.find((known) => known === token.name);
    if (name === undefined || token.rawName === `-${token.name}`) throw new CalqueError("unknown option", token.rawName);
    const option = TABLE[name];
    if (!option.commands.includes(command)) throw new CalqueError(`no option of "calque ${command}"`, `--${name}`);
    const value = token.value ?? "";
    if (option.value === "" && token.value !== undefined) throw new CalqueError("takes no value", `--${name}`);
    if (option.value !== "" && value === "" && name !== "append") throw new CalqueError(`needs a value: ${option.value}`, `--${name}`);
    if (name === "expect") given.script.push({ kind: "expect", text: new TextEncoder().encode(value) });
    else if (name === "send") given.script.push({ kind: "send", bytes: parseSendText(value) });
    else if (name === "range") given.ranges.push(value);
    else if (name === "symbols") given.symbols.push(value);
    else if (given.values.has(name)) throw new CalqueError("given twice", `--${name}`);
    else given.values.set(name, value);
  }
  return given;
}

const isOption = (argument: string): boolean => OPTION_NAMES.some((name) => argument === `--${name}` || argument.startsWith(`--${name}=`));

/** `--expect -x` as `--expect=-x`, so that a value may begin with a dash. Throws where a value is missing. */
function attachValues(args: readonly string[]): string[] {
  const attached: string[] = [];
  for (let k = 0; k < args.length; k++) {
    const argument = args[k]!;
    if (argument === "--") return [...attached, ...args.slice(k)];
    const name = OPTION_NAMES.find((known) => argument === `--${known}`);
    const next = args[k + 1];
    if (name === undefined || TABLE[name].value === "") {
      attached.push(argument);
      continue;
    }
    if (next === undefined || isOption(next)) throw new CalqueError(`needs a value: ${TABLE[name].value}`, argument);
    attached.push(`${argument}=${next}`);
    k++;
  }
  return attached;
}

/** Converts the value of an option that was given. */
type Convert = <Value>(name: OptionName, parse: (text: string, name: OptionName) => Value) => Value | undefined;

function profileSettings({ values }: Given, convert: Convert): ProfileSettings {
  const format = convert("format", (text, name) => parseChoice<ProfileSettings["format"]>(text, name, ["text", "folded", "speedscope"])) ?? "text";
  const interval = convert("interval", parseNumber) ?? DEFAULT_INTERVAL, out = values.get("out");
  if (interval < 1) throw new CalqueError("samples are 1 instruction apart at least", "--interval");
  if (out === undefined && format !== "text" && values.get("serial") === "stdio") throw new CalqueError("the profile goes to stdout; give it another place with --out, or the guest's output", "--serial");
  const events = values.get("trace");
  if (events === "-") throw new CalqueError("the trace of events needs a file", "--trace");
  return { out: out === "-" ? undefined : out, format, events, interval };
}

const NO_PROFILE: ProfileSettings = { out: undefined, format: "text", events: undefined, interval: DEFAULT_INTERVAL };
const NO_TRACE: TraceSettings = { out: "-", format: "text", unit: "instructions", registers: false, ranges: [], ring: undefined, from: 0, to: undefined };

function traceSettings({ values, ranges }: Given, convert: Convert): TraceSettings {
  const ring = convert("ring", (text, name) => parseChoice(text, name, ["0", "3"]));
  const format = convert("format", (text, name) => parseChoice<"text" | "qemu">(text, name, ["text", "qemu"])) ?? "text";
  const from = convert("from", parseNumber) ?? 0, to = convert("to", parseNumber);
  if (values.has("blocks") && values.has("instructions")) throw new CalqueError("a trace is of blocks or of instructions", "--blocks");
  if (format === "qemu" && values.has("blocks")) throw new CalqueError("QEMU's format has no blocks", "--blocks");
  if (to !== undefined && to <= from) throw new CalqueError(`nothing lies between ${from} and ${to}`, "--to");
  return {
    out: values.get("out") ?? "-", format, unit: values.has("blocks") ? "blocks" : "instructions", registers: values.has("registers"),
    ranges, ring: ring === undefined ? undefined : ring === "0" ? 0 : 3, from, to,
  };
}

function toSettings(command: Command, given: Given): Settings {
  const { values, script } = given;
  const convert: Convert = <Value>(name: OptionName, parse: (text: string, name: OptionName) => Value): Value | undefined => {
    const text = values.get(name);
    return text === undefined ? undefined : parse(text, name);
  };
  const bits = convert("bits", (text, name) => parseChoice(text, name, ["16", "32"]));
  if (values.has("replay") && script.some((step) => step.kind === "send")) throw new CalqueError("a replay types by itself; leave out --send", "--replay");
  if (values.has("replay") && values.has("input")) throw new CalqueError("a replay reads no other input; leave out --input", "--replay");
  const profile = command === "profile" ? profileSettings(given, convert) : NO_PROFILE, profileToStdout = profile.format !== "text" && profile.out === undefined;
  const trace = command === "profile" ? NO_TRACE : traceSettings(given, convert), traceToStdout = command === "trace" && trace.out === "-";
  if (traceToStdout && values.get("serial") === "stdio") throw new CalqueError("the trace goes to stdout; give it another place with --out, or the guest's output", "--serial");
  return {
    operands: given.operands,
    kernel: values.get("kernel"), initrd: values.get("initrd"), append: values.get("append"),
    memory: convert("memory", parseMemory) ?? 256 << 20,
    loadAt: convert("load-at", (text, name) => parseLimited(text, name, 0xffffffff)),
    bits: bits === undefined ? undefined : bits === "16" ? 16 : 32,
    engine: convert("engine", (text, name) => parseChoice<Engine>(text, name, ["translate", "interpret"])) ?? "translate",
    serial: convert("serial", parseSerial) ?? { kind: traceToStdout || profileToStdout ? "none" : "stdio" },
    script,
    timeout: convert("timeout", parseSeconds),
    maxInstructions: convert("max-instructions", parseNumber),
    every: convert("every", parseCount) ?? 1_000_000,
    pace: convert("pace", (text, name) => parseChoice(text, name, ["none", "real"])),
    readInput: convert("input", (text, name) => parseChoice(text, name, ["-"])) !== undefined,
    debugExit: convert("debug-exit", (text, name) => parseLimited(text, name, 0xffff)),
    rtc: convert("rtc", parseRtc),
    record: values.get("record"), replay: values.get("replay"), stats: values.get("stats"),
    startAfter: command === "show" ? undefined : values.get("after"), runs: convert("runs", parseCount) ?? 1, noRegions: values.has("no-regions"),
    peers: values.has("peers"), out: values.get("out") ?? "report",
    off: convert("no-pass", parseOptimisations) ?? new Set(), verifyCode: values.has("verify-code"),
    at: values.get("at"), after: command === "show" ? convert("after", parseNumber) : undefined, hot: convert("hot", parseCount), counts: values.has("counts"), time: values.has("time"), color: values.has("color"),
    symbols: given.symbols, trace, profile,
    fetch: values.has("fetch"),
  };
}

/** Reads the arguments after the program's name. Throws `CalqueError`. */
export function parseCommandLine(args: readonly string[]): Request {
  const [first, ...rest] = args;
  if (first === undefined) throw new CalqueError(`no command given; there are ${COMMANDS.join(", ")}, and --help`);
  if (first === "--version" || first === "-V") return { kind: "version" };
  if (first === "--help" || first === "-h" || first === "help") return { kind: "help", command: COMMANDS.find((known) => known === rest[0]) };
  const command = COMMANDS.find((known) => known === first);
  if (command === undefined) throw new CalqueError(`unknown command ${JSON.stringify(first)}; there are ${COMMANDS.join(", ")}, and --help`);
  const given = collect(command, rest);
  return given === "help" ? { kind: "help", command } : { kind: "command", command, settings: toSettings(command, given) };
}

/** The options that a command takes, in the table's order. */
export function optionsOf(command: Command): ReadonlyArray<readonly [OptionName, Option]> {
  return OPTION_NAMES.filter((name) => TABLE[name].commands.includes(command)).map((name) => [name, TABLE[name]]);
}
