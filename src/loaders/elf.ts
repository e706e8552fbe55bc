/** ELF executables of the Intel 386 (System V ABI, Intel386 supplement, chapter 4). */
import { CalqueError } from "../error.ts";
import { Fields, hex, type NamedBytes } from "./image.ts";

export interface Segment {
  /** Physical address. */
  readonly address: number;
  readonly bytes: Uint8Array;
  /** Bytes in memory; those beyond `bytes` are zero. */
  readonly size: number;
}

export interface Executable {
  readonly segments: readonly Segment[];
  /** Physical address of the first instruction. */
  readonly entry: number;
}

const ELFCLASS32 = 1, ELFDATA2LSB = 1, ET_EXEC = 2, EM_386 = 3, PT_LOAD = 1, PROGRAM_HEADER = 32;
const MACHINES: Readonly<Record<number, string>> = {
  2: "SPARC", 4: "68000", 8: "MIPS", 20: "PowerPC", 40: "ARM", 42: "SuperH", 62: "x86-64", 183: "AArch64", 243: "RISC-V",
};

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/** The fields of an ELF file for the Intel 386. Throws `CalqueError` for any other file. */
export function openElf(image: NamedBytes): Fields {
  const fields = new Fields(image, "ELF file");
  if (!isElf(image.bytes)) throw new CalqueError("not an ELF file", image.name);
  const machine = fields.u16(18);
  if (machine !== EM_386) throw new CalqueError(`an ELF file for ${MACHINES[machine] ?? `machine ${machine}`}, not for the Intel 386`, image.name);
  if (fields.u8(4) !== ELFCLASS32 || fields.u8(5) !== ELFDATA2LSB) throw new CalqueError("not a 32-bit little-endian ELF file", image.name);
  return fields;
}

/** Reads the program headers. Throws `CalqueError` for what is not a statically linked 386 executable. */
export function readElf(image: NamedBytes): Executable {
  const fields = openElf(image);
  if (fields.u16(16) !== ET_EXEC) throw new CalqueError(`ELF type ${fields.u16(16)} is not an executable`, image.name);

  const segments: Segment[] = [];
  let entry = fields.u32(24);
  const virtualEntry = entry;
  const table = fields.u32(28), entrySize = fields.u16(42), count = fields.u16(44);
  if (count > 0 && entrySize < PROGRAM_HEADER) throw new CalqueError(`program headers of ${entrySize} bytes, not ${PROGRAM_HEADER}`, image.name);
  for (let k = 0; k < count; k++) {
    const header = table + k * entrySize;
    if (fields.u32(header) !== PT_LOAD) continue;
    const offset = fields.u32(header + 4), linear = fields.u32(header + 8), address = fields.u32(header + 12);
    const fileSize = fields.u32(header + 16), size = fields.u32(header + 20);
    if (fileSize > size) throw new CalqueError(`segment ${k} at ${hex(address)} is longer in the file than in memory`, image.name);
    if (size === 0) continue;
    segments.push({ address, bytes: fields.slice(offset, fileSize), size });
    if (virtualEntry >= linear && virtualEntry < linear + size) entry = virtualEntry - linear + address;
  }
  if (segments.length === 0) throw new CalqueError("the ELF file has nothing to load", image.name);
  return { segments, entry };
}
