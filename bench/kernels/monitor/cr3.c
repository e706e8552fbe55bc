/* A CR3 reload, then PAGES pages touched: what a context switch does to the TLB. */
#include "../guest/system.h"

static u32 pages[64][1024] __attribute__((aligned(4096)));

u32 kernel(void) {
  u32 sum = 0;
  for (u32 k = 0; k < COUNT; k++) {
    __asm__ volatile("movl %0, %%cr3" : : "r"(page_directory) : "memory");
    for (u32 page = 0; page < PAGES; page++) sum += pages[page][k & 1023] += k ^ page;
    sum = mix(sum, k);
  }
  return sum;
}
