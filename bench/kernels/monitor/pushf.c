/* PUSHF, CLI, POPF: interrupts off and back to what they were. */
#include "../guest/system.h"

u32 kernel(void) {
  u32 sum = 0, flags;
  for (u32 k = 0; k < COUNT; k++) {
    __asm__ volatile("pushfl\n\tpopl %0\n\tcli" : "=r"(flags) : : "memory");
    sum = mix(sum, (flags & 0x200) ^ k);
    __asm__ volatile("pushl %0\n\tpopfl" : : "r"(flags | (k & 1) << 9) : "memory", "cc");
  }
  __asm__ volatile("cli");
  return sum;
}
