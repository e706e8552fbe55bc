/**
 * What REP MOVS, STOS, SCAS and CMPS do inside one page of host memory, with the same bytes as element by element: `count` elements of `size` bytes, `from`
 * and `to` the lowest addresses whatever the direction.
 */
import type { GuestMemory } from "./memory.ts";

type Width = 1 | 2 | 4;
type Ram = Pick<GuestMemory, "ram" | "ram16" | "ram32">;

/** Below so many elements a loop beats the host's own function. */
const FEW = 24;

/** Upwards, as MOVS does with DF = 0: an overlapping copy replicates; decompressors rely on it. */
export function copyUp({ ram, ram16, ram32 }: Ram, from: number, to: number, count: number, size: Width): void {
  const bytes = count * size, replicates = to > from && to < from + bytes;
  if (!replicates && count > FEW) ram.copyWithin(to, from, from + bytes);
  else if (size === 1) for (let k = 0; k < count; k++) ram[to + k] = ram[from + k]!;
  else if (size === 4 && ((from | to) & 3) === 0) for (let k = 0, a = from >>> 2, b = to >>> 2; k < count; k++) ram32[b + k] = ram32[a + k]!;
  else if (size === 2 && ((from | to) & 1) === 0) for (let k = 0, a = from >>> 1, b = to >>> 1; k < count; k++) ram16[b + k] = ram16[a + k]!;
  else for (let k = 0; k < bytes; k += size) ram.copyWithin(to + k, from + k, from + k + size);
}

/** Downwards, DF = 1: replicates where the destination lies below. */
export function copyDown({ ram }: Ram, from: number, to: number, count: number, size: Width): void {
  const bytes = count * size;
  if (to >= from || to + bytes <= from) ram.copyWithin(to, from, from + bytes);
  else if (size === 1) for (let k = count - 1; k >= 0; k--) ram[to + k] = ram[from + k]!;
  else for (let k = bytes - size; k >= 0; k -= size) ram.copyWithin(to + k, from + k, from + k + size);
}

export function fill({ ram, ram16, ram32 }: Ram, to: number, count: number, size: Width, value: number): void {
  if (size === 4 && (to & 3) === 0) {
    const first = to >>> 2;
    if (count > FEW) ram32.fill(value, first, first + count);
    else for (let k = 0; k < count; k++) ram32[first + k] = value;
  } else if (size === 2 && (to & 1) === 0) ram16.fill(value, to >>> 1, (to >>> 1) + count);
  else if (size !== 1) for (let k = 0; k < count * size; k++) ram[to + k] = value >> (8 * (k % size));
  else if (count > FEW) ram.fill(value, to, to + count);
  else for (let k = 0; k < count; k++) ram[to + k] = value;
}

/** The element at a host address, little-endian, zero-extended. */
export function element(ram: Uint8Array, at: number, size: Width): number {
  if (size === 1) return ram[at]!;
  const low = ram[at]! | ram[at + 1]! << 8;
  return size === 2 ? low : low | ram[at + 2]! << 16 | ram[at + 3]! << 24;
}

/**
 * How many elements REPE (`equal`) or REPNE SCAS looks at: up to and with the first that ends it. `wanted` as `element` gives it.
 */
export function scan({ ram, ram32 }: Ram, at: number, count: number, size: Width, wanted: number, equal: boolean): number {
  let k = 0;
  if (size === 1) {
    if (!equal && count > 4 * FEW) return found(ram.subarray(at, at + count).indexOf(wanted), count);
    while (k < count && (ram[at + k] === wanted) === equal) k++;
  } else if (size === 4 && (at & 3) === 0) {
    const first = at >>> 2;
    if (!equal && count > 4 * FEW) return found(ram32.subarray(first, first + count).indexOf(wanted), count);
    while (k < count && (ram32[first + k] === wanted) === equal) k++;
  } else while (k < count && (element(ram, at + k * size, size) === wanted) === equal) k++;
  return found(k, count);
}

/** The same for CMPS. */
export function compare({ ram, ram32 }: Ram, a: number, b: number, count: number, size: Width, equal: boolean): number {
  const bytes = count * size;
  let k = 0;
  if (equal) {
    if (((a ^ b) & 3) === 0) {
      while (k < bytes && ((a + k) & 3) !== 0 && ram[a + k] === ram[b + k]) k++;
      if (((a + k) & 3) === 0) while (k + 4 <= bytes && ram32[(a + k) >>> 2] === ram32[(b + k) >>> 2]) k += 4;
    }
    while (k < bytes && ram[a + k] === ram[b + k]) k++;
    return found(Math.floor(k / size), count);
  }
  while (k < count && element(ram, a + k * size, size) !== element(ram, b + k * size, size)) k++;
  return found(k, count);
}

const found = (index: number, count: number): number => index < 0 || index >= count ? count : index + 1;
