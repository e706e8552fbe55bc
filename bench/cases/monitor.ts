/** What the monitor does for a kernel, ns for each operation. */
import { kernelGroup } from "./kernels.ts";

export const monitor = kernelGroup("monitor", "Monitor operations", "ns", [
  { name: "cli-sti", source: "cli", operations: 5_000_000 },
  { name: "pushf-popf", source: "pushf", operations: 3_000_000 },
  { name: "int-iret", source: "int", operations: 2_000_000 },
  { name: "system-call", source: "syscall", operations: 1_000_000 },
  { name: "cr3", operations: 1_000_000, define: { PAGES: 0 } },
  { name: "cr3-32-pages", source: "cr3", operations: 50_000, define: { PAGES: 32 } },
  { name: "invlpg", operations: 1_000_000 },
  { name: "page-fault", operations: 300_000 },
  { name: "pte-invlpg", source: "pte", operations: 1_000_000 },
  { name: "in-pic", source: "in", operations: 3_000_000, define: { PORT: "0x21" } },
  { name: "in-absent", source: "in", operations: 3_000_000, define: { PORT: "0xed" } },
  { name: "out-pic", source: "out", operations: 3_000_000, define: { PORT: "0x21", VALUE: 255 } },
  { name: "out-80h", source: "out", operations: 3_000_000, define: { PORT: "0x80", VALUE: 0 } },
  { name: "vga-text", source: "vga", operations: 5_000_000 },
  { name: "segment-loads", source: "segments", operations: 1_000_000 },
  { name: "far-call", operations: 1_000_000 },
  { name: "rdtsc", operations: 10_000_000 },
  { name: "cpuid", operations: 5_000_000 },
  { name: "interrupt", operations: 200_000, define: { WAIT: '""' } },
  { name: "hlt-interrupt", source: "interrupt", operations: 200_000, define: { WAIT: '"hlt"' } },
  { name: "hlt-timer", source: "timer", operations: 1000, paced: true },
], false);
