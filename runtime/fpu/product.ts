/** The product of two mantissas, exact: on limbs of 24 bits held in float64s, where each sum of products stays below 2^53. */
const LIMB = 0x1000000, PER_LIMB = 1 / LIMB, LIMB_MASK = LIMB - 1;

/** The last product, 2^126 to 2^128: the upper 64 bits in two words, the higher first, and what lies below them, sticky in its lowest bit. */
export const product = new Int32Array(3);

export function multiplyMantissas(ah: number, al: number, bh: number, bl: number): void {
  const a2 = ah >>> 16, a1 = ((ah & 0xffff) << 8) | (al >>> 24), a0 = al & LIMB_MASK;
  const b2 = bh >>> 16, b1 = ((bh & 0xffff) << 8) | (bl >>> 24), b0 = bl & LIMB_MASK;
  const p0 = a0 * b0;
  const p1 = a0 * b1 + a1 * b0 + Math.floor(p0 * PER_LIMB);
  const p2 = a0 * b2 + a1 * b1 + a2 * b0 + Math.floor(p1 * PER_LIMB);
  const p3 = a1 * b2 + a2 * b1 + Math.floor(p2 * PER_LIMB), limb2 = p2 & LIMB_MASK;
  product[0] = a2 * b2 + Math.floor(p3 * PER_LIMB);
  product[1] = ((p3 & LIMB_MASK) << 8) | (limb2 >>> 16);
  product[2] = (limb2 << 16) | (((p1 | p0) & LIMB_MASK) !== 0 ? 1 : 0);
}
