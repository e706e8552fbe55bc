/** The x87 instructions as bytes, with a memory operand at [EDI], and what their operands are. */

export type OperandType = "none" | "single" | "double" | "extended" | "int16" | "int32" | "int64" | "bcd" | "control" | "image16" | "image32";

export interface Form {
  readonly mnemonic: string;
  /** As `x87Handler` takes it. */
  readonly memorySize: number;
  readonly operand: OperandType;
  readonly code: readonly number[];
  readonly a: number;
  readonly b: number;
  /** Of FLDENV and its like: 2 or 4. */
  readonly operandSize: number;
  /** Bytes of the memory operand that are compared: all, or all but an image's instruction and data pointers, which processors treat differently. */
  readonly compared: (byte: number) => boolean;
  /** Status bits that are compared. */
  readonly statusMask: number;
}

const SIZES: Record<OperandType, number> = {
  none: -1, single: 4, double: 8, extended: 10, int16: 2, int32: 4, int64: 8, bcd: 10, control: 2, image16: 0, image32: 0,
};

const DEFAULTS = { a: 0, b: 0, operandSize: 4, compared: (): boolean => true, statusMask: 0xffff };
const WITHOUT_C1 = 0xfdff;
/** The manual: C1 is cleared by FCOMI (processors are seen to leave it). */
const C1_VARIES = new Set(["fcomi", "fcomip", "fucomi", "fucomip"]);

function memory(mnemonic: string, operand: OperandType, opcode: number, reg: number): Form {
  return { ...DEFAULTS, mnemonic, memorySize: SIZES[operand], operand, code: [opcode, (reg << 3) | 7] };
}

/** FLDENV, FNSTENV, FRSTOR, FNSAVE, with and without the operand-size prefix. */
function image(mnemonic: string, opcode: number, reg: number): Form[] {
  const code = [opcode, (reg << 3) | 7];
  return [
    { ...DEFAULTS, mnemonic, memorySize: 0, operand: "image32", code, compared: (byte) => byte < 12 || byte >= 28 },
    { ...DEFAULTS, mnemonic, memorySize: 0, operand: "image16", code: [0x66, ...code], operandSize: 2, compared: (byte) => byte < 6 || byte >= 14 },
  ];
}

function plain(mnemonic: string, ...code: number[]): Form {
  return { ...DEFAULTS, mnemonic, memorySize: -1, operand: "none", code };
}

/** ST operands: a and b as functions of the register number in the opcode. */
function stack(mnemonic: string, opcode: number, base: number, pick: (i: number) => readonly [number, number]): Form[] {
  return [0, 1, 3, 7].map((i) => {
    const [a, b] = pick(i);
    const statusMask = C1_VARIES.has(mnemonic) ? WITHOUT_C1 : 0xffff;
    return { ...DEFAULTS, mnemonic, memorySize: -1, operand: "none", code: [opcode, base + i], a, b, statusMask };
  });
}

const toTop = (i: number): readonly [number, number] => [0, i];
const fromTop = (i: number): readonly [number, number] => [i, 0];

const ARITHMETIC = [["add", 0], ["mul", 1], ["sub", 4], ["subr", 5], ["div", 6], ["divr", 7]] as const;
/** DC and DE have the reversed forms of subtract and divide the other way round. */
const REVERSED: Record<number, number> = { 0: 0, 1: 1, 4: 5, 5: 4, 6: 7, 7: 6 };

