// Every exception that a program can cause: its vector, its error code, and the address that it reports. A fault
// reports the instruction itself, a trap the one behind (SDM volume 3, 6.5 and 6.15).
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "segments.h"
#include "trial.h"

CODE(divide_by_zero, "mov $5, %eax; xor %edx, %edx; xor %ecx, %ecx; divide_here: div %ecx");
CODE(divide_overflow, "mov $2, %edx; mov $2, %ecx; div %ecx");
CODE(signed_overflow, "mov $0x80000000, %eax; cdq; mov $-1, %ecx; idiv %ecx");
CODE(byte_overflow, "mov $0x100, %ax; mov $1, %cl; div %cl");
CODE(adjust_by_zero, "aam $0");
CODE(breakpoint, "int3");
CODE(breakpoint_long, ".byte 0xcd, 3");
CODE(overflow_taken, "mov $0x7fffffff, %ecx; inc %ecx; into");
CODE(overflow_not_taken, "xor %ecx, %ecx; into; mov $7, %eax");
CODE(bound_inside, "push $20; push $10; mov $20, %ecx; bound %ecx, (%esp); mov $7, %eax; add $8, %esp");
CODE(bound_outside, "push $20; push $10; mov $21, %ecx; bound %ecx, (%esp)");
CODE(bound_below, "push $20; push $-10; mov $-11, %ecx; bound %ecx, (%esp)");
CODE(undefined, "ud2");
CODE(bad_operand, ".byte 0x8d, 0xc0");              // lea %eax, %eax
CODE(bad_move_to_cs, ".byte 0x8e, 0xc8");           // mov %eax, %cs
CODE(load_ds, "mov %eax, %ds");
CODE(load_es, "mov %eax, %es");
CODE(load_ss, "mov %eax, %ss");
CODE(pop_fs, "push %eax; pop %fs");
CODE(lgs_far, "push %eax; push $1; lgs (%esp), %ecx; add $8, %esp; mov %ecx, %eax");
CODE(null_use, "xor %eax, %eax; mov %eax, %gs; mov %gs, %eax");
CODE(interrupt_20h, "int $0x20");
CODE(interrupt_8fh, "int $0x8f");
CODE(interrupt_beyond, "int $0xff");
CODE(far_call, "push %eax; push $0; lcall *(%esp)");
CODE(far_jump_null, "ljmp $0, $0");

static void check_arithmetic(void) {
  for (unsigned ring = 0; ring < 4; ring += 3) {
    CHECK_FAULT(ring, divide_by_zero, 0, 0, DE, 0, 9);
    CHECK_FAULT(ring, divide_overflow, 0, 0, DE, 0, 10);
    CHECK_FAULT(ring, signed_overflow, 0, 0, DE, 0, 11);
    CHECK_FAULT(ring, byte_overflow, 0, 0, DE, 0, 6);
    CHECK_FAULT(ring, adjust_by_zero, 0, 1, DE, 0, 0);
    CHECK_FAULT(ring, breakpoint, 0, 0, BP, 0, 1);
    CHECK_FAULT(ring, breakpoint_long, 0, 0, BP, 0, 2);
    CHECK_FAULT(ring, overflow_taken, 0, 0, OF_TRAP, 0, 7);
    CHECK_RESULT(ring, overflow_not_taken, 0, 0, 7);
    CHECK_RESULT(ring, bound_inside, 0, 0, 7);
    CHECK_FAULT(ring, bound_outside, 0, 0, BR, 0, 9);
    CHECK_FAULT(ring, bound_below, 0, 0, BR, 0, 9);
    CHECK_FAULT(ring, undefined, 0, 0, UD, 0, 0);
    CHECK_FAULT(ring, bad_operand, 0, 0, UD, 0, 0);
    CHECK_FAULT(ring, bad_move_to_cs, 0, 0, UD, 0, 0);
  }
}

static void check_segment_loads(void) {
  gdt[ABSENT_DATA / 8] = segment_descriptor(0, 0xfffff, DPL3 | DATA_WRITABLE, PAGE_GRANULAR | BITS_32);
  gdt[EXECUTE_ONLY_CODE / 8] = segment_descriptor(0, 0xfffff, PRESENT | DPL3 | 0x18, PAGE_GRANULAR | BITS_32);
  gdt[READ_ONLY_DATA / 8] = segment_descriptor(0, 0xfffff, PRESENT | DPL3 | 0x10, PAGE_GRANULAR | BITS_32);

  CHECK_FAULT(0, load_ds, 0, ABSENT_DATA, NP, ABSENT_DATA, 0);
  CHECK_FAULT(3, load_es, 0, ABSENT_DATA | 3, NP, ABSENT_DATA, 0);
  CHECK_FAULT(0, load_ds, 0, EXECUTE_ONLY_CODE, GP, EXECUTE_ONLY_CODE, 0);
  CHECK_FAULT(0, load_ds, 0, MAIN_TSS, GP, MAIN_TSS, 0);
  CHECK_FAULT(0, load_es, 0, GDT_SIZE + 8, GP, GDT_SIZE + 8, 0);
  CHECK_FAULT(0, load_es, 0, 0x14, GP, 0x14, 0);                       // beyond the LDT's limit
  CHECK_FAULT(3, load_ds, 0, KERNEL_DATA, GP, KERNEL_DATA, 0);
  CHECK_FAULT(3, load_ds, 0, KERNEL_DATA | 3, GP, KERNEL_DATA, 0);
  CHECK_FAULT(3, pop_fs, 0, DATA_SELECTOR(1), GP, DATA_SELECTOR(1) & ~3, 1);
  CHECK_RESULT(3, load_ds, 0, READ_ONLY_DATA | 3, READ_ONLY_DATA | 3);
  CHECK_RESULT(3, load_ds, 0, 0x0f, 0x0f);                             // from the LDT
  CHECK_RESULT(0, load_ds, 0, USER_DATA, USER_DATA);                   // outwards is allowed
  CHECK_RESULT(3, null_use, 0, 0, 0);
  CHECK_RESULT(3, lgs_far, 0, USER_DATA, 1);
  CHECK_FAULT(3, lgs_far, 0, KERNEL_DATA, GP, KERNEL_DATA, 3);

  // The stack segment: never null, its DPL and RPL are exactly the CPL, and absence is #SS.
  CHECK_FAULT(0, load_ss, 0, 0, GP, 0, 0);
  CHECK_FAULT(0, load_ss, 0, ABSENT_DATA, GP, ABSENT_DATA, 0);
  CHECK_FAULT(3, load_ss, 0, ABSENT_DATA | 3, SS, ABSENT_DATA, 0);
  CHECK_FAULT(3, load_ss, 0, KERNEL_DATA, GP, KERNEL_DATA, 0);
  CHECK_FAULT(0, load_ss, 0, USER_DATA, GP, USER_DATA & ~3, 0);
  CHECK_FAULT(3, load_ss, 0, READ_ONLY_DATA | 3, GP, READ_ONLY_DATA, 0);
  CHECK_RESULT(3, load_ss, 0, 0x0f, 0x0f);
}

