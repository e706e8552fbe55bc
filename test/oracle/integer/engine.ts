/**
 * The engine's side of the integer oracle: a guest whose ring 3 looks like a 32-bit process of the host.
 *
 * Flat user segments with the host's selectors, page tables that map exactly what the native program maps, and an IDT whose gates lead to a
 * HLT each, so an exception ends the run with its frame on the ring-0 stack.
 */
import { readEflags, writeEflags } from "../../../runtime/flags.ts";
import { HostMemory } from "../../../runtime/host-memory.ts";
import { GuestMemory } from "../../../runtime/memory.ts";
import { CR0_AM, CR0_PE, CR0_PG, CR0_WP, CpuState, SLOT, STATE_BYTES } from "../../../runtime/state.ts";
import { Vcpu, type Engine } from "../../../runtime/vcpu.ts";
import type { VcpuHost } from "../../../runtime/exit.ts";
import { checkCode } from "../../../translator/emit/check.ts";
import { CODE_AT, CODE_PAGE, COMPLETED, DATA_MARGIN, DATA_PAGE, LONGEST, LOW_PAGE, LOW_PAGES, PAGE, WINDOW, type Case, type Result } from "./case-format.ts";

const RAM_BYTES = 4 << 20, NEVER = 1e9;
const SYSTEM = 0x0030_0000, SYSTEM_BYTES = 0x8000;
const GDT = SYSTEM, IDT = SYSTEM + 0x1000, TSS = SYSTEM + 0x2000, DIRECTORY = SYSTEM + 0x3000, TABLE = SYSTEM + 0x4000;
const KERNEL_STACK = SYSTEM + 0x6000, HANDLERS = SYSTEM + 0x6000;
const HANDLER_BYTES = 16, HLT = 0xf4;
const MOST_STRETCHES = 8;
/** A jump back to the case. */
const TRAMPOLINE = CODE_AT + 2 * LONGEST, JMP_REL32 = 0xe9;
const KERNEL_CODE = 0x08, KERNEL_DATA = 0x10, USER_CODE = 0x23, USER_DATA = 0x2b, TSS_SELECTOR = 0x30;
const PRESENT_WRITABLE = 3, USER_PAGE = 7;

const ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, TR = 7;
const NULL_ACCESS = 0;

/** A flat 4 GiB descriptor with this access byte (SDM volume 3, 3.4.5). */
function flatDescriptor(access: number): readonly [number, number] {
  return [0x0000_ffff, 0x00cf_0000 | (access << 8)];
}

const CODE_ACCESS = 0xfb, DATA_ACCESS = 0xf3;
/** The hidden part as CpuState keeps it: access byte, then AVL L D G. */
const FLAT_FLAGS = 0xc00;

/** Pushed with an error code (SDM volume 3, table 6-1). */
const WITH_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17]);
const PAGE_FAULT = 14;

const QUIET_HOST: VcpuHost = {
  nextEvent: () => Infinity, eventMoved: () => false, advance: () => {}, interruptRequested: () => false, acknowledgeInterrupt: () => 0, stopRequested: () => false,
  floatingPointError: () => true, floatingPointErrorCleared: () => {}, pauseRequested: () => false,
};

export class EngineUnderTest {
  readonly vcpu: Vcpu;
  readonly #memory: GuestMemory;
  readonly #cpu: CpuState;
  /** The whole processor state at the start of a case. */
  readonly #start: Int32Array;
  readonly #zeroPage = new Uint8Array(PAGE);
  readonly #emptyCode = new Uint8Array(LONGEST).fill(HLT);

