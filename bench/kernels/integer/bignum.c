/* Numbers of 1024 bits: chains of ADC and SBB, products with carries, as a compiler's library has them. */
#include "../kernel.h"

enum { WORDS = 32 };

static void add(u32 *to, const u32 *from) {
  u32 count = WORDS, word;
  __asm__ volatile("clc\n1:\tmovl (%2), %0\n\tadcl %0, (%1)\n\tleal 4(%1), %1\n\tleal 4(%2), %2\n\tdecl %3\n\tjnz 1b"
                   : "=&r"(word), "+r"(to), "+r"(from), "+r"(count) : : "memory", "cc");
}

static u32 subtract(u32 *to, const u32 *from) {
  u32 count = WORDS, word;
  __asm__ volatile("clc\n1:\tmovl (%2), %0\n\tsbbl %0, (%1)\n\tleal 4(%1), %1\n\tleal 4(%2), %2\n\tdecl %3\n\tjnz 1b\n\tsbbl %0, %0"
                   : "=&r"(word), "+r"(to), "+r"(from), "+r"(count) : : "memory", "cc");
  return word;
}

static void multiply(u32 *product, const u32 *a, const u32 *b) {
  memset(product, 0, 2 * WORDS * 4);
  for (u32 i = 0; i < WORDS; i++) {
    u32 carry = 0;
    for (u32 j = 0; j < WORDS; j++) {
      u64 t = (u64)a[i] * b[j] + product[i + j] + carry;
      product[i + j] = (u32)t;
      carry = (u32)(t >> 32);
    }
    product[i + WORDS] = carry;
  }
}

u32 kernel(void) {
  u32 a[WORDS], b[WORDS], product[2 * WORDS], state = 31, borrows = 0;
  for (u32 k = 0; k < WORDS; k++) {
    a[k] = next_random(&state);
    b[k] = next_random(&state);
  }
  for (u32 round = 0; round < 30000; round++) {
    multiply(product, a, b);
    add(a, product + WORDS);
    for (u32 k = 0; k < 8; k++) {
      add(b, a);
      borrows += subtract(a, product + (k & 3));
    }
  }
  return fold(fold(borrows, a, sizeof a), b, sizeof b);
}
