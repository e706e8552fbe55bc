/**
 * What REP MOVS, STOS, SCAS and CMPS do inside one page of host memory, with the same bytes as element by element: `bytes` are whole elements of
 * `size` bytes, `from` and `to` the lowest addresses whatever the direction.
 *
 * Up to `FEW` bytes go by doublewords, aligned or not; more of them by the host's own functions where these do the same.
 */
import type { GuestMemory } from "./memory.ts";

type Width = 1 | 2 | 4;
export type Ram = Pick<GuestMemory, "ram" | "ram32" | "view">;

/** Below so many bytes a loop beats the call of a host function. */
const FEW = 64;
/** So many doublewords are looked at in a loop; one that comes later is sought by the host. */
const SOON = 16;
/** A byte in all four places; the lowest and the highest bit of each. */
const LOW_BITS = 0x01010101, HIGH_BITS = 0x80808080 | 0;

/** Upwards, as MOVS does with DF = 0: an overlapping copy replicates; decompressors rely on it. */
export function copyUp({ ram, view }: Ram, from: number, to: number, bytes: number, size: Width): void {
  const ahead = to - from;
  if (bytes > FEW && (ahead < 0 || ahead >= bytes)) ram.copyWithin(to, from, from + bytes);
  else if (ahead < 0 || ahead >= 4) {
    let k = 0;
    for (; k + 4 <= bytes; k += 4) view.setInt32(to + k, view.getInt32(from + k, true), true);
    for (; k < bytes; k++) ram[to + k] = ram[from + k]!;
  } else if (size === 1) for (let k = 0; k < bytes; k++) ram[to + k] = ram[from + k]!;
  else for (let k = 0; k < bytes; k += size) ram.copyWithin(to + k, from + k, from + k + size);
}

/** Downwards, DF = 1: replicates where the destination lies below. */
export function copyDown({ ram, view }: Ram, from: number, to: number, bytes: number, size: Width): void {
  const ahead = from - to;
  if (bytes > FEW && (ahead < 0 || ahead >= bytes)) ram.copyWithin(to, from, from + bytes);
  else if (ahead < 0 || ahead >= 4) {
    let k = bytes - 4;
    for (; k >= 0; k -= 4) view.setInt32(to + k, view.getInt32(from + k, true), true);
    for (k += 3; k >= 0; k--) ram[to + k] = ram[from + k]!;
  } else if (size === 1) for (let k = bytes - 1; k >= 0; k--) ram[to + k] = ram[from + k]!;
  else for (let k = bytes - size; k >= 0; k -= size) ram.copyWithin(to + k, from + k, from + k + size);
}

/** The element in all places of a doubleword. */
function spread(value: number, size: Width): number {
  if (size === 4) return value;
  return size === 2 ? value & 0xffff | value << 16 : Math.imul(value & 0xff, LOW_BITS);
}

export function fill({ ram, ram32, view }: Ram, to: number, bytes: number, size: Width, value: number): void {
  const pattern = spread(value, size), end = to + bytes;
  let at = to;
  if (bytes > FEW) {
    for (; (at & 3) !== 0; at++) ram[at] = pattern >> 8 * (at - to);
    const turned = 8 * (at - to);
    ram32.fill(pattern >>> turned | pattern << 32 - turned, at >>> 2, end >>> 2);
    at = end & ~3;
  } else for (; at + 4 <= end; at += 4) view.setInt32(at, pattern, true);
  for (; at < end; at++) ram[at] = pattern >> 8 * (at - to & 3);
}

/** The element at a host address, little-endian, zero-extended. */
export function element({ ram, view }: Ram, at: number, size: Width): number {
  if (size === 1) return ram[at]!;
  return size === 2 ? view.getUint16(at, true) : view.getInt32(at, true);
}

/**
 * How many of `count` elements REPE (`equal`) or REPNE SCAS looks at: up to and with the first that ends it. `wanted` as `element` gives it.
 */
export function scan(memory: Ram, at: number, count: number, size: Width, wanted: number, equal: boolean): number {
  let k = 0;
  if (!equal && size === 1) k = firstByte(memory, at, count, wanted);
  else if (!equal && size === 4) k = firstDoubleword(memory, at, count, wanted);
  else while (k < count && (element(memory, at + k * size, size) === wanted) === equal) k++;
  return k < count ? k + 1 : count;
}

/** Which byte is the first that is `wanted`; `count` where none is. The difference of a doubleword from `wanted` everywhere has a zero byte where that is. */
function firstByte({ ram, view }: Ram, at: number, count: number, wanted: number): number {
  const pattern = spread(wanted, 1);
  let k = 0;
  for (; k + 16 <= count; k += 16) {
    const a = view.getInt32(at + k, true) ^ pattern, b = view.getInt32(at + k + 4, true) ^ pattern;
    const c = view.getInt32(at + k + 8, true) ^ pattern, d = view.getInt32(at + k + 12, true) ^ pattern;
    if (((a - LOW_BITS & ~a | b - LOW_BITS & ~b | c - LOW_BITS & ~c | d - LOW_BITS & ~d) & HIGH_BITS) !== 0) break;
  }
  for (; k + 4 <= count; k += 4) {
    const other = view.getInt32(at + k, true) ^ pattern, zero = other - LOW_BITS & ~other & HIGH_BITS;
    if (zero !== 0) return k + (31 - Math.clz32(zero & -zero) >>> 3);
  }
  while (k < count && ram[at + k] !== wanted) k++;
  return k;
}

function firstDoubleword({ ram32, view }: Ram, at: number, count: number, wanted: number): number {
  const first = at >>> 2, few = (at & 3) === 0 && count > SOON ? SOON : count;
  let k = 0;
  while (k < few && view.getInt32(at + 4 * k, true) !== wanted) k++;
  if (k < few || few === count) return k;
  const found = ram32.subarray(first + k, first + count).indexOf(wanted);
  return found < 0 ? count : k + found;
}

/** The same for CMPS. */
export function compare(memory: Ram, a: number, b: number, count: number, size: Width, equal: boolean): number {
  let k = 0;
  if (equal) k = Math.floor(alike(memory, a, b, count * size) / size);
  else while (k < count && element(memory, a + k * size, size) !== element(memory, b + k * size, size)) k++;
  return k < count ? k + 1 : count;
}

/** How many bytes at `a` and `b` are the same, up to the first that is not. */
function alike({ ram, ram32, view }: Ram, a: number, b: number, bytes: number): number {
  let k = 0;
  if (((a | b) & 3) === 0) {
    let i = a >>> 2, j = b >>> 2;
    const last = i + (bytes >>> 2) - 4;
    while (i <= last && (ram32[i]! ^ ram32[j]! | ram32[i + 1]! ^ ram32[j + 1]! | ram32[i + 2]! ^ ram32[j + 2]! | ram32[i + 3]! ^ ram32[j + 3]!) === 0) {
      i += 4;
      j += 4;
    }
    k = (i << 2) - a;
  }
  while (k + 4 <= bytes && view.getInt32(a + k, true) === view.getInt32(b + k, true)) k += 4;
  while (k < bytes && ram[a + k] === ram[b + k]) k++;
  return k;
}
