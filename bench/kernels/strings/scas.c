/* REPNE SCAS up to an element that is put where it ends. */
#include "strings.h"

u32 kernel(void) {
  u32 sum = 0;
  for (u32 k = 0; k < COUNT; k++) {
    u32 count = AREA / WIDTH - 2048;
    const u8 *target = from + offset(k);
    u8 *end = (u8 *)target + (length(k) - 1) * WIDTH;
    *end = 0xff;
    *(end + WIDTH - 1) = 0xff;
    __asm__ volatile("repne scas" SUFFIX : "+c"(count), "+D"(target) : "a"(WIDTH == 1 ? 0xff : WIDTH == 2 ? 0xffff : 0xff0000ff) : "memory", "cc");
    *end = 0;
    *(end + WIDTH - 1) = 0;
    sum = mix(sum, count ^ (u32)(target - from));
  }
  return sum;
}
