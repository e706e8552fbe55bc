/** The runner, on engines that are a line of JavaScript: what it times, compares and refuses. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { GuestCase } from "../../bench/cases/guest-case.ts";
import { GROUPS } from "../../bench/cases/index.ts";
import type { Engine } from "../../bench/engines/engine.ts";
import { runCase, type Reading } from "../../bench/measure.ts";
import { differing, groupTable, lapTable, slowestTable, type Row } from "../../bench/report.ts";
import { geometricMean, median } from "../../bench/statistics.ts";

const GUEST: GuestCase = {
  name: "sample", kernel: "", kind: "multiboot", commandLine: "", memoryMiB: 1, begin: "begin\n", expect: " done\n", timeoutSeconds: 20,
};

function engine(name: string, program: string): Engine {
  return { name, title: name, missing: () => undefined, version: () => "1", command: () => ({ file: process.execPath, args: ["-e", program] }) };
}

/** proc(5): one that has ended may still be listed, as Z. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

const reading = (seconds: number, checksum: string): Reading => ({ row: "sample", seconds, checksum, peakMiB: 10, laps: [] });

function row(times: Readonly<Record<string, number>>, checksums: Readonly<Record<string, string>> = {}): Row {
  const cells = Object.entries(times).map(([name, seconds]) => ({ engine: engine(name, ""), readings: [reading(seconds, checksums[name] ?? "00000001")] }));
  return { name: "sample", guest: GUEST, cells, failures: [] };
}

describe("a run", () => {
  it("is timed from its begin mark to its end, lap by lap, with its checksum", async () => {
    const program = `console.log("boot"); setTimeout(() => {
      console.log("begin\\nlap\\nlap");
      setTimeout(() => console.log("checksum 0123abcd done"), 200);
    }, 300)`;
    const [result, ...more] = await runCase(engine("one", program), GUEST);
    expect(more).toEqual([]);
    expect(result).toMatchObject({ row: "sample", checksum: "0123abcd" });
    expect(result!.laps).toHaveLength(2);
    expect(result!.seconds).toBeGreaterThanOrEqual(result!.laps[0]!.seconds + result!.laps[1]!.seconds);
    expect(result!.peakMiB).toBeGreaterThan(1);
  });

  it("that ends before its mark fails and says with what", async () => {
    await expect(runCase(engine("one", `console.log("begin"); console.error("no such page"); process.exitCode = 3`), GUEST)).rejects.toThrow(/ended with code 3.*no such page/);
  });

  it("that does not end is given up, with the processes that it started", async () => {
    const program = `
      const child = require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
      console.log("begin\\npid " + child.pid); setInterval(() => {}, 1000)`;
    const failure = await runCase(engine("one", program), { ...GUEST, timeoutSeconds: 1 }).then(() => "ended", String);
    expect(failure).toMatch(/not there after 1 s/);
    const pid = Number(/pid (\d+)/.exec(failure)![1]);
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
  });

  it("with a dialogue types each command and digests what it printed, without the echo", async () => {
    const program = `process.stdout.write("# "); process.stdin.on("data", (line) => {
      const text = String(line).trim();
      process.stdout.write(text + "\\r\\nbegin\\r\\n" + text.length + "\\r\\nend\\r\\n# ");
    })`;
    const dialogue = [{ name: "a", command: "x" }, { name: "b", command: "y" }, { name: "c", command: "zz" }];
    const guest: GuestCase = { name: "boot", kernel: "", kind: "bzimage", commandLine: "", memoryMiB: 1, expect: "# ", timeoutSeconds: 20, dialogue };
    const readings = await runCase(engine("one", program), guest);
    expect(readings.map((each) => each.row)).toEqual(["boot", "a", "b", "c"]);
    expect(readings[1]!.checksum).toBe(readings[2]!.checksum);
    expect(readings[3]!.checksum).not.toBe(readings[2]!.checksum);
  });
});

describe("the report", () => {
  const group = GROUPS[0]!;

  it("sets calque against each peer and marks what is slower than v86", () => {
    const slow = row({ translate: 3, v86: 2, qemu: 1 }), fast = row({ translate: 1, v86: 2, qemu: 1 });
    const lines = groupTable(group, [slow, fast], slow.cells.map((cell) => cell.engine)).split("\n");
    expect(lines[2]).toMatch(/^sample +3\.00 +2\.00 +1\.00 +1\.50 +3\.00 .*slower than v86$/);
    expect(lines[3]).not.toContain("slower");
    expect(lines[4]).toMatch(/^geometric mean +0\.87 +1\.73$/);
  });

  it("names who reached another checksum than the processor itself", () => {
    const odd = row({ translate: 1, v86: 1, native: 1 }, { native: "00000002", v86: "00000002" });
    expect(differing(odd)).toEqual(["translate"]);
    expect(differing(row({ translate: 1, qemu: 1 }))).toEqual([]);
  });

  it("ranks rows by the faster peer", () => {
    const table = slowestTable([row({ translate: 2, v86: 1, qemu: 2 }), row({ translate: 9, v86: 9, qemu: 3 })], 5)!;
    expect(table.split("\n").slice(2).map((line) => line.split(/ +/).at(-1))).toEqual(["3.00", "2.00"]);
  });

  it("shows the laps where there are any", () => {
    expect(lapTable([row({ translate: 1 })])).toBeUndefined();
    const laps = [1, 2, 3].map((seconds) => ({ seconds, residentMiB: 100 * seconds }));
    const cells = [{ engine: engine("translate", ""), readings: [{ ...reading(6, "1"), laps }] }];
    expect(lapTable([{ ...row({}), cells }])!.split("\n")[2]).toMatch(/^sample translate +1\.00 +2\.00 +3\.00 +100 +200 +300$/);
  });
});

it("means", () => {
  expect(geometricMean([1, 4, 16])).toBeCloseTo(4);
  expect(geometricMean([])).toBeNaN();
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
});

it("no two cases of a group share a name", () => {
  for (const group of GROUPS) expect(new Set(group.names).size).toBe(group.names.length);
});
