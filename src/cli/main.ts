/** The command line's entry: reads the arguments, runs the command, turns every end into an exit code. */
import { CalqueError } from "../error.ts";
import "./v8-flags.ts";
import { listGuests } from "./guests.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { warn } from "./messages.ts";
import { parseCommandLine, type Command, type Settings } from "./options.ts";
import { EXIT } from "./outcome.ts";
import { version } from "./package-root.ts";
import { drainStdout, watchStdout } from "./serial.ts";

async function guests(settings: Settings): Promise<number> {
  const [extra] = settings.operands;
  if (extra !== undefined) throw new CalqueError("guests takes options only", extra);
  if (settings.fetch) (await import("./fetch-guests.ts")).fetchGuests(warn);
  else process.stdout.write(listGuests());
  return EXIT.ok;
}

/** Each is loaded when it is asked for, so that help and mistakes are answered at once. */
const PERFORM: Readonly<Record<Command, (settings: Settings) => Promise<number>>> = {
  run: async (settings) => (await import("./run.ts")).run(settings),
  lockstep: async (settings) => (await import("./lockstep.ts")).lockstep(settings),
  compare: async (settings) => (await import("./compare.ts")).compare(settings),
  trace: async (settings) => (await import("./trace.ts")).trace(settings),
  measure: async (settings) => (await import("./measure.ts")).measure(settings),
  profile: async (settings) => (await import("./profile.ts")).profile(settings),
  show: async (settings) => (await import("./show.ts")).show(settings),
  guests,
};

async function perform(args: readonly string[]): Promise<number> {
  const request = parseCommandLine(args);
  switch (request.kind) {
    case "help":
      process.stdout.write(request.command === undefined ? generalHelp() : commandHelp(request.command));
      return EXIT.ok;
    case "version":
      process.stdout.write(`${version()}\n`);
      return EXIT.ok;
    case "command": return PERFORM[request.command](request.settings);
    default: return request satisfies never;
  }
}

/** A fault of ours: says so, and what a report needs. */
function fail(error: unknown): number {
  if (error instanceof CalqueError) {
    warn(error.message);
    return EXIT.usage;
  }
  warn("this is a fault of calque itself, not of the guest. Please report the lines below with the command and the guest.");
  const stack = error instanceof Error ? error.stack ?? error.message : String(error);
  process.stderr.write(`calque ${version()}, Node ${process.version}, ${process.platform}: ${process.argv.slice(2).join(" ")}\n${stack}\n`);
  return EXIT.internal;
}

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

async function main(): Promise<void> {
  watchStdout();
  process.stderr.on("error", () => {});
  process.on("uncaughtException", (error) => process.exit(fail(error)));
  for (const [signal, number] of Object.entries(SIGNALS)) process.on(signal, () => process.exit(128 + number));
  const code = await perform(process.argv.slice(2)).catch(fail);
  await drainStdout();
  process.exit(code);
}

await main();
