// The interrupt descriptor table, and what becomes of an interrupt (SDM volume 3, chapter 6).
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { IRQ_BASE = 0x20, SYSTEM_CALL = 0x80, DONE = 0x81, VECTORS = 0x90 };

// What lies on the stack in a handler, as vectors.S pushes it.
struct frame {
  uint32_t gs, fs, es, ds;
  uint32_t edi, esi, ebp, esp_here, ebx, edx, ecx, eax;
  uint32_t vector, error;
  uint32_t eip, cs, eflags;
  uint32_t esp, ss;                                  // only where the ring changed
  uint32_t v86_es, v86_ds, v86_fs, v86_gs;           // only from virtual-8086 mode
};
static inline unsigned ring_of(const struct frame *f) { return f->eflags & 1 << 17 ? 3 : f->cs & 3; }

// Returns the frame to go on with, or 0 where this interrupt is not for this handler.
typedef struct frame *(*handler)(struct frame *);

void interrupts_init(void);

// Installs a handler and returns the one before.
handler handle(uint8_t vector, handler h);

// Rewrites an IDT entry: type 0xe interrupt gate, 0xf trap gate, 5 task gate (then `entry` counts for nothing).
void set_gate(uint8_t vector, uint16_t selector, const void *entry, uint8_t dpl, uint8_t type, bool present);

// The entry of vectors.S for a vector.
const void *vector_entry(uint8_t vector);
