/* FIPS 180-4: additions, rotations and logic on 32-bit words, few memory accesses. */
#include "../kernel.h"

static u32 constants[64];

static u32 rotate(u32 x, u32 n) { return x >> n | x << (32 - n); }

/* Any 64 words exercise the code alike; these need no table. */
static void make_constants(void) {
  u32 state = 0x428a2f98;
  for (u32 k = 0; k < 64; k++) constants[k] = next_random(&state);
}

static void compress(u32 *h, const u32 *block) {
  u32 w[64], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], i = h[7];
  for (u32 k = 0; k < 16; k++) w[k] = __builtin_bswap32(block[k]);
  for (u32 k = 16; k < 64; k++) {
    u32 s0 = rotate(w[k - 15], 7) ^ rotate(w[k - 15], 18) ^ w[k - 15] >> 3;
    u32 s1 = rotate(w[k - 2], 17) ^ rotate(w[k - 2], 19) ^ w[k - 2] >> 10;
    w[k] = w[k - 16] + s0 + w[k - 7] + s1;
  }
  for (u32 k = 0; k < 64; k++) {
    u32 t1 = i + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + constants[k] + w[k];
    u32 t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    i = g; g = f; f = e; e = d + t1; d = c; c = b; b = a; a = t1 + t2;
  }
  h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e; h[5] += f; h[6] += g; h[7] += i;
}

u32 kernel(void) {
  u32 h[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, block[16] = { 0 };
  make_constants();
  for (u32 round = 0; round < 500000; round++) {
    block[round & 15] += round;
    compress(h, block);
  }
  return h[0] ^ h[7];
}
