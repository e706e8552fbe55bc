/** CPUID: what this processor says that it is. Only what is implemented is offered. */
import { SLOT } from "../state.ts";
import type { Monitor } from "./context.ts";

/** Feature bits of leaf 1, EDX (SDM volume 2, table 3-11). */
export const FEATURE = { fpu: 1 << 0, de: 1 << 2, pse: 1 << 3, tsc: 1 << 4, msr: 1 << 5, cx8: 1 << 8, pge: 1 << 13, cmov: 1 << 15 } as const;

export const FEATURES = Object.values(FEATURE).reduce((all, bit) => all | bit, 0);

const VENDOR = "GenuineIntel";
/** 48 bytes with the closing zeros, over leaves 80000002h–80000004h. */
const BRAND = "calque virtual CPU".padEnd(48, "\0");
/** Family 6, model 5, stepping 2. */
export const SIGNATURE = 0x652;
const LAST_BASIC = 2, LAST_EXTENDED = 0x80000004;

/** Four characters as a register holds them, the first one lowest. */
function letters(text: string, at: number): number {
  let word = 0;
  for (let k = 3; k >= 0; k--) word = word << 8 | text.charCodeAt(at + k);
  return word;
}

type Leaf = readonly [eax: number, ebx: number, ecx: number, edx: number];

/** TLBs of 32 and 64 entries, first-level caches of 16 KiB, 512 KiB at the second level (SDM volume 2, table 3-12). */
const CACHES: Leaf = [0x03020101, 0, 0, 0x0c040843];

const brandLeaf = (at: number): Leaf => [letters(BRAND, at), letters(BRAND, at + 4), letters(BRAND, at + 8), letters(BRAND, at + 12)];

/** From leaf 0 on; and from leaf 80000000h on. */
const BASIC: readonly Leaf[] = [[LAST_BASIC, letters(VENDOR, 0), letters(VENDOR, 8), letters(VENDOR, 4)], [SIGNATURE, 0, 0, FEATURES]];
const EXTENDED: readonly Leaf[] = [[LAST_EXTENDED | 0, 0, 0, 0], [0, 0, 0, 0], brandLeaf(0), brandLeaf(16), brandLeaf(32)];

/** Leaves beyond the last basic one answer as that does, as Intel's processors do. */
function leafOf(number: number): Leaf {
  return (number < 0 ? EXTENDED[number & 0x7fffffff] : BASIC[number]) ?? CACHES;
}

const { eax: EAX, ecx: ECX, edx: EDX, ebx: EBX } = SLOT;

/** CPUID: EAX chooses the leaf; EAX, EBX, ECX and EDX answer. */
export function cpuid(m: Monitor): void {
  const S = m.cpu.words, leaf = leafOf(S[EAX]!);
  S[EAX] = leaf[0];
  S[EBX] = leaf[1];
  S[ECX] = leaf[2];
  S[EDX] = leaf[3];
}
