/* OUT to PORT. */
#include "../guest/system.h"

u32 kernel(void) {
  u32 sum = 0;
  for (u32 k = 0; k < COUNT; k++) {
    out8(PORT, (u8)(k | VALUE));
    sum = mix(sum, k);
  }
  return sum;
}
