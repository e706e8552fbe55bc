/* 64-bit arithmetic on a 32-bit processor: MUL with both halves, DIV of 64 by 32 bits, chains of carries. */
#include "../kernel.h"

/* Quotient and remainder of a 64-bit number by a 32-bit one, as gcc's library does it: two divisions. */
static u64 divide(u64 dividend, u32 divisor, u32 *remainder) {
  u32 high = (u32)(dividend >> 32), low = (u32)dividend, quotient_high = high / divisor;
  high %= divisor;
  __asm__("divl %4" : "=a"(low), "=d"(high) : "0"(low), "1"(high), "r"(divisor));
  *remainder = high;
  return (u64)quotient_high << 32 | low;
}

u32 kernel(void) {
  u64 x = 0x123456789abcdefull, y = 1;
  u32 sum = 0, remainder;
  for (u32 k = 1; k < 30000000; k++) {
    x = x * 6364136223846793005ull + 1442695040888963407ull;
    y += (x >> 32) * (u32)(x ^ k);
    if ((k & 3) == 0) {
      y ^= divide(x, (k | 1) * 3, &remainder);
      sum += remainder;
    }
  }
  return sum ^ (u32)y ^ (u32)(y >> 32);
}
