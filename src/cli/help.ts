/** What `--help` prints. */
import { COMMANDS, optionsOf, type Command } from "./options.ts";

const SUMMARY: Readonly<Record<Command, string>> = {
  run: "run a guest, its serial port on this terminal",
  lockstep: "run a guest in both engines at once and stop at the first difference",
  compare: "run a guest in both engines, one after the other, and compare",
  trace: "run a guest and print every instruction that it executes, with what it changes",
  measure: "run a guest and report what it executed, as what, and where the time went",
  profile: "run a guest and say which of its functions execute most",
  show: "show guest code beside the JavaScript that it becomes",
  guests: "list the guests that calque knows; --fetch gets them",
};

const SYNOPSIS: Readonly<Record<Command, string>> = {
  run: "[debian | demo | FILE]",
  lockstep: "[debian | demo | FILE]",
  compare: "[debian | demo | FILE]",
  trace: "[debian | demo | FILE]",
  measure: "[debian | demo | FILE]",
  profile: "[debian | demo | FILE]",
  show: "hex:BYTES | IMAGE@PLACE | PLACE [IMAGE] | --hot N [IMAGE]",
  guests: "",
};

const NOTES: Readonly<Record<Command, string>> = {
  run: `FILE is a multiboot kernel or a Linux bzImage; anything else is a flat image and needs --load-at.
At a terminal: Ctrl-A x leaves, Ctrl-A h shows the keys, Ctrl-A Ctrl-A sends Ctrl-A; Ctrl-C goes to the guest.

Exit codes: 0 all expected text seen, or the guest ended well; 1 triple fault, expected text missing, or budget used up;
2 unusable arguments or files; 70 a fault of calque; 124 timeout; (v << 1 | 1) & 255 after --debug-exit.`,
  lockstep: "Exit codes: 0 equal, 1 different; 2, 70 and 124 as for run.",
  compare: "Exit codes: as for run; 1 too where the engines end in different states. A used-up budget is a normal end.",
  measure: "Counts are exact; how many executions are translated ones depends a little on the host's speed. Times are samples. Exit codes: as for run; a used-up budget is a normal end.",
  trace: `A line: the instruction count before it, ring, CS:EIP and symbol, bytes, instruction, and the registers that it changed. A line with
"->" is an interrupt or exception: from where, which, to where. A REP instruction has a line for each stretch.
COUNTs are of instructions, as --stats and lockstep count them. A range's ends are addresses or symbols, whose extent a single one means.
A kernel's own symbols are used where --symbols names none. Only a trace to a file leaves stdout to the guest.

--format qemu prints the state before every instruction as QEMU does for
  qemu-system-i386 -accel tcg -kernel FILE -d cpu,nochain -singlestep -D LOG
where -dfilter A..B does what --range does here.

Exit codes: as for run, where the end of the trace is a normal end.`,
  profile: `The table (self: in the function itself; total: in what it calls too) is printed on stderr. --format folded is what flame-graph tools read, a
stack a line; speedscope is JSON for www.speedscope.app. They go to stdout, where the guest's output then does not, or to --out; a folder gets
all formats. Callers are found by frame pointers (EBP), so of code without them only some are seen. Addresses without a symbol count for their page.
A kernel's own symbols are used where --symbols names none. Samples fall at the same instructions in every run. The clock of --trace is
guest time; with it the run is counted as by measure, which takes longer. Exit codes: as for run; a used-up budget is a normal end.`,
  show: `BYTES are hexadecimal, spaces allowed. IMAGE is debian, demo or a file (default demo). A PLACE is 0xADDRESS, linear, or a symbol: of
--symbols, or of the kernel itself. --at shows what the translator would make of the code at that time; --after and --expect run the guest
and then show the regions that it is running there, or that it has entered most often (--hot).`,
  guests: "Guests are kept in guests/ beside the program, or where CALQUE_GUESTS says.",
};

export function generalHelp(): string {
  const width = Math.max(...COMMANDS.map((command) => command.length));
  return [
    "calque runs unmodified IA-32 guests by translating them into JavaScript.",
    "",
    "usage: calque COMMAND [options]",
    "",
    ...COMMANDS.map((command) => `  ${command.padEnd(width)}  ${SUMMARY[command]}`),
    "",
    "  calque COMMAND --help   the options of a command",
    "  calque --version        the version",
    "",
  ].join("\n");
}

export function commandHelp(command: Command): string {
  const options = optionsOf(command).map(([name, { value, help }]) => [value === "" ? `--${name}` : `--${name} ${value}`, help] as const);
  const width = Math.max(0, ...options.map(([left]) => left.length));
  return [
    SUMMARY[command],
    "",
    `usage: calque ${[command, SYNOPSIS[command], "[options]"].filter((part) => part !== "").join(" ")}`,
    "",
    ...options.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`),
    "",
    NOTES[command],
    "",
  ].join("\n");
}
