/** Why the monitor is called, in a few words that reports group by. */
import type { Instruction } from "../../translator/translate.ts";

const BY_SEMANTICS: Readonly<Record<string, string>> = {
  mov_from_cr: "control register read", mov_to_dr: "debug register", mov_from_dr: "debug register", lmsw: "CR0", clts: "CR0", smsw: "control register read",
  in: "port read", out: "port write", ins: "port read", outs: "port write",
  rdmsr: "MSR", wrmsr: "MSR", rdtsc: "time stamp", cpuid: "CPUID", hlt: "HLT", invlpg: "INVLPG", invd: "caches", wbinvd: "caches",
  lgdt: "descriptor table register", lidt: "descriptor table register", lldt: "descriptor load", ltr: "descriptor load",
  sgdt: "descriptor table store", sidt: "descriptor table store", sldt: "descriptor table store", str: "descriptor table store",
  lar: "descriptor check", lsl: "descriptor check", verr: "descriptor check", verw: "descriptor check", arpl: "descriptor check",
  cli: "interrupt flag", sti: "interrupt flag", pushf: "flags", popf: "flags",
  int: "INT", int3: "INT", into: "INT", int1: "INT", iret: "IRET",
};

/** The reason that an instruction calls the monitor or is left to the interpreter. */
export function calloutReason({ row, operands }: Instruction): string {
  const { mnemonic, semantics } = row, [first] = operands;
  if (semantics === "mov_to_cr") return first?.kind === "creg" ? `CR${first.index}` : "control register";
  const known = BY_SEMANTICS[semantics] ?? BY_SEMANTICS[mnemonic];
  if (known !== undefined) return known;
  if (first?.kind === "sreg" || /^(lds|les|lss|lfs|lgs)$/.test(mnemonic)) return "segment load";
  if (semantics.includes("_far") || operands.some(({ kind }) => kind === "far") || mnemonic === "retf") return "far transfer";
  if (row.rep !== "none") return "string operation";
  if (mnemonic.startsWith("f") || mnemonic === "wait") return "x87";
  return mnemonic;
}
