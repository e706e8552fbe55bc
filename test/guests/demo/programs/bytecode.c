// A stack machine whose loop is a jump through a table.
#include "programs.h"

enum opcode { PUSH, LOAD, STORE, ADD, SUBTRACT, MULTIPLY, AND, SHIFT_RIGHT, EXCLUSIVE_OR, DUPLICATE, SWAP, JUMP, JUMP_IF_ZERO, LESS, HALT };

// Collatz: for n from 1 to below the limit, the steps down to 1, all added up, and a hash of the sums on the way.
enum variable { N, X, STEPS, HASH, LIMIT, VARIABLES };
static const uint8_t collatz[] = {
  PUSH, 1, STORE, N,  // 0
  LOAD, N, LOAD, LIMIT, LESS, JUMP_IF_ZERO, 69,  // 4, next_number
  LOAD, N, STORE, X,  // 11
  LOAD, X, PUSH, 1, EXCLUSIVE_OR, JUMP_IF_ZERO, 50,  // 15, next_step
  LOAD, STEPS, PUSH, 1, ADD, STORE, STEPS,  // 22
  LOAD, X, DUPLICATE, PUSH, 1, AND, JUMP_IF_ZERO, 43,  // 29
  PUSH, 3, MULTIPLY, PUSH, 1, ADD,  // 37, odd: 3n + 1
  PUSH, 1, SHIFT_RIGHT, STORE, X, JUMP, 15,  // 43, even: n / 2, and so is 3n + 1
  LOAD, HASH, PUSH, 31, MULTIPLY, LOAD, STEPS, EXCLUSIVE_OR, STORE, HASH,  // 50, reached
  LOAD, N, PUSH, 1, ADD, STORE, N, JUMP, 4,  // 60
  HALT,  // 69, done
};

static uint32_t variables[VARIABLES], stack[32];

// Runs to HALT; returns how many instructions that took.
static uint32_t run(const uint8_t *code, uint32_t at) {
  uint32_t *top = stack, count = 0;
  for (;; count++) {
    switch ((enum opcode)code[at++]) {
      case PUSH: *++top = code[at++]; break;
      case LOAD: *++top = variables[code[at++]]; break;
      case STORE: variables[code[at++]] = *top--; break;
      case ADD: top--, *top += top[1]; break;
      case SUBTRACT: top--, *top -= top[1]; break;
      case MULTIPLY: top--, *top *= top[1]; break;
      case AND: top--, *top &= top[1]; break;
      case SHIFT_RIGHT: top--, *top >>= top[1] & 31; break;
      case EXCLUSIVE_OR: top--, *top ^= top[1]; break;
      case DUPLICATE: top++, *top = top[-1]; break;
      case SWAP: {
        uint32_t t = *top;
        *top = top[-1], top[-1] = t;
        break;
      }
      case JUMP: at = code[at]; break;
      case JUMP_IF_ZERO: at = *top-- == 0 ? code[at] : at + 1; break;
      case LESS: top--, *top = *top < top[1]; break;
      case HALT: return count;
    }
  }
}

uint32_t bytecode(uint32_t rounds) {
  uint32_t count = 0;
  variables[STEPS] = variables[HASH] = 0;
  while (rounds-- > 0) {
    variables[LIMIT] = 100 + rounds % 7;
    count += run(collatz, 0);
  }
  return variables[HASH] ^ count;
}
