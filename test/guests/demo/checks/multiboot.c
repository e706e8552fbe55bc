// What the boot loader hands over: a magic number, a structure, a map of the memory.
#include "multiboot.h"
#include "chapters.h"
#include "check.h"
#include "cpu.h"

extern uint8_t kernel_end[];

struct map_summary {
  uint32_t low_end, high_end, ranges;
  bool ordered, sane;
};

static struct map_summary read_map(const struct multiboot_info *info) {
  struct map_summary map = {.ordered = true, .sane = true};
  uint64_t end = 0;
  for (uint32_t at = info->mmap_addr; at < info->mmap_addr + info->mmap_length;) {
    const struct multiboot_range *range = (const struct multiboot_range *)at;
    if (range->size < 20 || range->length == 0) map.sane = false;
    if (range->base < end) map.ordered = false;
    end = range->base + range->length;
    if (range->type == 1 && range->base == 0) map.low_end = (uint32_t)end;
    if (range->type == 1 && range->base == 0x100000) map.high_end = (uint32_t)end;
    map.ranges++;
    if (range->size > 1000) break;
    at += range->size + sizeof range->size;
  }
  return map;
}

void check_multiboot(uint32_t magic, const struct multiboot_info *info) {
  chapter("multiboot", "the loader's magic number, memory size and memory map");
  CHECK_EQUAL(magic, MULTIBOOT_MAGIC);
  CHECK((info->flags & MULTIBOOT_MEMORY) != 0);
  CHECK((info->flags & MULTIBOOT_MAP) != 0);
  CHECK(info->mem_lower >= 600 && info->mem_lower <= 640);
  CHECK(info->mem_upper >= 24 * 1024);

  struct map_summary map = read_map(info);
  CHECK(map.sane);
  CHECK(map.ordered);
  CHECK(map.ranges >= 2);
  CHECK(map.low_end >= 0x90000 && map.low_end <= 0xa0000);
  CHECK(map.high_end >= 24u << 20);
  CHECK(map.high_end / 1024 >= info->mem_upper);
  CHECK((uint32_t)kernel_end < 4u << 20);
  CHECK(read_cr0() & CR0_PE);
  CHECK_EQUAL(read_cr0() & CR0_PG, 0);
  CHECK_EQUAL(read_flags() & (IF | VM), 0);
}
