/* IN from PORT, whose value does not change. */
#include "../guest/system.h"

u32 kernel(void) {
  u32 sum = 0;
  for (u32 k = 0; k < COUNT; k++) sum = mix(sum, in8(PORT) ^ k);
  return sum;
}
