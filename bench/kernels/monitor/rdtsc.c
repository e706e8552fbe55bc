/* RDTSC: the checksum counts where time ran backwards. */
#include "../guest/system.h"

u32 kernel(void) {
  u64 last = 0;
  u32 backwards = 0;
  for (u32 k = 0; k < COUNT; k++) {
    u64 now = __builtin_ia32_rdtsc();
    if (now < last) backwards++;
    last = now;
  }
  return mix(COUNT, backwards);
}
