/** Both engines side by side over whole guests: the state hash is equal at every check. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const CALQUE = fileURLToPath(new URL("../../bin/calque.js", import.meta.url));

function lockstep(...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [CALQUE, "lockstep", ...args], { encoding: "utf8", timeout: 540_000 });
  return { status, stderr };
}

it("the whole default guest", () => {
  const { status, stderr } = lockstep("demo");
  expect(status, stderr).toBe(0);
});

it("the first 300 million instructions of Debian", () => {
  const { status, stderr } = lockstep("debian", "--max-instructions", "300000000");
  expect(status, stderr).toBe(0);
});
