/**
 * FSIN FCOS FPTAN FPATAN F2XM1 FYL2X FYL2XP1 on unpacked operands: a is ST(0), b is ST(1); the packed result is left in `result`.
 *
 * Here are the operands that are special; finite results come from quick-functions.ts where float64s decide the rounding, otherwise from
 * exact-functions.ts. Both round the value of the function once, by the rounding control, to extended precision. Processors
 * promise less than one unit in the last place (SDM volume 1, 8.3.10), so a last bit may differ from any of them.
 *
 * Arguments of sine, cosine and tangent are reduced with the 66-bit π that IA-32 processors use (8.3.8): the result is that of the
 * argument modulo that π.
 */
import { mantissaOf } from "./arithmetic.ts";
import type { Arithmetic } from "./arithmetic.ts";
import * as doubleDouble from "./double-double.ts";
import { exponentOf } from "./double-double.ts";
import {
  SCALE, deliver, exactArctangent, exactCircular, exactLogarithm, exactLogarithmPlusOne, exactPowerMinusOne, exactTangent,
} from "./exact-functions.ts";
import * as extended from "./extended.ts";
import { setInfinity, setZero } from "./extended.ts";
import { ONE, PI } from "./fixed-point.ts";
import { quickArctangent, quickCircular, quickLogarithm, quickLogarithmPlusOne, quickPowerMinusOne, quickTangent } from "./quick-functions.ts";

const { UNDECIDED } = doubleDouble;
const { INFINITY, NORMAL, NOT_A_NUMBER, PE, SIGN, SIGN_BIT, ZE, ZERO } = extended;

/** Below 2^-TINY, sine and tangent differ from their argument, and the cosine from 1, by less than rounding can tell but for the direction. */
const TINY = 70;

function deliverZero(core: Arithmetic, sign: number): number {
  setZero(core.result, 0, sign);
  return 0;
}

function deliverInfinity(core: Arithmetic, sign: number): number {
  setInfinity(core.result, 0, sign);
  return 0;
}

/** Special operands of the one-operand functions: flags, or -1 where the operand is finite and not zero. */
function specialAngle(core: Arithmetic): number {
  const { kindA } = core;
  if ((kindA & NOT_A_NUMBER) !== 0) return core.propagateA();
  return kindA === INFINITY ? core.invalid() : -1;
}

/** FSIN. */
export function sine(core: Arithmetic): number {
  const { a, kindA } = core;
  const special = specialAngle(core), denormal = core.denormalFlag();
  if (special >= 0) return special;
  if (kindA === ZERO) return deliverZero(core, a[SIGN]!);
  if (core.stops(denormal)) return denormal;
  if (exponentOf(a) < -TINY) return denormal | besideArgument(core, -1n);
  const quick = quickCircular(core, 0);
  return denormal | (quick === UNDECIDED ? exactCircular(core, 0) : quick);
}

/** FCOS. */
export function cosine(core: Arithmetic): number {
  const { a, kindA } = core;
  const special = specialAngle(core), denormal = core.denormalFlag();
  if (special >= 0) return special;
  if (kindA === ZERO) return deliver(core, 0, 1n, 0, true);
  if (core.stops(denormal)) return denormal;
  if (exponentOf(a) < -TINY) return denormal | deliver(core, 0, ONE - 1n, SCALE);
  const quick = quickCircular(core, 1);
  return denormal | (quick === UNDECIDED ? exactCircular(core, 1) : quick);
}

/** The tangent, first part of FPTAN. */
export function tangent(core: Arithmetic): number {
  const { a, kindA } = core;
  const special = specialAngle(core), denormal = core.denormalFlag();
  if (special >= 0) return special;
  if (kindA === ZERO) return deliverZero(core, a[SIGN]!);
  if (core.stops(denormal)) return denormal;
  if (exponentOf(a) < -TINY) return denormal | besideArgument(core, 1n);
  const quick = quickTangent(core);
  return denormal | (quick === UNDECIDED ? exactTangent(core) : quick);
}

/** The argument, moved by far less than its last bit. */
function besideArgument(core: Arithmetic, by: bigint): number {
  const { a } = core;
  return deliver(core, a[SIGN]!, (mantissaOf(a) << 64n) + by, 127 - exponentOf(a));
}

