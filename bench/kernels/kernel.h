/* A compute kernel: does its work and answers a checksum that every engine must reach. */
#ifndef KERNEL_H
#define KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

u32 kernel(void);

/* A fixed pseudo-random sequence (xorshift32, Marsaglia 2003). */
static inline u32 next_random(u32 *state) {
  u32 x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

#endif
