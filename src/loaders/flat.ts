/** Flat binaries: bytes at an address, entered at their first one. */
import { CalqueError } from "../error.ts";
import { enterFlatProtected, enterReal } from "./entry.ts";
import { writeBiosDataArea } from "./firmware.ts";
import { HIGH_MEMORY, LOW_MEMORY_END, checkRange, hex, place, type LoadTarget, type NamedBytes } from "./image.ts";

export interface FlatOptions {
  /** Physical address of the first byte, which is also the entry point. */
  readonly loadAt: number;
  /** 16: real mode, CS:IP = 0:address below 64 KiB and address/16:0–15 above. 32: flat protected mode. */
  readonly bits: 16 | 32;
}

const GDT = 0x1000, GDT_ABOVE = 0x9f000, STACK_32 = 0x90000;

/** Loads a flat binary. Throws `CalqueError` where it does not fit. */
export function loadFlat(target: LoadTarget, image: NamedBytes, options: FlatOptions): void {
  const { loadAt, bits } = options;
  if (image.bytes.length === 0) throw new CalqueError("the file is empty", image.name);
  if (bits === 16 && loadAt >= HIGH_MEMORY) throw new CalqueError(`a 16-bit image starts below 1 MiB, not at ${hex(loadAt)}`, "--load-at");
  // A 16-bit image in the BIOS area stands for a ROM.
  if (bits === 16 && loadAt >= 0xc0000 && loadAt + image.bytes.length <= HIGH_MEMORY) target.memory.writePhysical(loadAt, image.bytes);
  else checkRange(target, loadAt, image.bytes.length, "the image", image.name);
  writeBiosDataArea(target);
  if (bits === 16) {
    if (loadAt < 0x10000) enterReal(target, 0, loadAt);
    else enterReal(target, loadAt >> 4, loadAt & 15);
  } else {
    const clash = loadAt < GDT + 32 && loadAt + image.bytes.length > GDT;
    enterFlatProtected(target, loadAt, clash ? GDT_ABOVE : GDT);
    target.cpu.esp = loadAt < STACK_32 && loadAt + image.bytes.length > STACK_32 - 0x1000 ? LOW_MEMORY_END : STACK_32;
  }
  if (bits === 32 || loadAt < 0xc0000) place(target, loadAt, image.bytes, "the image", image.name);
}
