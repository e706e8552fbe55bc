/* REPE CMPS up to a difference that is put where it ends. */
#include "strings.h"

u32 kernel(void) {
  u32 sum = 0;
  fill(from, 3);
  memcpy(to, from, AREA);
  for (u32 k = 0; k < COUNT; k++) {
    u32 count = length(k) + 16;
    const u8 *source = from + offset(k), *target = to + offset(k);
    u8 below, *end = to + offset(k) + (length(k) - 1) * WIDTH;
    *end ^= 1;
    __asm__ volatile("repe cmps" SUFFIX "\n\tsetb %b3" : "+c"(count), "+S"(source), "+D"(target), "=&a"(below) : : "memory", "cc");
    *end ^= 1;
    sum = mix(sum, count ^ below ^ (u32)(source - from));
  }
  return sum;
}
