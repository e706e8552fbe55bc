/**
 * The host's memory of one machine: guest-physical RAM, the tables of the virtual TLB, the state of the virtual CPU and the table of region entries, in one
 * WebAssembly memory, so that generated code reaches all of it by constant addresses.
 */

const PAGE = 65536, LINE = 64;
/** State and tables: what a machine needs beside its RAM; and what is known of each frame (runtime/memory.ts). */
const OWN = (24 << 20) + 40 * PAGE, FRAME = 4096, OF_FRAME = FRAME / 8 + 2;

export class HostMemory {
  readonly memory: WebAssembly.Memory;
  readonly buffer: ArrayBuffer;
  #used = 0;

  /** For `ramSize` bytes of RAM. Throws RangeError where the host has not so much. */
  constructor(ramSize: number) {
    const pages = Math.ceil((ramSize + ramSize / FRAME * OF_FRAME + OWN) / PAGE);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.buffer = this.memory.buffer as ArrayBuffer;
  }

  /** The first byte of `size` bytes that nobody has. */
  take(size: number): number {
    const at = this.#used;
    this.#used = Math.ceil((at + size) / LINE) * LINE;
    return at;
  }

  /** Where an array begins in the memory; undefined where it is elsewhere. */
  placeOf(array: ArrayBufferView): number | undefined { return array.buffer === this.buffer ? array.byteOffset : undefined; }
}
