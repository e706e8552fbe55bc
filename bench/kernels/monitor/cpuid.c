/* CPUID: the checksum counts answers that differ from the first. */
#include "../guest/system.h"

u32 kernel(void) {
  u32 first = 0, changed = 0;
  for (u32 k = 0; k < COUNT; k++) {
    u32 eax = 0, ebx, ecx, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
    if (k == 0) first = ebx ^ ecx ^ edx;
    if ((ebx ^ ecx ^ edx) != first) changed++;
  }
  return mix(COUNT, changed);
}
