/**
 * A decoded instruction: what the bytes say, nothing about what they do.
 *
 * The decoder settles everything that is encoding (maps, groups, sizes, prefixes), so that
 * semantics never look at an opcode byte again.
 */
import type { Row } from "../isa/row.ts";

/** Segment registers in their encoding order; LDTR and TR follow so that all share one table. */
export const ES = 0, CS = 1, SS = 2, DS = 3, FS = 4, GS = 5, LDTR = 6, TR = 7;

export type OperandSize = 1 | 2 | 4 | 6 | 8 | 10 | 0;

export type Operand =
  /** General register. Byte registers are numbered as encoded: AL CL DL BL AH CH DH BH. */
  | { readonly kind: "reg"; readonly size: 1 | 2 | 4; readonly index: number }
  /**
   * Memory. `base` and `index` are register numbers or -1; `scale` is log2 of the factor; `disp` an
   * int32. With 16-bit addressing BX+SI is base 3, index 6, scale 0. `segment` is the effective one
   * (override or default). `size` is the access width in bytes, 0 where there is none (LEA, INVLPG)
   * or where it is not a plain number (FNSAVE areas).
   */
  | {
      readonly kind: "mem"; readonly size: OperandSize; readonly segment: number;
      readonly base: number; readonly index: number; readonly scale: number; readonly disp: number;
    }
  /** Immediate, already extended to int32 as the instruction uses it (Ib under 83h is sign-extended). */
  | { readonly kind: "imm"; readonly size: 1 | 2 | 4; readonly value: number }
  /** Branch displacement, sign-extended, relative to the end of the instruction. */
  | { readonly kind: "rel"; readonly size: 1 | 2 | 4; readonly value: number }
  /** Direct far pointer. */
  | { readonly kind: "far"; readonly size: 2 | 4; readonly selector: number; readonly offset: number }
  | { readonly kind: "sreg"; readonly index: number }
  | { readonly kind: "creg"; readonly index: number }
  | { readonly kind: "dreg"; readonly index: number }
  /** x87 stack register ST(index). */
  | { readonly kind: "st"; readonly index: number };

export interface Instruction {
  /** The table row that matched. */
  readonly row: Row;
  /** Bytes, 1 to 15. */
  readonly length: number;
  /** Effective operand size of instructions that have v-sized operands; also the width of stack and branch operations. */
  readonly operandSize: 2 | 4;
  readonly addressSize: 2 | 4;
  readonly operands: readonly Operand[];
  readonly lock: boolean;
  /** F3h → "rep" (REP/REPE), F2h → "repne", as the last of them stood, whether or not the instruction heeds it. */
  readonly rep: "" | "rep" | "repne";
  /** The segment of the implicit source DS:(E)SI operand of string instructions and XLAT, after overrides; DS otherwise. */
  readonly segment: number;
}
