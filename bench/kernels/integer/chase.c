/* A pointer chase through 4 MiB: memory latency, a TLB test for each step. */
#include "../kernel.h"

enum { COUNT = 1 << 20 };
static u32 next[COUNT];

u32 kernel(void) {
  u32 state = 5, at = 0;
  for (u32 k = 0; k < COUNT; k++) next[k] = k;
  for (u32 k = COUNT - 1; k > 0; k--) { /* Sattolo: one cycle through all */
    u32 j = next_random(&state) % k, kept = next[k];
    next[k] = next[j];
    next[j] = kept;
  }
  for (u32 step = 0; step < 15000000; step++) at = next[at];
  return at;
}
