/* Ring 3 walks over pages that are absent: each access faults, the handler maps the page and takes away the one before. */
#include "../guest/system.h"

static u32 pages[64][1024] __attribute__((aligned(4096)));
static u32 *mapped, faults;

__attribute__((used)) static void map(u32 address) {
  u32 *entry = page_tables + (address >> 12);
  *entry |= PRESENT;
  if (mapped) {
    *mapped &= ~PRESENT;
    invalidate((void *)(mapped - page_tables << 12));
  }
  mapped = entry;
  faults++;
}

__attribute__((naked)) static void page_fault(void) {
  __asm__("pushal\n\tpushl %ds\n\tpushl %es\n\tmovl $0x10, %eax\n\tmovl %eax, %ds\n\tmovl %eax, %es\n\tmovl %cr2, %eax\n\tpushl %eax\n\tcall map\n\t"
          "addl $4, %esp\n\tpopl %es\n\tpopl %ds\n\tpopal\n\taddl $4, %esp\n\tiret");
}

static u32 user(void) {
  u32 sum = 0;
  for (u32 k = 0; k < COUNT; k++) {
    volatile u32 *word = &pages[k & 63][k >> 6 & 1023];
    sum += *word ^ sum << 1;
    *word = sum ^ k;
  }
  return sum;
}

u32 kernel(void) {
  set_gate(14, page_fault, 0);
  for (u32 k = 0; k < 64; k++) {
    page_tables[(u32)pages[k] >> 12] &= ~PRESENT;
    invalidate(pages[k]);
  }
  return call_in_ring_3(user) ^ faults;
}
