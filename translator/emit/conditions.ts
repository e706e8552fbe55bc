/**
 * Condition codes as JavaScript, from lazy flags of a known kind.
 *
 * For every kind that leaves its operands behind, a compare and its branch become one JavaScript comparison, and a chain of carries
 * needs no flags; what is not listed here is computed by the runtime's general functions.
 */
import type { Expression } from "estree";
import { CARRY_APART, KIND, OVERFLOW_APART, WIDTH32 } from "../../runtime/abi.ts";
import { expression } from "./estree.ts";

/** The flag words, A, B and carry. */
type Words = Readonly<Record<"a" | "b" | "c", Expression>>;
type Template = (words: Words) => Expression;

const O = 0, B = 2, E = 4, BE = 6, S = 8, P = 10, L = 12, LE = 14;

/** CMP and SUB: a - b. */
const AFTER_SUB: Record<number, Template> = {
  [B]: expression("$a >>> 0 < $b >>> 0"), [E]: expression("$a === $b"), [BE]: expression("$a >>> 0 <= $b >>> 0"),
  [S]: expression("($a - $b | 0) < 0"), [L]: expression("$a < $b"), [LE]: expression("$a <= $b"),
};
const AFTER_SUB_NOT: Record<number, Template> = {
  [B]: expression("$a >>> 0 >= $b >>> 0"), [E]: expression("$a !== $b"), [BE]: expression("$a >>> 0 > $b >>> 0"),
  [S]: expression("($a - $b | 0) >= 0"), [L]: expression("$a >= $b"), [LE]: expression("$a > $b"),
};
/** Logic: result a, no carry, no overflow. */
const AFTER_LOGIC: Record<number, Template> = {
  [B]: expression("false"), [E]: expression("$a === 0"), [BE]: expression("$a === 0"),
  [S]: expression("$a < 0"), [L]: expression("$a < 0"), [LE]: expression("$a <= 0"),
};
const AFTER_LOGIC_NOT: Record<number, Template> = {
  [B]: expression("true"), [E]: expression("$a !== 0"), [BE]: expression("$a !== 0"),
  [S]: expression("$a >= 0"), [L]: expression("$a >= 0"), [LE]: expression("$a > 0"),
};
/** A sum. */
const AFTER_ADD: Record<number, Template> = {
  [B]: expression("($a + $b | 0) >>> 0 < $a >>> 0"), [E]: expression("($a + $b | 0) === 0"), [S]: expression("($a + $b | 0) < 0"),
};
const AFTER_ADD_NOT: Record<number, Template> = {
  [B]: expression("($a + $b | 0) >>> 0 >= $a >>> 0"), [E]: expression("($a + $b | 0) !== 0"), [S]: expression("($a + $b | 0) >= 0"),
};
/** INC, DEC: result a. */
const AFTER_STEP: Record<number, Template> = { [E]: expression("$a === 0"), [S]: expression("$a < 0"), [B]: expression("$c !== 0") };
const AFTER_STEP_NOT: Record<number, Template> = { [E]: expression("$a !== 0"), [S]: expression("$a >= 0"), [B]: expression("$c === 0") };
/** All six flags as EFLAGS bits in a. */
const EXPLICIT: Record<number, Template> = {
  [O]: expression("($a & 2048) !== 0"), [B]: expression("($a & 1) !== 0"), [E]: expression("($a & 64) !== 0"), [BE]: expression("($a & 65) !== 0"),
  [S]: expression("($a & 128) !== 0"), [P]: expression("($a & 4) !== 0"),
};
const EXPLICIT_NOT: Record<number, Template> = {
  [O]: expression("($a & 2048) === 0"), [B]: expression("($a & 1) === 0"), [E]: expression("($a & 64) === 0"), [BE]: expression("($a & 65) === 0"),
  [S]: expression("($a & 128) === 0"), [P]: expression("($a & 4) === 0"),
};
/** Left shifts keep their operand at the top of the word, as all widths do. */
const AFTER_SHL: Record<number, Template> = { [E]: expression("$a << $b === 0"), [S]: expression("$a << $b < 0") };
const AFTER_SHL_NOT: Record<number, Template> = { [E]: expression("$a << $b !== 0"), [S]: expression("$a << $b >= 0") };
/** 32 bits alone. */
const AFTER_SHR: Record<number, Template> = { [E]: expression("$a >>> $b === 0") };
const AFTER_SHR_NOT: Record<number, Template> = { [E]: expression("$a >>> $b !== 0") };
const AFTER_SAR: Record<number, Template> = { [E]: expression("$a >> $b === 0"), [S]: expression("$a < 0") };
const AFTER_SAR_NOT: Record<number, Template> = { [E]: expression("$a >> $b !== 0"), [S]: expression("$a >= 0") };
const AFTER_ADC: Record<number, Template> = {
  [B]: expression("($a & $b | ($a | $b) & ~($a + $b + $c)) < 0"), [E]: expression("($a + $b + $c | 0) === 0"), [S]: expression("($a + $b + $c | 0) < 0"),
};
const AFTER_ADC_NOT: Record<number, Template> = {
  [B]: expression("($a & $b | ($a | $b) & ~($a + $b + $c)) >= 0"), [E]: expression("($a + $b + $c | 0) !== 0"), [S]: expression("($a + $b + $c | 0) >= 0"),
};
const AFTER_SBB: Record<number, Template> = {
  [B]: expression("(~$a & $b | (~$a | $b) & $a - $b - $c) < 0"), [E]: expression("($a - $b - $c | 0) === 0"), [S]: expression("($a - $b - $c | 0) < 0"),
  [L]: expression("($a - $b - $c ^ ($a ^ $b) & ($a ^ $a - $b - $c)) < 0"),
};
const AFTER_SBB_NOT: Record<number, Template> = {
  [B]: expression("(~$a & $b | (~$a | $b) & $a - $b - $c) >= 0"), [E]: expression("($a - $b - $c | 0) !== 0"), [S]: expression("($a - $b - $c | 0) >= 0"),
  [L]: expression("($a - $b - $c ^ ($a ^ $b) & ($a ^ $a - $b - $c)) >= 0"),
};

