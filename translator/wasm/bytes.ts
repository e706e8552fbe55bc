const DOUBLE = new DataView(new ArrayBuffer(8));

/** A growing list of bytes, and the encodings of a WebAssembly module's binary format (WebAssembly Core Specification 2.0, chapter 5). */
export class Bytes {
  #bytes = new Uint8Array(1024);
  length = 0;

  byte(value: number): void {
    if (this.length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.length++] = value;
  }

  /** LEB128, unsigned. */
  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.byte(rest & 0x7f | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** LEB128 of an int32. */
  signed(value: number): void {
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.byte(rest & 0x7f | 0x80);
      rest >>= 7;
    }
    this.byte(rest & 0x7f);
  }

  /** A float64. */
  double(value: number): void {
    DOUBLE.setFloat64(0, value, true);
    for (let k = 0; k < 8; k++) this.byte(DOUBLE.getUint8(k));
  }

  /** Small numbers, with their count before them. */
  vector(values: readonly number[]): void {
    this.unsigned(values.length);
    for (const value of values) this.byte(value);
  }

  name(text: string): void {
    this.unsigned(text.length);
    for (let k = 0; k < text.length; k++) this.byte(text.charCodeAt(k));
  }

  /** Bytes of an array, from one place to another. */
  copy(source: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (this.length + length > this.#bytes.length) this.#grow(length);
    const bytes = this.#bytes, at = this.length - from;
    for (let k = from; k < to; k++) bytes[at + k] = source[k]!;
    this.length += length;
  }

  append(other: Bytes): void {
    if (this.length + other.length > this.#bytes.length) this.#grow(other.length);
    this.#bytes.set(other.#bytes.subarray(0, other.length), this.length);
    this.length += other.length;
  }

  /** With its length before it, as sections and functions have it. */
  sized(other: Bytes): void {
    this.unsigned(other.length);
    this.append(other);
  }

  /** What was written; a view. */
  get written(): Uint8Array { return this.#bytes.subarray(0, this.length); }

  #grow(least: number): void {
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + least));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
