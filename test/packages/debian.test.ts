/** Debian's installer kernel as it comes (npm run guests), in the command line as a user would run it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { calque, temporaryFolder } from "../cli/calque.ts";
import { guestVersion } from "../../src/cli/guests.ts";

const folder = temporaryFolder();

it("is here", () => {
  const version = guestVersion("debian");
  console.log(version);
  expect(version).toMatch(/^debian-installer-12-netboot-i386 /);
});

it("boots to a shell that computes", async () => {
  const stats = join(folder, "stats.json");
  const ended = await calque(["run", "debian", "--expect", "# ", "--send", "echo $((6*7)); uname -m\\n", "--expect", "42\r\ni686\r\n", "--timeout", "580", "--stats", stats]);
  expect(ended.code, ended.stderr + ended.stdout.slice(-2000)).toBe(0);
  const figures = JSON.parse(readFileSync(stats, "utf8")) as { instructions: number; seconds: number; mips: number };
  console.log(`${figures.instructions} instructions, ${figures.seconds.toFixed(1)} s, ${figures.mips.toFixed(0)} MIPS`);
  expect(figures.instructions).toBeGreaterThan(1e9);
});
