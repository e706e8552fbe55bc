#include "programs.h"

program *const programs[PROGRAMS] = {
  [PROGRAM_SIEVE] = sieve,         [PROGRAM_SHA256] = sha256,     [PROGRAM_CRC32] = crc32,       [PROGRAM_MATRIX] = matrix,
  [PROGRAM_QUICKSORT] = quicksort, [PROGRAM_STRINGS] = strings,   [PROGRAM_FIBONACCI] = fibonacci, [PROGRAM_BYTECODE] = bytecode,
  [PROGRAM_WIDE] = wide,           [PROGRAM_HASH] = hash,         [PROGRAM_COUNTER] = counter,   [PROGRAM_FORKER] = forker,
  [PROGRAM_FLOATING] = floating,   [PROGRAM_SLEEPER] = sleeper,   [PROGRAM_OFFENDER] = offender,
};
