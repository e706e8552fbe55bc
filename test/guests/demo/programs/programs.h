// Each program is a function: an argument in, a checksum out.
#pragma once
#include "abi.h"
#include <stdint.h>

typedef uint32_t program(uint32_t argument);
program sieve, sha256, crc32, matrix, quicksort, strings, fibonacci, bytecode, wide, hash;
program counter, forker, floating, sleeper, offender;

static inline uint32_t system_call(uint32_t number, uint32_t argument, uint32_t second) {
  uint32_t answer;
  asm volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(argument), "c"(second) : "memory");
  return answer;
}

// Numerical Recipes' linear congruential generator: the same data everywhere.
static inline uint32_t random_next(uint32_t *seed) { return *seed = *seed * 1664525u + 1013904223u; }
