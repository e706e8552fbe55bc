/* REP string instructions of WIDTH bytes on SIZE bytes; on 16 to 64 bytes where SIZE is 0. */
#ifndef STRINGS_H
#define STRINGS_H
#include "../kernel.h"

#if WIDTH == 1
#define SUFFIX "b"
#elif WIDTH == 2
#define SUFFIX "w"
#else
#define SUFFIX "l"
#endif

enum { AREA = 128 * 1024 };
static u8 from[AREA] __attribute__((aligned(4096))), to[AREA] __attribute__((aligned(4096)));

static inline void fill(u8 *area, u32 state) {
  for (u32 k = 0; k < AREA; k++) area[k] = (u8)next_random(&state);
}

/* How many elements the kth operation is to move. */
static inline u32 length(u32 k) {
  u32 bytes = SIZE ? SIZE : 16 + (k * 37 & 48);
  return bytes / WIDTH;
}

/* Where the kth operation begins: small ones wander over a page, large ones over a few offsets. */
static inline u32 offset(u32 k) { return SIZE ? (k & 3) * 64 : k * 68 & 0xffc; }

#endif
