/**
 * Debug registers: single steps, instruction breakpoints, data breakpoints (SDM volume 3, 17.2–17.3).
 *
 * While any breakpoint is enabled the virtual CPU executes instruction by instruction, so this is asked before and after each.
 */
import { NO_ERROR_CODE, raise, VECTOR } from "./faults.ts";
import type { GuestMemory } from "./memory.ts";
import { type CpuState, RF, SLOT } from "./state.ts";

const ENABLED = 0xff, SINGLE_STEP = 1 << 14;
const ON_EXECUTE = 0, ON_WRITE = 1, ON_IO = 2;

export class Breakpoints {
  readonly #cpu: CpuState;
  readonly #memory: GuestMemory;
  /** DR7 as the memory's watching was last set up for it. */
  #watchedFor = 0;
  #addresses = "";
  /** DR6 bits of data breakpoints that the current instruction has hit. */
  #hit = 0;

  constructor(cpu: CpuState, memory: GuestMemory) {
    this.#cpu = cpu;
    this.#memory = memory;
  }

  /** Whether DR7 enables any breakpoint; also keeps the memory's watching in step. */
  get enabled(): boolean {
    const dr7 = this.#cpu.words[SLOT.dr7]!;
    return ((dr7 & ENABLED) | this.#watchedFor) !== 0 && this.#watching(dr7);
  }

  #watching(dr7: number): boolean {
    const addresses = [0, 1, 2, 3].map((n) => this.#address(n)).join();
    if (dr7 !== this.#watchedFor || addresses !== this.#addresses) this.#watch(dr7, addresses);
    return (dr7 & ENABLED) !== 0;
  }

  #address(n: number): number { return this.#cpu.words[SLOT.dr0 + n]!; }
  #isEnabled(dr7: number, n: number): boolean { return (dr7 >> (2 * n) & 3) !== 0; }
  #type(dr7: number, n: number): number { return dr7 >> (16 + 4 * n) & 3; }
  #length(dr7: number, n: number): number { return (dr7 >> (18 + 4 * n) & 3) + 1; }

  #watch(dr7: number, addresses: string): void {
    const pages = new Set<number>();
    for (let n = 0; n < 4; n++) {
      const type = this.#type(dr7, n);
      if (this.#isEnabled(dr7, n) && type !== ON_EXECUTE && type !== ON_IO) pages.add(this.#address(n) >>> 12);
    }
    this.#memory.breakpointPages = pages;
    this.#memory.accessed = pages.size === 0 ? undefined : (linear, size, write) => this.#accessed(linear, size, write);
    this.#watchedFor = (dr7 & ENABLED) === 0 ? 0 : dr7;
    this.#addresses = addresses;
  }

  #accessed(linear: number, size: number, write: boolean): void {
    const dr7 = this.#cpu.words[SLOT.dr7]!;
    for (let n = 0; n < 4; n++) {
      const type = this.#type(dr7, n), length = this.#length(dr7, n), from = (this.#address(n) & ~(length - 1)) >>> 0;
      if (!this.#isEnabled(dr7, n) || type === ON_EXECUTE || type === ON_IO || (type === ON_WRITE && !write)) continue;
      if (linear >>> 0 < from + length && (linear >>> 0) + size > from) this.#hit |= 1 << n;
    }
  }

  /** Before the instruction at linear address `linear`: an instruction breakpoint is a fault, unless RF holds it off. */
  before(linear: number): void {
    this.#hit = 0;
    const { words } = this.#cpu, dr7 = words[SLOT.dr7]!;
    if ((this.#cpu.eflags & RF) !== 0) return;
    let hit = 0;
    for (let n = 0; n < 4; n++) if (this.#isEnabled(dr7, n) && this.#type(dr7, n) === ON_EXECUTE && this.#address(n) === linear) hit |= 1 << n;
    if (hit === 0) return;
    words[SLOT.dr6] = (words[SLOT.dr6]! & ~15) | hit;
    raise(VECTOR.DB, NO_ERROR_CODE);
  }

  /** After an instruction: the trap of a single step or of data that was hit. */
  after(singleStep: boolean): void {
    if (!singleStep && this.#hit === 0) return;
    const { words } = this.#cpu;
    words[SLOT.dr6] = (words[SLOT.dr6]! & ~15) | this.#hit | (singleStep ? SINGLE_STEP : 0);
    this.#hit = 0;
    raise(VECTOR.DB, NO_ERROR_CODE);
  }
}
