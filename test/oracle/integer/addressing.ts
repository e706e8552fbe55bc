/** ModRM, SIB and displacement for a memory operand at a wanted address, with register values that lead there. */
import type { Random } from "./random.ts";

export interface Addressing {
  /** From the ModRM byte on; its reg field is `reg`. */
  readonly bytes: readonly number[];
}

const ESP = 4, EBP = 5;
const NO_INDEX = 4;
const REGISTERS = [0, 1, 2, 3, 4, 5, 6, 7] as const;

/** Base and index registers by r/m of 16-bit addressing (SDM volume 2, table 2-1). */
const PAIRS16: ReadonlyArray<readonly number[]> = [[3, 6], [3, 7], [5, 6], [5, 7], [6], [7], [5], [3]];

function little(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, k) => (value >> (8 * k)) & 255);
}

/** A random displacement of `bytes` bytes, as int32. */
function displacement(random: Random, bytes: number): number {
  const value = random.value();
  return bytes === 0 ? 0 : bytes === 1 ? (value << 24) >> 24 : bytes === 2 ? (value << 16) >> 16 : value;
}

/**
 * 32-bit addressing. Registers in `fixed` keep their values in `registers`; others may be set.
 */
export function address32(random: Random, reg: number, target: number, registers: Int32Array, fixed: ReadonlySet<number>): Addressing {
  const free = REGISTERS.filter((register) => !fixed.has(register));
  const base = free.length === 0 || random.once(5) ? undefined : random.pick(free);
  if (!random.once(2)) return withIndex(random, reg, target, registers, base);
  if (base === undefined) return { bytes: [(reg << 3) | 5, ...little(target, 4)] };
  const mod = base === EBP ? 1 + random.below(2) : random.below(3);
  const size = mod === 2 ? 4 : mod, disp = displacement(random, size);
  registers[base] = target - disp;
  const modrm = (mod << 6) | (reg << 3) | base;
  return { bytes: [modrm, ...(base === ESP ? [(NO_INDEX << 3) | ESP] : []), ...little(disp, size)] };
}

function withIndex(random: Random, reg: number, target: number, registers: Int32Array, base: number | undefined): Addressing {
  const index = random.pick(REGISTERS.filter((register) => register !== ESP)), scale = random.below(4);
  const sib = (scale << 6) | (index << 3);
  const scaled = (): number => registers[index]! << scale;
  if (base === undefined) return { bytes: [(reg << 3) | 4, sib | 5, ...little(target - scaled(), 4)] };
  if (base === index) {
    const disp = target - registers[base]! - scaled();
    return { bytes: [0x80 | (reg << 3) | 4, sib | base, ...little(disp, 4)] };
  }
  const mod = base === EBP ? 1 + random.below(2) : random.below(3);
  const size = mod === 2 ? 4 : mod, disp = displacement(random, size);
  registers[base] = target - disp - scaled();
  return { bytes: [(mod << 6) | (reg << 3) | 4, sib | base, ...little(disp, size)] };
}

/** 16-bit addressing; `target` is below 64 KiB. Upper halves of the registers stay what they are. */
export function address16(random: Random, reg: number, target: number, registers: Int32Array, fixed: ReadonlySet<number>): Addressing {
  const usable = REGISTERS.filter((rm) => !fixed.has(PAIRS16[rm]![0]!));
  if (usable.length === 0 || random.once(8)) return { bytes: [(reg << 3) | 6, ...little(target, 2)] };
  const rm = random.pick(usable), [base, index] = PAIRS16[rm]!;
  const mod = rm === 6 ? 1 + random.below(2) : random.below(3);
  const disp = displacement(random, mod);
  const rest = target - disp - (index === undefined ? 0 : registers[index]!);
  registers[base!] = (registers[base!]! & ~0xffff) | (rest & 0xffff);
  return { bytes: [(mod << 6) | (reg << 3) | rm, ...little(disp, mod)] };
}
