// The global descriptor table and the task state segments (SDM volume 3, chapters 3 and 8).
#pragma once
#include <stdint.h>

// Code and data of ring r, flat 4 GiB; the RPL is the ring's number.
#define CODE_SELECTOR(ring) ((0x08 + 0x10 * (ring)) | (ring))
#define DATA_SELECTOR(ring) ((0x10 + 0x10 * (ring)) | (ring))
enum {
  KERNEL_CODE = 0x08,
  KERNEL_DATA = 0x10,
  USER_CODE = 0x3b,
  USER_DATA = 0x43,
  MAIN_TSS = 0x48,
  DOUBLE_FAULT_TSS = 0x50,
  SECOND_TSS = 0x58,
  LDT_SELECTOR = 0x60,
  // What only the checks use.
  ABSENT_DATA = 0x68,
  CONFORMING_CODE = 0x70,
  EXECUTE_ONLY_CODE = 0x78,
  READ_ONLY_DATA = 0x80,
  SMALL_DATA = 0x88,
  CODE_16 = 0x90,
  DATA_16 = 0x98,
  GATE_TO_0 = 0xa0,
  GATE_TO_1 = 0xa8,
  GATE_TO_2 = 0xb0,
  GATE_ABSENT = 0xb8,
  GATE_INNER_ONLY = 0xc0,
  TASK_GATE = 0xc8,
  GATE_CONFORMING = 0xd0,
  SPARE = 0xd8,
  GDT_SIZE = 0xe0,
};

// Access bytes: P, DPL, S and type.
enum { PRESENT = 0x80, DPL3 = 0x60, CODE_READABLE = 0x1a, DATA_WRITABLE = 0x12, ACCESSED = 1 };
enum { TSS_AVAILABLE = 0x09, TSS_BUSY = 0x0b, LDT_TYPE = 0x02 };
// Flags nibble.
enum { PAGE_GRANULAR = 8, BITS_32 = 4 };

struct tss {
  uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
  uint32_t es, cs, ss, ds, fs, gs, ldt;
  uint16_t trap, io_map;
};

// The task state segment with an I/O permission bitmap: a bit that is set forbids its port.
struct tss_with_ports {
  struct tss tss;
  uint8_t ports[0x80 + 1];  // ports 0 to 3FFh, and the byte of ones that must follow
};

extern struct tss_with_ports main_tss;
extern struct tss second_tss, double_fault_tss;
extern uint64_t gdt[GDT_SIZE / 8], ldt[2];

uint64_t segment_descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags);
uint64_t call_gate(uint16_t selector, const void *entry, uint8_t dpl, uint8_t parameters);

void segments_init(void);
