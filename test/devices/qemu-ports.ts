/** QEMU's device models, driven port by port through its qtest protocol; the guest is stopped and so is its clock. */
import { spawnSync } from "node:child_process";

const MACHINE = ["-S", "-M", "pc,accel=tcg", "-nodefaults", "-display", "none"];
const ARGUMENTS = [
  ...MACHINE, "-qtest", "stdio", "-qtest-log", "none", "-serial", "null",
  "-device", "isa-debug-exit,iobase=0xf4",
];

export type PortAction =
  | { readonly write: number; readonly value: number }
  | { readonly read: number }
  /** An input of the interrupt controllers, 0-15, falls and rises. */
  | { readonly pulse: number };

function run(lines: readonly string[]): string[] {
  const { stdout, status } = spawnSync("qemu-system-i386", ARGUMENTS, { input: `${lines.join("\n")}\noutb 0xf4 0x10\n`, encoding: "utf8", timeout: 60_000 });
  if (status === null) throw new Error("QEMU does not answer");
  return stdout.split("\n").filter((line) => /^(OK|FAIL)/.test(line));
}

export const hasQemu = (): boolean => spawnSync("qemu-system-i386", ["--version"]).status === 0;

/** The devices of QEMU's machine by their paths; asked again where it ended before all of the answer was written. */
function listDevices(attempts = 5): readonly string[] {
  const commands = ["qmp_capabilities", "qom-list", "quit"].map((execute) =>
    JSON.stringify({ execute, ...(execute === "qom-list" ? { arguments: { path: "/machine/unattached" } } : {}) }));
  const { stdout } = spawnSync("qemu-system-i386", [...MACHINE, "-qmp", "stdio"], { input: commands.join("\n"), encoding: "utf8", timeout: 60_000 });
  const paths = [...stdout.matchAll(/"name": "(device\[\d+\])", "type": "child<isa-i8259>"/g)].map(([, name]) => `/machine/unattached/${name!}`);
  return paths.length === 2 || attempts === 1 ? paths : listDevices(attempts - 1);
}

/** Where the two 8259As, master first, are among the objects of the machine. */
function findPics(): readonly [string, string] {
  const [master, slave] = listDevices().toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
  if (master === undefined || slave === undefined) throw new Error("QEMU's interrupt controllers were not found");
  return [master, slave];
}

/** The values read, in order. */
export function qemuReads(actions: readonly PortAction[]): number[] {
  const pics = actions.some((action) => "pulse" in action) ? findPics() : undefined;
  const lines = actions.flatMap((action) => {
    if ("read" in action) return [`inb ${action.read}`];
    if ("write" in action) return [`outb ${action.write} ${action.value}`];
    const input = `set_irq_in ${pics![action.pulse >> 3]!} unnamed-gpio-in ${action.pulse & 7}`;
    return [`${input} 0`, `${input} 1`];
  });
  const answers = run(lines);
  if (answers.length < lines.length) throw new Error(`QEMU answered ${answers.length} of ${lines.length} requests`);
  const failed = answers.findIndex((answer) => !answer.startsWith("OK"));
  if (failed >= 0 && failed < lines.length) throw new Error(`${lines[failed]!}: ${answers[failed]!}`);
  return lines.flatMap((line, k) => (line.startsWith("inb") ? [Number(answers[k]!.slice(3))] : []));
}
