/** Runs the command line as a user does, in a process of its own. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const LAUNCHER = join(import.meta.dirname, "../../bin/calque.js");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly input?: string;
  readonly node?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export function calque(args: readonly string[], { input, node = process.execPath, env = {}, cwd = process.cwd() }: Surroundings = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, [LAUNCHER, ...args], { cwd, env: { ...process.env, ...env }, stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
    let stdout = "", stderr = "";
    child.stdout?.setEncoding("latin1").on("data", (text: string) => { stdout += text; });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => { stderr += text; });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    if (input !== undefined) child.stdin?.end(input);
  });
}

/** A folder for this test file, removed behind it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "calque-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes flat 32-bit code to a file and returns the arguments that load it. */
export function flatImage(folder: string, name: string, code: readonly number[]): string[] {
  const path = join(folder, name);
  writeFileSync(path, Uint8Array.from(code));
  return [path, "--load-at", "0x100000"];
}
