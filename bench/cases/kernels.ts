/** Compute kernels: each a C file of bench/kernels, built as a multiboot guest and as a program of the host. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { BootCase } from "./boot-case.ts";

const SOURCES = join(import.meta.dirname, "../kernels"), OUTPUT = join(import.meta.dirname, "../out");
const FLAGS = [
  "-m32", "-march=i686", "-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pic", "-no-pie", "-fcf-protection=none",
  "-fno-asynchronous-unwind-tables", "-fno-tree-vectorize", "-Wl,--build-id=none",
];
const NOT_KERNELS = new Set(["run"]);

export const KERNELS: readonly string[] = readdirSync(SOURCES).filter((file) => file.endsWith(".c")).map((file) => file.slice(0, -2))
  .filter((name) => !NOT_KERNELS.has(name)).toSorted();

function sourceHash(): string {
  const hash = createHash("sha256").update(FLAGS.join(" "));
  for (const file of readdirSync(SOURCES).toSorted()) hash.update(readFileSync(join(SOURCES, file)));
  return hash.digest("hex").slice(0, 12);
}

/** Throws where there is no 32-bit compiler. */
function build(name: string, start: string, extra: readonly string[]): string {
  mkdirSync(OUTPUT, { recursive: true });
  const output = join(OUTPUT, `${name}-${start}-${sourceHash()}`), partial = `${output}.${process.pid}`;
  if (existsSync(output)) return output;
  const files = [`start-${start}.S`, `${name}.c`, "run.c"].map((file) => join(SOURCES, file));
  const made = spawnSync("gcc", [...FLAGS, ...extra, "-o", partial, ...files], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`gcc -m32 could not build ${name}: ${made.error?.message ?? made.stderr}`);
  renameSync(partial, output);
  return output;
}

function compilerVersion(): string {
  return spawnSync("gcc", ["-dumpfullversion"], { encoding: "utf8" }).stdout.trim();
}

export function kernelCase(name: string): BootCase {
  return {
    name, title: `kernel ${name}`, kind: "multiboot",
    kernel: build(name, "guest", ["-Wl,-Ttext-segment=0x100000", "-Wl,-z,max-page-size=4096", "-Wl,-z,noexecstack"]),
    native: build(name, "native", []),
    commandLine: "", memoryMiB: 64, begin: "begin\n", expect: " done\n", timeoutSeconds: 120,
    provenance: `gcc ${compilerVersion()} -O2, sources ${sourceHash()}`,
  };
}
