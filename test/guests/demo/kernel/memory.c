#include "memory.h"
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t size) {
  void *at = to;
  asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
  return to;
}

void *memmove(void *to, const void *from, size_t size) {
  if ((uint32_t)to - (uint32_t)from >= size) return memcpy(to, from, size);
  uint8_t *d = to;
  const uint8_t *s = from;
  while (size-- > 0) {
    d[size] = s[size];
    asm volatile("" : : : "memory");  // or gcc makes this loop a call of memmove
  }
  return to;
}

void *memset(void *to, int value, size_t size) {
  void *at = to;
  asm volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
  return to;
}

int memcmp(const void *a, const void *b, size_t size) {
  const uint8_t *x = a, *y = b;
  for (; size > 0; size--, x++, y++) {
    if (*x != *y) return *x - *y;
  }
  return 0;
}