export const EXACT_FORMS: readonly Form[] = [
  ...ARITHMETIC.flatMap(([name, reg]) => [
    ...stack(`f${name}`, 0xd8, 0xc0 + reg * 8, toTop),
    ...stack(`f${name}`, 0xdc, 0xc0 + REVERSED[reg]! * 8, fromTop),
    ...stack(`f${name}p`, 0xde, 0xc0 + REVERSED[reg]! * 8, fromTop),
    memory(`f${name}`, "single", 0xd8, reg), memory(`f${name}`, "double", 0xdc, reg),
    memory(`fi${name}`, "int16", 0xde, reg), memory(`fi${name}`, "int32", 0xda, reg),
  ]),
  plain("fsqrt", 0xd9, 0xfa), plain("frndint", 0xd9, 0xfc), plain("fscale", 0xd9, 0xfd), plain("fxtract", 0xd9, 0xf4),
  plain("fprem", 0xd9, 0xf8), plain("fprem1", 0xd9, 0xf5), plain("fabs", 0xd9, 0xe1), plain("fchs", 0xd9, 0xe0),
  memory("fld", "single", 0xd9, 0), memory("fld", "double", 0xdd, 0), memory("fld", "extended", 0xdb, 5), ...stack("fld", 0xd9, 0xc0, fromTop),
  memory("fild", "int16", 0xdf, 0), memory("fild", "int32", 0xdb, 0), memory("fild", "int64", 0xdf, 5), memory("fbld", "bcd", 0xdf, 4),
  memory("fst", "single", 0xd9, 2), memory("fstp", "single", 0xd9, 3), memory("fst", "double", 0xdd, 2), memory("fstp", "double", 0xdd, 3),
  memory("fstp", "extended", 0xdb, 7), ...stack("fst", 0xdd, 0xd0, fromTop), ...stack("fstp", 0xdd, 0xd8, fromTop),
  memory("fist", "int16", 0xdf, 2), memory("fistp", "int16", 0xdf, 3), memory("fist", "int32", 0xdb, 2), memory("fistp", "int32", 0xdb, 3),
  memory("fistp", "int64", 0xdf, 7), memory("fbstp", "bcd", 0xdf, 6),
  ...["fld1", "fldl2t", "fldl2e", "fldpi", "fldlg2", "fldln2", "fldz"].map((mnemonic, index) => plain(mnemonic, 0xd9, 0xe8 + index)),
  ...stack("fcom", 0xd8, 0xd0, toTop), ...stack("fcomp", 0xd8, 0xd8, toTop), plain("fcompp", 0xde, 0xd9),
  memory("fcom", "single", 0xd8, 2), memory("fcomp", "single", 0xd8, 3), memory("fcom", "double", 0xdc, 2), memory("fcomp", "double", 0xdc, 3),
  memory("ficom", "int16", 0xde, 2), memory("ficomp", "int16", 0xde, 3), memory("ficom", "int32", 0xda, 2), memory("ficomp", "int32", 0xda, 3),
  ...stack("fucom", 0xdd, 0xe0, toTop), ...stack("fucomp", 0xdd, 0xe8, toTop), plain("fucompp", 0xda, 0xe9),
  ...stack("fcomi", 0xdb, 0xf0, toTop), ...stack("fcomip", 0xdf, 0xf0, toTop),
  ...stack("fucomi", 0xdb, 0xe8, toTop), ...stack("fucomip", 0xdf, 0xe8, toTop),
  plain("ftst", 0xd9, 0xe4), plain("fxam", 0xd9, 0xe5),
  ...stack("fxch", 0xd9, 0xc8, toTop), ...stack("ffree", 0xdd, 0xc0, fromTop), ...stack("ffreep", 0xdf, 0xc0, fromTop),
  plain("fincstp", 0xd9, 0xf7), plain("fdecstp", 0xd9, 0xf6), plain("fnop", 0xd9, 0xd0),
  ...[["b", 0xda, 0xc0], ["e", 0xda, 0xc8], ["be", 0xda, 0xd0], ["u", 0xda, 0xd8]].flatMap(([condition, opcode, base]) => [
    ...stack(`fcmov${condition}`, Number(opcode), Number(base), toTop), ...stack(`fcmovn${condition}`, Number(opcode) + 1, Number(base), toTop),
  ]),
  plain("fninit", 0xdb, 0xe3), plain("fnclex", 0xdb, 0xe2), plain("fnstsw", 0xdf, 0xe0),
  memory("fnstsw", "control", 0xdd, 7), memory("fnstcw", "control", 0xd9, 7), memory("fldcw", "control", 0xd9, 5),
  ...image("fldenv", 0xd9, 4), ...image("fnstenv", 0xd9, 6), ...image("frstor", 0xdd, 4), ...image("fnsave", 0xdd, 6),
];

export const TRANSCENDENTAL_FORMS: readonly Form[] = [
  plain("fsin", 0xd9, 0xfe), plain("fcos", 0xd9, 0xff), plain("fsincos", 0xd9, 0xfb), plain("fptan", 0xd9, 0xf2),
  plain("fpatan", 0xd9, 0xf3), plain("f2xm1", 0xd9, 0xf0), plain("fyl2x", 0xd9, 0xf1), plain("fyl2xp1", 0xd9, 0xf9),
];