static void check_interrupt_gates(void) {
  enum { IN_IDT = 2, ABSENT_VECTOR = 0x8f };
  CHECK_FAULT(3, interrupt_20h, 0, 0, GP, 0x20 * 8 + IN_IDT, 0);
  CHECK_FAULT(0, interrupt_20h, 0, 0, 0x20, 0, 2);
  CHECK_FAULT(0, interrupt_beyond, 0, 0, GP, 0xff * 8 + IN_IDT, 0);
  CHECK_FAULT(3, interrupt_beyond, 0, 0, GP, 0xff * 8 + IN_IDT, 0);
  set_gate(ABSENT_VECTOR, KERNEL_CODE, vector_entry(ABSENT_VECTOR), 3, 0xe, false);
  CHECK_FAULT(3, interrupt_8fh, 0, 0, NP, ABSENT_VECTOR * 8 + IN_IDT, 0);
  set_gate(ABSENT_VECTOR, KERNEL_DATA, vector_entry(ABSENT_VECTOR), 3, 0xe, true);
  CHECK_FAULT(3, interrupt_8fh, 0, 0, GP, KERNEL_DATA, 0);
  set_gate(ABSENT_VECTOR, 0, vector_entry(ABSENT_VECTOR), 3, 0xe, true);
  CHECK_FAULT(3, interrupt_8fh, 0, 0, GP, 0, 0);
  // A trap gate leaves IF as it was, an interrupt gate clears it; both keep it in the frame.
  set_gate(ABSENT_VECTOR, KERNEL_CODE, vector_entry(ABSENT_VECTOR), 3, 0xf, true);
  CHECK_FAULT(3, interrupt_8fh, 0, 0, ABSENT_VECTOR, 0, 2);
}

static void check_frames(void) {
  const struct frame *f = trial(3, breakpoint, CF | DF | OF, 0);
  CHECK_EQUAL(f->eflags, FLAGS_FIXED | CF | DF | OF);
  CHECK_EQUAL(f->cs, USER_CODE);
  CHECK_EQUAL(f->ss, USER_DATA);
  CHECK_EQUAL(f->esp, trial_stack(3));
  CHECK_EQUAL(f->ds, USER_DATA);
  f = trial(0, breakpoint, ZF, 0);
  CHECK_EQUAL(f->eflags, FLAGS_FIXED | ZF);
  CHECK_EQUAL(f->esp, trial_stack(0));
  // A fault in the middle leaves what was done before it, and nothing of the instruction itself.
  f = trial(3, bound_outside, 0, 0);
  CHECK_EQUAL(f->esp, trial_stack(3) - 8);
  f = trial(3, pop_fs, 0, KERNEL_DATA);
  CHECK_EQUAL(f->esp, trial_stack(3) - 4);
  CHECK_EQUAL(f->fs, USER_DATA);
  // A fault may set RF in the saved flags, so that a breakpoint is not met twice (17.3.1.1); nothing else changes.
  CHECK_EQUAL(trial(3, undefined, 0, 0)->eflags & ~RF, FLAGS_FIXED);
}

static void check_far_transfers(void) {
  CHECK_FAULT(0, far_jump_null, 0, 0, GP, 0, 0);
  CHECK_FAULT(0, far_call, 0, 0, GP, 0, 3);
  CHECK_FAULT(0, far_call, 0, KERNEL_DATA, GP, KERNEL_DATA, 3);
  CHECK_FAULT(3, far_call, 0, KERNEL_CODE, GP, KERNEL_CODE, 3);
  CHECK_FAULT(0, far_call, 0, CODE_SELECTOR(3), GP, CODE_SELECTOR(3) & ~3, 3);
  CHECK_FAULT(3, far_call, 0, GDT_SIZE | 3, GP, GDT_SIZE, 3);
}

void check_exceptions(void) {
  chapter("exceptions", "vectors, error codes and frames of #DE #BP #OF #BR #UD #NP #SS #GP");
  check_arithmetic();
  check_segment_loads();
  check_interrupt_gates();
  check_frames();
  check_far_transfers();
}
