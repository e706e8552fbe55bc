/* A kernel: does its work and answers a checksum that every engine must reach. */
#ifndef KERNEL_H
#define KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

u32 kernel(void);

/* Prints "lap": the runner takes the time and the memory of each. */
void lap(void);

void *memcpy(void *to, const void *from, u32 bytes);
void *memset(void *to, int value, u32 bytes);

/* A fixed pseudo-random sequence (xorshift32, Marsaglia 2003). */
static inline u32 next_random(u32 *state) {
  u32 x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

/* Takes a value into a checksum (FNV-1a's step on a whole word). */
static inline u32 mix(u32 checksum, u32 value) { return (checksum ^ value) * 16777619; }

/* Folds the raw bits of a result into a checksum. */
static inline u32 fold(u32 checksum, const void *bits, u32 bytes) {
  const u8 *b = bits;
  while (bytes--) checksum = mix(checksum, *b++);
  return checksum;
}

#endif
