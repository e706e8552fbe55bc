/* FUNCTIONS new functions of 24 instructions, each called three times. */
#include "code.h"

enum { SIZE = 128 };
static u8 code[FUNCTIONS][SIZE] __attribute__((aligned(4096)));

static void make(u8 *at, u32 *state) {
  at = emit32(at, 0x0424448b); /* mov eax, [esp + 4] */
  for (u32 k = 0; k < 22; k++) at = emit_constant_operation(at, next_random(state) >> 5, next_random(state));
  emit8(at, 0xc3);
}

u32 kernel(void) {
  u32 sum = 0, state = 7;
  for (u32 k = 0; k < FUNCTIONS; k++) {
    make(code[k], &state);
    for (u32 call = 0; call < 3; call++) sum = ((function *volatile)code[k])(sum);
  }
  return sum;
}
