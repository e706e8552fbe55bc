// The sensitive instructions: they change the machine's resources, or behave as these say. Many do not trap in ring 3,
// which is why a processor like this one cannot be virtualized by trapping alone.
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "memory.h"
#include "segments.h"
#include "trial.h"

CODE(do_cli, "cli; pushf; pop %eax");
CODE(do_sti, "sti; pushf; pop %eax");
CODE(do_pushf, "pushf; pop %eax");
CODE(do_popf, "push %eax; popf; pushf; pop %eax; push $2; popf");
CODE(do_popfw, "pushw %ax; popfw; pushf; pop %eax; push $2; popf");
CODE(do_sgdt, "sub $8, %esp; sgdt (%esp); mov 2(%esp), %eax; add $8, %esp");
CODE(do_sidt, "sub $8, %esp; sidt (%esp); mov 2(%esp), %eax; add $8, %esp");
CODE(do_sldt, "sldt %eax");
CODE(do_str, "str %eax");
CODE(do_smsw, "smsw %ax; movzx %ax, %eax");
CODE(do_lmsw, "smsw %cx; or $8, %cx; lmsw %cx; mov %cr0, %eax; clts");
CODE(lmsw_keeps_pe, "xor %ecx, %ecx; smsw %cx; and $~1, %cx; lmsw %cx; mov %cr0, %eax; and $1, %eax");
CODE(do_clts, "clts");
CODE(do_hlt, "hlt");
CODE(do_lgdt, "lgdt (%eax)");
CODE(do_lidt, "lidt (%eax)");
CODE(do_lldt, "lldt %ax");
CODE(do_ltr, "ltr %ax");
CODE(do_invlpg, "invlpg (%esp)");
CODE(from_cr0, "mov %cr0, %eax");
CODE(from_cr2, "mov %cr2, %eax");
CODE(from_cr3, "mov %cr3, %eax");
CODE(from_cr4, "mov %cr4, %eax");
CODE(to_cr0, "mov %eax, %cr0");
CODE(to_cr2, "mov %eax, %cr2; mov %cr2, %eax");
CODE(to_cr3, "mov %eax, %cr3");
CODE(from_dr7, "mov %dr7, %eax");
CODE(to_dr0, "mov %eax, %dr0; mov %dr0, %eax");
CODE(do_lar, "mov %eax, %ecx; mov $-1, %eax; lar %ecx, %eax; jz 1f; mov $0, %eax; 1: and $0xf0ff00, %eax");  // bits 16 to 19 are undefined
CODE(do_lsl, "mov %eax, %ecx; mov $-1, %eax; lsl %ecx, %eax; jz 1f; mov $0xbad, %eax; 1:");
CODE(do_verr, "verr %ax; mov $0, %eax; setz %al");
CODE(do_verw, "verw %ax; mov $0, %eax; setz %al");
CODE(do_arpl, "mov $3, %ecx; arpl %cx, %ax; setz %cl; movzx %cl, %ecx; shl $16, %ecx; or %ecx, %eax");
CODE(do_rdtsc, "rdtsc; xor %eax, %eax");
CODE(do_cpuid, "mov $0, %eax; cpuid; cmp $1, %eax; mov $0, %eax; adc $0, %eax");
CODE(id_flag, "pushf; pop %eax; mov %eax, %ecx; xor $0x200000, %eax; push %eax; popf; pushf; pop %eax; push %ecx; popf; xor %ecx, %eax");

static void check_flag_instructions(void) {
  enum { BASE = FLAGS_FIXED };
  CHECK_RESULT(0, do_sti, 0, 0, BASE | IF);
  CHECK_RESULT(0, do_cli, IF, 0, BASE);
  CHECK_FAULT(3, do_cli, 0, 0, GP, 0, 0);
  CHECK_FAULT(3, do_sti, IF, 0, GP, 0, 0);
  CHECK_FAULT(3, do_sti, 2 << IOPL_SHIFT, 0, GP, 0, 0);
  CHECK_FAULT(2, do_sti, 1 << IOPL_SHIFT, 0, GP, 0, 0);
  CHECK_RESULT(2, do_sti, 2 << IOPL_SHIFT, 0, BASE | IF | 2 << IOPL_SHIFT);
  CHECK_RESULT(3, do_sti, IOPL3, 0, BASE | IF | IOPL3);
  CHECK_RESULT(3, do_cli, IOPL3 | IF, 0, BASE | IOPL3);
  CHECK_RESULT(3, do_pushf, CF, 0, BASE | CF);
  CHECK_RESULT(3, do_pushf, IF | IOPL3 | ZF, 0, BASE | IF | IOPL3 | ZF);

  // POPF in ring 3 changes IOPL never, IF only as IOPL allows, and does not say so.
  CHECK_RESULT(0, do_popf, 0, 0x202 | IOPL3 | NT | CF, BASE | IF | IOPL3 | NT | CF);
  CHECK_RESULT(3, do_popf, 0, 0x202 | IOPL3 | CF, BASE | CF);
  CHECK_RESULT(3, do_popf, IF, 2 | ZF, BASE | IF | ZF);
  CHECK_RESULT(3, do_popf, IF | IOPL3, 2, BASE | IOPL3);
  CHECK_RESULT(1, do_popf, 1 << IOPL_SHIFT, IF | IOPL3, BASE | IF | 1 << IOPL_SHIFT);
  CHECK_RESULT(0, do_popf, 0, 0xffc0802a & ~0x3f0000u, BASE);          // reserved bits stay as they are
  CHECK_RESULT(0, do_popf, 0, VM | RF, BASE);                          // and so does VM; RF reads as 0
  CHECK_RESULT(3, do_popfw, IF | IOPL3, 0x8d5 & ~TF, BASE | IOPL3 | 0x8d5);
  CHECK_RESULT(3, id_flag, 0, 0, 0x200000);
}

