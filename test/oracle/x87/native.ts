/** The host processor as an oracle for x87 instructions: builds x87.c and runs cases through it. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const CASE_BYTES = 256;
export const OPERAND_AT = 108, FLAGS_AT = 236, CODE_AT = 240, EAX_AT = 248;

export interface NativeX87 {
  /** Runs cases of CASE_BYTES each; the answer has the same layout. */
  run(cases: Uint8Array): Uint8Array;
  close(): void;
}

/** Undefined, with a printed line, where the program cannot be built or run; an error where CI=true. */
export function buildNativeX87(): NativeX87 | undefined {
  const folder = mkdtempSync(join(tmpdir(), "calque-x87-"));
  const program = join(folder, "x87");
  const source = fileURLToPath(new URL("x87.c", import.meta.url));
  try {
    execFileSync("gcc", ["-m64", "-static", "-nostdlib", "-O1", "-ffreestanding", "-fno-pic", "-no-pie", "-mno-red-zone", "-fno-stack-protector", "-o", program, source], { stdio: "pipe" });
    execFileSync(program, { input: "" });
  } catch (error) {
    rmSync(folder, { recursive: true });
    if (process.env["CI"] === "true") throw error;
    console.log("skipped: the native x87 oracle needs `gcc -m64` and Linux on an x86-64 processor");
    return undefined;
  }
  return {
    run(cases) {
      const { status, stdout, signal } = spawnSync(program, { input: cases, maxBuffer: cases.length + 1 });
      if (status !== 0 || stdout.length !== cases.length) throw new Error(`the x87 oracle ended with ${status ?? signal}`);
      return new Uint8Array(stdout);
    },
    close() {
      rmSync(folder, { recursive: true });
    },
  };
}
