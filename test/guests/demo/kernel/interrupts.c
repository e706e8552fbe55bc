#include "interrupts.h"
#include "cpu.h"
#include "power.h"
#include "print.h"
#include "segments.h"
#include "trial.h"

extern const uint8_t vectors[];

static uint64_t idt[VECTORS] __attribute__((aligned(8)));
static handler handlers[VECTORS];

const void *vector_entry(uint8_t vector) { return vectors + 16 * vector; }

void set_gate(uint8_t vector, uint16_t selector, const void *entry, uint8_t dpl, uint8_t type, bool present) {
  uint32_t offset = (uint32_t)entry;
  uint32_t high = (offset & 0xffff0000) | (uint32_t)present << 15 | (uint32_t)dpl << 13 | (uint32_t)type << 8;
  idt[vector] = (uint64_t)high << 32 | (uint32_t)selector << 16 | (offset & 0xffff);
}

handler handle(uint8_t vector, handler h) {
  handler before = handlers[vector];
  handlers[vector] = h;
  return before;
}

static void panic(const struct frame *f) {
  print("\nunexpected interrupt %x error %x at %x:%x flags %x cr2 %x\n", f->vector, f->error, f->cs, f->eip, f->eflags, read_cr2());
  power_off();
}

struct frame *trap(struct frame *f) {
  if (handlers[f->vector] != 0) {
    struct frame *next = handlers[f->vector](f);
    if (next != 0) return next;
  }
  trial_ends(f);
  panic(f);
  return f;
}

void interrupts_init(void) {
  for (unsigned v = 0; v < VECTORS; v++) {
    bool for_users = v == BP || v == OF_TRAP || v == SYSTEM_CALL || v == DONE;
    set_gate((uint8_t)v, KERNEL_CODE, vector_entry((uint8_t)v), for_users ? 3 : 0, 0xe, true);
  }
  struct table_register table = {sizeof idt - 1, (uint32_t)idt};
  lidt(&table);
}