static void check_reading_tables(void) {
  for (unsigned ring = 0; ring < 4; ring += 3) {
    CHECK_RESULT(ring, do_sgdt, 0, 0, gdt);
    CHECK_RESULT(ring, do_sidt, 0, 0, sidt().base);
    CHECK_RESULT(ring, do_sldt, 0, 0, LDT_SELECTOR);
    CHECK_RESULT(ring, do_str, 0, 0, MAIN_TSS);
    CHECK_RESULT(ring, do_smsw, 0, 0, read_cr0() & 0xffff);
    CHECK_RESULT(ring, do_rdtsc, 0, 0, 0);
    CHECK_RESULT(ring, do_cpuid, 0, 0, 0);
  }
}

static void check_privileged(void) {
  for (unsigned ring = 1; ring < 4; ring++) {
    CHECK_FAULT(ring, do_hlt, 0, 0, GP, 0, 0);
    CHECK_FAULT(ring, do_clts, 0, 0, GP, 0, 0);
    CHECK_FAULT(ring, do_lgdt, 0, trial_stack(3), GP, 0, 0);
    CHECK_FAULT(ring, do_lidt, 0, trial_stack(3), GP, 0, 0);
    CHECK_FAULT(ring, do_lldt, 0, LDT_SELECTOR, GP, 0, 0);
    CHECK_FAULT(ring, do_ltr, 0, SECOND_TSS, GP, 0, 0);
    CHECK_FAULT(ring, do_invlpg, 0, 0, GP, 0, 0);
    CHECK_FAULT(ring, from_cr0, 0, 0, GP, 0, 0);
    CHECK_FAULT(ring, from_cr2, 0, 0, GP, 0, 0);
    CHECK_FAULT(ring, from_cr3, 0, 0, GP, 0, 0);
    CHECK_FAULT(ring, from_cr4, 0, 0, GP, 0, 0);
    CHECK_FAULT(ring, to_cr0, 0, read_cr0(), GP, 0, 0);
    CHECK_FAULT(ring, to_cr3, 0, read_cr3(), GP, 0, 0);
    CHECK_FAULT(ring, from_dr7, 0, 0, GP, 0, 0);
    CHECK_FAULT(ring, to_dr0, 0, 0, GP, 0, 0);
  }
  CHECK_FAULT(3, do_lmsw, 0, 0, GP, 0, 8);
}

static void check_control_registers(void) {
  CHECK_RESULT(0, from_cr0, 0, 0, read_cr0());
  CHECK_RESULT(0, to_cr2, 0, 0x12345678, 0x12345678);
  CHECK_RESULT(0, to_dr0, 0, 0xcafe0000, 0xcafe0000);
  CHECK_RESULT(0, from_dr7, 0, 0, 0x400);
  CHECK_RESULT(0, do_lmsw, 0, 0, read_cr0() | CR0_TS);
  CHECK_RESULT(0, lmsw_keeps_pe, 0, 0, 1);
  CHECK_EQUAL(read_cr0() & CR0_TS, 0);
  write_cr4(read_cr4() | CR4_TSD);
  CHECK_FAULT(3, do_rdtsc, 0, 0, GP, 0, 0);
  CHECK_RESULT(0, do_rdtsc, 0, 0, 0);
  write_cr4(read_cr4() & ~CR4_TSD);
  CHECK_RESULT(3, do_rdtsc, 0, 0, 0);
}

