/**
 * Bytes → instruction, by tables that are built once from the instruction set's rows.
 *
 * The opcode chooses an entry, or a table of 256 entries by the whole ModRM byte. Invariant: everything that makes an encoding
 * undefined, but for LOCK and forbidden prefixes, is settled while the tables are built, so an entry that is found is an instruction.
 * Rows that LOCK may stand before all have a ModRM byte, and its operand is their destination.
 */
import { ONE_BYTE_MAP, TWO_BYTE_MAP } from "../isa/index.ts";
import type { Encoding } from "../isa/encoding.ts";
import { isMemoryOnly, usesModrm, type OperandCode } from "../isa/operands.ts";
import type { Row } from "../isa/row.ts";
import { CS, DS, GS, type Instruction, type Operand } from "./instruction.ts";
import { READ_OPERAND, type ReadOperand } from "./operands.ts";
import { Reader } from "./reader.ts";

/** Why bytes are no instruction. */
export type DecodeFailure =
  /** More bytes are needed than there are. */
  | { readonly failure: "truncated" }
  /** More than 15 bytes: #GP. */
  | { readonly failure: "too-long" }
  /** Undefined: #UD. `length` counts the bytes that were looked at. */
  | { readonly failure: "invalid"; readonly length: number };

const LONGEST = 15, ESCAPE = 0x0f, MOD_REGISTER = 0xc0;
const TRUNCATED: DecodeFailure = { failure: "truncated" };
const TOO_LONG: DecodeFailure = { failure: "too-long" };
const INVALID: readonly DecodeFailure[] = Array.from({ length: LONGEST + 1 }, (_, length) => ({ failure: "invalid", length }));
const NO_OPERANDS: readonly Operand[] = [];

// --- Tables -------------------------------------------------------------------------------------------------

interface Entry {
  readonly row: Row;
  readonly operands: readonly ReadOperand[];
  readonly bare: boolean;
  /** What F3h makes of it. */
  afterRep: Entry | undefined;
}

/** One opcode map: an entry by opcode; or, where there is a ModRM byte, entries by opcode and ModRM. */
interface OpcodeMap {
  readonly entries: Array<Entry | undefined>;
  readonly byModrm: Array<Array<Entry | undefined> | undefined>;
}

/** String instructions have one operand, the element size; EFLAGS is implied. */
function operandReaders(codes: readonly OperandCode[]): ReadOperand[] {
  const element = codes.find((code) => code.startsWith("X") || code.startsWith("Y"));
  return (element === undefined ? codes : [element]).flatMap((code) => (code === "Fv" ? [] : [READ_OPERAND[code]]));
}

const CONTROL_REGISTERS = new Set([0, 2, 3, 4]);

/** Whether a ModRM byte belongs to an encoding. */
function accepts({ reg, rm, registerOnly, row }: Encoding, modrm: number): boolean {
  const codes = row.codes as readonly OperandCode[];
  const isRegister = modrm >= MOD_REGISTER, field = (modrm >> 3) & 7;
  if (reg >= 0 && field !== reg) return false;
  if (registerOnly && !isRegister) return false;
  if (rm >= 0 && (modrm & 7) !== rm) return false;
  if (isRegister && codes.some(isMemoryOnly)) return false;
  if (codes.includes("Sw") && (field > GS || (field === CS && codes[0] === "Sw"))) return false;
  return !codes.includes("Cd") || CONTROL_REGISTERS.has(field);
}

function addEntry(map: OpcodeMap, encoding: Encoding): void {
  const { opcode, row, bare } = encoding, codes = row.codes as readonly OperandCode[];
  const entry: Entry = { row, operands: operandReaders(codes), bare, afterRep: undefined };
  if (encoding.reg >= 0 || codes.some(usesModrm)) {
    const table = map.byModrm[opcode] ??= Array.from({ length: 256 }, () => undefined);
    for (let modrm = 0; modrm < 256; modrm++) if (accepts(encoding, modrm)) table[modrm] = entry;
  } else if (encoding.afterRep) map.entries[opcode]!.afterRep = entry;
  else map.entries[opcode] = entry;
}

function buildMap(encodings: readonly Encoding[]): OpcodeMap {
  const map: OpcodeMap = { entries: Array.from({ length: 256 }, () => undefined), byModrm: Array.from({ length: 256 }, () => undefined) };
  for (const encoding of encodings) addEntry(map, encoding);
  return map;
}

const ONE_BYTE = buildMap(ONE_BYTE_MAP), TWO_BYTE = buildMap(TWO_BYTE_MAP);

// --- Decoding -----------------------------------------------------------------------------------------------

/** Decoding calls nothing that could come back here, so one reader serves all. */
const reader = new Reader();

/** Out of bytes. */
function overrun(available: number): DecodeFailure { return available < LONGEST ? TRUNCATED : TOO_LONG; }

function readOperands(readers: readonly ReadOperand[]): readonly Operand[] {
  switch (readers.length) {
    case 0: return NO_OPERANDS;
    case 1: return [readers[0]!(reader)];
    case 2: return [readers[0]!(reader), readers[1]!(reader)];
    default: return readers.map((read) => read(reader));
  }
}

/** The entry that opcode and ModRM byte choose. */
function readEntry(): Entry | undefined {
  let map = ONE_BYTE, byte = reader.prefixes();
  if (byte === ESCAPE) {
    map = TWO_BYTE;
    byte = reader.byte();
  }
  reader.opcode = byte;
  const entry = map.entries[byte];
  if (entry !== undefined) return reader.rep === "rep" && entry.afterRep !== undefined ? entry.afterRep : entry;
  return map.byModrm[byte]?.[reader.modrm = reader.byte()];
}

/**
 * The instruction at `offset`. No more than `available` bytes are looked at, and never more than 15; `mode.bits` is the default operand
 * and address size. What depends on more of the processor's mode (ARPL in real mode, privilege) is the semantics' business.
 */
export function decode(bytes: Uint8Array, offset: number, available: number, mode: { readonly bits: 16 | 32 }): Instruction | DecodeFailure {
  reader.start(bytes, offset, offset + Math.min(available, LONGEST), mode.bits === 32 ? 4 : 2);
  const entry = readEntry();
  if (reader.overrun) return overrun(available);
  if (entry === undefined || (entry.bare && (reader.sized || reader.rep !== ""))) return INVALID[reader.at - offset]!;

  const { row } = entry;
  if (reader.lock && !(row.lockable && reader.modrm < MOD_REGISTER)) return INVALID[reader.at - offset]!;

  const operands = readOperands(entry.operands);
  if (reader.overrun) return overrun(available);
  return {
    row, length: reader.at - offset, operandSize: reader.operandSize, addressSize: reader.addressSize,
    operands, lock: reader.lock, rep: reader.rep, segment: reader.override < 0 ? DS : reader.override,
  };
}
