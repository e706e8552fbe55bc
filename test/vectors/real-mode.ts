/** A processor in real mode with 2 MiB of RAM, on which one captured test is run and compared. */
import { readEflags, writeEflags } from "../../runtime/flags.ts";
import type { VcpuHost } from "../../runtime/exit.ts";
import { GuestMemory } from "../../runtime/memory.ts";
import { CpuState, SLOT } from "../../runtime/state.ts";
import { Vcpu } from "../../runtime/vcpu.ts";
import { REGISTERS, type MooTest, type RegisterName } from "./moo.ts";

const PAGE = 4096;
/** Real-mode addresses end at 10FFEFh. */
const RAM_BYTES = 2 << 20;
/** Far above what any test takes: a REP of 65,535 elements is a few dozen stretches. */
const BUDGET = 10_000;
/** Bits 12–15 of FLAGS are NT and IOPL from the 386 on. */
const FLAGS_OF_8086 = 0x0fff;

const WORD_REGISTERS: ReadonlyArray<readonly [RegisterName, "eax" | "ebx" | "ecx" | "edx" | "esp" | "ebp" | "esi" | "edi"]> = [
  ["ax", "eax"], ["bx", "ebx"], ["cx", "ecx"], ["dx", "edx"], ["sp", "esp"], ["bp", "ebp"], ["si", "esi"], ["di", "edi"],
];
const SEGMENTS: ReadonlyArray<readonly [RegisterName, number]> = [["es", 0], ["cs", 1], ["ss", 2], ["ds", 3]];

const INVALID_OPCODE = 6, HLT = 0xf4;
/** A handler of #UD where no test has memory of its own. */
const PROBE_CS = 0xffff, PROBE_IP = 0x4000;

const QUIET_HOST: VcpuHost = {
  nextEvent: () => Infinity, eventMoved: () => false, advance: () => {}, interruptRequested: () => false, acknowledgeInterrupt: () => 0, stopRequested: () => false,
  floatingPointError: () => true, floatingPointErrorCleared: () => {}, pauseRequested: () => false,
};

export class RealModeMachine {
  readonly #cpu = new CpuState();
  readonly #memory = new GuestMemory(RAM_BYTES, this.#cpu);
  readonly #vcpu: Vcpu;
  readonly #start: Int32Array;
  readonly #zeroPage = new Uint8Array(PAGE);
  readonly #byte = new Uint8Array(1);

  constructor() {
    // An empty bus answers all ones, as that of the capturing machine did.
    const ports = { read: (_port: number, size: 1 | 2 | 4) => size === 4 ? 0xffff_ffff : (1 << (8 * size)) - 1, write: () => {} };
    this.#vcpu = new Vcpu({ cpu: this.#cpu, memory: this.#memory, host: QUIET_HOST, ports, engine: "interpret" });
    this.#start = this.#cpu.words.slice();
    this.#memory.takeDirtyPages();
  }

  /** What differs from the capture after the instruction and the HLT behind it, one phrase each. `flagsMask` is the opcode's; the registers `ignoring` are not compared. */
  run(test: MooTest, flagsMask: number, ignoring: readonly RegisterName[] = []): string[] {
    this.#load(test);
    const exit = this.#vcpu.run(BUDGET);
    const found = exit.reason === "halt" ? this.#differences(test, flagsMask & FLAGS_OF_8086, ignoring) : [`did not halt: ${exit.reason}`];
    this.#clean(test);
    return found;
  }

