/* A loop whose counters lie on the page of its code. */
#include "code.h"

static u8 page[4096] __attribute__((aligned(4096)));

u32 kernel(void) {
  u32 counters = (u32)page + 2048, sum = 0;
  u8 *at = emit32(page, 0x04244c8b), *loop = at; /* mov ecx, [esp + 4] */
  at = emit32(emit8(emit8(at, 0x01), 0x0d), counters); /* loop: add [counters], ecx */
  at = emit32(emit8(emit8(at, 0xff), 0x05), counters + 4); /* inc dword [counters + 4] */
  at = emit8(emit8(emit8(at, 0x49), 0x75), (u8)(loop - at - 3)); /* dec ecx; jnz loop */
  at = emit8(emit32(emit8(at, 0xa1), counters), 0xc3); /* mov eax, [counters]; ret */
  for (u32 k = 0; k < COUNT; k++) sum ^= ((function *volatile)page)(1000 + (k & 15)) + k;
  return sum ^ *(u32 *)(counters + 4);
}
