/**
 * The arithmetic of runs of x87 instructions (x87-run.ts), as templates: `$ah + $al` and `$bh + $bl` are operands, `$oh + $ol` is the result, `$$decline` leaves.
 *
 * A sum or product is first s + q without error (or, for products, with an error below 2^-100 s), s being the nearest float64. Then q is rounded to a multiple of
 * the last of 64 bits: u is the power of two below |s| (S. M. Rump, T. Ogita, S. Oishi, Accurate floating-point summation I, 2008, algorithm 3.6), and adding 3/2 · 2^-11 u
 * leaves just these bits. d is what was lost. Where s is a power of two itself, q may lie on the side with finer places; with 0 and sizes out of range that is
 * left to functions (runtime/fpu/pairs.ts), and so are products of which the last bit is in doubt.
 */
import type { Statement } from "estree";
import { C2, LARGEST, PAIR_A, PAIR_B, PAIR_LOST, PAIR_RESULT, SLOT, SMALLEST } from "../../runtime/abi.ts";
import { statements, type Bindings } from "./estree.ts";

type Template = (bindings: Bindings) => Statement[];

const UFP = 2 ** 52 + 1, BELOW_ONE = 1 - 2 ** -53, PLACES = 1.5 * 2 ** -11, SPLITTER = 2 ** 27 + 1;
/** Squares, in parts of u²: of what may be wrong with a product. */
const ERROR = 2 ** -196;
/** Operands of a sum that are nearer in size than 2^38 are added without any error. */
const NEAR = 2 ** 76;

/**
 * Locals of a region with runs, all float64s from the beginning (0 would be a small integer to the host's compilers, -0 is none). They are few and declared
 * first, so that their accesses are short bytecodes.
 */
export const SCRATCH = ["lost", "sum", "part", "error", "s", "q", "f", "u", "w", "k", "c", "d", "upperA", "lowerA", "upperB", "lowerB", "operand", "rest"] as const;

const TWO_SUM = "sum = $ah + $bh; part = sum - $ah; error = $ah - (sum - part) + ($bh - part);";
const SPLIT = (x: string, half: string): string => `part = ${x} * ${SPLITTER}; upper${half} = part - (part - ${x}); lower${half} = ${x} - upper${half};`;
const TWO_PRODUCT = `${SPLIT("$ah", "A")} ${SPLIT("$bh", "B")} sum = $ah * $bh; error = upperA * upperB - sum + upperA * lowerB + lowerA * upperB + lowerA * lowerB;`;
const SQUARED = `${SPLIT("$ah", "A")} sum = $ah * $ah; part = upperA * lowerA; error = upperA * upperA - sum + (part + part) + lowerA * lowerA;`;
const ADD_REST = (rest: string): string => `error = error + ${rest}; s = sum + error; q = error - (s - sum);`;
const NO_REST = "s = sum; q = error;";

const RESULT = `s = F[${PAIR_RESULT}]; c = F[${PAIR_RESULT + 1}]; d = F[${PAIR_LOST}];`;
const DELIVER = "$oh = s + c; $ol = c - ($oh - s); lost = lost + d * d;";
const OPERANDS = `F[${PAIR_A}] = $ah; F[${PAIR_A + 1}] = $al; F[${PAIR_B}] = $bh; F[${PAIR_B + 1}] = $bl;`;

function rounded(first: string, certain: string, called: "x87Sum" | "x87Product"): Template {
  return statements(`${first}
    f = s * ${UFP}; u = f - f * ${BELOW_ONE}; k = u * ${PLACES}; c = q + k - k; d = q - c; w = u * u; ${certain.includes("f * f") ? DOUBT : ""}
    if (!(s !== u && w < ${LARGEST ** 2}${certain})) {
      s = ${called}($ah, $al, $bh, $bl); if (s !== s) { $$decline; } c = F[${PAIR_RESULT + 1}]; d = F[${PAIR_LOST}];
    }
    ${DELIVER}`);
}

/** Sums need no such test: they are multiples of the last place of an operand. */
const IS_LARGE = ` && w > ${SMALLEST ** 2}`;
const IS_NEAR = ` && $ah * $ah < $bh * $bh * ${NEAR} && $bh * $bh < $ah * $ah * ${NEAR}`;
/** Farther than the error from where rounding changes its mind, which are the multiples of half of the last place. */
const IS_CERTAIN = (exact: string): string => `${IS_LARGE} && (${exact} || f * f > w * ${ERROR})`, DOUBT = "f = k * 0.5; f = q - (q + f - f);";

