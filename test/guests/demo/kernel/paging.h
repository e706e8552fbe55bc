// Page tables of 4 KiB and 4 MiB pages, and the page frames behind them (SDM volume 3, chapter 4).
#pragma once
#include <stdint.h>

enum {
  PTE_PRESENT = 1 << 0,
  PTE_WRITABLE = 1 << 1,
  PTE_USER = 1 << 2,
  PTE_ACCESSED = 1 << 5,
  PTE_DIRTY = 1 << 6,
  PDE_LARGE = 1 << 7,
  PTE_GLOBAL = 1 << 8,
  // The bits 9 to 11 belong to the kernel.
  PTE_COPY_ON_WRITE = 1 << 9,
};
// Bits of a page fault's error code.
enum { FAULT_PROTECTION = 1 << 0, FAULT_WRITE = 1 << 1, FAULT_USER = 1 << 2 };

enum { PAGE = 4096, LARGE_PAGE = 4 << 20, KERNEL_SPACE = 64 << 20 };

extern uint32_t kernel_directory[1024];

// Maps the first 64 MiB one to one (4 KiB pages up to 4 MiB, then 4 MiB pages), supervisor only but for the trials'
// pages, and switches paging on. Frames up to `memory_end` can then be had.
void paging_init(uint32_t memory_end);

// The entry for a linear address; its table is made if there is none. Volatile: the processor
// writes it too, and an access through the page is not seen by the compiler to depend on it.
volatile uint32_t *page_entry(uint32_t *directory, uint32_t linear);

// Writes an entry of the kernel's directory and invalidates the page.
void page_map(uint32_t linear, uint32_t value);

// A page frame of zeros; its physical address is also its linear one in the kernel.
uint32_t frame_new(void);
// One more page table entry names the frame.
void frame_share(uint32_t frame);
// One less; the last one frees it.
void frame_drop(uint32_t frame);
unsigned frame_users(uint32_t frame);
unsigned frames_in_use(void);

// A directory with the kernel's half, and what is given back when it goes.
uint32_t *directory_new(void);
void directory_drop(uint32_t *directory);
