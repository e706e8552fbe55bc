/**
 * Operand codes of the instruction table, in the SDM's notation (volume 2, appendix A.2).
 *
 * An upper-case letter says where the operand is encoded, the lower-case one how wide it is: b 8 bits, w 16, d 32, q 64, t 80,
 * v and z the operand size (which differ only in 64-bit mode), p a far pointer, s a descriptor-table image, a two bounds.
 */
export const OPERAND_CODES = [
  /** ModRM.rm: general register or memory. */
  "Eb", "Ew", "Ev",
  /** ModRM.rm: a register of the operand size, or 16 bits of memory. */
  "Rv/Mw",
  /** ModRM.reg: general register. */
  "Gb", "Gw", "Gv",
  /** ModRM.rm that must be memory; without a width where the access has none, or one that is not a plain number. */
  "M", "Mw", "Md", "Mq", "Mt", "Mp", "Ms", "Ma",
  /** ModRM.rm as a register whatever ModRM.mod says. */
  "Rd",
  /** ModRM.reg: segment, control and debug register. */
  "Sw", "Cd", "Dd",
  /** General register in the low three bits of the opcode. */
  "Zb", "Zv",
  /** Immediates: as wide as the operand, zero-extended; "sIb" is a byte, sign-extended to the operand size. */
  "Ib", "Iw", "Iz", "sIb",
  /** Relative branch. */
  "Jb", "Jz",
  /** Far pointer in the instruction. */
  "Ap",
  /** Memory at an offset in the instruction. */
  "Ob", "Ov",
  /** DS:(E)SI and ES:(E)DI of string instructions. */
  "Xb", "Xv", "Xz", "Yb", "Yv", "Yz",
  /** EFLAGS, implied. */
  "Fv",
  /** Fixed registers; eAX is AX or EAX. */
  "AL", "AX", "eAX", "CL", "DX", "ES", "CS", "SS", "DS", "FS", "GS",
  /** The constant of the shift-by-one forms. */
  "1",
  /** x87 stack: the top, and ModRM.rm. */
  "ST0", "STi",
] as const;

export type OperandCode = (typeof OPERAND_CODES)[number];

/** The operands of one row as they are written; a code that does not exist does not compile. */
export type Notation = "" | OperandCode | `${OperandCode} ${OperandCode}` | `Gv Ev ${"Iz" | "sIb"}` | `Ev Gv ${"Ib" | "CL"}`;

/** The codes of a row, one by one. */
export function operandCodes(notation: Notation): readonly OperandCode[] {
  return notation === "" ? [] : notation.split(" ") as OperandCode[];
}

/** Codes whose operand, or whose opcode extension, lies in a ModRM byte. */
export function usesModrm(code: OperandCode): boolean {
  return /^[CDEGMRS][a-z]|^M$|^STi$/.test(code);
}

/** Codes that cannot be a register. */
export function isMemoryOnly(code: OperandCode): boolean {
  return code.startsWith("M");
}
