/* Shifts through several words: RCL and RCR chains, SHLD and SHRD, shifts by CL, bit scans and tests. */
#include "../kernel.h"

enum { WORDS = 8 };

static u32 rotate_left(u32 *words) {
  u32 carry;
  __asm__ volatile("shll $1, (%1)\n\trcll $1, 4(%1)\n\trcll $1, 8(%1)\n\trcll $1, 12(%1)\n\trcll $1, 16(%1)\n\trcll $1, 20(%1)\n\trcll $1, 24(%1)\n\t"
                   "rcll $1, 28(%1)\n\tsbbl %0, %0" : "=r"(carry) : "r"(words) : "memory", "cc");
  return carry;
}

static u32 shift_right(u32 *words) {
  u32 carry;
  __asm__ volatile("shrl $1, 28(%1)\n\trcrl $1, 24(%1)\n\trcrl $1, 20(%1)\n\trcrl $1, 16(%1)\n\trcrl $1, 12(%1)\n\trcrl $1, 8(%1)\n\trcrl $1, 4(%1)\n\t"
                   "rcrl $1, (%1)\n\tsbbl %0, %0" : "=r"(carry) : "r"(words) : "memory", "cc");
  return carry;
}

u32 kernel(void) {
  u32 words[WORDS], state = 37, sum = 0;
  u64 wide = 0x0123456789abcdefull;
  for (u32 k = 0; k < WORDS; k++) words[k] = next_random(&state);
  for (u32 round = 0; round < 2000000; round++) {
    u32 count = words[round & 7] & 31;
    wide = (wide << count | round) ^ wide >> (count ^ 21);
    if (rotate_left(words)) words[0] ^= 0x425; /* a linear feedback */
    if (round % 3 == 0 && shift_right(words)) words[7] ^= 0x80000000;
    sum += __builtin_ctz(words[1] | 1u << 31) + __builtin_clz((u32)wide | 1);
    words[3] += (u32)(wide >> 16);
  }
  return fold(sum ^ (u32)wide, words, sizeof words);
}
