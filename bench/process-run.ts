/** Runs one engine process up to an expected text and measures it: wall time and peak resident memory. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Command } from "./engines/engine.ts";

/** The texts between which a run is timed; from the start of the process where `begin` is absent. */
export interface Marks {
  readonly begin?: string | undefined;
  readonly expect: string;
}

export interface RunResult {
  /** Seconds between the marks. */
  readonly seconds: number;
  /** Peak resident set of the process and its children together, in MiB. */
  readonly peakMiB: number;
  /** What the guest printed as its result, where it did. */
  readonly checksum: string | undefined;
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
export function runUntil(command: Command, { begin, expect }: Marks, timeoutSeconds: number): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  let start = performance.now(), begun = begin === undefined;
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
    if (failure === undefined) resolve({ seconds, peakMiB: peak / 1024, checksum: /checksum ([0-9a-f]{8})/.exec(seen)?.[1] });
    else reject(new Error(`${failure}; last output: ${JSON.stringify(seen.slice(-200))} ${errors.slice(-400).trim()}`));
  }

  const deadline = setTimeout(() => { finish(`no ${JSON.stringify(expect)} within ${timeoutSeconds} s`); }, timeoutSeconds * 1000);
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    seen = (seen + text).slice(-64 * 1024);
    if (!begun && seen.includes(begin!)) {
      begun = true;
      start = performance.now();
    }
    if (begun && seen.includes(expect)) finish();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => { errors = (errors + text).slice(-4096); });
  child.on("error", (error) => { finish(error.message); });
  child.on("close", (code) => { finish(begun && seen.includes(expect) ? undefined : `ended with code ${code} before ${JSON.stringify(expect)}`); });
  return promise;
}
