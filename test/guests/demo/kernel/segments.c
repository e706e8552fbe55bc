#include "segments.h"
#include "cpu.h"

uint64_t gdt[GDT_SIZE / 8] __attribute__((aligned(8)));
uint64_t ldt[2] __attribute__((aligned(8)));
struct tss_with_ports main_tss;
struct tss second_tss, double_fault_tss;

uint64_t segment_descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags) {
  uint32_t low = (limit & 0xffff) | base << 16;
  uint32_t high = (base >> 16 & 0xff) | (uint32_t)access << 8 | (limit & 0xf0000) | (uint32_t)flags << 20 | (base & 0xff000000);
  return (uint64_t)high << 32 | low;
}

uint64_t call_gate(uint16_t selector, const void *entry, uint8_t dpl, uint8_t parameters) {
  uint32_t offset = (uint32_t)entry;
  uint32_t high = (offset & 0xffff0000) | PRESENT << 8 | (uint32_t)dpl << 13 | 0x0c00 | parameters;
  return (uint64_t)high << 32 | (uint32_t)selector << 16 | (offset & 0xffff);
}

static void describe(uint16_t selector, uint32_t base, uint32_t limit, uint8_t access, uint8_t flags) {
  gdt[selector / 8] = segment_descriptor(base, limit, access, flags);
}

static void describe_task(uint16_t selector, const void *tss, uint32_t size) {
  describe(selector, (uint32_t)tss, size - 1, PRESENT | TSS_AVAILABLE, 0);
}

static void load_segment_registers(void) {
  asm volatile(
    "ljmp %0, $1f\n"
    "1: mov %1, %%ds\n mov %1, %%es\n mov %1, %%fs\n mov %1, %%gs\n mov %1, %%ss"
    : : "i"(KERNEL_CODE), "r"(KERNEL_DATA) : "memory");
}

void segments_init(void) {
  for (unsigned ring = 0; ring < 4; ring++) {
    uint8_t access = (uint8_t)(PRESENT | ring << 5);
    describe((uint16_t)CODE_SELECTOR(ring), 0, 0xfffff, access | CODE_READABLE | ACCESSED, PAGE_GRANULAR | BITS_32);
    describe((uint16_t)DATA_SELECTOR(ring), 0, 0xfffff, access | DATA_WRITABLE, PAGE_GRANULAR | BITS_32);
  }
  describe_task(MAIN_TSS, &main_tss, sizeof main_tss);
  describe_task(SECOND_TSS, &second_tss, sizeof second_tss);
  describe_task(DOUBLE_FAULT_TSS, &double_fault_tss, sizeof double_fault_tss);
  describe(LDT_SELECTOR, (uint32_t)ldt, sizeof ldt - 1, PRESENT | LDT_TYPE, 0);
  ldt[1] = segment_descriptor(0, 0xfffff, PRESENT | DPL3 | DATA_WRITABLE, PAGE_GRANULAR | BITS_32);

  main_tss.tss.ss0 = KERNEL_DATA;
  main_tss.tss.io_map = sizeof(struct tss);
  for (unsigned k = 0; k < sizeof main_tss.ports; k++) main_tss.ports[k] = 0xff;

  struct table_register table = {sizeof gdt - 1, (uint32_t)gdt};
  lgdt(&table);
  load_segment_registers();
  lldt(LDT_SELECTOR);
  ltr(MAIN_TSS);
}
