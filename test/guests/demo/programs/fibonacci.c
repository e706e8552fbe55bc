// Recursion for its own sake.
#include "programs.h"

// Kept from being unrolled into itself: one call is one call.
__attribute__((noinline, optimize("no-optimize-sibling-calls"))) static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

uint32_t fibonacci(uint32_t rounds) {
  uint32_t sum = 0;
  while (rounds-- > 0) sum = sum * 3 + fib(20 + (rounds & 1));
  return sum;
}
