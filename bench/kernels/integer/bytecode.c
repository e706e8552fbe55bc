/* A stack machine in a switch: an indirect jump through a table for each bytecode. */
#include "../kernel.h"

enum { PUSH, ADD, SUB, MUL, XOR, DUP, SWAP, DROP, LOAD, STORE, LOOP, STOP };
static const u8 program[] = {
  PUSH, 1, STORE, 0, PUSH, 7, LOAD, 0, MUL, PUSH, 3, ADD, DUP, STORE, 0, LOAD, 1, XOR, PUSH, 5, SWAP, SUB, STORE, 1, LOAD, 0, DROP, LOOP, 4, STOP,
};

u32 kernel(void) {
  u32 stack[16] = { 0 }, variables[4] = { 0 }, top = 0, count = 7000000;
  for (const u8 *pc = program;;) {
    switch (*pc++) {
      case PUSH: stack[top++] = *pc++; break;
      case ADD: top--; stack[top - 1] += stack[top]; break;
      case SUB: top--; stack[top - 1] -= stack[top]; break;
      case MUL: top--; stack[top - 1] *= stack[top]; break;
      case XOR: top--; stack[top - 1] ^= stack[top]; break;
      case DUP: stack[top] = stack[top - 1]; top++; break;
      case SWAP: { u32 kept = stack[top - 1]; stack[top - 1] = stack[top - 2]; stack[top - 2] = kept; break; }
      case DROP: top--; break;
      case LOAD: stack[top++] = variables[*pc++ & 3]; break;
      case STORE: variables[*pc++ & 3] = stack[--top]; break;
      case LOOP: if (--count) pc = program + *pc; else pc++; break;
      default: return variables[0] ^ variables[1];
    }
    if (top > 12) return 0;
  }
}
