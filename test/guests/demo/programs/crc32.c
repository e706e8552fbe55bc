// CRC-32 (IEEE 802.3) by table, byte by byte.
#include "programs.h"

enum { SIZE = 256 * 1024 };

static uint32_t table[256];
static uint8_t data[SIZE];

static void make_table(void) {
  for (uint32_t n = 0; n < 256; n++) {
    uint32_t c = n;
    for (unsigned bit = 0; bit < 8; bit++) c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
    table[n] = c;
  }
}

static uint32_t crc_of(const uint8_t *bytes, uint32_t size) {
  uint32_t crc = ~0u;
  while (size-- > 0) crc = table[(crc ^ *bytes++) & 0xff] ^ crc >> 8;
  return ~crc;
}

uint32_t crc32(uint32_t rounds) {
  make_table();
  if (crc_of((const uint8_t *)"123456789", 9) != 0xcbf43926) return 0;
  uint32_t seed = 2, crc = 0;
  for (uint32_t k = 0; k < SIZE; k++) data[k] = (uint8_t)(random_next(&seed) >> 24);
  while (rounds-- > 0) {
    crc = crc_of(data, SIZE);
    data[crc % SIZE]++;
  }
  return crc;
}
