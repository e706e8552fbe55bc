// 64-bit arithmetic on a 32-bit machine: carries, products by halves, shifts across two registers.
#include "programs.h"

// The upper and lower half of a 128-bit product.
static uint64_t multiply_high(uint64_t a, uint64_t b, uint64_t *low) {
  uint64_t p00 = (uint64_t)(uint32_t)a * (uint32_t)b, p01 = (uint64_t)(uint32_t)a * (uint32_t)(b >> 32);
  uint64_t p10 = (a >> 32) * (uint32_t)b, p11 = (a >> 32) * (b >> 32);
  uint64_t middle = (p00 >> 32) + (uint32_t)p01 + (uint32_t)p10;
  *low = middle << 32 | (uint32_t)p00;
  return p11 + (p01 >> 32) + (p10 >> 32) + (middle >> 32);
}

// a * b / 2^64 modulo m (Montgomery 1985), `inverse` being -1/m modulo 2^64.
static uint64_t reduce(uint64_t a, uint64_t b, uint64_t m, uint64_t inverse) {
  uint64_t low, high = multiply_high(a, b, &low), ignored;
  uint64_t quotient = multiply_high(low * inverse, m, &ignored) + (low != 0);
  uint64_t result = high + quotient;
  return result < high || result >= m ? result - m : result;
}

static uint64_t negative_inverse(uint64_t m) {
  uint64_t x = m;  // right in the lowest three bits; each turn doubles them
  for (unsigned k = 0; k < 5; k++) x *= 2 - m * x;
  return -x;
}

static uint64_t rotate(uint64_t x, unsigned by) { return x << by | x >> (64 - by); }

uint32_t wide(uint32_t rounds) {
  const uint64_t m = 0xffffffffffffffc5u;  // the largest prime below 2^64
  const uint64_t inverse = negative_inverse(m);
  uint64_t x = 88172645463325252u, power = 3, sum = 0;
  for (uint32_t k = 0; k < rounds * 5000; k++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    power = reduce(power, x % 2 ? power : x >> 1, m, inverse);
    sum = rotate(sum, 1 + (unsigned)(x & 31)) + power - (int64_t)(int32_t)x;
  }
  return (uint32_t)(sum ^ sum >> 32);
}
