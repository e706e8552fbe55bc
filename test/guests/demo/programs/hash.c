// A hash table with open addressing: insertion, look-up, deletion.
#include "programs.h"

enum { SLOTS = 16384, KEYS = 10000 };
enum { EMPTY = 0, DELETED = 0xffffffff };

static struct slot {
  uint32_t key, value;
} slots[SLOTS];

static uint32_t mix(uint32_t key) {
  key ^= key >> 16;
  key *= 0x7feb352d;
  key ^= key >> 15;
  key *= 0x846ca68b;
  return key ^ key >> 16;
}

static struct slot *find(uint32_t key) {
  for (uint32_t at = mix(key);; at++) {
    struct slot *s = &slots[at % SLOTS];
    if (s->key == key || s->key == EMPTY) return s;
  }
}

static void count(uint32_t key) {
  struct slot *s = find(key);
  s->key = key;
  s->value++;
}

uint32_t hash(uint32_t rounds) {
  uint32_t seed = 6, sum = 0;
  while (rounds-- > 0) {
    for (unsigned k = 0; k < SLOTS; k++) slots[k] = (struct slot){EMPTY, 0};
    const uint32_t start = seed;
    for (unsigned k = 0; k < KEYS; k++) count((random_next(&seed) >> 12) | 1u << 30);
    seed = start;
    for (unsigned k = 0; k < KEYS; k++) {
      struct slot *s = find((random_next(&seed) >> 12) | 1u << 30);
      sum = sum * 5 + s->value;
      if (k % 3 == 0) s->key = DELETED, s->value = 0;
    }
  }
  return sum;
}
