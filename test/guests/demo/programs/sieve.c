// The sieve of Eratosthenes over the odd numbers.
#include "programs.h"

enum { LIMIT = 131072 };

static uint8_t composite[LIMIT / 2];

static uint32_t count_primes(void) {
  for (uint32_t k = 0; k < LIMIT / 2; k++) composite[k] = 0;
  uint32_t count = 1;  // 2
  for (uint32_t n = 3; n < LIMIT; n += 2) {
    if (composite[n / 2]) continue;
    count++;
    if (n >= 65536) continue;
    for (uint32_t multiple = n * n; multiple < LIMIT; multiple += 2 * n) composite[multiple / 2] = 1;
  }
  return count;
}

uint32_t sieve(uint32_t rounds) {
  uint32_t sum = 0;
  while (rounds-- > 0) sum = sum * 31 + count_primes();
  return sum;
}
