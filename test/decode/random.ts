/** Seeded random bytes (xorshift32), so that a failure can be repeated. */
export class Random {
  #state: number;

  constructor(seed: number) { this.#state = (Math.imul(seed, 0x9e3779b1) | 1) >>> 0; }

  /** 32 bits, as int32. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (this.#state = x);
  }

  below(bound: number): number { return (this.next() >>> 0) % bound; }

  fill(bytes: Uint8Array): void {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    for (let k = 0; k < words.length; k++) words[k] = this.next();
  }
}
