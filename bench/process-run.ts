/** Runs one engine process up to an expected text and measures it: wall time and peak resident memory. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Command } from "./engines/engine.ts";

export interface RunResult {
  /** Seconds from the start of the process to the expected text. */
  readonly seconds: number;
  /** Peak resident set of the process and its children together, in MiB. */
  readonly peakMiB: number;
}

const POLL_MILLISECONDS = 100;

/** Peak resident KiB of a process and its descendants (proc(5), VmHWM); 0 where it has ended. */
function peakKiB(pid: number): number {
  try {
    const own = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter((word) => word !== "");
    return Number(own?.[1] ?? 0) + children.reduce((sum, child) => sum + peakKiB(Number(child)), 0);
  } catch {
    return 0;
  }
}

/** Throws where the process ends or the time runs out before `expect` is seen; the message ends with its last output. */
export function runUntil(command: Command, expect: string, timeoutSeconds: number): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const start = performance.now();
  const child = spawn(command.file, [...command.args], { stdio: ["ignore", "pipe", "pipe"] });
  let peak = 0, seen = "", errors = "", done = false;
  const samplePeak = (): void => { if (child.pid !== undefined) peak = Math.max(peak, peakKiB(child.pid)); };
  const poll = setInterval(samplePeak, POLL_MILLISECONDS);

  function finish(failure?: string): void {
    if (done) return;
    done = true;
    const seconds = (performance.now() - start) / 1000;
    samplePeak();
    clearInterval(poll);
    clearTimeout(deadline);
    child.kill("SIGKILL");
    if (failure === undefined) resolve({ seconds, peakMiB: peak / 1024 });
    else reject(new Error(`${failure}; last output: ${JSON.stringify(seen.slice(-200))} ${errors.slice(-400).trim()}`));
  }

  const deadline = setTimeout(() => { finish(`no ${JSON.stringify(expect)} within ${timeoutSeconds} s`); }, timeoutSeconds * 1000);
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    seen = (seen + text).slice(-64 * 1024);
    if (seen.includes(expect)) finish();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => { errors = (errors + text).slice(-4096); });
  child.on("error", (error) => { finish(error.message); });
  child.on("close", (code) => { finish(`ended with code ${code} before ${JSON.stringify(expect)}`); });
  return promise;
}
