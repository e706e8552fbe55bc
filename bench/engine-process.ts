/** One engine at work as a process: its output with the times at which it came, and its peak resident memory. */
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Command } from "./engines/engine.ts";

const POLL_MILLISECONDS = 100, KEPT = 256 * 1024;

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter((word) => word !== "").map(Number);
  } catch {
    return [];
  }
}

/** Resident KiB of a process and its descendants, now or at most (proc(5): VmRSS, VmHWM); 0 where it has ended. */
function residentKiB(pid: number, field: "VmRSS" | "VmHWM"): number {
  try {
    const own = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"));
    return childrenOf(pid).reduce((sum, child) => sum + residentKiB(child, field), Number(own?.[1] ?? 0));
  } catch {
    return 0;
  }
}

/** A process and its descendants: a launcher's child does not end with it. */
function killAll(pid: number): void {
  for (const child of childrenOf(pid)) killAll(child);
  try {
    process.kill(pid, "SIGKILL");
  } catch { /* it has ended */ }
}

export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #poll: NodeJS.Timeout;
  #unread = "";
  #errors = "";
  #peak = 0;
  #ended: string | undefined;
  #wake: () => void = () => {};
  /** ms on the clock of `performance.now()`. */
  readonly started = performance.now();

  constructor({ file, args, environment }: Command) {
    this.#child = spawn(file, [...args], { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...environment } });
    this.#poll = setInterval(() => { this.#samplePeak(); }, POLL_MILLISECONDS);
    this.#child.stdin!.on("error", () => {});
    this.#child.stdout!.setEncoding("latin1").on("data", (text: string) => {
      this.#unread = (this.#unread + text).slice(-KEPT);
      this.#wake();
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => { this.#errors = (this.#errors + text).slice(-4096); });
    this.#child.on("error", (error) => { this.#end(error.message); });
    this.#child.on("close", (code) => { this.#end(`ended with code ${code}`); });
  }

  #end(why: string): void {
    this.#ended ??= why;
    this.#wake();
  }

  #samplePeak(): void { this.#peak = Math.max(this.#peak, residentKiB(this.#child.pid ?? 0, "VmHWM")); }

  get peakMiB(): number {
    this.#samplePeak();
    return this.#peak / 1024;
  }

  get residentMiB(): number { return residentKiB(this.#child.pid ?? 0, "VmRSS") / 1024; }

  /**
   * Waits for one of the texts, takes the output up to its end, and returns that and the time in ms. Throws where the process ends or the
   * time runs out before; the message ends with the last output.
   */
  async waitFor(texts: readonly string[], timeoutSeconds: number): Promise<{ readonly output: string; readonly time: number }> {
    const deadline = setTimeout(() => { this.#end(`not there after ${timeoutSeconds} s`); }, timeoutSeconds * 1000);
    try {
      for (;;) {
        const ends = texts.map((text) => this.#unread.indexOf(text) + text.length).filter((end, index) => end >= texts[index]!.length);
        if (ends.length > 0) {
          const end = Math.min(...ends), output = this.#unread.slice(0, end);
          this.#unread = this.#unread.slice(end);
          return { output, time: performance.now() };
        }
        if (this.#ended !== undefined) {
          const last = JSON.stringify(this.#unread.slice(-200));
          throw new Error(`no ${JSON.stringify(texts.at(-1))}: ${this.#ended}; last output: ${last} ${this.#errors.slice(-400).trim()}`.trim());
        }
        await new Promise<void>((resolve) => { this.#wake = resolve; });
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  send(text: string): void { this.#child.stdin!.write(text, "latin1"); }

  close(): void {
    clearInterval(this.#poll);
    if (this.#child.pid !== undefined && this.#child.exitCode === null) killAll(this.#child.pid);
  }
}