type Pair = readonly [holds: Record<number, Template>, fails: Record<number, Template>];

const ANY_WIDTH: Partial<Record<number, Pair>> = {
  [KIND.sub]: [AFTER_SUB, AFTER_SUB_NOT], [KIND.logic]: [AFTER_LOGIC, AFTER_LOGIC_NOT], [KIND.add]: [AFTER_ADD, AFTER_ADD_NOT],
  [KIND.inc]: [AFTER_STEP, AFTER_STEP_NOT], [KIND.dec]: [AFTER_STEP, AFTER_STEP_NOT], [KIND.explicit]: [EXPLICIT, EXPLICIT_NOT], [KIND.shl]: [AFTER_SHL, AFTER_SHL_NOT],
};
const ALL_32_BITS: Partial<Record<number, Pair>> = {
  [KIND.shr]: [AFTER_SHR, AFTER_SHR_NOT], [KIND.sar]: [AFTER_SAR, AFTER_SAR_NOT], [KIND.adc]: [AFTER_ADC, AFTER_ADC_NOT], [KIND.sbb]: [AFTER_SBB, AFTER_SBB_NOT],
};

/** CF and OF where they are apart. */
const CARRY_ALONE: Pair = [{ [B]: expression("($c & 2) !== 0") }, { [B]: expression("($c & 2) === 0") }];
const OVERFLOW_ALONE: Pair = [{ [O]: expression("$c < 0") }, { [O]: expression("$c >= 0") }];
const APART = CARRY_APART | OVERFLOW_APART;
/** Conditions that ask for neither. */
const OF_RESULT: ReadonlySet<number> = new Set([E, S, P]);
const CARRY_IN = expression("$c & 1");

/** The condition after flags of the kind word `kind`, or undefined where only the general function knows. */
export function conditionAfter(kind: number, code: number): Template | undefined {
  if ((kind & APART) !== 0) return conditionApart(kind, code);
  const pair = ANY_WIDTH[kind >> 2] ?? ((kind & 3) === WIDTH32 ? ALL_32_BITS[kind >> 2] : undefined);
  return pair?.[(code & 1) as 0 | 1][code & ~1];
}

function conditionApart(kind: number, code: number): Template | undefined {
  const asked = code & ~1, alone = asked === B && (kind & CARRY_APART) !== 0 ? CARRY_ALONE : asked === O && (kind & OVERFLOW_APART) !== 0 ? OVERFLOW_ALONE : undefined;
  if (alone !== undefined) return alone[(code & 1) as 0 | 1][asked];
  const whole = OF_RESULT.has(asked) ? conditionAfter(kind & ~APART, code) : undefined;
  return whole === undefined ? undefined : (words) => whole({ ...words, c: CARRY_IN(words) });
}

/**
 * A carry leaves the top bit where both operands have it, or one has and the sum has not; a borrow where the subtrahend has it and the minuend has not.
 * V8 makes a jump of a comparison that is to be 1 or 0, and which way a carry goes nobody can predict.
 */
const CARRY: Partial<Record<number, Template>> = {
  [KIND.explicit]: expression("$a & 1"), [KIND.add]: expression("($a & $b | ($a | $b) & ~($a + $b)) >>> 31"), [KIND.sub]: expression("(~$a & $b | (~$a | $b) & $a - $b) >>> 31"),
  [KIND.logic]: expression("0"), [KIND.inc]: expression("$c"), [KIND.dec]: expression("$c"), [KIND.mul]: expression("$b !== 0 ? 1 : 0"),
};
const CARRY_32_BITS: Partial<Record<number, Template>> = {
  [KIND.adc]: expression("($a & $b | ($a | $b) & ~($a + $b + $c)) >>> 31"), [KIND.sbb]: expression("(~$a & $b | (~$a | $b) & $a - $b - $c) >>> 31"),
  [KIND.shl]: expression("$a >>> 32 - $b & 1"), [KIND.shr]: expression("$a >>> $b - 1 & 1"), [KIND.sar]: expression("$a >> $b - 1 & 1"),
};

const CARRY_BIT = expression("$c >> 1 & 1");

/** CF as 1 or 0, likewise. */
export function carryAfter(kind: number): Template | undefined {
  if ((kind & CARRY_APART) !== 0) return CARRY_BIT;
  if ((kind & OVERFLOW_APART) !== 0) return undefined;
  return CARRY[kind >> 2] ?? ((kind & 3) === WIDTH32 ? CARRY_32_BITS[kind >> 2] : undefined);
}
