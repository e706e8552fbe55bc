/* A product of matrices of floats: loads, FMUL, FADD, stores that round. */
#include "../kernel.h"

enum { N = 96 };
static float a[N][N], b[N][N], c[N][N];

u32 kernel(void) {
  u32 state = 23;
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) {
      a[i][j] = (float)(int)next_random(&state) / 4e9f;
      b[i][j] = (float)(int)next_random(&state) / 4e9f;
    }
  }
  for (int round = 0; round < COUNT; round++) {
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        float sum = 0;
        for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
        c[i][j] = sum;
      }
    }
    for (int i = 0; i < N; i++) a[i][round % N] = c[round % N][i] / 8;
  }
  return fold(0, c, sizeof c);
}
