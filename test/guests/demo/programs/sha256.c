// SHA-256 (FIPS 180-4).
#include "programs.h"

static const uint32_t K[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
  0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
  0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
  0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
  0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
  0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

enum { BLOCK = 64, MESSAGE = 32 * 1024 };

static uint8_t message[MESSAGE + 2 * BLOCK];

static inline uint32_t rotate(uint32_t x, unsigned by) { return x >> by | x << (32 - by); }

static void expand(uint32_t *w, const uint8_t *block) {
  for (unsigned k = 0; k < 16; k++) {
    w[k] = (uint32_t)block[4 * k] << 24 | (uint32_t)block[4 * k + 1] << 16 | (uint32_t)block[4 * k + 2] << 8 | block[4 * k + 3];
  }
  for (unsigned k = 16; k < 64; k++) {
    uint32_t s0 = rotate(w[k - 15], 7) ^ rotate(w[k - 15], 18) ^ w[k - 15] >> 3;
    uint32_t s1 = rotate(w[k - 2], 17) ^ rotate(w[k - 2], 19) ^ w[k - 2] >> 10;
    w[k] = w[k - 16] + s0 + w[k - 7] + s1;
  }
}

static void compress(uint32_t *state, const uint8_t *block) {
  uint32_t w[64];
  expand(w, block);
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
  for (unsigned k = 0; k < 64; k++) {
    uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + K[k] + w[k];
    uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

// Hashes the first `size` bytes of `message`, which are followed by the padding in place.
static void digest(uint32_t *state, uint32_t size) {
  static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (unsigned k = 0; k < 8; k++) state[k] = initial[k];
  uint32_t end = (size + 8) / BLOCK * BLOCK + BLOCK;
  message[size] = 0x80;
  for (uint32_t k = size + 1; k < end; k++) message[k] = 0;
  for (unsigned k = 0; k < 4; k++) message[end - 1 - k] = (uint8_t)(size * 8 >> 8 * k);
  for (uint32_t at = 0; at < end; at += BLOCK) compress(state, message + at);
}

uint32_t sha256(uint32_t rounds) {
  uint32_t state[8], seed = 1;
  message[0] = 'a', message[1] = 'b', message[2] = 'c';
  digest(state, 3);
  if (state[0] != 0xba7816bf || state[7] != 0xf20015ad) return 0;  // the standard's own example
  for (uint32_t k = 0; k < MESSAGE; k++) message[k] = (uint8_t)(random_next(&seed) >> 24);
  while (rounds-- > 0) {
    digest(state, MESSAGE);
    for (unsigned k = 0; k < 8; k++) message[k * 100] ^= (uint8_t)state[k];
  }
  return state[0] ^ state[4];
}
