/** Builds a kernel, one C file of bench/kernels, as a multiboot guest and, where it can be one, as a program of the host. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Group, GuestCase } from "./guest-case.ts";

const SOURCES = join(import.meta.dirname, "../kernels"), OUTPUT = join(import.meta.dirname, "../out");
const FLAGS = [
  "-m32", "-march=i686", "-mfpmath=387", "-mno-sse", "-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-math-errno", "-fno-stack-protector", "-fno-pic", "-no-pie",
  "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-fno-tree-vectorize", "-fno-tree-loop-distribute-patterns", "-Wl,--build-id=none",
];
const GUEST = ["guest/start.S", "guest/system.c", "-Wl,-Ttext-segment=0x100000,-z,max-page-size=4096,-z,noexecstack"];
/** One segment that may be written and executed: some kernels write code. */
const NATIVE = ["native/start.S", "-Wl,-N,--no-warn-rwx-segments,-z,noexecstack"];

/** A kernel of a group's list. */
export interface Kernel {
  readonly name: string;
  /** The C file without its ending; the name where it is absent. */
  readonly source?: string;
  /** Macros that the source wants. */
  readonly define?: Readonly<Record<string, number | string>>;
  readonly operations?: number;
  readonly paced?: boolean;
  readonly timeoutSeconds?: number;
}

function allSources(folder = SOURCES): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => entry.isDirectory() ? allSources(join(folder, entry.name)) : [join(folder, entry.name)]).toSorted();
}

const sourceHash = ((): string => {
  const hash = createHash("sha256").update([...FLAGS, ...GUEST, ...NATIVE].join(" "));
  for (const file of allSources()) hash.update(readFileSync(file));
  return hash.digest("hex").slice(0, 12);
})();

/** Throws where there is no 32-bit compiler. */
function build(source: string, output: string, args: readonly string[]): string {
  mkdirSync(OUTPUT, { recursive: true });
  const whole = join(OUTPUT, output), partial = `${whole}.${process.pid}`;
  if (existsSync(whole)) return whole;
  const [start = "", ...rest] = args;
  const made = spawnSync("gcc", [...FLAGS, "-o", partial, start, source, "run.c", ...rest], { encoding: "utf8", cwd: SOURCES });
  if (made.status !== 0) throw new Error(`gcc -m32 could not build ${output}: ${made.error?.message ?? made.stderr}`);
  renameSync(partial, whole);
  return whole;
}

function macros(kernel: Kernel): string[] {
  const all = { ...kernel.operations === undefined ? {} : { COUNT: kernel.operations }, ...kernel.define };
  return Object.entries(all).map(([name, value]) => `-D${name}=${value}`);
}

function kernelCase(folder: string, kernel: Kernel, isProgram: boolean): GuestCase {
  const source = `${folder}/${kernel.source ?? kernel.name}.c`, defined = macros(kernel);
  const name = `${folder}-${kernel.name}-${createHash("sha256").update(defined.join(" ") + sourceHash).digest("hex").slice(0, 12)}`;
  return {
    name: kernel.name, kind: "multiboot",
    kernel: build(source, `${name}.guest`, [...GUEST, ...defined]),
    ...isProgram ? { native: build(source, `${name}.native`, [...NATIVE, ...defined]) } : {},
    commandLine: "", memoryMiB: 64, begin: "begin\n", expect: " done\n", timeoutSeconds: kernel.timeoutSeconds ?? 60,
    ...kernel.operations === undefined ? {} : { operations: kernel.operations },
    ...kernel.paced === undefined ? {} : { paced: kernel.paced },
  };
}

const compiler = (): string => spawnSync("gcc", ["-dumpfullversion"], { encoding: "utf8" }).stdout.trim();

/** The kernels of one folder of bench/kernels. */
export function kernelGroup(name: string, title: string, unit: Group["unit"], kernels: readonly Kernel[], isProgram: boolean): Group {
  return {
    name, title, unit,
    provenance: () => `gcc ${compiler()} -O2, sources ${sourceHash}`,
    names: kernels.map((kernel) => kernel.name),
    build(wanted: string): GuestCase {
      const kernel = kernels.find((one) => one.name === wanted);
      if (kernel === undefined) throw new Error(`no kernel ${wanted}`);
      return kernelCase(name, kernel, isProgram);
    },
  };
}