  /** Whether the instruction raises #UD, whatever the capture shows. */
  raisesInvalidOpcode(test: MooTest): boolean {
    this.#load(test);
    [PROBE_IP & 255, PROBE_IP >> 8, PROBE_CS & 255, PROBE_CS >> 8].forEach((byte, k) => { this.#poke(4 * INVALID_OPCODE + k, byte); });
    this.#poke((PROBE_CS << 4) + PROBE_IP, HLT);
    this.#vcpu.run(BUDGET);
    const { cs, ip } = this.#registers();
    this.#clean(test);
    return cs === PROBE_CS && ip === PROBE_IP + 1;
  }

  #poke(physical: number, value: number): void {
    this.#byte[0] = value;
    this.#memory.writePhysical(physical, this.#byte);
  }

  #load(test: MooTest): void {
    const cpu = this.#cpu, { words } = cpu, { registers, ram } = test.initial;
    words.set(this.#start);
    for (const [name, slot] of WORD_REGISTERS) cpu[slot] = registers[name] ?? 0;
    for (const [name, segment] of SEGMENTS) {
      words[SLOT.selector0 + segment] = registers[name] ?? 0;
      words[SLOT.base0 + segment] = (registers[name] ?? 0) << 4;
    }
    cpu.eip = registers.ip ?? 0;
    writeEflags(words, (registers.flags ?? 0) & FLAGS_OF_8086);
    for (const [address, value] of ram) this.#poke(address, value);
    this.#memory.takeDirtyPages();
  }

  #registers(): Record<RegisterName, number> {
    const cpu = this.#cpu, { words } = cpu;
    const segment = (index: number): number => words[SLOT.selector0 + index]! & 0xffff;
    return {
      ax: cpu.eax & 0xffff, bx: cpu.ebx & 0xffff, cx: cpu.ecx & 0xffff, dx: cpu.edx & 0xffff,
      cs: segment(1), ss: segment(2), ds: segment(3), es: segment(0),
      sp: cpu.esp & 0xffff, bp: cpu.ebp & 0xffff, si: cpu.esi & 0xffff, di: cpu.edi & 0xffff,
      ip: cpu.eip & 0xffff, flags: readEflags(words) & 0xffff,
    };
  }

  #differences(test: MooTest, flagsMask: number, ignoring: readonly RegisterName[]): string[] {
    const got = this.#registers(), found: string[] = [];
    for (const name of REGISTERS) {
      if (ignoring.includes(name)) continue;
      const mask = name === "flags" ? flagsMask : 0xffff;
      const expected = (test.final.registers[name] ?? test.initial.registers[name] ?? 0) & mask;
      if (expected !== (got[name] & mask)) found.push(`${name}: captured ${expected.toString(16)}h, engine ${(got[name] & mask).toString(16)}h`);
    }
    return [...found, ...this.#memoryDifferences(test, flagsMask)];
  }

  /** Every byte of every page that was written is either as it was or as captured. */
  #memoryDifferences(test: MooTest, flagsMask: number): string[] {
    const { ram } = this.#memory, expected = new Map<number, number>([...test.initial.ram, ...test.final.ram]), found: string[] = [];
    const flagsAt = pushedFlagsAt(test);
    for (const [address, value] of expected) {
      const mask = address === flagsAt ? flagsMask & 0xff : address === flagsAt + 1 ? flagsMask >> 8 : 0xff;
      if (((ram[address]! ^ value) & mask) !== 0) {
        found.push(`[${address.toString(16)}h]: captured ${value.toString(16)}h, engine ${ram[address]!.toString(16)}h`);
      }
    }
    for (const page of this.#memory.takeDirtyPages()) {
      for (let at = page * PAGE; at < (page + 1) * PAGE; at++) {
        if (ram[at] !== 0 && !expected.has(at)) found.push(`[${at.toString(16)}h]: not written in the capture, engine ${ram[at]!.toString(16)}h`);
      }
      this.#memory.writePhysical(page * PAGE, this.#zeroPage);
    }
    return found;
  }

  #clean(test: MooTest): void {
    for (const [address] of test.initial.ram) this.#poke(address, 0);
    for (const page of this.#memory.takeDirtyPages()) this.#memory.writePhysical(page * PAGE, this.#zeroPage);
  }
}

/**
 * Where an exception pushed FLAGS; negative where none was raised. The handler is a HLT, so they lie above CS and IP on the final stack. (The
 * address in the file is rounded down to an even one.)
 */
function pushedFlagsAt(test: MooTest): number {
  if (test.exception === undefined) return -2;
  const ss = test.final.registers.ss ?? test.initial.registers.ss ?? 0, sp = test.final.registers.sp ?? test.initial.registers.sp ?? 0;
  return (ss << 4) + ((sp + 4) & 0xffff);
}
