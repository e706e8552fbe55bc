/* Integer matrix product: a nest of three short loops, multiplications, strided loads. */
#include "../kernel.h"

enum { N = 160 };
static int a[N][N], b[N][N], c[N][N];

u32 kernel(void) {
  u32 state = 7, sum = 0;
  for (u32 i = 0; i < N; i++) for (u32 j = 0; j < N; j++) { a[i][j] = (int)next_random(&state); b[i][j] = (int)next_random(&state); }
  for (u32 pass = 0; pass < 64; pass++) {
    for (u32 i = 0; i < N; i++) {
      for (u32 j = 0; j < N; j++) {
        int dot = 0;
        for (u32 k = 0; k < N; k++) dot += a[i][k] * b[k][j];
        c[i][j] = dot;
      }
    }
    a[pass][pass] ^= c[pass][N - 1 - pass];
  }
  for (u32 i = 0; i < N; i++) for (u32 j = 0; j < N; j++) sum = sum * 31 + (u32)c[i][j];
  return sum;
}
