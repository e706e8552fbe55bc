/** A law: whatever plain instructions a loop is made of, baseline code leaves the registers, flags and count that the interpreter leaves, wherever either is stopped. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { VcpuHost } from "../../runtime/exit.ts";
import { readEflags, writeEflags } from "../../runtime/flags.ts";
import { HostMemory } from "../../runtime/host-memory.ts";
import { GuestMemory } from "../../runtime/memory.ts";
import { CR0_PE, CpuState, SLOT, STATE_BYTES } from "../../runtime/state.ts";
import { Vcpu, type Engine } from "../../runtime/vcpu.ts";
import { dword } from "../hostile/assembler.ts";

const RAM_BYTES = 1 << 16, AT = 0x5000, HLT = 0xf4, FLAT = 0xc00, TURNS = 5, EBP = 5;
const QUIET: VcpuHost = {
  nextEvent: () => Infinity, eventMoved: () => false, advance: () => {}, interruptRequested: () => false, acknowledgeInterrupt: () => 0, stopRequested: () => false,
  floatingPointError: () => true, floatingPointErrorCleared: () => {}, pauseRequested: () => false,
};

/** A processor in flat protected mode. */
class Engines {
  readonly cpu: CpuState;
  readonly memory: GuestMemory;
  readonly vcpu: Vcpu;

  constructor(engine: Engine) {
    const host = new HostMemory(RAM_BYTES), cpu = this.cpu = new CpuState(host.buffer, host.take(STATE_BYTES)), memory = this.memory = new GuestMemory(RAM_BYTES, cpu, host);
    this.vcpu = new Vcpu({ cpu, memory, host: QUIET, ports: { read: () => 0, write: () => {} }, engine, hotThreshold: 1, promotion: 1e9, rest: 0 });
  }

  start(code: Uint8Array, registers: readonly number[], flags: number): void {
    const { cpu, vcpu, memory } = this;
    vcpu.reset();
    memory.writePhysical(AT, code);
    Object.assign(cpu, { cr0: CR0_PE | cpu.cr0 & 0x10, cpl: 0, stackMask: -1, eip: AT });
    for (let segment = 0; segment < 6; segment++) {
      for (const [slot, value] of [[SLOT.selector0, 8], [SLOT.base0, 0], [SLOT.limit0, -1], [SLOT.access0, FLAT | (segment === 1 ? 0x9b : 0x93)]] as const) cpu.words[slot + segment] = value;
    }
    cpu.words.set(registers, 0);
    cpu.words[EBP] = TURNS;
    writeEflags(cpu.words, flags & 0x8d5);
  }

  state(): { readonly registers: readonly number[]; readonly eip: number; readonly eflags: number; readonly count: number } {
    const { cpu: { words, eip }, vcpu: { count } } = this;
    return { registers: [...words.subarray(0, 8)], eip, eflags: readEflags(words), count };
  }
}

/** Bytes of an instruction, or a branch on a condition over some that follow. */
type Item = readonly number[] | { readonly condition: number; readonly over: number };

const word = fc.oneof(fc.integer({ min: -0x80000000, max: 0x7fffffff }), fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000, 0x80, 0xff, 0x8000));
const byte = fc.integer({ min: 0, max: 255 }), octal = fc.integer({ min: 0, max: 7 }), condition = fc.integer({ min: 0, max: 15 });
/** All but ESP and EBP, which count the turns. */
const register = fc.constantFrom(0, 1, 2, 3, 6, 7);
const both = (reg: number, rm: number): number => 0xc0 | reg << 3 | rm;
const size = fc.constantFrom<readonly number[]>([], [0x66]);
const immediate = (prefix: readonly number[], value: number): number[] => dword(value).slice(0, prefix.length === 0 ? 4 : 2);