/** F2XM1: 2^a - 1 for |a| ≤ 1. Outside, where the result is undefined, a itself. */
export function powerMinusOne(core: Arithmetic): number {
  const { a, kindA } = core;
  const sign = a[SIGN]!;
  if ((kindA & NOT_A_NUMBER) !== 0) return core.propagateA();
  if (kindA === ZERO) return deliverZero(core, sign);
  if (kindA === INFINITY) return sign === 0 ? deliverInfinity(core, 0) : deliver(core, SIGN_BIT, 1n, 0, true);
  const denormal = core.denormalFlag();
  if (core.stops(denormal)) return denormal;
  const exponent = exponentOf(a);
  if (exponent >= 0) {
    if (exponent === 0 && mantissaOf(a) === 1n << 63n) return PE | deliver(core, sign, 1n, sign === 0 ? 0 : 1, true);
    return core.deliver(a, NORMAL, sign) | PE;
  }
  const quick = quickPowerMinusOne(core);
  return denormal | (quick === UNDECIDED ? exactPowerMinusOne(core) : quick);
}

/** FYL2X: b · log2 a. */
export function logarithm(core: Arithmetic): number {
  const { a, b, kindA, kindB } = core;
  if (((kindA | kindB) & NOT_A_NUMBER) !== 0) return core.propagate();
  if (kindA !== ZERO && a[SIGN] !== 0) return core.invalid();
  if (kindA === ZERO) {
    if (kindB === ZERO) return core.invalid();
    setInfinity(core.result, 0, b[SIGN]! ^ SIGN_BIT);
    return kindB === INFINITY ? 0 : ZE;
  }
  const denormal = core.denormalFlag();
  const isOne = kindA === 0 && exponentOf(a) === 0 && mantissaOf(a) === 1n << 63n;
  if ((kindB === INFINITY && isOne) || (kindA === INFINITY && kindB === ZERO)) return core.invalid();
  if (core.stops(denormal)) return denormal;
  const sign = b[SIGN]! ^ (kindA !== INFINITY && exponentOf(a) < 0 ? SIGN_BIT : 0);
  if (kindA === INFINITY || kindB === INFINITY) return denormal | deliverInfinity(core, sign);
  if (kindB === ZERO) return denormal | deliverZero(core, sign);
  const quick = quickLogarithm(core);
  return denormal | (quick === UNDECIDED ? exactLogarithm(core) : quick);
}

/** FYL2XP1: b · log2(a + 1). The manual defines it for |a| < 1 - √½; here it holds for every a above -1. */
export function logarithmPlusOne(core: Arithmetic): number {
  const { a, b, kindA, kindB } = core;
  if (((kindA | kindB) & NOT_A_NUMBER) !== 0) return core.propagate();
  const denormal = core.denormalFlag();
  const sign = a[SIGN]! ^ b[SIGN]!;
  if (kindA === ZERO || kindB === ZERO) {
    if (((kindA | kindB) & INFINITY) !== 0) return core.invalid();
    return core.stops(denormal) ? denormal : denormal | deliverZero(core, sign);
  }
  if (a[SIGN] !== 0 && exponentOf(a) >= 0) return core.invalid();
  if (core.stops(denormal)) return denormal;
  if (((kindA | kindB) & INFINITY) !== 0) return denormal | deliverInfinity(core, sign);
  const quick = quickLogarithmPlusOne(core);
  return denormal | (quick === UNDECIDED ? exactLogarithmPlusOne(core) : quick);
}

/** FPATAN: the angle of the point (a, b), -π to π. */
export function arctangent(core: Arithmetic): number {
  const { a, b, kindA, kindB } = core;
  if (((kindA | kindB) & NOT_A_NUMBER) !== 0) return core.propagate();
  const denormal = core.denormalFlag(), sign = b[SIGN]!, left = a[SIGN] !== 0;
  if (core.stops(denormal)) return denormal;
  if (kindB === INFINITY) {
    // Eighths of a turn: 45°, 135°, or 90°.
    return denormal | deliver(core, sign, kindA === INFINITY ? (left ? 3n * PI : PI) : 2n * PI, SCALE + 2);
  }
  if (kindB === ZERO || kindA === INFINITY) return denormal | (left ? deliver(core, sign, PI, SCALE) : deliverZero(core, sign));
  if (kindA === ZERO) return denormal | deliver(core, sign, PI, SCALE + 1);
  const quick = quickArctangent(core);
  return denormal | (quick === UNDECIDED ? exactArctangent(core) : quick);
}