export const ROUNDED = {
  sum: rounded(`${TWO_SUM} ${ADD_REST("($al + $bl)")}`, IS_NEAR, "x87Sum"),
  /** One operand is a float64; `$low` is the rest of the other. */
  sumWithDouble: rounded(`${TWO_SUM} ${ADD_REST("$low")}`, IS_NEAR, "x87Sum"),
  sumOfDoubles: rounded(`${TWO_SUM} ${NO_REST}`, "", "x87Sum"),
  product: rounded(`${TWO_PRODUCT} ${ADD_REST("($ah * $bl + $al * $bh)")}`, IS_CERTAIN("$al === 0 && $bl === 0"), "x87Product"),
  /** a is a float64. */
  productWithDouble: rounded(`${TWO_PRODUCT} ${ADD_REST("$ah * $bl")}`, IS_CERTAIN("$bl === 0"), "x87Product"),
  productOfDoubles: rounded(`${TWO_PRODUCT} ${NO_REST}`, IS_LARGE, "x87Product"),
  /** a and b are the same. */
  square: rounded(`${SQUARED} part = $ah * $al; ${ADD_REST("(part + part)")}`, IS_CERTAIN("$al === 0"), "x87Product"),
  squareOfDouble: rounded(`${SQUARED} ${NO_REST}`, IS_LARGE, "x87Product"),
  exactProduct: statements("$oh = $ah * $bh; $ol = -0; d = -0;"),
} as const;

/** What functions compute, by mnemonic: their name, how many operands they have, and whether C2 says that they did. */
export const COMPUTED: Readonly<Record<string, { readonly called: string; readonly template: Template; readonly isBinary: boolean }>> = Object.fromEntries(([
  ["fsum", "x87SumOf", 2, false], ["fproduct", "x87ProductOf", 2, false], ["fquotient", "x87Quotient", 2, false], ["fsqrt", "x87Root", 1, false], ["frndint", "x87Round", 1, false], ["fscale", "x87Scale", 2, false],
  ["fsin", "x87Sine", 1, true], ["fcos", "x87Cosine", 1, true], ["fptan", "x87Tangent", 1, true], ["fpatan", "x87Arctangent", 2, false],
  ["f2xm1", "x87PowerMinusOne", 1, false], ["fyl2x", "x87Logarithm", 2, false], ["fyl2xp1", "x87LogarithmPlusOne", 2, false],
] as const).map(([name, called, operands, clearsC2]) => [name, {
  called, isBinary: operands === 2,
  template: statements(`${operands === 2 ? OPERANDS : `F[${PAIR_A}] = $ah; F[${PAIR_A + 1}] = $al;`} if (${called}() !== 0) { $$decline; } ${RESULT} ${DELIVER} ${clearsC2 ? `codes = codes & ${~C2};` : ""}`),
}]));

/** The reading of a memory operand at `address`: `$h` and `$l` become its value. */
interface Conversion {
  readonly template: Template;
  readonly functions: readonly string[];
  /** Significant bits; 64 where `$l` may be other than 0. */
  readonly bits: number;
}

const READABLE = "tlb = READ[address >>> 12];";

function real(load: string, least: number, bits: number, functions: readonly string[]): Conversion {
  const template = statements(`${READABLE} ${load} w = $h * $h; if (!(w > ${least ** 2} && w < ${LARGEST ** 2} || $h === 0)) { $$decline; }`);
  return { template, functions, bits };
}

/** Just below the least normal single. */
const BELOW_SINGLES = 2 ** -126 * (1 - 2 ** -50), BEYOND_SINGLES = 2 ** 128;

export const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  fld_4: real("if (((address | tlb) & 3) !== 0) { $$decline; } $h = MEMF32[(address ^ tlb) >>> 2];", BELOW_SINGLES, 24, []),
  fld_8: real(
    "if ((tlb & 1) !== 0 || (address & 4095) > 4088) { $$decline; } $h = ((address | tlb) & 7) === 0 ? MEMF64[(address ^ tlb) >>> 3] : x87Double(address ^ tlb);", SMALLEST, 53, ["x87Double"],
  ),
  fld_10: {
    template: statements(`${READABLE} if ((tlb & 1) !== 0 || (address & 4095) > 4086 || x87LoadExtended(address ^ tlb) !== 0) { $$decline; } $h = F[${PAIR_RESULT}]; $l = F[${PAIR_RESULT + 1}];`),
    functions: ["x87LoadExtended"], bits: 64,
  },
  fild_2: {
    template: statements(`${READABLE} if (((address | tlb) & 1) !== 0) { $$decline; } $h = (MEM16[(address ^ tlb) >>> 1] << 16 >> 16) + -0;`),
    functions: [], bits: 16,
  },
  fild_4: {
    template: statements(`${READABLE} if (((address | tlb) & 3) !== 0) { $$decline; } $h = MEM32[(address ^ tlb) >>> 2] + -0;`),
    functions: [], bits: 32,
  },
  fild_8: {
    template: statements(`${READABLE} if (((address | tlb) & 3) !== 0 || (address & 4095) > 4088) { $$decline; }
      d = (MEM32[(address ^ tlb) >>> 2] >>> 0) + -0; u = (MEM32[((address ^ tlb) >>> 2) + 1] + -0) * 4294967296; $h = u + d; $l = d - ($h - u);`),
    functions: [], bits: 64,
  },
};

