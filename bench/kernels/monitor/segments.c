/* Loads of ES, FS and GS, with the null selector among them. */
#include "../guest/system.h"

u32 kernel(void) {
  u32 sum = 0, read;
  for (u32 k = 0; k < COUNT; k++) {
    u32 other = k & 1 ? USER_DATA : 0;
    __asm__ volatile("movl %1, %%es\n\tmovl %2, %%fs\n\tmovl %%fs, %0\n\tmovl %1, %%gs" : "=r"(read) : "r"(KERNEL_DATA), "r"(other));
    sum = mix(sum, read ^ k);
  }
  return sum;
}
