/** The bytes of one instruction while it is decoded, and what its prefixes, opcode and ModRM byte said. */
import { CS, DS, ES, FS, GS, SS, type Instruction } from "./instruction.ts";

const NOT_A_PREFIX = 0, SEGMENT = 1, OPERAND_SIZE = 7, ADDRESS_SIZE = 8, LOCK = 9, REPNE = 10, REP = 11;

/** Kinds of prefix by byte; a segment override is SEGMENT + its number. */
const PREFIX = new Uint8Array(256);
for (const [byte, segment] of [[0x26, ES], [0x2e, CS], [0x36, SS], [0x3e, DS], [0x64, FS], [0x65, GS]] as const) PREFIX[byte] = SEGMENT + segment;
for (const [byte, kind] of [[0x66, OPERAND_SIZE], [0x67, ADDRESS_SIZE], [0xf0, LOCK], [0xf2, REPNE], [0xf3, REP]] as const) PREFIX[byte] = kind;

export function isPrefix(byte: number): boolean { return PREFIX[byte] !== NOT_A_PREFIX; }

export class Reader {
  #bytes: Uint8Array = new Uint8Array(0);
  /** Index of the next byte. */
  at = 0;
  #end = 0;
  /** A byte beyond the end was asked for; everything read since is meaningless. */
  overrun = false;

  // What the prefixes said; of several of a kind the last one counts.
  operandSize: 2 | 4 = 4;
  /** 66h was there. */
  sized = false;
  addressSize: 2 | 4 = 4;
  /** Segment override, or -1. */
  override = -1;
  lock = false;
  rep: Instruction["rep"] = "";

  opcode = 0;
  modrm = 0;

  /** Begins at `at`; no byte from `end` on will be read. */
  start(bytes: Uint8Array, at: number, end: number, size: 2 | 4): void {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
    this.overrun = false;
    this.operandSize = size;
    this.sized = false;
    this.addressSize = size;
    this.override = -1;
    this.lock = false;
    this.rep = "";
  }

  /** Takes all prefixes and returns the byte after them. */
  prefixes(): number {
    const other = this.operandSize === 4 ? 2 : 4;
    for (;;) {
      const byte = this.byte(), kind = PREFIX[byte]!;
      if (kind === NOT_A_PREFIX) return byte;
      if (kind < OPERAND_SIZE) this.override = kind - SEGMENT;
      else if (kind === OPERAND_SIZE) { this.operandSize = other; this.sized = true; }
      else if (kind === ADDRESS_SIZE) this.addressSize = other;
      else if (kind === LOCK) this.lock = true;
      else this.rep = kind === REP ? "rep" : "repne";
    }
  }

  byte(): number {
    if (this.at >= this.#end) {
      this.overrun = true;
      return 0;
    }
    return this.#bytes[this.at++]!;
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
