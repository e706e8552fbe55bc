/* Table-driven CRC-32: one dependent table load for each byte. */
#include "../kernel.h"

static u32 table[256];
static u8 data[65536];

u32 kernel(void) {
  u32 state = 1, crc = ~0u;
  for (u32 k = 0; k < 256; k++) {
    u32 c = k;
    for (int bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
    table[k] = c;
  }
  for (u32 k = 0; k < sizeof data; k++) data[k] = (u8)next_random(&state);
  for (u32 pass = 0; pass < 1500; pass++) {
    for (u32 k = 0; k < sizeof data; k++) crc = table[(crc ^ data[k]) & 255] ^ crc >> 8;
  }
  return ~crc;
}
