/** Products and quotients of 64 bits, against big integers. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { GuestFault } from "../../runtime/faults.ts";
import { checkDivideSigned, checkDivideUnsigned, multiplyHighSigned, multiplyHighUnsigned, quotientSigned, quotientUnsigned } from "../../runtime/arithmetic.ts";

const EDGES = [0, 1, 2, 3, 0x7fff, 0x8000, 0xffff, 0x10000, 0x10001, 0x1fffff, 0x200000, 0x7fffffff, -0x80000000, -0x7fffffff, -3, -2, -1];
const word = fc.oneof(fc.constantFrom(...EDGES), fc.integer(), fc.nat(), fc.nat({ max: 31 }).map((bit) => (1 << bit) - 1 | 0));
const unsigned = (value: number): bigint => BigInt(value >>> 0);
const low32 = (value: bigint): number => Number(BigInt.asIntN(32, value));
const runs = { numRuns: 20_000 };

function faults(check: () => void): boolean {
  try {
    check();
    return false;
  } catch (error) {
    if (error instanceof GuestFault) return true;
    throw error;
  }
}

test("high halves of products", () => {
  fc.assert(fc.property(word, word, (a, b) => {
    expect(multiplyHighUnsigned(a, b)).toBe(low32((unsigned(a) * unsigned(b)) >> 32n));
    expect(multiplyHighSigned(a, b)).toBe(low32((BigInt(a) * BigInt(b)) >> 32n));
  }), runs);
});

/** Dividends close to a multiple of the divisor, where an estimate goes wrong first. */
const division = fc.oneof(
  fc.tuple(word, word, word),
  fc.tuple(word, word, fc.integer({ min: -2, max: 2 })).map(([quotient, divisor, apart]): [number, number, number] => {
    const dividend = unsigned(quotient) * unsigned(divisor) + BigInt(apart);
    return [low32(dividend >> 32n), low32(dividend), divisor];
  }),
);

test("unsigned quotients, and which do not fit", () => {
  fc.assert(fc.property(division, ([high, low, divisor]) => {
    const dividend = (unsigned(high) << 32n) | unsigned(low), fits = divisor !== 0 && dividend / unsigned(divisor) < 1n << 32n;
    expect(faults(() => { checkDivideUnsigned(high, low, divisor); })).toBe(!fits);
    if (fits) expect(quotientUnsigned(high, low, divisor)).toBe(low32(dividend / unsigned(divisor)));
  }), runs);
});

test("signed quotients, and which do not fit", () => {
  fc.assert(fc.property(division, fc.boolean(), ([high, low, divisor], narrow) => {
    const top = narrow ? low >> 31 : high, dividend = (BigInt(top) << 32n) | unsigned(low);
    const quotient = divisor === 0 ? undefined : dividend / BigInt(divisor), fits = quotient !== undefined && BigInt.asIntN(32, quotient) === quotient;
    expect(faults(() => { checkDivideSigned(top, low, divisor); })).toBe(!fits);
    if (fits) expect(quotientSigned(top, low, divisor)).toBe(low32(quotient));
  }), runs);
});
