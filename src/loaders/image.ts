/** What every loader works with: an image to read from, a machine to put it into. */
import type { CpuState } from "../../runtime/state.ts";
import { CalqueError } from "../error.ts";

/** A file's content with the name that errors call it by. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A machine after power-on, before its first instruction. */
export interface LoadTarget {
  readonly cpu: CpuState;
  readonly memory: {
    /** Bytes of RAM from physical address 0. */
    readonly size: number;
    writePhysical(address: number, bytes: Uint8Array): void;
  };
}

export const KIB = 1024, MIB = 1024 * 1024, PAGE = 4096;
/** Low memory ends here: the extended BIOS data area stands between it and the video memory at A0000h. */
export const LOW_MEMORY_END = 0x9fc00;
export const HIGH_MEMORY = 0x100000;

/** An address, or the end of something that begins at one and may lie beyond 4 GiB. */
export const hex = (value: number): string => `${(value < 0 ? value >>> 0 : value).toString(16).toUpperCase()}h`;
export const alignUp = (value: number, to: number): number => Math.ceil(value / to) * to;
export const alignDown = (value: number, to: number): number => Math.floor(value / to) * to;

/** Little-endian fields of an image; a read past its end is the image's fault. */
export class Fields {
  readonly #view: DataView;
  readonly #image: NamedBytes;
  readonly #what: string;

  constructor(image: NamedBytes, what: string) {
    this.#image = image;
    this.#what = what;
    this.#view = new DataView(image.bytes.buffer, image.bytes.byteOffset, image.bytes.byteLength);
  }

  #check(offset: number, size: number): number {
    if (offset < 0 || offset + size > this.#view.byteLength) {
      throw new CalqueError(`truncated ${this.#what}: ${size} bytes at ${hex(offset)} lie beyond its ${this.#view.byteLength} bytes`, this.#image.name);
    }
    return offset;
  }

  u8(offset: number): number { return this.#view.getUint8(this.#check(offset, 1)); }
  u16(offset: number): number { return this.#view.getUint16(this.#check(offset, 2), true); }
  u32(offset: number): number { return this.#view.getUint32(this.#check(offset, 4), true); }

  slice(offset: number, size: number): Uint8Array {
    return this.#image.bytes.subarray(this.#check(offset, size), offset + size);
  }
}

/** Writes `bytes` where RAM is usable: below 9FC00h or from 1 MiB up. */
export function place(target: LoadTarget, address: number, bytes: Uint8Array, what: string, name: string): void {
  checkRange(target, address, bytes.length, what, name);
  target.memory.writePhysical(address, bytes);
}

/** Throws where `size` bytes at `address` are not plain RAM. */
export function checkRange(target: LoadTarget, address: number, size: number, what: string, name: string): void {
  const end = address + size;
  if (end > target.memory.size) {
    throw new CalqueError(`too little memory: ${what} needs ${hex(address)}–${hex(end - 1)}, the machine has ${target.memory.size / KIB} KiB`, name);
  }
  if (address < HIGH_MEMORY && end > LOW_MEMORY_END) {
    throw new CalqueError(`${what} at ${hex(address)}–${hex(end - 1)} would lie over the adapter area ${hex(LOW_MEMORY_END)}–${hex(HIGH_MEMORY - 1)}`, name);
  }
}

/** A zero-terminated UTF-8 string. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
