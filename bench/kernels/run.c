/* Frames a kernel with the two lines between which it is timed. */
#include "kernel.h"

void put_byte(u32 byte);

static void put_text(const char *text) {
  while (*text) put_byte((u8)*text++);
}

static void put_hex(u32 value) {
  for (int shift = 28; shift >= 0; shift -= 4) put_byte("0123456789abcdef"[value >> shift & 15]);
}

void run(void) {
  put_text("begin\n");
  u32 checksum = kernel();
  put_text("checksum ");
  put_hex(checksum);
  put_text(" done\n");
}

void lap(void) { put_text("lap\n"); }

/* gcc may call these for loops and structures that it recognises. */
void *memcpy(void *to, const void *from, u32 bytes) {
  u8 *t = to;
  const u8 *f = from;
  while (bytes--) *t++ = *f++;
  return to;
}

void *memset(void *to, int value, u32 bytes) {
  u8 *t = to;
  while (bytes--) *t++ = (u8)value;
  return to;
}
