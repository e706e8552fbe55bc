/* Writes machine code. */
#ifndef CODE_H
#define CODE_H
#include "../kernel.h"

typedef u32 function(u32 argument);

static inline u8 *emit8(u8 *at, u8 value) {
  *at = value;
  return at + 1;
}

static inline u8 *emit32(u8 *at, u32 value) {
  *(u32 *)at = value;
  return at + 4;
}

/* ADD, XOR or SUB of EAX and a constant. */
static inline u8 *emit_constant_operation(u8 *at, u32 choice, u32 constant) {
  static const u8 opcodes[4] = { 0x05, 0x35, 0x2d, 0x35 };
  return emit32(emit8(at, opcodes[choice & 3]), constant);
}

#endif
