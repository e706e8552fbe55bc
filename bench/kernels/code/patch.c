/* A constant in a function is patched before every EVERYth call. */
#include "code.h"

static u8 code[64] __attribute__((aligned(64)));

u32 kernel(void) {
  u8 *at = emit32(emit8(code, 0x8b), 0xd1042444); /* mov eax, [esp + 4]; rol eax, 1 */
  u32 sum = 0;
  at = emit8(at, 0xc0);
  u8 *constant = at + 1;
  at = emit8(emit32(emit8(at, 0x05), 0), 0xc3); /* add eax, constant; ret */
  for (u32 k = 0; k < COUNT; k++) {
    if (k % EVERY == 0) *(volatile u32 *)constant = k * 2654435761u;
    sum = ((function *volatile)code)(sum);
  }
  return sum;
}
