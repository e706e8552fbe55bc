/* Escape times over a grid, in doubles: all in the register stack. */
#include "../kernel.h"

u32 kernel(void) {
  u32 sum = 0;
  for (int row = 0; row < COUNT; row++) {
    for (int column = 0; column < COUNT; column++) {
      double cx = column * 3.0 / COUNT - 2.1, cy = row * 2.4 / COUNT - 1.2, x = 0, y = 0;
      u32 turns = 0;
      while (turns < 200 && x * x + y * y < 4) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        turns++;
      }
      sum = fold(sum, &turns, 4);
      sum = fold(sum, &x, sizeof x);
    }
  }
  return sum;
}
