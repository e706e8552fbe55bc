/** Runs cases of qemu-cases.ts in qemu-guest.c under QEMU. Needs gcc with 32-bit code and qemu-system-i386. */
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RESULT_FIELDS, RESULT_WORDS, runHere } from "./qemu-cases.ts";
import type { Case, Result } from "./qemu-cases.ts";

const directory = mkdtempSync(join(tmpdir(), "calque-monitor-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

const LAYOUT = ["-Ttext=0x101000", "--section-start=.multiboot=0x100000", "--section-start=.landing=0x180000", "--section-start=.operations=0x181000"];

function buildGuest(): string {
  const path = join(directory, "guest.elf");
  const flags = ["-m32", "-O1", "-ffreestanding", "-fno-pic", "-no-pie", "-nostdlib", "-static", "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables", "-Wl,--build-id=none", ...LAYOUT.map((option) => `-Wl,${option}`)];
  execFileSync("gcc", [...flags, "-o", path, join(import.meta.dirname, "qemu-guest.c")], { stdio: "pipe" });
  return path;
}

/** What the handler sees in the other machine. */
export function runThere(accelerator: string, cases: readonly Case[]): Result[] {
  const input = join(directory, "cases"), output = join(directory, "results");
  const words = cases.flatMap((c) => [c.op, c.cpl, c.selector, c.low, c.high, c.gateLow, c.gateHigh, c.flags, ...c.frame]);
  writeFileSync(input, new Uint8Array(Uint32Array.from(words).buffer));
  spawnSync("qemu-system-i386", [
    "-accel", accelerator, "-m", "32", "-kernel", buildGuest(), "-initrd", input, "-display", "none", "-no-reboot", "-net", "none",
    "-debugcon", `file:${output}`, "-device", "isa-debug-exit,iobase=0xf4",
  ], { timeout: 15_000, stdio: "pipe" });
  const bytes = readFileSync(output);
  const all = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length - bytes.length % 4));
  return Array.from({ length: Math.floor(all.length / RESULT_WORDS) }, (_, k) => {
    const result = all.subarray(k * RESULT_WORDS, (k + 1) * RESULT_WORDS);
    const fields = Object.fromEntries(RESULT_FIELDS.map((field, index) => [field, result[index]!]));
    return { ...fields, seen: [...result.subarray(RESULT_FIELDS.length)] } as Result;
  });
}

function canRun(command: string): boolean {
  return spawnSync(command, ["--version"]).status === 0;
}

export function accelerators(): string[] {
  if (!canRun("qemu-system-i386") || !canRun("gcc")) return [];
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return ["tcg", "kvm"];
  } catch {
    return ["tcg"];
  }
}


/** One line for each case that ends differently in the two machines. */
export function differences(accelerator: string, cases: readonly Case[]): string[] {
  const there = runThere(accelerator, cases);
  const different: string[] = [];
  // QEMU's translator does not know RF.
  const eflagsMask = accelerator === "tcg" ? ~0x10000 : -1;
  for (const [k, test] of cases.entries()) {
    const theirs = there[k];
    if (theirs === undefined) return [...different, `${test.name}: the other machine stopped here`];
    const ours = runHere(test);
    ours.eflags = (ours.eflags & eflagsMask) >>> 0;
    const fields = RESULT_FIELDS.filter((field) => ours[field] !== theirs[field]);
    const seen = ours.seen.some((word, index) => word !== theirs.seen[index]);
    if (fields.length > 0 || seen) different.push(`${test.name}: ours ${show(ours, fields, seen)}; theirs ${show(theirs, fields, seen)}`);
  }
  return different;
}

function show(result: Result, fields: readonly typeof RESULT_FIELDS[number][], seen: boolean): string {
  const parts = fields.map((field) => `${field} ${result[field].toString(16)}`);
  if (seen) parts.push(result.seen.map((word) => word.toString(16)).join(" "));
  return parts.join(", ");
}
