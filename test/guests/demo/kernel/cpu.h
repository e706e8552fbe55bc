// The instructions that C has no words for, one function each, and the bits they work on (SDM volume 3, chapter 2).
#pragma once
#include <stdint.h>

enum { CF = 1 << 0, ZF = 1 << 6, SF = 1 << 7, TF = 1 << 8, IF = 1 << 9, DF = 1 << 10, OF = 1 << 11 };
enum { NT = 1 << 14, RF = 1 << 16, VM = 1 << 17, AC = 1 << 18 };
enum { FLAGS_FIXED = 1 << 1, IOPL_SHIFT = 12, IOPL3 = 3 << IOPL_SHIFT };

enum { CR0_PE = 1 << 0, CR0_MP = 1 << 1, CR0_EM = 1 << 2, CR0_TS = 1 << 3, CR0_NE = 1 << 5, CR0_WP = 1 << 16, CR0_AM = 1 << 18 };
#define CR0_PG 0x80000000u
enum { CR4_VME = 1 << 0, CR4_TSD = 1 << 2, CR4_PSE = 1 << 4, CR4_PGE = 1 << 7 };

enum { DE = 0, DB = 1, BP = 3, OF_TRAP = 4, BR = 5, UD = 6, NM = 7, DOUBLE_FAULT = 8, TS = 10, NP = 11, SS = 12, GP = 13, PF = 14, MF = 16 };
enum { AC_FAULT = 17 };

// What the processor stores for LGDT and LIDT.
struct table_register {
  uint16_t limit;
  uint32_t base;
} __attribute__((packed));

static inline void outb(uint16_t port, uint8_t value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline uint8_t inb(uint16_t port) {
  uint8_t value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

#define CONTROL_REGISTER(name)                                                                     \
  static inline uint32_t read_##name(void) {                                                       \
    uint32_t value;                                                                                \
    asm volatile("mov %%" #name ", %0" : "=r"(value));                                             \
    return value;                                                                                  \
  }                                                                                                \
  static inline void write_##name(uint32_t value) { asm volatile("mov %0, %%" #name : : "r"(value) : "memory"); }

CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)
CONTROL_REGISTER(dr0)
CONTROL_REGISTER(dr1)
CONTROL_REGISTER(dr6)
CONTROL_REGISTER(dr7)

static inline void invlpg(uint32_t linear) { asm volatile("invlpg (%0)" : : "r"(linear) : "memory"); }
static inline void clts(void) { asm volatile("clts"); }
static inline void lgdt(const struct table_register *table) { asm volatile("lgdt %0" : : "m"(*table)); }
static inline void lidt(const struct table_register *table) { asm volatile("lidt %0" : : "m"(*table)); }
static inline struct table_register sgdt(void) {
  struct table_register table;
  asm volatile("sgdt %0" : "=m"(table));
  return table;
}
static inline struct table_register sidt(void) {
  struct table_register table;
  asm volatile("sidt %0" : "=m"(table));
  return table;
}
static inline void lldt(uint16_t selector) { asm volatile("lldt %0" : : "r"(selector)); }
static inline void ltr(uint16_t selector) { asm volatile("ltr %0" : : "r"(selector)); }
static inline uint16_t sldt(void) {
  uint16_t selector;
  asm volatile("sldt %0" : "=r"(selector));
  return selector;
}
static inline uint16_t str(void) {
  uint16_t selector;
  asm volatile("str %0" : "=r"(selector));
  return selector;
}

static inline uint32_t read_flags(void) {
  uint32_t flags;
  asm volatile("pushf; pop %0" : "=r"(flags));
  return flags;
}
static inline void write_flags(uint32_t flags) { asm volatile("push %0; popf" : : "r"(flags) : "cc", "memory"); }

static inline uint64_t rdtsc(void) {
  uint32_t low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

struct cpuid {
  uint32_t eax, ebx, ecx, edx;
};
static inline struct cpuid cpuid(uint32_t leaf) {
  struct cpuid r;
  asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(0));
  return r;
}
enum { CPUID_FPU = 1 << 0, CPUID_PSE = 1 << 3, CPUID_TSC = 1 << 4, CPUID_CX8 = 1 << 8, CPUID_PGE = 1 << 13, CPUID_CMOV = 1 << 15 };
