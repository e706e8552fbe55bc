/* Sorting with a comparison called by pointer: indirect calls and unpredictable branches. */
#include "../kernel.h"

enum { COUNT = 200000 };
static u32 values[COUNT];

static int ascending(const u32 *x, const u32 *y) { return *x < *y ? -1 : *x > *y; }
int (*volatile order)(const u32 *, const u32 *) = ascending;

static void swap(u32 *x, u32 *y) { u32 z = *x; *x = *y; *y = z; }

static void sort(u32 *first, u32 *last, int (*compare)(const u32 *, const u32 *)) {
  while (first < last) {
    u32 pivot = first[(last - first) / 2], *i = first, *j = last;
    while (i <= j) {
      while (compare(i, &pivot) < 0) i++;
      while (compare(j, &pivot) > 0) j--;
      if (i <= j) swap(i++, j--);
    }
    sort(first, j, compare);
    first = i;
  }
}

u32 kernel(void) {
  u32 state = 99, sum = 0;
  for (u32 pass = 0; pass < 8; pass++) {
    for (u32 k = 0; k < COUNT; k++) values[k] = next_random(&state);
    sort(values, values + COUNT - 1, order);
    for (u32 k = 0; k < COUNT; k += 997) sum = sum * 33 + values[k];
  }
  return sum;
}
