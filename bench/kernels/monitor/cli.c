/* CLI and STI around a little work, as a critical section has them. */
#include "../guest/system.h"

u32 kernel(void) {
  u32 sum = 0;
  for (u32 k = 0; k < COUNT; k++) {
    __asm__ volatile("cli");
    sum = mix(sum, k);
    __asm__ volatile("sti");
  }
  __asm__ volatile("cli");
  return sum;
}
