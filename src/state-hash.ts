/**
 * The state hash: two machines with equal hashes are, for all that a guest can tell, in the same state.
 *
 * RAM counts as a sum over its pages of a hash of (page number, content), so a check costs only the pages written since
 * the check before; pages of zeros add nothing. The architectural slots are hashed with every lazy flag settled, device
 * state as canonical text. The TLB and the code caches are no part of it.
 */
import { readEflags } from "../runtime/flags.ts";
import { FIRST_SCRATCH_SLOT, SLOT, type CpuState } from "../runtime/state.ts";

const LANE_A = 0x9e3779b1, LANE_B = 0x85ebca6b;

/** A 64-bit hash in two words. */
class Hash {
  a = 0x243f6a88;
  b = 0x13198a2e;

  word(value: number): void {
    const a = Math.imul(this.a ^ value, LANE_A);
    const b = Math.imul((this.b + value) | 0, LANE_B);
    this.a = a ^ (a >>> 15) ^ b;
    this.b = b ^ (b >>> 13);
  }

  words(words: Int32Array, from: number, to: number): void {
    let a = this.a, b = this.b;
    for (let k = from; k < to; k++) {
      const value = words[k]!;
      a = Math.imul(a ^ value, LANE_A);
      b = Math.imul((b + value) | 0, LANE_B);
      a ^= (a >>> 15) ^ b;
      b ^= b >>> 13;
    }
    this.a = a;
    this.b = b;
  }

  text(text: string): void {
    for (let k = 0; k < text.length; k++) this.word(text.charCodeAt(k));
    this.word(text.length);
  }

  finish(): void { for (let k = 0; k < 4; k++) this.word(k); }
}

/** Slots that the settled EFLAGS stand for, and those that are no architectural state. */
export const LEFT_OUT = new Set<number>([
  SLOT.zero, SLOT.page, SLOT.eflags, SLOT.flagKind, SLOT.flagA, SLOT.flagB, SLOT.flagCarry,
]);

/** The processor's architectural words, in a fixed order, EFLAGS last. */
export function architecturalWords(cpu: CpuState): Int32Array {
  const words: number[] = [];
  for (let slot = 0; slot < FIRST_SCRATCH_SLOT; slot++) if (!LEFT_OUT.has(slot)) words.push(cpu.words[slot]!);
  words.push(readEflags(cpu.words));
  return Int32Array.from(words);
}

/** Plain data as text that does not depend on the order in which keys were added. */
export function canonicalText(value: unknown): string {
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return `${value.constructor.name}(${bytes.join()})`;
  }
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, field]) => field !== undefined).sort(([x], [y]) => (x < y ? -1 : 1));
    return `{${entries.map(([key, field]) => `${key}:${canonicalText(field)}`).join()}}`;
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** The running hash of RAM by pages. */
export class RamHash {
  readonly #a: Int32Array;
  readonly #b: Int32Array;
  #sumA = 0;
  #sumB = 0;

  constructor(pages: number) {
    this.#a = new Int32Array(pages);
    this.#b = new Int32Array(pages);
  }

  /** Takes a page's content into account anew. `ram32` is all of RAM in words. */
  update(ram32: Int32Array, page: number): void {
    const from = page << 10, to = from + 1024;
    let a = 0, b = 0, at = from;
    while (at < to && ram32[at] === 0) at++;
    if (at < to) {
      const hash = new Hash();
      hash.word(page);
      hash.words(ram32, from, to);
      hash.finish();
      a = hash.a;
      b = hash.b;
    }
    this.#sumA = (this.#sumA + a - this.#a[page]!) | 0;
    this.#sumB = (this.#sumB + b - this.#b[page]!) | 0;
    this.#a[page] = a;
    this.#b[page] = b;
  }

  get words(): readonly [number, number] { return [this.#sumA, this.#sumB]; }
}

/** 16 hexadecimal digits over processor, devices, instruction count, guest time and RAM. */
export function hashState(cpu: CpuState, devices: unknown, count: number, time: number, ram: RamHash): string {
  const hash = new Hash();
  const words = architecturalWords(cpu);
  hash.words(words, 0, words.length);
  hash.text(canonicalText(devices));
  hash.text(`${count} ${time}`);
  for (const word of ram.words) hash.word(word);
  hash.finish();
  const digits = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
  return digits(hash.a) + digits(hash.b);
}