static void check_loading_tables(void) {
  CHECK_FAULT(0, do_ltr, 0, MAIN_TSS, GP, MAIN_TSS, 0);                // busy
  CHECK_FAULT(0, do_ltr, 0, KERNEL_DATA, GP, KERNEL_DATA, 0);
  CHECK_FAULT(0, do_lldt, 0, KERNEL_DATA, GP, KERNEL_DATA, 0);
  gdt[SPARE / 8] = segment_descriptor((uint32_t)ldt, sizeof ldt - 1, LDT_TYPE, 0);
  CHECK_FAULT(0, do_lldt, 0, SPARE, NP, SPARE, 0);
  CHECK_RESULT(0, do_lldt, 0, 0, 0);
  CHECK_EQUAL(sldt(), 0);
  lldt(LDT_SELECTOR);
  CHECK_EQUAL(sldt(), LDT_SELECTOR);

  // A new GDT somewhere else is as good as the old one.
  static uint64_t copy[GDT_SIZE / 8];
  for (unsigned k = 0; k < GDT_SIZE / 8; k++) copy[k] = gdt[k];
  struct table_register old = sgdt(), moved = {sizeof copy - 1, (uint32_t)copy};
  lgdt(&moved);
  CHECK_EQUAL(sgdt().base, copy);
  CHECK_RESULT(3, do_str, 0, 0, MAIN_TSS);
  lgdt(&old);
  CHECK_EQUAL(sgdt().base, gdt);

  // So is an IDT; one that is too short for a vector makes #GP of it.
  static uint64_t idt_copy[VECTORS];
  old = sidt();
  memcpy(idt_copy, (const void *)old.base, sizeof idt_copy);
  struct table_register moved_idt = {sizeof idt_copy - 1, (uint32_t)idt_copy};
  lidt(&moved_idt);
  CHECK_RESULT(3, do_sidt, 0, 0, idt_copy);
  moved_idt.limit = DONE * 8 + 6;
  lidt(&moved_idt);
  CHECK_FAULT(3, do_str, 0, 0, GP, DONE * 8 + 2, 3);
  lidt(&old);

  // Another task register: its TSS has the stack for ring 0.
  static struct tss other;
  other = main_tss.tss;
  other.io_map = sizeof other;
  gdt[SPARE / 8] = segment_descriptor((uint32_t)&other, sizeof other - 1, PRESENT | TSS_AVAILABLE, 0);
  static uint8_t other_stack[1024];
  other.esp0 = (uint32_t)other_stack + sizeof other_stack;
  ltr(SPARE);
  CHECK_RESULT(3, do_str, 0, 0, SPARE);
  CHECK(other_stack[sizeof other_stack - 4] == USER_DATA);
  CHECK_EQUAL(gdt[SPARE / 8] >> 40 & 0x1f, TSS_BUSY);
  gdt[MAIN_TSS / 8] &= ~((uint64_t)2 << 40);
  ltr(MAIN_TSS);
  CHECK_EQUAL(str(), MAIN_TSS);
}

static void check_inspection(void) {
  CHECK_RESULT(0, do_lar, 0, KERNEL_CODE, 0xc09b00);
  CHECK_RESULT(3, do_lar, 0, USER_CODE, 0xc0fb00);
  CHECK_RESULT(3, do_lar, 0, USER_DATA, 0xc0f300);
  CHECK_RESULT(3, do_lar, 0, KERNEL_DATA, 0);
  CHECK_RESULT(0, do_lar, 0, MAIN_TSS, PRESENT << 8 | TSS_BUSY << 8);
  CHECK_RESULT(0, do_lar, 0, 0, 0);
  CHECK_RESULT(0, do_lar, 0, GDT_SIZE, 0);
  CHECK_RESULT(0, do_lsl, 0, KERNEL_DATA, 0xffffffff);
  CHECK_RESULT(0, do_lsl, 0, MAIN_TSS, sizeof main_tss - 1);
  CHECK_RESULT(0, do_lsl, 0, LDT_SELECTOR, sizeof ldt - 1);
  CHECK_RESULT(3, do_lsl, 0, KERNEL_DATA, 0xbad);
  CHECK_RESULT(0, do_verr, 0, KERNEL_CODE, 1);
  CHECK_RESULT(0, do_verr, 0, EXECUTE_ONLY_CODE, 0);
  CHECK_RESULT(3, do_verr, 0, KERNEL_DATA, 0);
  CHECK_RESULT(3, do_verr, 0, READ_ONLY_DATA | 3, 1);
  CHECK_RESULT(3, do_verw, 0, READ_ONLY_DATA | 3, 0);
  CHECK_RESULT(3, do_verw, 0, USER_DATA, 1);
  CHECK_RESULT(0, do_verw, 0, KERNEL_CODE, 0);
  CHECK_RESULT(0, do_verr, 0, MAIN_TSS, 0);
  CHECK_RESULT(3, do_arpl, 0, 0x10, 0x10013);
  CHECK_RESULT(3, do_arpl, 0, 0x13, 0x13);
}

void check_sensitive(void) {
  chapter("sensitive", "flags, control and table registers, LAR LSL VERR VERW by ring");
  check_flag_instructions();
  check_reading_tables();
  check_privileged();
  check_control_registers();
  check_loading_tables();
  check_inspection();
}
