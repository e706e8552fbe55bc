/** Runs cases of qemu-cases.ts in qemu-guest.c under QEMU. Needs gcc with 32-bit code and qemu-system-i386. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VECTOR } from "../../runtime/faults.ts";
import { RESULT_FIELDS, RESULT_WORDS, runHere } from "./qemu-cases.ts";
import type { Case, Result } from "./qemu-cases.ts";

const directory = mkdtempSync(join(tmpdir(), "calque-monitor-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

const LAYOUT = [
  "-Ttext=0x101000", "--section-start=.multiboot=0x100000", "--section-start=.landing=0x1b0000", "--section-start=.operations=0x1b1000",
];

function buildGuest(): string {
  const path = join(directory, "guest.elf");
  const flags = ["-m32", "-O1", "-ffreestanding", "-fno-pic", "-no-pie", "-nostdlib", "-static", "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables", "-Wl,--build-id=none", ...LAYOUT.map((option) => `-Wl,${option}`)];
  execFileSync("gcc", [...flags, "-o", path, join(import.meta.dirname, "qemu-guest.c")], { stdio: "pipe" });
  return path;
}

/** What the handler sees in the other machine. */
function runThere(cases: readonly Case[]): Result[] {
  const input = join(directory, "cases"), output = join(directory, "results");
  const words = cases.flatMap((c) => [c.op, c.cpl, c.selector, c.low, c.high, c.gateLow, c.gateHigh, c.flags, ...c.frame]);
  writeFileSync(input, new Uint8Array(Uint32Array.from(words).buffer));
  spawnSync("qemu-system-i386", [
    "-accel", "tcg", "-m", "32", "-kernel", buildGuest(), "-initrd", input, "-display", "none", "-no-reboot", "-net", "none",
    "-debugcon", `file:${output}`, "-device", "isa-debug-exit,iobase=0xf4",
  ], { timeout: 120_000, stdio: "pipe" });
  const bytes = readFileSync(output);
  const all = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length - bytes.length % 4));
  return Array.from({ length: Math.floor(all.length / RESULT_WORDS) }, (_, k) => {
    const result = all.subarray(k * RESULT_WORDS, (k + 1) * RESULT_WORDS);
    const fields = Object.fromEntries(RESULT_FIELDS.map((field, index) => [field, result[index]!]));
    return { ...fields, seen: [...result.subarray(RESULT_FIELDS.length)] } as Result;
  });
}

export function canRun(): boolean {
  return ["gcc", "qemu-system-i386"].every((command) => spawnSync(command, ["--version"]).status === 0);
}

/**
 * Where QEMU's translator leaves the SDM and real processors: it does not push RF, far transfers and interrupts do not set
 * accessed bits, an absent outer stack is #NP instead of #SS (volume 2, RET and IRET), LAR hides the limit bits, faults of a new
 * task have the old one's EIP. What is known is taken out of both sides.
 */
function withoutKnownGaps(result: Result, test: Case): Result {
  const returns = /^(lret|iret)/.test(test.name), transfers = returns || /^(int|ljmp|lcall)/.test(test.name);
  const outerStack = test.frame.slice(2).some((word) => (word & 0xfffc) === result.error && word < 0x10000);
  return {
    ...result,
    eflags: (result.eflags & ~0x10000) >>> 0,
    high: transfers ? (result.high & ~0x100) >>> 0 : result.high,
    eip: test.name.startsWith("task") && result.vector === VECTOR.TS ? 0 : result.eip,
    vector: returns && outerStack && result.vector === VECTOR.NP ? VECTOR.SS : result.vector,
    eax: test.name.startsWith("lar") ? (result.eax & ~0xf0000) >>> 0 : result.eax,
  };
}

/** One line for each case that ends differently in the two machines. */
export function differences(cases: readonly Case[]): string[] {
  const there = runThere(cases);
  const different: string[] = [];
  for (const [k, test] of cases.entries()) {
    const result = there[k];
    if (result === undefined) return [...different, `${test.name}: the other machine stopped here`];
    const theirs = withoutKnownGaps(result, test), ours = withoutKnownGaps(runHere(test), test);
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