/** The writing of `$h + $low` to `address`. */
interface Store {
  readonly template: Template;
  readonly functions: readonly string[];
  /** By the rounding control, of which only nearest is done here. */
  readonly isRounded: boolean;
}

const WRITABLE = "tlb = WRITE[address >>> 12];";
const TO_INTEGER = `F[${PAIR_A}] = $h; F[${PAIR_A + 1}] = $low;`, INTEGER_LOST = `d = F[${PAIR_LOST}]; s = $h; lost = lost + d * d;`;

function integer(store: string, barred: string, least: number, most: number): Store {
  const template = statements(`${WRITABLE} ${TO_INTEGER} f = x87Integer() + -0;
    if (${barred} || !(f >= ${least} && f <= ${most})) { $$decline; } ${store} ${INTEGER_LOST}`);
  return { template, functions: ["x87Integer"], isRounded: false };
}

export const STORES: Readonly<Record<string, Store>> = {
  fst_4: {
    // A float64 halfway between two singles was perhaps rounded to there.
    template: statements(`${WRITABLE} f = fround($h); error = $h - f; w = $h * $h;
      if (((address | tlb) & 3) !== 0 || !(w > ${2 ** -252} && f * f < ${BEYOND_SINGLES ** 2} || $h === 0) || $low !== 0 && error !== 0 && fround($h + error) === $h + error) { $$decline; }
      MEMF32[(address ^ tlb) >>> 2] = f; d = error + $low; s = $h; lost = lost + d * d;`),
    functions: [], isRounded: true,
  },
  fst_8: {
    template: statements(`${WRITABLE} if ((tlb & 1) !== 0 || (address & 4095) > 4088) { $$decline; } if (((address | tlb) & 7) === 0) MEMF64[(address ^ tlb) >>> 3] = $h; else x87SetDouble(address ^ tlb, $h); d = $low; s = $h; lost = lost + d * d;`),
    functions: ["x87SetDouble"], isRounded: true,
  },
  fst_10: {
    template: statements(`${WRITABLE} if ((tlb & 1) !== 0 || (address & 4095) > 4086) { $$decline; } ${TO_INTEGER} x87StoreExtended(address ^ tlb); d = -0;`),
    functions: ["x87StoreExtended"], isRounded: false,
  },
  fist_2: integer("MEM16[(address ^ tlb) >>> 1] = f;", "((address | tlb) & 1) !== 0", -0x8000, 0x7fff),
  fist_4: integer("MEM32[(address ^ tlb) >>> 2] = f;", "((address | tlb) & 3) !== 0", -0x80000000, 0x7fffffff),
  fist_8: {
    template: statements(`${WRITABLE} ${TO_INTEGER} if (((address | tlb) & 3) !== 0 || (address & 4095) > 4088 || x87StoreInteger((address ^ tlb) >>> 2) !== 0) { $$decline; } ${INTEGER_LOST}`),
    functions: ["x87StoreInteger"], isRounded: false,
  },
};

/** FLDCW where it unmasks nothing, and FNSTCW. */
export const CONTROL_WORD: Readonly<Record<string, Template>> = {
  fldcw: statements(`${READABLE} if (((address | tlb) & 1) !== 0) { $$decline; } tlb = MEM16[(address ^ tlb) >>> 1]; if ((tlb & 63) !== 63) { $$decline; } S[${SLOT.fpuControl}] = tlb & ${0x1f3f} | 64;`),
  fnstcw: statements(`${WRITABLE} if (((address | tlb) & 1) !== 0) { $$decline; } MEM16[(address ^ tlb) >>> 1] = S[${SLOT.fpuControl}];`),
};
