/**
 * The x87 escapes D8h–DFh (SDM volume 2, tables ), with the undocumented second encodings that all processors execute:
 * FCOM DC/D0, FCOMP DC/D8 and DE/D0, FXCH DD/C8 and DF/C8, FSTP D9/D8, DF/D0 and DF/D8, FFREEP DF/C0.
 *
 * Memory operands carry their size; integers have mnemonics of their own, so mnemonic and size tell the format.
 */
import { group, row, type Encoding } from "./encoding.ts";
import type { Notation } from "./operands.ts";

/** A row for ModRM bytes `modrm` to `modrm` + 7, the last three bits of which are the stack register. */
function stack(opcode: number, modrm: number, mnemonic: string, notation: Notation): Encoding {
  return row(opcode, mnemonic, notation, { reg: (modrm >> 3) & 7, registerOnly: true });
}

/** A row for one ModRM byte. */
function fixed(opcode: number, modrm: number, mnemonic: string, notation: Notation = ""): Encoding {
  return row(opcode, mnemonic, notation, { reg: (modrm >> 3) & 7, rm: modrm & 7, registerOnly: true });
}

/** Rows for ModRM bytes from `modrm` on; undefined where there is none. */
function run(opcode: number, modrm: number, mnemonics: readonly (string | undefined)[]): Encoding[] {
  return mnemonics.flatMap((mnemonic, k) => (mnemonic === undefined ? [] : [fixed(opcode, modrm + k, mnemonic)]));
}

const REAL = ["fadd", "fmul", "fcom", "fcomp", "fsub", "fsubr", "fdiv", "fdivr"] as const;
const INTEGER = ["fiadd", "fimul", "ficom", "ficomp", "fisub", "fisubr", "fidiv", "fidivr"] as const;
const NONE = undefined;

export const X87: readonly Encoding[] = [
  ...group(0xd8, "Md", REAL),
  ...REAL.map((mnemonic, reg) => stack(0xd8, 0xc0 + reg * 8, mnemonic, "ST0 STi")),

  ...group(0xd9, "Md", ["fld", NONE, "fst", "fstp"]),
  ...group(0xd9, "M", [NONE, NONE, NONE, NONE, "fldenv", NONE, "fnstenv"]),
  ...group(0xd9, "Mw", [NONE, NONE, NONE, NONE, NONE, "fldcw", NONE, "fnstcw"]),
  stack(0xd9, 0xc0, "fld", "STi"), stack(0xd9, 0xc8, "fxch", "ST0 STi"), fixed(0xd9, 0xd0, "fnop"), stack(0xd9, 0xd8, "fstp", "STi"),
  ...run(0xd9, 0xe0, ["fchs", "fabs", NONE, NONE, "ftst", "fxam", NONE, NONE]),
  ...run(0xd9, 0xe8, ["fld1", "fldl2t", "fldl2e", "fldpi", "fldlg2", "fldln2", "fldz", NONE]),
  ...run(0xd9, 0xf0, ["f2xm1", "fyl2x", "fptan", "fpatan", "fxtract", "fprem1", "fdecstp", "fincstp"]),
  ...run(0xd9, 0xf8, ["fprem", "fyl2xp1", "fsqrt", "fsincos", "frndint", "fscale", "fsin", "fcos"]),

  ...group(0xda, "Md", INTEGER),
  stack(0xda, 0xc0, "fcmovb", "ST0 STi"), stack(0xda, 0xc8, "fcmove", "ST0 STi"),
  stack(0xda, 0xd0, "fcmovbe", "ST0 STi"), stack(0xda, 0xd8, "fcmovu", "ST0 STi"),
  fixed(0xda, 0xe9, "fucompp"),

  ...group(0xdb, "Md", ["fild", NONE, "fist", "fistp"]),
  ...group(0xdb, "Mt", [NONE, NONE, NONE, NONE, NONE, "fld", NONE, "fstp"]),
  stack(0xdb, 0xc0, "fcmovnb", "ST0 STi"), stack(0xdb, 0xc8, "fcmovne", "ST0 STi"),
  stack(0xdb, 0xd0, "fcmovnbe", "ST0 STi"), stack(0xdb, 0xd8, "fcmovnu", "ST0 STi"),
  // FNENI, FNDISI (8087) and FNSETPM (287) do nothing on later processors.
  ...run(0xdb, 0xe0, ["fneni", "fndisi", "fnclex", "fninit", "fnsetpm"]),
  stack(0xdb, 0xe8, "fucomi", "ST0 STi"), stack(0xdb, 0xf0, "fcomi", "ST0 STi"),

  ...group(0xdc, "Mq", REAL),
  stack(0xdc, 0xc0, "fadd", "STi ST0"), stack(0xdc, 0xc8, "fmul", "STi ST0"),
  stack(0xdc, 0xd0, "fcom", "ST0 STi"), stack(0xdc, 0xd8, "fcomp", "ST0 STi"),
  stack(0xdc, 0xe0, "fsubr", "STi ST0"), stack(0xdc, 0xe8, "fsub", "STi ST0"),
  stack(0xdc, 0xf0, "fdivr", "STi ST0"), stack(0xdc, 0xf8, "fdiv", "STi ST0"),

  ...group(0xdd, "Mq", ["fld", NONE, "fst", "fstp"]),
  ...group(0xdd, "M", [NONE, NONE, NONE, NONE, "frstor", NONE, "fnsave"]),
  ...group(0xdd, "Mw", [NONE, NONE, NONE, NONE, NONE, NONE, NONE, "fnstsw"]),
  stack(0xdd, 0xc0, "ffree", "STi"), stack(0xdd, 0xc8, "fxch", "ST0 STi"),
  stack(0xdd, 0xd0, "fst", "STi"), stack(0xdd, 0xd8, "fstp", "STi"),
  stack(0xdd, 0xe0, "fucom", "ST0 STi"), stack(0xdd, 0xe8, "fucomp", "ST0 STi"),

  ...group(0xde, "Mw", INTEGER),
  stack(0xde, 0xc0, "faddp", "STi ST0"), stack(0xde, 0xc8, "fmulp", "STi ST0"),
  stack(0xde, 0xd0, "fcomp", "ST0 STi"), fixed(0xde, 0xd9, "fcompp"),
  stack(0xde, 0xe0, "fsubrp", "STi ST0"), stack(0xde, 0xe8, "fsubp", "STi ST0"),
  stack(0xde, 0xf0, "fdivrp", "STi ST0"), stack(0xde, 0xf8, "fdivp", "STi ST0"),

  ...group(0xdf, "Mw", ["fild", NONE, "fist", "fistp"]),
  ...group(0xdf, "Mt", [NONE, NONE, NONE, NONE, "fbld", NONE, "fbstp"]),
  ...group(0xdf, "Mq", [NONE, NONE, NONE, NONE, NONE, "fild", NONE, "fistp"]),
  stack(0xdf, 0xc0, "ffreep", "STi"), stack(0xdf, 0xc8, "fxch", "ST0 STi"),
  stack(0xdf, 0xd0, "fstp", "STi"), stack(0xdf, 0xd8, "fstp", "STi"),
  fixed(0xdf, 0xe0, "fnstsw", "AX"), stack(0xdf, 0xe8, "fucomip", "ST0 STi"), stack(0xdf, 0xf0, "fcomip", "ST0 STi"),
];
