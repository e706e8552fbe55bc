/* A page-table entry is turned to another frame, its page invalidated and used. */
#include "../guest/system.h"

static u32 frames[8][1024] __attribute__((aligned(4096)));
static u32 window[1024] __attribute__((aligned(4096)));

u32 kernel(void) {
  u32 sum = 0;
  volatile u32 *entry = page_tables + ((u32)window >> 12), *word = window;
  for (u32 k = 0; k < COUNT; k++) {
    *entry = (u32)frames[k & 7] | PRESENT | WRITABLE;
    invalidate(window);
    sum += word[k & 1023] ^ sum << 1;
    word[k & 1023] = sum ^ k;
  }
  return fold(sum, frames, sizeof frames);
}
