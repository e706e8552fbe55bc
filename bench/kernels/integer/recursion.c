/* Fibonacci by recursion: calls and returns and little else. */
#include "../kernel.h"

static __attribute__((noinline, optimize("no-optimize-sibling-calls"))) u32 fibonacci(u32 n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

u32 kernel(void) { return fibonacci(38); }
