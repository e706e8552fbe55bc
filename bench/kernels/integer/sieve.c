/* The sieve of Eratosthenes over bytes: strided stores in loops of every length. */
#include "../kernel.h"

enum { LIMIT = 2000000 };
static u8 composite[LIMIT];

u32 kernel(void) {
  u32 primes = 0;
  for (u32 pass = 0; pass < 36; pass++) {
    for (u32 k = 0; k < LIMIT; k++) composite[k] = 0;
    for (u32 k = 2; k * k < LIMIT; k++) {
      if (composite[k]) continue;
      for (u32 multiple = k * k; multiple < LIMIT; multiple += k) composite[multiple] = 1;
    }
    for (u32 k = 2; k < LIMIT; k++) primes += !composite[k];
  }
  return primes;
}
