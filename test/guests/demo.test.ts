/** The demo guest is what its sources say, and runs under QEMU as its expected output says. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const folder = join(import.meta.dirname, "demo");

/** The compiler whose output is committed; another one makes other code. */
const COMPILER = "12.2.0";

function output(command: string, ...args: string[]): string {
  const result = spawnSync(command, args, { encoding: "latin1" });
  return result.status === 0 ? result.stdout.trim() : "";
}

test.skipIf(output("gcc", "-dumpfullversion") !== COMPILER)("demo.elf is built from its sources, byte by byte", () => {
  const scratch = mkdtempSync(join(tmpdir(), "demo-"));
  try {
    const built = join(scratch, "demo.elf");
    execFileSync(join(folder, "build.sh"), [built]);
    expect(readFileSync(built).equals(readFileSync(join(folder, "demo.elf")))).toBe(true);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}, 60_000);

test.skipIf(output("qemu-system-i386", "--version") === "")("demo prints its expected output under QEMU", () => {
  const run = spawnSync("qemu-system-i386", [
    "-kernel", join(folder, "demo.elf"), "-append", "quick", "-cpu", "pentium,+cmov", "-m", "64",
    "-serial", "stdio", "-display", "none", "-no-reboot",
  ], { encoding: "latin1", timeout: 60_000 });
  expect(run.stdout).toBe(readFileSync(join(folder, "demo-quick.txt"), "latin1"));
  expect(run.status).toBe(0);
}, 70_000);
