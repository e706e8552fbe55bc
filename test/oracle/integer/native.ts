/** Builds and runs native.c: the processor of this machine as the oracle, or QEMU in its stead. */
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeResults, encodeCases, type Case, type Result } from "./case-format.ts";
import type { Generated } from "./generate.ts";
import { comparableWithQemu, vectorFromQemu } from "./qemu-deviations.ts";

const SOURCE = join(import.meta.dirname, "native.c");
const FLAGS = [
  "-m32", "-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pic", "-no-pie", "-fcf-protection=none",
  "-Wl,-Ttext-segment=0x50000000", "-Wl,--build-id=none", "-Wall", "-Wextra", "-Werror",
];

/** What comes back where the kernel refuses the program: execvp then has a shell read it as a script. native.c never ends so. */
const REFUSED: readonly (number | null)[] = [2, 126, 127];

/** Throws where there is no 32-bit compiler. */
function build(): string {
  const hash = createHash("sha256").update(readFileSync(SOURCE)).update(FLAGS.join(" ")).digest("hex").slice(0, 16);
  const folder = join(tmpdir(), "calque-integer-oracle");
  const program = join(folder, hash);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const partial = `${program}.${process.pid}`;
  const compiled = spawnSync("gcc", [...FLAGS, "-o", partial, SOURCE], { encoding: "utf8" });
  if (compiled.status !== 0) throw new Error(`gcc -m32 failed: ${compiled.error?.message ?? compiled.stderr.trim()}`);
  renameSync(partial, program);
  return program;
}

/** The processor itself, or where the kernel starts no 32-bit programs QEMU's user-mode emulation of one. */
export type OracleKind = "processor" | "qemu";

interface Way {
  readonly kind: OracleKind;
  /** The command before the program. */
  readonly command: readonly string[];
}

/** Debian's qemu-user, then its qemu-user-static; the features are calque's. */
function waysToRun(): readonly Way[] {
  const chosen = process.env["CALQUE_QEMU_USER"];
  const emulators = chosen === undefined ? ["qemu-i386", "qemu-i386-static"] : [chosen];
  return [{ kind: "processor", command: [] }, ...emulators.map((emulator) => ({ kind: "qemu" as const, command: [emulator, "-cpu", "pentium,+cmov"] }))];
}

function isRefused({ status, error }: SpawnSyncReturns<Buffer>): boolean {
  return error !== undefined && "code" in error && (error.code === "ENOENT" || error.code === "ENOEXEC") || REFUSED.includes(status);
}

/** Runs each case in ring 3 of a 32-bit process. */
export class NativeOracle {
  readonly kind: OracleKind;
  /** For reports. */
  readonly title: string;
  /** Whether it raises #AC. QEMU has none. */
  readonly checksAlignment: boolean;
  /** Whether page 8000h could be mapped, so that 16-bit addresses reach memory. */
  readonly lowPage: boolean;
  readonly #command: readonly string[];

  /** Throws where this machine can not build or run 32-bit programs; the message says which, and what to do. */
  constructor() {
    const program = build(), nothing = encodeCases([]);
    const way = waysToRun().find(({ command }) => !isRefused(start([...command, program], nothing)));
    if (way === undefined) {
      throw new Error("this kernel starts no 32-bit programs (`dmesg | grep -i emulation` says why) and qemu-i386 is absent: take a host that starts them, or `apt-get install qemu-user`");
    }
    this.kind = way.kind;
    this.title = way.kind === "processor" ? "this machine's processor" : `QEMU's user-mode emulation (${way.command.join(" ")})`;
    this.checksAlignment = way.kind === "processor";
    this.#command = [...way.command, program];
    this.lowPage = this.#run([]).lowPage;
  }

  /** The case as this oracle's answer to it can be compared, or undefined where it cannot. */
  comparable(made: Generated): Generated | undefined {
    return this.kind === "processor" ? made : comparableWithQemu(made);
  }

  run(cases: readonly Case[]): Result[] {
    const { results } = this.#run(cases);
    return this.kind === "processor" ? results : results.map((result, index) => ({ ...result, vector: vectorFromQemu(cases[index]!, result) }));
  }

  #run(cases: readonly Case[]): { results: Result[]; lowPage: boolean } {
    const ran = start(this.#command, encodeCases(cases));
    if (ran.status !== 0) {
      const why = ran.signal ?? ran.error?.message ?? `code ${ran.status}`, [said = ""] = ran.stderr.toString().trim().split("\n").slice(-1);
      throw new Error(`the 32-bit program ended with ${why}${said === "" ? "" : `: ${said}`}`);
    }
    return decodeResults(ran.stdout, cases.length);
  }
}

function start([file = "", ...parameters]: readonly string[], input: Uint8Array): SpawnSyncReturns<Buffer> {
  return spawnSync(file, parameters, { input, maxBuffer: 1 << 30 });
}
