/* INVLPG of a page that is read again at once. */
#include "../guest/system.h"

static u32 pages[64][1024] __attribute__((aligned(4096)));

u32 kernel(void) {
  u32 sum = 0;
  for (u32 k = 0; k < COUNT; k++) {
    volatile u32 *word = &pages[k & 63][k & 1023];
    invalidate((const void *)word);
    sum += *word ^ sum << 1 ^ k;
    *word = sum;
  }
  return sum;
}
