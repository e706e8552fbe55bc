// Products of integer matrices.
#include "programs.h"

enum { N = 64 };

static int32_t a[N][N], b[N][N], product[N][N];

static void multiply(void) {
  for (unsigned i = 0; i < N; i++) {
    for (unsigned j = 0; j < N; j++) {
      int32_t sum = 0;
      for (unsigned k = 0; k < N; k++) sum += a[i][k] * b[k][j];
      product[i][j] = sum;
    }
  }
}

uint32_t matrix(uint32_t rounds) {
  uint32_t seed = 3, trace = 0;
  for (unsigned i = 0; i < N; i++) {
    for (unsigned j = 0; j < N; j++) {
      a[i][j] = (int32_t)random_next(&seed) >> 16;
      b[i][j] = (int32_t)random_next(&seed) >> 16;
    }
  }
  while (rounds-- > 0) {
    multiply();
    for (unsigned i = 0; i < N; i++) {
      trace = trace * 33 + (uint32_t)product[i][i];
      for (unsigned j = 0; j < N; j++) a[i][j] = product[j][i] >> 12;
    }
  }
  return trace;
}
