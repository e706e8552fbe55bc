/**
 * The processor's state before every instruction, in the lines that QEMU 7.2 logs:
 *
 *     qemu-system-i386 -accel tcg -kernel FILE -d cpu,nochain -singlestep -D LOG
 *
 * The lazy flags are shown as its EFLAGS case: CCS holds the arithmetic flags. Where QEMU repeats a string instruction once an
 * element, this has a line for each stretch (see SDM volume 2, REP, on when it can be interrupted).
 */
import { readEflags } from "../../runtime/flags.ts";
import { AF, ARITHMETIC_FLAGS, CF, CR0_PE, DF, OF, PF, SF, SLOT, ZF, type CpuState } from "../../runtime/state.ts";
import { CS, DS, ES, FS, GS, LDTR, SS, TR } from "../../translator/translate.ts";
import { translateLinear } from "../inspect.ts";
import type { Machine } from "../machine.ts";
import { hex16, hex32, type Place } from "./place.ts";
import type { Delivery, TraceFormat } from "./tracer.ts";

const SYSTEM_TYPES = [
  "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16", "TrapGate16",
  "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved", "IntGate32", "TrapGate32",
] as const;
const SEGMENTS = [["ES", ES], ["CS", CS], ["SS", SS], ["DS", DS], ["FS", FS], ["GS", GS], ["LDT", LDTR], ["TR", TR]] as const;
const FLAG_LETTERS = [[DF, "D"], [OF, "O"], [SF, "S"], [ZF, "Z"], [AF, "A"], [PF, "P"], [CF, "C"]] as const;
// The hidden access word (runtime/state.ts).
const PRESENT = 1 << 7, NOT_SYSTEM = 1 << 4, CODE = 1 << 3, EXPAND_OR_CONFORMING = 1 << 2, WRITE_OR_READ = 1 << 1, ACCESSED = 1, BIG = 1 << 10, GRANULAR = 1 << 11;

function typeText(access: number): string {
  const mark = (bit: number, letter: string): string => ((access & bit) !== 0 ? letter : "-");
  if ((access & NOT_SYSTEM) === 0) return SYSTEM_TYPES[access & 15]!;
  const big = (access & BIG) !== 0, code = (access & CODE) !== 0;
  const name = code ? big ? "CS32" : "CS16" : big ? "DS  " : "DS16";
  return `${name} [${mark(EXPAND_OR_CONFORMING, code ? "C" : "E")}${mark(WRITE_OR_READ, code ? "R" : "W")}${mark(ACCESSED, "A")}]`;
}

function segmentLine(cpu: CpuState, name: string, index: number): string {
  const { words } = cpu, access = words[SLOT.access0 + index]!, limit = words[SLOT.limit0 + index]!;
  const limitField = (access & GRANULAR) !== 0 ? limit >>> 12 : limit >>> 0;
  const descriptor = (access & 0xf00) << 12 | limitField & 0xf0000 | (access & 0xff) << 8;
  const line = `${name.padEnd(3)}=${hex16(words[SLOT.selector0 + index]!)} ${hex32(words[SLOT.base0 + index]!)} ${hex32(limit)} ${hex32(descriptor)}`;
  if ((cpu.cr0 & CR0_PE) === 0 || (access & PRESENT) === 0) return `${line}\n`;
  return `${line} DPL=${access >> 5 & 3} ${typeText(access)}\n`;
}

/** From the segments on: what hardly ever changes. */
function systemLines(cpu: CpuState): string {
  return SEGMENTS.map(([name, index]) => segmentLine(cpu, name, index)).join("") +
    `GDT=     ${hex32(cpu.gdtBase)} ${hex32(cpu.gdtLimit)}\nIDT=     ${hex32(cpu.idtBase)} ${hex32(cpu.idtLimit)}\n` +
    `CR0=${hex32(cpu.cr0)} CR2=${hex32(cpu.cr2)} CR3=${hex32(cpu.cr3)} CR4=${hex32(cpu.cr4)}\n` +
    `DR0=${hex32(cpu.dr0)} DR1=${hex32(cpu.dr1)} DR2=${hex32(cpu.dr2)} DR3=${hex32(cpu.dr3)} \nDR6=${hex32(cpu.dr6)} DR7=${hex32(cpu.dr7)}\n`;
}

/** The state words that `systemLines` reads lie between these. */
const SYSTEM_FIRST = SLOT.selector0, SYSTEM_LAST = SLOT.idtLimit;

/** What QEMU's log shows of a processor's state. `a20` is whether the A20 gate is open. */
export function qemuState(cpu: CpuState, a20: boolean, system = systemLines(cpu)): string {
  const eflags = readEflags(cpu.words), flags = FLAG_LETTERS.map(([bit, letter]) => ((eflags & bit) !== 0 ? letter : "-")).join("");
  return `EAX=${hex32(cpu.eax)} EBX=${hex32(cpu.ebx)} ECX=${hex32(cpu.ecx)} EDX=${hex32(cpu.edx)}\n` +
    `ESI=${hex32(cpu.esi)} EDI=${hex32(cpu.edi)} EBP=${hex32(cpu.ebp)} ESP=${hex32(cpu.esp)}\n` +
    `EIP=${hex32(cpu.eip)} EFL=${hex32(eflags)} [${flags}] CPL=${cpu.cpl} II=${cpu.shadow} A20=${a20 ? 1 : 0} SMM=0 HLT=0\n` +
    system +
    `CCS=${hex32(eflags & ARITHMETIC_FLAGS)} CCD=00000000 CCO=EFLAGS\nEFER=0000000000000000\n`;
}

export class QemuFormat implements TraceFormat {
  readonly #machine: Machine;
  readonly #systemWords = new Int32Array(SYSTEM_LAST - SYSTEM_FIRST + 1);
  #system: string;
  #state = "";

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#system = systemLines(machine.cpu);
    this.#systemChanged();
  }

  standing(): void {
    const { cpu, memory } = this.#machine;
    if (this.#systemChanged()) this.#system = systemLines(cpu);
    this.#state = qemuState(cpu, memory.a20, this.#system);
  }

  #systemChanged(): boolean {
    const { words } = this.#machine.cpu, known = this.#systemWords;
    let changed = false;
    for (let k = 0; k < known.length; k++) {
      if (known[k] === words[SYSTEM_FIRST + k]) continue;
      known[k] = words[SYSTEM_FIRST + k]!;
      changed = true;
    }
    return changed;
  }

  retired(): string { return this.#state; }

  /** QEMU logs an instruction that faults too, unless its bytes cannot be fetched. */
  delivered({ cause, interrupts, from }: Delivery): string {
    return cause === "exception" && interrupts && this.#fetched(from) ? this.#state : "";
  }

  #fetched({ linear }: Place): boolean { return translateLinear(this.#machine, linear) !== undefined; }

  flush(): string { return ""; }
}
