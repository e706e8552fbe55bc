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

it("runs a dialogue of pipes, forks and programs", async () => {
  const ended = await calque([
    "run", "debian", "--timeout", "580",
    "--expect", "# ", "--send", "mount -t proc proc /proc; grep -c ^processor /proc/cpuinfo | sed s/^/cpus=/\\n", "--expect", "cpus=1",
    "--expect", "# ", "--send", "printf abc | sha256sum\\n", "--expect", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "--expect", "# ", "--send", "i=0; while [ $i -lt 60 ]; do /bin/true; i=$((i+1)); done; echo forks=$i\\n", "--expect", "forks=60",
    "--expect", "# ", "--send", "seq 1 1000 | awk '{ s += $1 } END { print \"sum=\" s }'\\n", "--expect", "sum=500500",
    "--expect", "# ", "--send", "tar cf - /lib/modules 2>/dev/null | wc -c | awk '{ print ($1 > 100000) ? \"tar=ok\" : \"tar=\" $1 }'\\n", "--expect", "tar=ok\r",
  ]);
  expect(ended.code, ended.stderr + ended.stdout.slice(-2000)).toBe(0);
});