  constructor(engine: Engine | "baseline") {
    const host = new HostMemory(RAM_BYTES);
    this.#cpu = new CpuState(host.buffer, host.take(STATE_BYTES));
    this.#memory = new GuestMemory(RAM_BYTES, this.#cpu, host);
    const ports = { read: (_port: number, size: 1 | 2 | 4) => size === 4 ? 0xffff_ffff : (1 << (8 * size)) - 1, write: () => {} };
    this.vcpu = new Vcpu({ cpu: this.#cpu, memory: this.#memory, host: QUIET_HOST, ports, engine: engine === "baseline" ? "translate" : engine, hotThreshold: 1, ...engine === "baseline" ? { promotion: NEVER } : {}, trial: { stretches: 0, instructions: 0 }, rest: 0, verifyCode: checkCode });
    this.#buildTables();
    this.#enterUserMode();
    this.#start = this.#cpu.words.slice();
  }

  #words(address: number, words: readonly number[]): void {
    this.#memory.writePhysical(address, new Uint8Array(Int32Array.from(words).buffer));
  }

  #buildTables(): void {
    const descriptors = [
      [0, 0], flatDescriptor(0x9b), flatDescriptor(0x93), [0, 0], flatDescriptor(CODE_ACCESS), flatDescriptor(DATA_ACCESS),
      [(TSS & 0xffff) << 16 | 0x67, 0x8b00 | TSS >>> 16],
    ];
    this.#words(GDT, descriptors.flat());
    for (let vector = 0; vector < 256; vector++) {
      const handler = HANDLERS + vector * HANDLER_BYTES, userMayCall = vector === 3 || vector === 4;
      this.#words(IDT + vector * 8, [KERNEL_CODE << 16 | handler & 0xffff, handler & ~0xffff | (userMayCall ? 0xee00 : 0x8e00)]);
    }
    this.#memory.writePhysical(HANDLERS, new Uint8Array(256 * HANDLER_BYTES).fill(HLT));
    this.#words(TSS + 4, [KERNEL_STACK, KERNEL_DATA]);
    this.#words(TSS + 0x64, [0xffff_0000 | 0]);
    this.#words(DIRECTORY, [TABLE | USER_PAGE]);
    this.#words(TABLE, Array.from({ length: 1024 }, (_, page) => this.#pageEntry(page * PAGE)));
    this.#memory.writePhysical(CODE_PAGE, new Uint8Array(PAGE).fill(HLT));
    this.#memory.writePhysical(TRAMPOLINE, Uint8Array.of(JMP_REL32, ...new Uint8Array(Int32Array.of(CODE_AT - TRAMPOLINE - 5).buffer)));
  }

