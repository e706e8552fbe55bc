/* CALL FAR into the same ring and RETF. */
#include "../guest/system.h"

__attribute__((naked, used)) static void far_function(void) { __asm__("addl %edx, %eax\n\tlretl"); }

u32 kernel(void) {
  u32 sum = 1;
  for (u32 k = 0; k < COUNT; k++) __asm__ volatile("lcall $8, $far_function" : "+a"(sum) : "d"(sum >> 3 ^ k) : "memory", "cc");
  return sum;
}
