/* FUNCTIONS new functions, one after the other at new addresses, each a loop that turns TURNS times: enough to be found hot. */
#include "code.h"

enum { SIZE = 64 };
static u8 code[FUNCTIONS][SIZE] __attribute__((aligned(4096)));

static void make(u8 *at, u32 *state) {
  at = emit32(emit32(at, 0x0424448b), 0xb9 | (u32)TURNS << 8); /* mov eax, [esp + 4]; mov ecx, TURNS */
  at = emit8(at, TURNS >> 24);
  u8 *loop = at;
  for (u32 k = 0; k < 4; k++) at = emit_constant_operation(at, next_random(state) >> 5, next_random(state));
  at = emit8(emit8(emit8(at, 0x49), 0x75), (u8)(loop - at - 3)); /* dec ecx; jnz loop */
  emit8(at, 0xc3);
}

u32 kernel(void) {
  u32 sum = 0, state = 9;
  for (u32 k = 0; k < FUNCTIONS; k++) {
    make(code[k], &state);
    sum = ((function *volatile)code[k])(sum);
    if ((k + 1) % (FUNCTIONS / 10) == 0) lap();
  }
  return sum;
}