const instruction: fc.Arbitrary<Item> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(size, octal, register, register).map(([prefix, op, reg, rm]) => [...prefix, op << 3 | 1, both(reg, rm)]) },
  { weight: 3, arbitrary: fc.tuple(octal, octal, octal).map(([op, reg, rm]) => [op << 3, both(reg, rm)]) },
  fc.tuple(size, octal, register, word).map(([prefix, op, rm, value]) => [...prefix, 0x81, both(op, rm), ...immediate(prefix, value)]),
  fc.tuple(size, octal, register, byte).map(([prefix, op, rm, value]) => [...prefix, 0x83, both(op, rm), value]),
  fc.tuple(octal, octal, byte).map(([op, rm, value]) => [0x80, both(op, rm), value]),
  { weight: 4, arbitrary: fc.tuple(size, octal, register, byte).map(([prefix, op, rm, count]) => [...prefix, 0xc1, both(op, rm), count]) },
  { weight: 2, arbitrary: fc.tuple(octal, octal, byte).map(([op, rm, count]) => [0xc0, both(op, rm), count]) },
  fc.tuple(size, fc.constantFrom(0xd1, 0xd3), octal, register).map(([prefix, opcode, op, rm]) => [...prefix, opcode, both(op, rm)]),
  fc.tuple(fc.constantFrom(0xd0, 0xd2), octal, octal).map(([opcode, op, rm]) => [opcode, both(op, rm)]),
  fc.tuple(size, fc.constantFrom(2, 3, 4, 5), register).map(([prefix, op, rm]) => [...prefix, 0xf7, both(op, rm)]),
  fc.tuple(fc.constantFrom(2, 3, 4, 5), octal).map(([op, rm]) => [0xf6, both(op, rm)]),
  fc.tuple(size, fc.constantFrom(0, 8), register).map(([prefix, op, rm]) => [...prefix, 0x40 | op | rm]),
  fc.tuple(condition, octal).map(([code, rm]) => [0x0f, 0x90 | code, both(0, rm)]),
  fc.tuple(size, condition, register, register).map(([prefix, code, reg, rm]) => [...prefix, 0x0f, 0x40 | code, both(reg, rm)]),
  fc.tuple(size, fc.constantFrom(0xa3, 0xab, 0xb3, 0xbb, 0xa5, 0xad, 0xaf, 0xbc, 0xbd, 0xc1), register, register).map(([prefix, op, reg, rm]) => [...prefix, 0x0f, op, both(reg, rm)]),
  fc.tuple(size, fc.constantFrom(0xa4, 0xac), register, register, byte).map(([prefix, op, reg, rm, count]) => [...prefix, 0x0f, op, both(reg, rm), count]),
  fc.tuple(size, fc.constantFrom(4, 5, 6, 7), register, byte).map(([prefix, op, rm, bit]) => [...prefix, 0x0f, 0xba, both(op, rm), bit]),
  fc.tuple(fc.constantFrom(0xb6, 0xbe), register, octal).map(([op, reg, rm]) => [0x0f, op, both(reg, rm)]),
  fc.tuple(register, register, register, fc.integer({ min: 0, max: 3 }), word).map(([reg, base, index, scale, disp]) => [0x8d, 0x84 | reg << 3, scale << 6 | index << 3 | base, ...dword(disp)]),
  { weight: 2, arbitrary: fc.constantFrom<readonly number[]>([0xf5], [0xf8], [0xf9], [0x9e], [0x9f], [0x98], [0x99], [0x66, 0x98], [0x27], [0x2f], [0x37], [0x3f], [0x0f, 0xc8], [0xd6], [0xfc], [0xfd], [0xd5, 10]) },
  fc.tuple(register, word).map(([reg, value]) => [0xb8 | reg, ...dword(value)]),
);
const item = fc.oneof({ weight: 4, arbitrary: instruction }, { weight: 1, arbitrary: fc.record({ condition, over: fc.integer({ min: 0, max: 4 }) }) });

const JCC = 0x70, BRANCH_BYTES = 2;
const isBranch = (each: Item): each is Exclude<Item, readonly number[]> => "condition" in each;

/** The loop: the items, `dec ebp`, back; then HLT. */
function assemble(items: readonly Item[]): Uint8Array {
  const starts = [0], bytes: number[] = [];
  for (const each of items) starts.push(starts.at(-1)! + (isBranch(each) ? BRANCH_BYTES : each.length));
  items.forEach((each, k) => {
    if (isBranch(each)) bytes.push(JCC | each.condition, starts[Math.min(k + 1 + each.over, items.length)]! - starts[k + 1]!);
    else bytes.push(...each);
  });
  const back = -(bytes.length + 7);
  return Uint8Array.of(...bytes, 0x4d, 0x0f, 0x85, ...dword(back), HLT);
}

const RUNS = Number(process.env["CALQUE_BASELINE_RUNS"] ?? 250);

describe("a loop of plain instructions", () => {
  it("does in baseline code what it does in the interpreter, to the instruction", () => {
    const translated = new Engines("translate"), interpreted = new Engines("interpret");
    fc.assert(fc.property(fc.array(item, { minLength: 1, maxLength: 24 }), fc.array(word, { minLength: 8, maxLength: 8 }), byte, fc.integer({ min: 20, max: 200 }), (items, registers, flags, slice) => {
      const code = assemble(items);
      for (const each of [translated, interpreted]) each.start(code, registers, flags);
      for (let ended = false; !ended;) {
        const exits = [translated.vcpu.run(slice), interpreted.vcpu.run(slice)];
        expect(exits[0]).toEqual(exits[1]);
        expect(translated.state()).toEqual(interpreted.state());
        ended = exits[1]!.reason === "halt";
      }
    }), { numRuns: RUNS });
    expect(translated.vcpu.regionStats.baseline.made).toBeGreaterThanOrEqual(RUNS * 0.9);
    expect(translated.vcpu.stats.translated).toBeGreaterThan(translated.vcpu.count / 3);
    expect(translated.vcpu.regionStats.made).toBe(0);
  });
});
