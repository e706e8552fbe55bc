#include "address_space.h"
#include "abi.h"
#include "cpu.h"
#include "memory.h"
#include "paging.h"
#include "process.h"

// The first words of the program image (programs/start.S). Text and data begin on pages of their own.
extern const struct {
  uint8_t jump[16];
  uint32_t data_begin, bss_begin, bss_end;
} programs_image;

static uint32_t page_of(uint32_t linear) { return linear & ~(PAGE - 1u); }

static bool fill_in(volatile uint32_t *entry, uint32_t linear) {
  const uint32_t image = (uint32_t)&programs_image + (page_of(linear) - IMAGE_BASE);
  if (linear >= IMAGE_BASE && linear < programs_image.data_begin) {
    *entry = image | PTE_PRESENT | PTE_USER;
  } else if (linear >= IMAGE_BASE && linear < programs_image.bss_begin) {
    *entry = image | PTE_PRESENT | PTE_USER | PTE_COPY_ON_WRITE;
  } else if ((linear >= IMAGE_BASE && linear < programs_image.bss_end) || (linear >= USER_STACK_TOP - USER_STACK_SIZE && linear < USER_STACK_TOP)) {
    *entry = frame_new() | PTE_PRESENT | PTE_USER | PTE_WRITABLE;
    process_counts.demand_zero++;
    return true;
  } else {
    return false;
  }
  process_counts.demand_image++;
  return true;
}

static void make_writable(volatile uint32_t *entry, uint32_t linear) {
  uint32_t frame = page_of(*entry);
  if (frame_users(frame) == 1) {
    process_counts.taken_over++;
  } else {
    uint32_t copy = frame_new();
    memcpy((void *)copy, (const void *)frame, PAGE);
    frame_drop(frame);
    frame = copy;
    process_counts.copied++;
  }
  *entry = frame | PTE_PRESENT | PTE_USER | PTE_WRITABLE;
  invlpg(linear);
}

bool address_space_fault(uint32_t *directory, uint32_t linear, uint32_t error) {
  if (linear < IMAGE_BASE || linear >= USER_STACK_TOP) return false;
  volatile uint32_t *entry = page_entry(directory, linear);
  if ((error & FAULT_PROTECTION) == 0) return fill_in(entry, linear);
  if ((error & FAULT_WRITE) == 0 || (*entry & PTE_COPY_ON_WRITE) == 0) return false;
  make_writable(entry, linear);
  return true;
}

static void share_table(uint32_t *from, uint32_t *to) {
  for (unsigned k = 0; k < PAGE / 4; k++) {
    if ((from[k] & PTE_PRESENT) == 0) continue;
    if (from[k] & PTE_WRITABLE) from[k] = (from[k] & ~(uint32_t)PTE_WRITABLE) | PTE_COPY_ON_WRITE;
    to[k] = from[k];
    frame_share(page_of(from[k]));
  }
}

uint32_t *address_space_copy(uint32_t *directory) {
  uint32_t *copy = directory_new();
  for (unsigned d = KERNEL_SPACE / LARGE_PAGE; d < 1024; d++) {
    if ((directory[d] & PTE_PRESENT) == 0) continue;
    copy[d] = frame_new() | (directory[d] & (PAGE - 1u));
    share_table((uint32_t *)page_of(directory[d]), (uint32_t *)page_of(copy[d]));
  }
  write_cr3(read_cr3());  // the pages that were writable are no longer
  return copy;
}
