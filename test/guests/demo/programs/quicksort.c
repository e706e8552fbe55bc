// Quicksort with the comparison behind a pointer, as qsort has it.
#include "programs.h"

enum { COUNT = 8192 };

typedef int comparison(const void *, const void *);

static uint32_t values[COUNT];

static int upwards(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}
static int by_low_half(const void *a, const void *b) { return (int)(*(const uint32_t *)a & 0xffff) - (int)(*(const uint32_t *)b & 0xffff); }

static void swap(uint32_t *a, uint32_t *b) {
  uint32_t t = *a;
  *a = *b;
  *b = t;
}

static void sort(uint32_t *first, uint32_t *last, comparison *compare) {
  while (first < last) {
    uint32_t *i = first, *j = last, pivot = first[(last - first) / 2];
    while (i <= j) {
      while (compare(i, &pivot) < 0) i++;
      while (compare(j, &pivot) > 0) j--;
      if (i <= j) swap(i++, j--);
    }
    if (j - first < last - i) {
      sort(first, j, compare);
      first = i;
    } else {
      sort(i, last, compare);
      last = j;
    }
  }
}

uint32_t quicksort(uint32_t rounds) {
  static comparison *const orders[] = {upwards, by_low_half};
  uint32_t seed = 4, sum = 0;
  for (uint32_t round = 0; round < rounds; round++) {
    comparison *order = orders[round % 2];
    for (unsigned k = 0; k < COUNT; k++) values[k] = random_next(&seed);
    sort(values, values + COUNT - 1, order);
    for (unsigned k = 1; k < COUNT; k++) {
      if (order(&values[k - 1], &values[k]) > 0) return 0;
    }
    sum = sum * 31 + (values[COUNT / 2] & (round % 2 ? 0xffff : ~0u));
  }
  return sum;
}
