/**
 * What the native oracle is not asked, with the reason. Everything else in the table is tested; the test prints the rows that it could
 * not reach.
 */
import type { Template } from "./templates.ts";

interface Exclusion {
  readonly mnemonics: readonly string[];
  readonly reason: string;
}

const EXCLUSIONS: readonly Exclusion[] = [
  { mnemonics: ["cpuid"], reason: "tells the processor's own model" },
  { mnemonics: ["rdtsc", "rdpmc"], reason: "reads a clock" },
  { mnemonics: ["sgdt", "sidt", "sldt", "str", "smsw"], reason: "tells the host's own tables, or is emulated by its kernel (UMIP)" },
  { mnemonics: ["sysenter", "sysexit", "syscall", "sysret"], reason: "enters the host's kernel" },
  { mnemonics: ["int1", "icebp"], reason: "a debug trap, which the host's kernel takes" },
];

/** x87 has an oracle of its own. */
function isX87(template: Template): boolean {
  return template.sample.row.mnemonic.startsWith("f") || template.sample.row.mnemonic === "wait";
}

/** Why a template is not tested here, or undefined where it is. */
export function exclusionOf(template: Template): string | undefined {
  if (isX87(template)) return "x87: has an oracle of its own";
  if (template.sample.row.mnemonic === "bswap" && template.sample.operandSize === 2) return "BSWAP of 16 bits: the result is undefined";
  return EXCLUSIONS.find((exclusion) => exclusion.mnemonics.includes(template.sample.row.mnemonic))?.reason;
}
