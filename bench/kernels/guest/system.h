/* The guest's processor tables, for kernels that work on them. */
#ifndef SYSTEM_H
#define SYSTEM_H
#include "../kernel.h"

enum { KERNEL_CODE = 0x08, KERNEL_DATA = 0x10, USER_CODE = 0x1b, USER_DATA = 0x23, TASK = 0x28 };
enum { PRESENT = 1, WRITABLE = 2, USER = 4 };
enum { MAPPED_TABLES = 16 }; /* 64 MiB, each page at its own address, for both rings */

extern u32 page_directory[1024], page_tables[MAPPED_TABLES * 1024];

/* An interrupt gate that rings up to `ring` may call with INT. */
void set_gate(u32 vector, void (*handler)(void), u32 ring);

/* Runs `function` in ring 3, without interrupts and I/O, and answers what it does. */
u32 call_in_ring_3(u32 (*function)(void));

/* Both 8259A: IRQ n is vector 20h + n; only those of `unmasked` come through. */
void start_interrupts(u32 unmasked);

static inline void out8(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static inline u8 in8(u16 port) {
  u8 value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline void invalidate(const void *page) { __asm__ volatile("invlpg (%0)" : : "r"(page) : "memory"); }

#endif
