/* GDT, IDT, task segment, page tables (SDM volume 3, sections 3.4.5, 6.11, 7.2.1 and 4.3) and the interrupt controllers. */
#include "system.h"

struct __attribute__((packed)) table_register { u16 limit; u32 base; };

u32 page_directory[1024] __attribute__((aligned(4096))), page_tables[MAPPED_TABLES * 1024] __attribute__((aligned(4096)));
u32 task[26];
static u64 gdt[6] = { 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00cffa000000ffff, 0x00cff2000000ffff, 0 };
static u64 idt[256];
void leave_ring_3(void);

void set_gate(u32 vector, void (*handler)(void), u32 ring) {
  u32 at = (u32)handler;
  idt[vector] = (u64)(at & 0xffff0000 | 0x8e00 | ring << 13) << 32 | KERNEL_CODE << 16 | at & 0xffff;
}

static void load_segments(void) {
  u32 base = (u32)task;
  struct table_register gdtr = { sizeof gdt - 1, (u32)gdt }, idtr = { sizeof idt - 1, (u32)idt };
  task[2] = KERNEL_DATA; /* SS0; ESP0 is set on the way to ring 3 */
  task[25] = sizeof task << 16; /* no I/O map */
  gdt[TASK >> 3] = (u64)(base & 0xff000000 | 0x8900 | base >> 16 & 0xff) << 32 | (u64)(base << 16) | (sizeof task - 1);
  __asm__ volatile("lgdt %0\n\tlidt %1\n\tljmp %2, $1f\n1:\n\tmovl %3, %%ds\n\tmovl %3, %%es\n\tmovl %3, %%ss\n\tmovl %3, %%fs\n\tmovl %3, %%gs"
                   : : "m"(gdtr), "m"(idtr), "i"(KERNEL_CODE), "r"(KERNEL_DATA) : "memory");
  __asm__ volatile("ltr %w0" : : "r"(TASK));
}

static void start_paging(void) {
  for (u32 k = 0; k < MAPPED_TABLES * 1024; k++) page_tables[k] = k << 12 | PRESENT | WRITABLE | USER;
  for (u32 k = 0; k < MAPPED_TABLES; k++) page_directory[k] = (u32)(page_tables + k * 1024) | PRESENT | WRITABLE | USER;
  __asm__ volatile("movl %0, %%cr3\n\tmovl %1, %%cr0" : : "r"(page_directory), "r"(0x80010033) : "memory"); /* PG WP NE ET MP PE */
}

void start_interrupts(u32 unmasked) {
  static const u8 words[][2] = { { 0x20, 0x11 }, { 0xa0, 0x11 }, { 0x21, 0x20 }, { 0xa1, 0x28 }, { 0x21, 4 }, { 0xa1, 2 }, { 0x21, 1 }, { 0xa1, 1 } };
  for (u32 k = 0; k < sizeof words / 2; k++) out8(words[k][0], words[k][1]);
  out8(0x21, (u8)~unmasked);
  out8(0xa1, (u8)(~unmasked >> 8));
}

void start_system(void) {
  load_segments();
  start_paging();
  start_interrupts(0);
  set_gate(0x30, leave_ring_3, 3);
  __asm__ volatile("fninit");
}
