/** In what two machines differ, a line each. */
import { FIRST_SCRATCH_SLOT, SLOT, type CpuState, type SlotName } from "../runtime/state.ts";
import type { Machine } from "./machine.ts";
import { LEFT_OUT, canonicalText } from "./state-hash.ts";
import { readEflags } from "../runtime/flags.ts";

const word = (value: number): string => `${(value >>> 0).toString(16).padStart(8, "0").toUpperCase()}h`;
const NAMES = Object.keys(SLOT) as SlotName[];
const MOST_PAGES = 8;

export function architecturalDifferences(a: CpuState, b: CpuState): string[] {
  const lines = NAMES
    .filter((name) => SLOT[name] < FIRST_SCRATCH_SLOT && !LEFT_OUT.has(SLOT[name]) && a[name] !== b[name])
    .map((name) => `${name}: ${word(a[name])} | ${word(b[name])}`);
  const flags = [readEflags(a.words), readEflags(b.words)] as const;
  return flags[0] === flags[1] ? lines : [...lines, `eflags: ${word(flags[0])} | ${word(flags[1])}`];
}

/** Devices and queued input, by their topmost names. */
export function boardDifferences(a: Machine, b: Machine): string[] {
  const [left, right] = [a.deviceState(), b.deviceState()];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
    .filter((name) => canonicalText(left[name]) !== canonicalText(right[name]))
    .map((name) => `${name}: ${canonicalText(left[name]).slice(0, 400)} | ${canonicalText(right[name]).slice(0, 400)}`);
}

/** The first differing word of each page, for the first few pages. */
export function ramDifferences(a: Machine, b: Machine): string[] {
  const lines: string[] = [];
  const [left, right] = [a.memory.ram32, b.memory.ram32];
  for (let page = 0; page < left.length >>> 10 && lines.length < MOST_PAGES; page++) {
    for (let k = page << 10; k < (page + 1) << 10; k++) {
      if (left[k] === right[k]) continue;
      lines.push(`memory at ${word(k << 2)}: ${word(left[k]!)} | ${word(right[k]!)}`);
      break;
    }
  }
  return lines;
}
