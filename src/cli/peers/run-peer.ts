/** Runs a peer through the steps of a script and times it. */
import { spawn } from "node:child_process";
import { performance } from "node:perf_hooks";
import { Script, type ScriptStep } from "../../input.ts";
import type { PeerCommand } from "./peer.ts";

/** Seconds from the start of the process to the last expected text, or why there are none. */
export type PeerRun = { readonly seconds: number } | { readonly failure: string };

export function runPeer({ file, args }: PeerCommand, steps: readonly ScriptStep[], timeoutSeconds: number): Promise<PeerRun> {
  const { promise, resolve } = Promise.withResolvers<PeerRun>();
  const script = new Script(steps), started = performance.now();
  const child = spawn(file, [...args], { stdio: ["pipe", "pipe", "ignore"] });
  const stop = (): void => { child.kill("SIGKILL"); };
  const finish = (run: PeerRun): void => {
    clearTimeout(deadline);
    process.off("exit", stop);
    stop();
    resolve(run);
  };
  const deadline = setTimeout(() => finish({ failure: `not there after ${timeoutSeconds} s` }), timeoutSeconds * 1000);
  process.once("exit", stop);
  script.onSend = (bytes) => { child.stdin.write(bytes); };
  script.start();
  child.stdin.on("error", () => {}); // it ended: "close" says so
  child.stdout.on("data", (bytes: Uint8Array) => {
    for (const byte of bytes) if (!script.satisfied) script.transmitted(byte);
    if (script.satisfied) finish({ seconds: (performance.now() - started) / 1000 });
  });
  child.on("error", (error) => finish({ failure: error.message }));
  child.on("close", (code) => finish({ failure: `ended with code ${code} before the expected text` }));
  return promise;
}
