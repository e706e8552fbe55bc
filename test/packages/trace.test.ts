/** A trace's states are QEMU's: a whole small guest (test/guests/states), instruction by instruction, line by line. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { calque, temporaryFolder } from "../cli/calque.ts";

const folder = temporaryFolder(), guest = join(folder, "states.elf");
const SOURCE = join(import.meta.dirname, "../guests/states/states.S");
const STATE = /^(?=EAX=)/m;

/**
 * What necessarily differs: QEMU's lazy flags, the hidden part of a null selector, the busy bit of QEMU's copy of TR; and RF, which a fault pushes
 * (SDM volume 3, 17.3.1.1), so that IRET brings it back, but not in QEMU 7.2.
 */
function comparable(state: string): string {
  return state.replace(/^CCS=.*$/m, "").replace(/EFL=0001/, "EFL=0000").replaceAll(/^(.S |LDT)=0000 .*$/gm, "$1=0000").replace(/^(TR .{23}) .*$/m, "$1");
}

const eip = (state: string): string => /^EIP=\S+/m.exec(state)![0];

/** States as the log has them; a string instruction that repeats stands in QEMU's once an element: the first counts, in both. */
function states(log: string): string[] {
  const all = readFileSync(log, "latin1").split(STATE).filter((text) => text !== "");
  return all.filter((state, k) => k === 0 || eip(state) !== eip(all[k - 1]!));
}

it("every state of a guest with rings, paging and faults", async () => {
  execFileSync("gcc", ["-m32", "-nostdlib", "-static", "-no-pie", "-Wl,-N,--no-warn-rwx-segments,-Ttext=0x100000,--build-id=none", SOURCE, "-o", guest]);
  const symbol = (name: string): string => new RegExp(`^([0-9a-f]{8}) T ${name}$`, "m").exec(execFileSync("nm", [guest], { encoding: "utf8" }))![1]!;

  const ours = join(folder, "calque.log");
  const traced = await calque(["trace", guest, "--memory", "64M", "--debug-exit", "0xf4", "--format", "qemu", "--range", "settled-end_of_guest", "--out", ours]);
  expect(traced, traced.stderr).toMatchObject({ code: 1, stderr: "" }); // 0 written to the port of --debug-exit

  const theirs = join(folder, "qemu.log");
  const qemu = spawnSync("qemu-system-i386", [
    "-accel", "tcg", "-m", "64", "-kernel", guest, "-display", "none", "-serial", "none", "-monitor", "none", "-no-reboot",
    "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
    "-d", "cpu,nochain", "-singlestep", "-dfilter", `0x${symbol("settled")}..0x${symbol("end_of_guest")}`, "-D", theirs,
  ], { encoding: "utf8" });
  expect(qemu.status, qemu.stderr).toBe(1);

  const left = states(ours), right = states(theirs);
  expect(right.length).toBeGreaterThan(50_000);
  expect(left.length).toBe(right.length);
  for (const [k, state] of left.entries()) if (comparable(state) !== comparable(right[k]!)) expect(state, `state ${k}`).toBe(right[k]);
  // Most lines are literally the same.
  const lines = new Set(right[0]!.split("\n"));
  expect(left[0]!.split("\n").filter((line) => !lines.has(line)).map((line) => line.slice(0, 3))).toEqual(["LDT", "TR ", "CCS"]);
});

it("names Debian's kernel by what it shows in /proc/kallsyms", async () => {
  const serial = join(folder, "serial.txt"), map = join(folder, "kallsyms.txt");
  const command = "mount -t proc proc /proc; dmesg -n 1; grep -E ' [tT] (inflate_|zlib_|crc|mem|str|do_|_text|_end)' /proc/kallsyms; echo @@''@";
  const booted = await calque(["run", "debian", "--serial", `file:${serial}`, "--expect", "# ", "--send", `${command}\\n`, "--expect", "@@@", "--timeout", "300"]);
  expect(booted.code, booted.stderr).toBe(0);
  const symbols = readFileSync(serial, "latin1").split("\r\n").filter((line) => /^[0-9a-f]{8} [tT] \S+$/.test(line));
  expect(symbols.length).toBeGreaterThan(500);
  writeFileSync(map, symbols.join("\n"));

  const traced = await calque(["trace", "debian", "--symbols", map, "--from", "3_000_000_000", "--to", "3_000_020_000"]);
  expect(traced.code, traced.stderr).toBe(0);
  expect(traced.stdout.split("\n").filter((line) => line.includes(" <inflate_fast+0x")).length).toBeGreaterThan(10_000);
  const shown = await calque(["show", "inflate_fast", "debian", "--symbols", map, "--after", "3_000_000_000"]);
  expect(shown.stdout, shown.stderr).toMatch(/^=== region [0-9a-f]{8} <inflate_fast(\+0x[0-9a-f]+)?>: \d+ instructions in \d+ blocks, ring 0, entered [\d,]+ times ===$/m);
});
