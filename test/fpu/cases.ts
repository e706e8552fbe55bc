/** Operands that hurt: boundaries of every format, halfway cases, values with a relation to each other; deterministic by seed. */
import type { OperandType } from "./forms.ts";

/** xorshift32. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 1;
  }

  word(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x;
  }

  below(limit: number): number {
    return (this.word() >>> 0) % limit;
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }
}

const MASK64 = (1n << 64n) - 1n;
const TOP_BIT = 1n << 63n;

/** 64 random bits, or few bits, or long runs of equal bits: what sits on rounding boundaries. */
function pattern(random: Random): bigint {
  const whole = (BigInt(random.word() >>> 0) << 32n) | BigInt(random.word() >>> 0);
  const cut = BigInt(random.below(64));
  switch (random.below(8)) {
    case 0: return (whole >> cut) << cut;
    case 1: return whole | ((1n << cut) - 1n);
    case 2: return 1n << cut;
    case 3: return ((1n << 64n) - (1n << cut)) & MASK64;
    case 4: return (((whole >> 11n) << 11n) | random.pick([0n, 1n, 0x3ffn, 0x400n, 0x401n, 0x7ffn])) & MASK64;
    case 5: return (((whole >> 40n) << 40n) | random.pick([0n, 1n, 0x7fffffffffn, 0x8000000000n, 0x8000000001n, 0xffffffffffn])) & MASK64;
    default: return whole;
  }
}

function extendedExponent(random: Random): number {
  switch (random.below(10)) {
    case 0: return random.pick([0, 1, 2, 0x7ffd, 0x7ffe, 0x7fff]);
    case 1: return random.below(0x8000);
    case 2: return random.below(70);
    case 3: return 0x7ffe - random.below(70);
    case 4: return 0x3fff - 1023 - 60 + random.below(70);
    case 5: return random.pick([0x3fff + 1020, 0x3fff + 124, 0x3fff - 149]) + random.below(8);
    case 6: return 0x3fff - 127 - 30 + random.below(40);
    default: return 0x3fff - 4 + random.below(72);
  }
}

/** [low, high, sign+exponent] */
export function extendedValue(random: Random): readonly [number, number, number] {
  let exponent = extendedExponent(random), mantissa = pattern(random);
  if (random.chance(24)) {
    exponent = random.pick([0, 0x7fff, 0x3fff]);
    mantissa = random.pick([0n, TOP_BIT, 3n << 62n, TOP_BIT | 1n, MASK64, 1n, TOP_BIT - 1n]);
  } else if (exponent !== 0 && !random.chance(24)) mantissa |= TOP_BIT;
  if (exponent === 0 && random.chance(3)) mantissa = 0n;
  return [Number(mantissa & 0xffffffffn) | 0, Number(mantissa >> 32n) | 0, exponent | (random.chance(2) ? 0x8000 : 0)];
}

function floatExponent(random: Random, bias: number): number {
  const top = bias * 2 + 1;
  switch (random.below(6)) {
    case 0: return random.pick([0, 1, 2, top - 2, top - 1, top]);
    case 1: return random.below(top + 1);
    default: return bias - 4 + random.below(Math.min(72, bias));
  }
}

