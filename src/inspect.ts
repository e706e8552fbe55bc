/** Looks at a machine without disturbing it: no accessed bit is set, no TLB entry filled, no device read. */
import { readEflags } from "../runtime/flags.ts";
import { CR0_PG, CR4_PSE, SLOT, type CpuState } from "../runtime/state.ts";
import { CS, DS, ES, FS, GS, LDTR, SS, TR } from "../translator/translate.ts";
import type { Machine } from "./machine.ts";

const PRESENT = 1, LARGE = 128;

function physicalWord(machine: Machine, address: number): number {
  return address >>> 0 < machine.memory.size ? machine.memory.ram32[address >>> 2]! : 0;
}

/** The physical address behind a linear one by the guest's page tables; undefined where nothing is mapped. */
export function translateLinear(machine: Machine, linear: number): number | undefined {
  const { cr0, cr3, cr4 } = machine.cpu;
  if ((cr0 & CR0_PG) === 0) return linear >>> 0;
  const directoryEntry = physicalWord(machine, (cr3 & ~0xfff) + ((linear >>> 22) << 2));
  if ((directoryEntry & PRESENT) === 0) return undefined;
  if ((directoryEntry & LARGE) !== 0 && (cr4 & CR4_PSE) !== 0) return ((directoryEntry & 0xffc00000) | (linear & 0x3fffff)) >>> 0;
  const entry = physicalWord(machine, (directoryEntry & ~0xfff) + (((linear >>> 12) & 0x3ff) << 2));
  return (entry & PRESENT) === 0 ? undefined : ((entry & ~0xfff) | (linear & 0xfff)) >>> 0;
}

/** Up to `length` bytes from a linear address; fewer where memory ends. */
export function readLinear(machine: Machine, linear: number, length: number): Uint8Array {
  const bytes: number[] = [];
  for (let k = 0; k < length; k++) {
    const physical = translateLinear(machine, (linear + k) | 0);
    if (physical === undefined || physical >= machine.memory.size) break;
    bytes.push(machine.memory.ram[physical]!);
  }
  return Uint8Array.from(bytes);
}

const digits = (value: number, width = 8): string => (value >>> 0).toString(16).padStart(width, "0").toUpperCase();

const SEGMENTS = { ES, CS, SS, DS, FS, GS, LDTR, TR } as const;
const FLAG_NAMES: ReadonlyArray<readonly [number, string]> = [
  [11, "OF"], [10, "DF"], [9, "IF"], [8, "TF"], [7, "SF"], [6, "ZF"], [4, "AF"], [2, "PF"], [0, "CF"], [14, "NT"], [16, "RF"], [17, "VM"],
];

/** The registers that a kernel author asks for first. */
export function formatRegisters(cpu: CpuState): string {
  const eflags = readEflags(cpu.words);
  const flags = FLAG_NAMES.filter(([bit]) => (eflags >>> bit & 1) !== 0).map(([, name]) => name).join(" ");
  const general = (names: ReadonlyArray<"eax" | "ebx" | "ecx" | "edx" | "esi" | "edi" | "ebp" | "esp">): string =>
    names.map((name) => `${name.toUpperCase()} ${digits(cpu[name])}`).join("  ");
  const segments = Object.entries(SEGMENTS).map(([name, index]) => {
    const { words } = cpu;
    return `${name.padEnd(4)} ${digits(words[SLOT.selector0 + index]!, 4)}  base ${digits(words[SLOT.base0 + index]!)}  limit ${digits(words[SLOT.limit0 + index]!)}  access ${digits(words[SLOT.access0 + index]!, 3)}`;
  });
  return [
    general(["eax", "ebx", "ecx", "edx"]),
    general(["esi", "edi", "ebp", "esp"]),
    `EIP ${digits(cpu.eip)}  EFLAGS ${digits(eflags)}${flags === "" ? "" : ` (${flags})`}  CPL ${cpu.cpl}${cpu.halted === 0 ? "" : "  halted"}`,
    ...segments,
    `CR0 ${digits(cpu.cr0)}  CR2 ${digits(cpu.cr2)}  CR3 ${digits(cpu.cr3)}  CR4 ${digits(cpu.cr4)}`,
    `GDT ${digits(cpu.gdtBase)}:${digits(cpu.gdtLimit, 4)}  IDT ${digits(cpu.idtBase)}:${digits(cpu.idtLimit, 4)}`,
  ].join("\n");
}
