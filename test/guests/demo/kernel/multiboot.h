// What the boot loader says about the machine (Multiboot Specification 0.6.96, section 3.3).
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { MULTIBOOT_MAGIC = 0x2badb002, MULTIBOOT_MEMORY = 1 << 0, MULTIBOOT_CMDLINE = 1 << 2, MULTIBOOT_MAP = 1 << 6 };

struct multiboot_info {
  uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
};

struct multiboot_range {
  uint32_t size;  // of what follows
  uint64_t base, length;
  uint32_t type;  // 1 = RAM
} __attribute__((packed));

// Whether `option` is a word of the command line.
bool command_line_has(const struct multiboot_info *info, const char *option);