  /** User pages are those that native.c maps; the tables themselves are the supervisor's. */
  #pageEntry(address: number): number {
    const inside = (from: number, bytes: number): boolean => address >= from && address < from + bytes;
    const user = inside(CODE_PAGE, PAGE) || inside(DATA_PAGE - DATA_MARGIN, PAGE + 2 * DATA_MARGIN) || inside(LOW_PAGE, LOW_PAGES * PAGE);
    if (user) return address | USER_PAGE;
    return inside(SYSTEM, SYSTEM_BYTES) ? address | PRESENT_WRITABLE : 0;
  }

  #enterUserMode(): void {
    const cpu = this.#cpu;
    cpu.cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_AM | (cpu.cr0 & 0x10);
    cpu.cr3 = DIRECTORY;
    cpu.cpl = 3;
    cpu.stackMask = -1;
    Object.assign(cpu, { gdtBase: GDT, gdtLimit: 7 * 8 - 1, idtBase: IDT, idtLimit: 256 * 8 - 1 });
    for (const segment of [ES, CS, SS, DS]) this.#setSegment(segment, segment === CS ? USER_CODE : USER_DATA, -1, (segment === CS ? CODE_ACCESS : DATA_ACCESS) | FLAT_FLAGS);
    for (const segment of [FS, FS + 1, FS + 2]) this.#setSegment(segment, 0, 0, NULL_ACCESS);
    this.#setSegment(TR, TSS_SELECTOR, 0x67, 0x8b, TSS);
    this.#memory.flushAll();
  }

  #setSegment(segment: number, selector: number, limit: number, access: number, base = 0): void {
    const { words } = this.#cpu;
    words[SLOT.selector0 + segment] = selector;
    words[SLOT.base0 + segment] = base;
    words[SLOT.limit0 + segment] = limit;
    words[SLOT.access0 + segment] = access;
  }

  /**
   * Runs a case from its initial state. The translator's engine first interprets it, then jumps to it backwards, which makes it hot, and
   * shows what its translation does. Throws where the engine itself fails.
   */
  run(test: Case): Result {
    this.#loadCode(test);
    if (this.vcpu.engine === "translate") {
      this.#load(test);
      this.#execute(test);
      this.#load(test);
      this.#cpu.eip = TRAMPOLINE;
      this.vcpu.run(1);
    }
    this.#load(test);
    this.#execute(test);
    return this.#result(test);
  }

  #execute(test: Case): void {
    const cpu = this.#cpu;
    const { instructions } = test;
    // A REP string instruction retires stretch by stretch (at most three here: both operands may cross a page).
    for (let stretch = 0; stretch < MOST_STRETCHES && cpu.cpl === 3 && (stretch === 0 || cpu.eip === CODE_AT); stretch++) this.vcpu.run(instructions);
    // The processor has by then fetched from where the instruction led.
    if (cpu.cpl === 3 && (cpu.eip & ~(PAGE - 1)) !== CODE_PAGE) this.vcpu.run(1);
  }

  #loadCode(test: Case): void {
    this.#memory.writePhysical(CODE_AT, this.#emptyCode);
    this.#memory.writePhysical(CODE_AT, test.bytes);
  }

  #load(test: Case): void {
    const cpu = this.#cpu, memory = this.#memory;
    this.vcpu.reset();
    cpu.words.set(this.#start);
    cpu.words.set(test.registers, 0);
    writeEflags(cpu.words, test.eflags);
    cpu.eip = CODE_AT;
    for (const page of pagesOf(test)) memory.writePhysical(page, this.#zeroPage);
    memory.writePhysical(test.windowAt, test.window);
  }

  /** The bytes of a window's pages that lie outside it; all zero where an instruction wrote only where it should. */
  outsideIsZero(test: Case): boolean {
    return pagesOf(test).every((page) => {
      for (let at = page; at < page + PAGE; at++) {
        if (at === test.windowAt) at += WINDOW;
        else if (this.#memory.ram[at] !== 0 && (at < test.windowAt || at >= test.windowAt + WINDOW)) return false;
      }
      return true;
    });
  }

  #result(test: Case): Result {
    const cpu = this.#cpu, { words } = cpu;
    const window = this.#memory.ram.slice(test.windowAt, test.windowAt + WINDOW);
    const registers = words.slice(0, 8);
    const selectors = Array.from({ length: 6 }, (_, segment) => words[SLOT.selector0 + segment]! & 0xffff);
    if (cpu.cpl === 3) return { registers, eflags: readEflags(words) >>> 0, eip: cpu.eip >>> 0, vector: COMPLETED, error: 0, cr2: 0, selectors, window };
    const vector = ((cpu.eip - HANDLERS) / HANDLER_BYTES) | 0;
    const errorWords = WITH_ERROR_CODE.has(vector) ? 1 : 0, frame = cpu.esp >>> 2, { ram32 } = this.#memory;
    const [eip, cs, eflags, esp, ss] = [0, 1, 2, 3, 4].map((word) => ram32[frame + errorWords + word]!) as [number, number, number, number, number];
    registers[4] = esp;
    selectors[CS] = cs & 0xffff;
    selectors[SS] = ss & 0xffff;
    return {
      registers, eflags: eflags >>> 0, eip: (vector === COMPLETED ? eip - 1 : eip) >>> 0, vector, error: errorWords === 0 ? 0 : ram32[frame]!,
      cr2: vector === PAGE_FAULT ? cpu.cr2 >>> 0 : 0, selectors, window,
    };
  }
}

function pagesOf(test: Case): number[] {
  const first = test.windowAt & ~(PAGE - 1), last = (test.windowAt + WINDOW - 1) & ~(PAGE - 1);
  return first === last ? [first] : [first, last];
}
