/** A byte builder for small 32-bit guests: bytes, words, labels, and the few instructions that every test needs. */

const RELATIVE_8 = 1, RELATIVE_32 = 4, ABSOLUTE_32 = 0;

interface Patch { readonly at: number; readonly label: string; readonly kind: typeof RELATIVE_8 | typeof RELATIVE_32 | typeof ABSOLUTE_32 }

export const dword = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
export const word = (value: number): number[] => [value & 255, (value >>> 8) & 255];

export class Assembler {
  readonly #origin: number;
  readonly #bytes: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #patches: Patch[] = [];

  /** `origin` is the linear address of the first byte. */
  constructor(origin: number) { this.#origin = origin; }

  /** The address of the next byte. */
  get here(): number { return this.#origin + this.#bytes.length; }

  bytes(...bytes: readonly number[]): this {
    for (const byte of bytes) this.#bytes.push(byte & 255);
    return this;
  }

  /** Opcode bytes followed by a 32-bit immediate or displacement. */
  with32(opcode: readonly number[], value: number): this { return this.bytes(...opcode, ...dword(value)); }

  label(name: string): this {
    this.#labels.set(name, this.here);
    return this;
  }

  /** Opcode bytes followed by the 8-bit distance to a label. */
  short(opcode: readonly number[], label: string): this {
    this.bytes(...opcode);
    this.#patches.push({ at: this.#bytes.length, label, kind: RELATIVE_8 });
    return this.bytes(0);
  }

  /** Opcode bytes followed by the 32-bit distance to a label. */
  near(opcode: readonly number[], label: string): this {
    this.bytes(...opcode);
    this.#patches.push({ at: this.#bytes.length, label, kind: RELATIVE_32 });
    return this.bytes(0, 0, 0, 0);
  }

  /** Opcode bytes followed by a label's address. */
  address(opcode: readonly number[], label: string): this {
    this.bytes(...opcode);
    this.#patches.push({ at: this.#bytes.length, label, kind: ABSOLUTE_32 });
    return this.bytes(0, 0, 0, 0);
  }

  /** The address of a label that was set already. */
  at(name: string): number {
    const address = this.#labels.get(name);
    if (address === undefined) throw new Error(`no label ${name}`);
    return address;
  }

  padTo(address: number, filler = 0x90): this {
    while (this.here < address) this.#bytes.push(filler);
    return this;
  }

  jump(label: string): this { return this.near([0xe9], label); }
  /** mov reg, value */
  set(register: number, value: number): this { return this.with32([0xb8 + register], value); }
  /** mov dword [address], value */
  store(address: number, value: number): this { return this.bytes(0xc7, 0x05, ...dword(address), ...dword(value)); }
  /** mov al, value; out port, al */
  out(port: number, value: number): this { return this.bytes(0xb0, value, 0xe6, port); }

  /** The finished bytes. Throws for a label that is not there or too far. */
  finish(): Uint8Array {
    const code = Uint8Array.from(this.#bytes), view = new DataView(code.buffer);
    for (const { at, label, kind } of this.#patches) {
      const target = this.#labels.get(label);
      if (target === undefined) throw new Error(`no label ${label}`);
      const distance = target - (this.#origin + at + kind);
      if (kind === RELATIVE_8) {
        if (distance < -128 || distance > 127) throw new Error(`${label} is ${distance} bytes away`);
        view.setInt8(at, distance);
      } else view.setInt32(at, kind === ABSOLUTE_32 ? target | 0 : distance, true);
    }
    return code;
  }
}
