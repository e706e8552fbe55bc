/* FSIN, FPTAN, FPATAN, FSQRT, FDIV, FYL2X, F2XM1: results of 80 bits. */
#include "../kernel.h"

u32 kernel(void) {
  u32 sum = 0;
  for (int k = 1; k <= COUNT; k++) {
    long double x = k / 1000.0L, sine, tangent, angle, root, logarithm, power;
    __asm__("fsin" : "=t"(sine) : "0"(x));
    __asm__("fptan\n\tfstp %%st(0)" : "=t"(tangent) : "0"(x / 97));
    __asm__("fld1\n\tfpatan" : "=t"(angle) : "0"(x));
    __asm__("fsqrt" : "=t"(root) : "0"(x));
    __asm__("fyl2x" : "=t"(logarithm) : "0"(x), "u"(1.0L) : "st(1)");
    __asm__("f2xm1" : "=t"(power) : "0"(sine));
    long double results[] = { sine, tangent, angle, root, logarithm, power, sine / root };
    for (u32 j = 0; j < sizeof results / sizeof *results; j++) sum = fold(sum, results + j, 10);
  }
  return sum;
}
