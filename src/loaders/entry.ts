/** The processor states in which loaders hand over to a guest. */
import { CR0_ET, CR0_PE, SLOT, type CpuState } from "../../runtime/state.ts";
import { CS, DS, ES, FS, GS, SS } from "../../translator/translate.ts";
import type { LoadTarget } from "./image.ts";

// Hidden access words (runtime/state.ts): type and DPL of the descriptor, then its G and DB flags.
const CODE32 = 0xc9b, DATA32 = 0xc93, CODE16 = 0x09b, DATA16 = 0x093;
/** The same as descriptors: base 0, limit 4 GiB. */
const DESCRIPTOR_CODE = 0x00cf9b000000ffffn, DESCRIPTOR_DATA = 0x00cf93000000ffffn;

function loadSegment(cpu: CpuState, index: number, selector: number, base: number, limit: number, access: number): void {
  cpu.words[SLOT.selector0 + index] = selector;
  cpu.words[SLOT.base0 + index] = base;
  cpu.words[SLOT.limit0 + index] = limit;
  cpu.words[SLOT.access0 + index] = access;
}

function clearGeneralRegisters(cpu: CpuState): void {
  cpu.words.fill(0, SLOT.eax, SLOT.edi + 1);
}

/**
 * 32-bit protected mode, paging and interrupts off, flat 4 GiB segments: CS = 10h, all others 18h, from a GDT that is
 * written to `gdt` (32 bytes). General registers are 0.
 */
export function enterFlatProtected(target: LoadTarget, eip: number, gdt: number): void {
  const { cpu } = target;
  const table = new BigUint64Array([0n, 0n, DESCRIPTOR_CODE, DESCRIPTOR_DATA]);
  target.memory.writePhysical(gdt, new Uint8Array(table.buffer));
  clearGeneralRegisters(cpu);
  loadSegment(cpu, CS, 0x10, 0, -1, CODE32);
  for (const index of [DS, ES, SS, FS, GS]) loadSegment(cpu, index, 0x18, 0, -1, DATA32);
  cpu.gdtBase = gdt;
  cpu.gdtLimit = table.byteLength - 1;
  cpu.cr0 = CR0_PE | CR0_ET;
  cpu.cpl = 0;
  cpu.stackMask = -1;
  cpu.eip = eip;
}

/** Real mode at CS:IP with all other segments 0, SP = 7C00h, general registers 0, interrupts off. */
export function enterReal(target: LoadTarget, codeSegment: number, ip: number): void {
  const { cpu } = target;
  clearGeneralRegisters(cpu);
  loadSegment(cpu, CS, codeSegment, codeSegment << 4, 0xffff, CODE16);
  for (const index of [DS, ES, SS, FS, GS]) loadSegment(cpu, index, 0, 0, 0xffff, DATA16);
  cpu.cr0 = CR0_ET;
  cpu.cpl = 0;
  cpu.stackMask = 0xffff;
  cpu.esp = 0x7c00;
  cpu.eip = ip;
}
