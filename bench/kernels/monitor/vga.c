/* Text memory at B8000h: a character written, the one beside it read. */
#include "../guest/system.h"

u32 kernel(void) {
  volatile u16 *screen = (volatile u16 *)0xb8000;
  u32 sum = 0;
  for (u32 k = 0; k < 2000; k++) screen[k] = 0x0720;
  for (u32 k = 0, at = 0; k < COUNT; k++) {
    screen[at] = (u16)(0x0700 | k & 0x7f);
    sum = mix(sum, screen[at ^ 1]);
    at = at == 1999 ? 0 : at + 1;
  }
  return sum;
}
