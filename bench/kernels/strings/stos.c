#include "strings.h"

u32 kernel(void) {
  u32 sum = 0;
  for (u32 k = 0; k < COUNT; k++) {
    u32 count = length(k);
    void *target = to + offset(k);
    __asm__ volatile("rep stos" SUFFIX : "+c"(count), "+D"(target) : "a"(k * 0x01010101) : "memory");
    sum += (u32)((u8 *)target - to) + to[offset(k)];
  }
  return fold(sum, to, AREA);
}
