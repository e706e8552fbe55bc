/* Integers of 16, 32 and 64 bits to floating point and back: FILD, FIST, FISTTP's forerunner with FLDCW. */
#include "../kernel.h"

u32 kernel(void) {
  u32 sum = 0, state = 29;
  for (int k = 0; k < COUNT; k++) {
    u32 word = next_random(&state);
    double scaled = (int)word * 0.37;
    float small = (short)word * 1.5f;
    long double large = (long double)((long long)word << 21 ^ k) / 3;
    sum = (sum << 1 | sum >> 31) + (u32)(int)scaled;
    sum ^= (u32)(short)(int)small;
    long long whole = (long long)large;
    sum += (u32)whole ^ (u32)(whole >> 32);
  }
  return sum;
}
