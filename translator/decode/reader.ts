/** The bytes of one instruction while it is decoded, and what its prefixes, opcode and ModRM byte said. */
export class Reader {
  bytes: Uint8Array = new Uint8Array(0);
  /** Index of the next byte. */
  at = 0;
  /** Index of the first byte that may not be read. */
  end = 0;
  /** A byte at `end` or beyond was asked for; everything read since is meaningless. */
  overrun = false;
  opcode = 0;
  modrm = 0;
  operandSize: 2 | 4 = 4;
  addressSize: 2 | 4 = 4;
  /** Segment override, or -1. */
  override = -1;

  byte(): number {
    if (this.at >= this.end) {
      this.overrun = true;
      return 0;
    }
    return this.bytes[this.at++]!;
  }

  signedByte(): number { return (this.byte() << 24) >> 24; }

  word(): number {
    const low = this.byte();
    return low | (this.byte() << 8);
  }

  signedWord(): number { return (this.word() << 16) >> 16; }

  /** As int32. */
  dword(): number {
    const low = this.word();
    return low | (this.word() << 16);
  }
}
