/* FSQRT and FDIV in single, double and extended precision: all bits are defined by IEEE 754. */
#include "../kernel.h"

u32 kernel(void) {
  u32 sum = 0, state = 41;
  for (int k = 1; k <= COUNT; k++) {
    long double x = (long double)next_random(&state) + 1, y = (long double)next_random(&state) + 1;
    long double root, quotient = x / y;
    __asm__("fsqrt" : "=t"(root) : "0"(quotient));
    float single = (float)(quotient * root);
    double twice = (double)(root / y);
    sum = fold(sum, &root, 10);
    sum = fold(sum, &single, sizeof single);
    sum = fold(sum, &twice, sizeof twice);
  }
  return sum;
}
