/** Builds and runs native.c: the processor of this machine as the oracle. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeResults, encodeCases, type Case, type Result } from "./case-format.ts";

const SOURCE = join(import.meta.dirname, "native.c");
const FLAGS = [
  "-m32", "-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pic", "-no-pie", "-fcf-protection=none",
  "-Wl,-Ttext-segment=0x50000000", "-Wl,--build-id=none", "-Wall", "-Wextra", "-Werror",
];

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

/** The processor: runs each case in ring 3 of a 32-bit process. */
export class NativeOracle {
  readonly #program: string;
  /** Whether page 8000h could be mapped, so that 16-bit addresses reach memory. */
  readonly lowPage: boolean;

  /** Throws where this machine can not build or run 32-bit programs; the message says which. */
  constructor() {
    this.#program = build();
    this.lowPage = this.#run([]).lowPage;
  }

  run(cases: readonly Case[]): Result[] {
    return this.#run(cases).results;
  }

  #run(cases: readonly Case[]): { results: Result[]; lowPage: boolean } {
    const ran = spawnSync(this.#program, { input: encodeCases(cases), maxBuffer: 1 << 30 });
    if (ran.status !== 0) throw new Error(`the 32-bit program ended with ${ran.signal ?? ran.error?.message ?? `code ${ran.status}`}`);
    return decodeResults(ran.stdout, cases.length);
  }
}
