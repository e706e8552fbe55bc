/** Which translation mode the processor is in: the parts of its state that change what instruction bytes mean. */
import { alignmentChecked } from "./alignment.ts";
import type { Mode } from "../translator/translate.ts";
import type { Monitor } from "./monitor/context.ts";
import { dataSegmentFlat } from "./monitor/segments.ts";
import { CR0_PE, SLOT, VM } from "./state.ts";

const ES = 0, CS = 1, SS = 2, DS = 3;
/** D/B of the access word. */
const BIG = 1 << 10;

const BITS32 = 1, FLAT = 2, USER = 4, ALIGNED = 8;

/** The mode as a small number, for keys. */
export function modeKey(m: Pick<Monitor, "cpu">): number {
  const { cpu } = m, { words } = cpu;
  const protectedMode = (cpu.cr0 & CR0_PE) !== 0 && (cpu.eflags & VM) === 0;
  const bits32 = protectedMode && (words[SLOT.access0 + CS]! & BIG) !== 0;
  let key = (bits32 ? BITS32 : 0) | (cpu.cpl === 3 ? USER : 0);
  if (alignmentChecked(cpu)) key |= ALIGNED;
  const flatCode = bits32 && words[SLOT.base0 + CS] === 0 && words[SLOT.limit0 + CS] === -1;
  if (flatCode && cpu.stackMask === -1 && dataSegmentFlat(m, DS) && dataSegmentFlat(m, ES) && dataSegmentFlat(m, SS)) {
    key |= FLAT;
  }
  return key;
}

export function modeOf(key: number): Mode {
  return {
    bits: (key & BITS32) !== 0 ? 32 : 16, flat: (key & FLAT) !== 0, user: (key & USER) !== 0, aligned: (key & ALIGNED) !== 0,
  };
}