/** Writes a memory operand of the type. */
export function writeOperand(random: Random, type: OperandType, view: DataView, at: number): void {
  const low = random.word(), fraction = pattern(random);
  switch (type) {
    case "single":
      view.setInt32(at, (random.below(2) << 31) | (floatExponent(random, 127) << 23) | Number(fraction >> (random.chance(6) ? 64n : 41n)), true);
      return;
    case "double": {
      const bits = (BigInt(random.below(2)) << 63n) | (BigInt(floatExponent(random, 1023)) << 52n) | (random.chance(6) ? 0n : fraction >> 12n);
      view.setBigUint64(at, bits, true);
      return;
    }
    case "extended": {
      const value = extendedValue(random);
      view.setInt32(at, value[0], true);
      view.setInt32(at + 4, value[1], true);
      view.setUint16(at + 8, value[2], true);
      return;
    }
    case "int16": view.setInt16(at, random.chance(4) ? random.pick([0, 1, -1, -0x8000, 0x7fff]) : low >> random.pick([0, 8, 12]), true); return;
    case "int32": view.setInt32(at, random.chance(4) ? random.pick([0, 1, -1, -0x80000000, 0x7fffffff]) : low >> random.below(32), true); return;
    case "int64": {
      const value = BigInt.asIntN(64, fraction) >> BigInt(random.below(64));
      view.setBigInt64(at, random.chance(4) ? random.pick([0n, 1n, -1n, -TOP_BIT]) : value, true);
      return;
    }
    case "bcd":
      for (let byte = 0; byte < 9; byte++) view.setUint8(at + byte, random.below(10) * 16 + random.below(10));
      if (random.chance(4)) for (let byte = random.below(9); byte < 9; byte++) view.setUint8(at + byte, 0);
      if (random.chance(8)) for (let byte = 0; byte < 9; byte++) view.setUint8(at + byte, 0);
      view.setUint8(at + 9, random.word() & 0x80);
      return;
    case "control": view.setUint16(at, random.word() & 0xffff, true); return;
    case "image32": writeImage(random, view, at, true); return;
    case "image16": {
      const wide = new DataView(new ArrayBuffer(108));
      writeImage(random, wide, 0, true);
      for (let word = 0; word < 7; word++) view.setUint16(at + word * 2, wide.getUint16(word * 4, true), true);
      for (let byte = 0; byte < 80; byte++) view.setUint8(at + 14 + byte, wide.getUint8(28 + byte));
      return;
    }
    case "none": return;
  }
}

/** A value near another: same or neighbouring exponent, mantissa equal, one apart, or negated. */
function relative(random: Random, [low, high, signExp]: readonly [number, number, number]): readonly [number, number, number] {
  const step = random.pick([0, 0, 1, -1, 2, 63, 64, 65, -64]);
  const exponent = Math.min(Math.max((signExp & 0x7fff) + step, 0), 0x7fff);
  const words = random.pick([[low, high], [low + 1, high], [low - 1, high], [0, high], [low, high ^ 1]] as const);
  return [words[0], exponent === 0 ? words[1] : words[1] | 0x80000000, exponent | (random.chance(2) ? 0x8000 : 0)];
}

/** Fills an FNSAVE image (32-bit protected): tags mostly in use, exceptions mostly masked, none pending unless `wild`. */
export function writeImage(random: Random, view: DataView, at: number, wild: boolean = false): void {
  const masks = random.chance(4) ? random.below(64) : 0x3f;
  const control = 0x40 | masks | random.pick([0, 0x200, 0x300, 0x300]) | (random.below(4) << 10) | (random.chance(8) ? 0x1000 : 0);
  const sticky = random.chance(4) ? random.below(64) & masks : 0;
  const status = wild ? random.word() & 0xffff : sticky | (random.chance(8) ? 0x40 : 0) | (random.word() & 0x7f00);
  let tags = wild ? random.word() & 0xffff : 0;
  const empties = random.chance(3) ? 3 : 0;
  for (let register = 0; register < 8; register++) tags |= (random.below(10) < empties ? 3 : 0) << (register * 2);
  if (random.chance(3)) tags |= 3 << ((((status >>> 11) + 7) & 7) * 2);
  view.setInt32(at, (wild ? random.word() : control) | 0xffff0000, true);
  view.setInt32(at + 4, status | 0xffff0000, true);
  view.setInt32(at + 8, tags | 0xffff0000, true);
  let last = extendedValue(random);
  for (let i = 0; i < 8; i++) {
    last = random.chance(4) ? relative(random, last) : extendedValue(random);
    view.setInt32(at + 28 + i * 10, last[0], true);
    view.setInt32(at + 32 + i * 10, last[1], true);
    view.setUint16(at + 36 + i * 10, last[2], true);
  }
}

/** The distance of two 80-bit values (20 hex digits) in units of the last place. */
export function ulps(a: string, b: string): bigint {
  const order = (text: string): bigint => {
    const bits = BigInt(`0x${text}`);
    const magnitude = ((bits >> 64n) & 0x7fffn) << 63n | (bits & (TOP_BIT - 1n));
    return bits >> 79n === 0n ? magnitude : -magnitude;
  };
  const distance = order(a) - order(b);
  return distance < 0n ? -distance : distance;
}
