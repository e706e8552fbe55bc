/** Ports and who may touch them (SDM volume 1, 19.5). */
import { raise, VECTOR } from "../faults.ts";
import * as state from "../state.ts";
import type { Monitor } from "./context.ts";
import * as descriptors from "./descriptors.ts";
import { isVirtual8086 } from "./descriptors.ts";

const { CR0_PE, IOPL } = state;
const { ACCESS, BASE, LIMIT, TR, TYPE } = descriptors;

const IO_MAP_BASE = 0x66, TSS_MINIMUM_LIMIT = 0x67;

/** IN and INS: an unsigned value. Raises #GP(0) where the port may not be touched. */
export function portIn(m: Monitor, port: number, size: 1 | 2 | 4): number {
  checkPort(m, port, size);
  return m.ports.read(port & 0xffff, size);
}

/** OUT and OUTS; bits beyond `size` are ignored. Raises #GP(0) where the port may not be touched. */
export function portOut(m: Monitor, port: number, size: 1 | 2 | 4, value: number): void {
  checkPort(m, port, size);
  m.ports.write(port & 0xffff, size, size === 4 ? value >>> 0 : value & (size === 2 ? 0xffff : 0xff));
}

/**
 * Raises #GP(0) unless CPL ≤ IOPL (outside virtual-8086 mode) or the I/O map of the TSS has all `size` bits of the port clear.
 * The map is read two bytes at a time, as processors do, so a map needs a byte of ones after its end.
 */
export function checkPort(m: Monitor, port: number, size: 1 | 2 | 4): void {
  const { cpu } = m;
  const virtual = isVirtual8086(cpu);
  if ((cpu.cr0 & CR0_PE) === 0 || (!virtual && cpu.cpl <= (cpu.eflags & IOPL) >> 12)) return;
  const { words } = cpu;
  const limit = words[LIMIT + TR]! >>> 0, tss = words[BASE + TR]!;
  if ((words[ACCESS + TR]! & 15) !== TYPE.busyTss32 || limit < TSS_MINIMUM_LIMIT) raise(VECTOR.GP, 0);
  const at = m.memory.readSystem16(tss + IO_MAP_BASE | 0) + ((port & 0xffff) >>> 3);
  if (at + 1 > limit) raise(VECTOR.GP, 0);
  const bits = m.memory.readSystem16(tss + at | 0) >>> (port & 7);
  if ((bits & ((1 << size) - 1)) !== 0) raise(VECTOR.GP, 0);
}
