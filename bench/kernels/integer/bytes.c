/* Byte-wise copying, reversing and counting. */
#include "../kernel.h"

static u8 from[65536], to[65536];
static u32 counts[256];

u32 kernel(void) {
  u32 state = 11, sum = 0;
  for (u32 k = 0; k < sizeof from; k++) from[k] = (u8)next_random(&state);
  for (u32 pass = 0; pass < 1800; pass++) {
    for (u32 k = 0; k < sizeof from; k++) to[sizeof from - 1 - k] = (u8)(from[k] + pass);
    for (u32 k = 0; k < sizeof to; k++) counts[to[k]]++;
    from[pass] ^= to[pass * 7 & 0xffff];
  }
  for (u32 k = 0; k < 256; k++) sum = sum * 31 + counts[k];
  return sum;
}
