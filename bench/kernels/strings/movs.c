#include "strings.h"

u32 kernel(void) {
  u32 sum = 0;
  fill(from, 3);
  for (u32 k = 0; k < COUNT; k++) {
    u32 count = length(k);
    const void *source = from + offset(k);
    void *target = to + offset(k + 5);
    from[offset(k)] ^= (u8)k;
    __asm__ volatile("rep movs" SUFFIX : "+c"(count), "+S"(source), "+D"(target) : : "memory");
    sum += (u32)((u8 *)target - to) + ((u8 *)target)[-1];
  }
  return fold(sum, to, AREA);
}
