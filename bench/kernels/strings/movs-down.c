/* With DF set, as memmove copies where the areas overlap. */
#include "strings.h"

u32 kernel(void) {
  u32 sum = 0;
  fill(from, 3);
  for (u32 k = 0; k < COUNT; k++) {
    u32 count = length(k), bytes = count * WIDTH;
    u8 *source = from + offset(k) + bytes - WIDTH, *target = source + 8;
    from[offset(k)] ^= (u8)k;
    __asm__ volatile("std\n\trep movs" SUFFIX "\n\tcld" : "+c"(count), "+S"(source), "+D"(target) : : "memory");
    sum += (u32)(target - from) + target[WIDTH];
  }
  return fold(sum, from, AREA);
}
