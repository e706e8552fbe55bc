#include "paging.h"
#include "check.h"
#include "cpu.h"
#include "memory.h"
#include "power.h"
#include "print.h"

enum { FIRST_FRAME = 8 << 20, FRAMES = (KERNEL_SPACE - FIRST_FRAME) / PAGE };

uint32_t kernel_directory[1024] __attribute__((aligned(4096)));
static uint32_t low_table[1024] __attribute__((aligned(4096)));

static uint8_t users[FRAMES];
static unsigned frame_count, in_use, search_from;

extern uint8_t user_begin[], user_end[], user_data_begin[], user_data_end[];

unsigned frame_users(uint32_t frame) { return frame < FIRST_FRAME ? 0 : users[(frame - FIRST_FRAME) / PAGE]; }
unsigned frames_in_use(void) { return in_use; }

uint32_t frame_new(void) {
  for (unsigned tried = 0; tried < frame_count; tried++) {
    unsigned k = search_from++ % frame_count;
    if (users[k] != 0) continue;
    users[k] = 1;
    in_use++;
    return (uint32_t)memset((void *)(FIRST_FRAME + k * PAGE), 0, PAGE);
  }
  print("\nout of memory\n");
  power_off();
}

void frame_share(uint32_t frame) {
  if (frame >= FIRST_FRAME) users[(frame - FIRST_FRAME) / PAGE]++;
}

void frame_drop(uint32_t frame) {
  if (frame >= FIRST_FRAME && --users[(frame - FIRST_FRAME) / PAGE] == 0) in_use--;
}

volatile uint32_t *page_entry(uint32_t *directory, uint32_t linear) {
  uint32_t *entry = &directory[linear >> 22];
  if ((*entry & PTE_PRESENT) == 0) *entry = frame_new() | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
  uint32_t *table = (uint32_t *)(*entry & ~(PAGE - 1u));
  return &table[linear >> 12 & 1023];
}

void page_map(uint32_t linear, uint32_t value) {
  *page_entry(kernel_directory, linear) = value;
  invlpg(linear);
}

uint32_t *directory_new(void) {
  uint32_t *directory = (uint32_t *)frame_new();
  memcpy(directory, kernel_directory, KERNEL_SPACE / LARGE_PAGE * sizeof *directory);
  return directory;
}

void directory_drop(uint32_t *directory) {
  for (unsigned d = KERNEL_SPACE / LARGE_PAGE; d < 1024; d++) {
    if ((directory[d] & PTE_PRESENT) == 0) continue;
    uint32_t *table = (uint32_t *)(directory[d] & ~(PAGE - 1u));
    for (unsigned t = 0; t < 1024; t++) {
      if (table[t] & PTE_PRESENT) frame_drop(table[t] & ~(PAGE - 1u));
    }
    frame_drop((uint32_t)table);
  }
  frame_drop((uint32_t)directory);
}

static void open_to_users(const uint8_t *begin, const uint8_t *end) {
  for (uint32_t at = (uint32_t)begin; at < (uint32_t)end; at += PAGE) low_table[at / PAGE] |= PTE_USER;
}

void paging_init(uint32_t memory_end) {
  frame_count = ((memory_end < KERNEL_SPACE ? memory_end : KERNEL_SPACE) - FIRST_FRAME) / PAGE;
  uint32_t global = cpuid(1).edx & CPUID_PGE ? PTE_GLOBAL : 0;
  for (uint32_t k = 0; k < 1024; k++) low_table[k] = k * PAGE | PTE_PRESENT | PTE_WRITABLE | global;
  open_to_users(user_begin, user_end);
  open_to_users(user_data_begin, user_data_end);
  kernel_directory[0] = (uint32_t)low_table | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
  for (uint32_t k = 1; k < KERNEL_SPACE / LARGE_PAGE; k++) {
    kernel_directory[k] = k * LARGE_PAGE | PTE_PRESENT | PTE_WRITABLE | PDE_LARGE | global;
  }
  write_cr4(read_cr4() | CR4_PSE);
  write_cr3((uint32_t)kernel_directory);
  write_cr0(read_cr0() | CR0_PG | CR0_WP);
  if (global != 0) write_cr4(read_cr4() | CR4_PGE);  // after PG, as the manual asks (volume 3, 4.10.2.4)
}
