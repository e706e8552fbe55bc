/*
 * FSIN, FPTAN, FPATAN, FSQRT, FDIV, FYL2X, F2XM1. Processors may err by one unit in the last of 64 bits (SDM volume 1, section 8.3.10), so
 * results are compared as floats; divide.c compares all bits of what is exact.
 */
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
    float results[] = { (float)sine, (float)tangent, (float)angle, (float)root, (float)logarithm, (float)power, (float)(sine / root) };
    sum = fold(sum, results, sizeof results);
  }
  return sum;
}
