/**
 * The traces that a PC's firmware leaves in memory and that guests read without calling it: the BIOS data
 * area (IBM PC/AT Technical Reference, section 5) and the memory map that INT 15h E820h would report.
 */
import { HIGH_MEMORY, LOW_MEMORY_END, type LoadTarget } from "./image.ts";

const BDA = 0x400;

/** Writes the BIOS data area: one serial port, low memory size, the EBDA's segment, the 80×25 text screen. */
export function writeBiosDataArea(target: LoadTarget): void {
  const area = new DataView(new ArrayBuffer(0x100));
  area.setUint16(0x00, 0x3f8, true); // COM1
  area.setUint16(0x0e, LOW_MEMORY_END >> 4, true); // segment of the extended area
  area.setUint16(0x10, 0x0226, true); // equipment: x87, 80-column colour, PS/2 mouse off, one serial port
  area.setUint16(0x13, LOW_MEMORY_END >> 10, true); // KiB of low memory
  area.setUint16(0x1a, 0x1e, true); // keyboard buffer: head
  area.setUint16(0x1c, 0x1e, true); // and tail, empty
  area.setUint8(0x49, 3); // video mode
  area.setUint16(0x4a, 80, true); // columns
  area.setUint16(0x4c, 0x1000, true); // bytes of a screen
  area.setUint16(0x60, 0x0607, true); // cursor shape
  area.setUint16(0x63, 0x3d4, true); // CRT controller
  area.setUint16(0x80, 0x1e, true); // keyboard buffer: start
  area.setUint16(0x82, 0x3e, true); // and end
  area.setUint8(0x84, 24); // rows - 1
  area.setUint16(0x85, 16, true); // scan lines of a character
  target.memory.writePhysical(BDA, new Uint8Array(area.buffer));
  const ebda = new Uint8Array(1024);
  ebda[0] = 1; // KiB
  target.memory.writePhysical(LOW_MEMORY_END, ebda);
}

export const RAM = 1, RESERVED = 2;
export interface MemoryRange { readonly base: number; readonly size: number; readonly type: typeof RAM | typeof RESERVED }

/** The E820h map (ACPI specification, 15.1). */
export function memoryMap(size: number): MemoryRange[] {
  return [
    { base: 0, size: LOW_MEMORY_END, type: RAM },
    { base: LOW_MEMORY_END, size: 0xa0000 - LOW_MEMORY_END, type: RESERVED },
    { base: 0xf0000, size: 0x10000, type: RESERVED },
    ...(size > HIGH_MEMORY ? [{ base: HIGH_MEMORY, size: size - HIGH_MEMORY, type: RAM } as const] : []),
  ];
}
