/**
 * How a row of the instruction table is written down: `row(0x01, "add", "Ev Gv", lock)`.
 *
 * A row says what an instruction is; its encoding says which bytes choose it. One fact, one line: everything else (which ModRM
 * bytes are defined, where operands are read) is derived from the operand codes.
 */
import { operandCodes, type Notation } from "./operands.ts";
import type { Row } from "./row.ts";

export interface Encoding {
  /** The opcode byte, the one after 0Fh in the two-byte map. */
  readonly opcode: number;
  /** ModRM.reg where it extends the opcode (the manual's /digit), -1 otherwise. */
  readonly reg: number;
  /** ModRM.rm where it extends the opcode too (register forms only), -1 otherwise. */
  readonly rm: number;
  /** Only with ModRM.mod = 3. */
  readonly registerOnly: boolean;
  /** Chosen by F3h before the opcode, in place of the row without it. */
  readonly afterRep: boolean;
  /** 66h, F2h and F3h are not allowed (the manual's NP). */
  readonly bare: boolean;
  readonly row: Row;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Attribute = Partial<Omit<Mutable<Row>, "mnemonic" | "codes">> & Partial<Omit<Mutable<Encoding>, "opcode" | "row">>;

/** One line of the table. */
export function row(opcode: number, mnemonic: string, notation: Notation, ...attributes: readonly Attribute[]): Encoding {
  const { reg = -1, rm = -1, registerOnly = false, afterRep = false, bare = false, ...meaning } = Object.assign({}, ...attributes) as Attribute;
  return {
    opcode, reg, rm, registerOnly, afterRep, bare,
    row: {
      mnemonic, semantics: mnemonic, codes: operandCodes(notation), class: "ident", condition: -1, lockable: false, rep: "none", ends: false,
      ...meaning,
    },
  };
}

/** Rows that share opcode and operands and differ in ModRM.reg: /0, /1 …; undefined where there is none. */
export function group(opcode: number, notation: Notation, mnemonics: readonly (string | undefined)[], ...attributes: readonly Attribute[]): Encoding[] {
  return mnemonics.flatMap((mnemonic, reg) => (mnemonic === undefined ? [] : [row(opcode, mnemonic, notation, { reg }, ...attributes)]));
}

/** Eight rows that have a register in the opcode. */
export function eight(opcode: number, mnemonic: string, notation: Notation, ...attributes: readonly Attribute[]): Encoding[] {
  const first = row(opcode, mnemonic, notation, ...attributes);
  return Array.from({ length: 8 }, (_, register) => ({ ...first, opcode: opcode + register }));
}

/** Sixteen rows, one for each condition code. */
export function conditions(opcode: number, mnemonic: string, notation: Notation, ...attributes: readonly Attribute[]): Encoding[] {
  return Array.from({ length: 16 }, (_, condition) => row(opcode + condition, mnemonic, notation, { condition }, ...attributes));
}

/** The manual's /digit. */
export const slash = (reg: number): Attribute => ({ reg });
/** The key of the semantic function, where it is not the mnemonic. */
export const as = (semantics: string): Attribute => ({ semantics });
/** LOCK is allowed where the destination is memory. */
export const lock: Attribute = { lockable: true };
export const rep: Attribute = { rep: "rep" };
export const repe: Attribute = { rep: "repe" };
export const inline: Attribute = { class: "inline" };
export const callout: Attribute = { class: "callout" };
/** Near control transfers. */
export const branch: Attribute = { class: "branch", ends: true };
/** Left to the monitor, and what follows runs somewhere else or in another mode. */
export const transfer: Attribute = { class: "callout", ends: true };
