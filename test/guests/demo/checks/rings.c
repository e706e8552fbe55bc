// From ring to ring: inwards through call gates with a change of stacks, outwards by far return and IRET
// (SDM volume 3, 5.8).
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "segments.h"
#include "trial.h"

// Calls the gate whose selector is EAX with the parameters 30 and 12; leaves ESP's change in ECX.
CODE(call_with_two, "push %eax; push $0; mov %esp, %esi; push $30; push $12; lcall *(%esi);"
                    "mov %esp, %ecx; sub %esi, %ecx; add $8, %esp; mov %cs, %ebx");
// A procedure of two parameters: their sum, and the caller's and its own CS and SS in EDX.
CODE(gate_sum, "mov 8(%esp), %eax; add 12(%esp), %eax; mov %cs, %edx; shl $16, %edx; mov %ss, %dx; lret $8");
CODE(call_plain, "push %eax; push $0; mov %esp, %esi; lcall *(%esi); add $8, %esp");
CODE(gate_plain, "mov 4(%esp), %eax; mov %cs, %edx; lret");
CODE(jump_gate, "push %eax; push $0; ljmp *(%esp)");
CODE(gate_deeper, "push %ebx; push $0; mov %esp, %esi; lcall *(%esi); add $8, %esp; mov %cs, %ecx; shl $16, %ecx; or %edx, %ecx; lret");
CODE(return_to_self, "push %cs; push $1f; lret; 1: mov $9, %eax");
CODE(return_inwards, "push $0x08; push $1f; lret; 1:");
CODE(return_outwards, "push $0x43; push $0x1000; push $4; push $3; push $2; push $1; push $0x3b; push $1f; lret $16; 1: mov %esp, %eax");
CODE(iret_outwards, "push $0x33 - 1; push $0x2000; pushf; push $0x2a; push $1f; iret; 1: mov %ss, %eax");
CODE(iret_bad_stack, "push $0x10; push $0x2000; pushf; push $0x3b; push $0; iret");
CODE(iret_null_cs, "pushf; push $0; push $0; iret");
CODE(iret_flags, "push %eax; push %cs; push $1f; iret; 1: pushf; pop %eax");
CODE(outwards_clears, "mov $0x10, %eax; mov %eax, %ds; mov $0x43, %eax; mov %eax, %es; xor %eax, %eax; mov %eax, %fs;"
                      "push $0x43; push $0x2000; push $0x3b; push $1f; lret; 1: mov %ds, %eax; shl $16, %eax; mov %es, %ax");
CODE(read_stack, "mov %esp, %eax");

static void make_gates(void) {
  gdt[GATE_TO_0 / 8] = call_gate(CODE_SELECTOR(0), gate_sum, 3, 2);
  gdt[GATE_TO_1 / 8] = call_gate(CODE_SELECTOR(1), gate_sum, 3, 2);
  gdt[GATE_TO_2 / 8] = call_gate(CODE_SELECTOR(2), gate_sum, 3, 2);
  gdt[GATE_ABSENT / 8] = call_gate(CODE_SELECTOR(0), gate_sum, 3, 2) & ~((uint64_t)PRESENT << 40);
  gdt[GATE_INNER_ONLY / 8] = call_gate(CODE_SELECTOR(0), gate_plain, 0, 0);
  main_tss.tss.ss1 = DATA_SELECTOR(1);
  main_tss.tss.esp1 = trial_stack(1) - 1024;
  main_tss.tss.ss2 = DATA_SELECTOR(2);
  main_tss.tss.esp2 = trial_stack(2) - 1024;
}

static void check_call_gates(void) {
  // To ring r the selectors have RPL r, and RET 8 gives the parameters back on both stacks.
  for (unsigned ring = 0; ring < 3; ring++) {
    const struct frame *f = trial(3, call_with_two, 0, GATE_TO_0 + 8 * ring);
    CHECK_EQUAL(f->vector, DONE);
    CHECK_EQUAL(f->eax, 42);
    CHECK_EQUAL(f->edx, (uint32_t)CODE_SELECTOR(ring) << 16 | DATA_SELECTOR(ring));
    CHECK_EQUAL(f->ecx, 0);
    CHECK_EQUAL(f->ebx, USER_CODE);
    CHECK_EQUAL(f->esp, trial_stack(3));
  }
  // Through a gate to the ring where one is, nothing is switched.
  gdt[SPARE / 8] = call_gate(CODE_SELECTOR(0), gate_plain, 3, 0);
  const struct frame *f = trial(0, call_plain, 0, SPARE);
  CHECK_EQUAL(f->eax, CODE_SELECTOR(0));
  CHECK_EQUAL(f->esp, trial_stack(0));
  f = trial(3, call_plain, 0, SPARE);
  CHECK_EQUAL(f->eax, USER_CODE);
  CHECK_EQUAL(f->edx, CODE_SELECTOR(0));
  // 3 to 1 to 0 and back.
  gdt[GATE_TO_1 / 8] = call_gate(CODE_SELECTOR(1), gate_deeper, 3, 0);
  struct frame start = trial_start(3, call_plain);
  start.eax = GATE_TO_1;
  start.ebx = SPARE;
  f = trial_run(&start);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(f->eax, CODE_SELECTOR(1));
  CHECK_EQUAL(f->ecx, (uint32_t)CODE_SELECTOR(1) << 16 | CODE_SELECTOR(0));
}

static void check_refusals(void) {
  CHECK_FAULT(3, call_plain, 0, GATE_ABSENT, NP, GATE_ABSENT, 5);
  CHECK_FAULT(3, call_plain, 0, GATE_INNER_ONLY, GP, GATE_INNER_ONLY, 5);
  CHECK_FAULT(3, jump_gate, 0, GATE_TO_0, GP, KERNEL_CODE, 3);         // JMP never goes inwards
  CHECK_FAULT(3, return_inwards, 0, 0, GP, 8, 7);
  CHECK_FAULT(0, iret_bad_stack, 0, 0, GP, 0x10, 12);
  CHECK_FAULT(0, iret_null_cs, 0, 0, GP, 0, 5);
  // The inner stack comes from the TSS; one that does not fit is #TS.
  main_tss.tss.ss2 = DATA_SELECTOR(1);
  CHECK_FAULT(3, call_with_two, 0, GATE_TO_2, TS, DATA_SELECTOR(1) & ~3, 9);
  main_tss.tss.ss2 = 0;
  CHECK_FAULT(3, call_with_two, 0, GATE_TO_2, TS, 0, 9);
  main_tss.tss.ss2 = DATA_SELECTOR(2);
}

static void check_outwards(void) {
  CHECK_RESULT(0, return_to_self, 0, 0, 9);
  CHECK_RESULT(3, return_to_self, 0, 0, 9);
  const struct frame *f = trial(0, return_outwards, 0, 0);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(f->cs, USER_CODE);
  CHECK_EQUAL(f->eax, 0x1000 + 16);
  f = trial(0, iret_outwards, 0, 0);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(f->eax, DATA_SELECTOR(2));
  CHECK_EQUAL(f->cs, CODE_SELECTOR(2));
  // Segment registers that the outer ring may not hold become null.
  f = trial(0, outwards_clears, 0, 0);
  CHECK_EQUAL(f->eax, USER_DATA);
  for (unsigned ring = 0; ring < 4; ring++) CHECK_RESULT(ring, read_stack, 0, 0, trial_stack(ring));
  // IRET in ring 3 obeys POPF's rules.
  CHECK_RESULT(3, iret_flags, 0, FLAGS_FIXED | CF | IF | IOPL3, FLAGS_FIXED | CF);
  CHECK_RESULT(3, iret_flags, IOPL3, FLAGS_FIXED | IF, FLAGS_FIXED | IF | IOPL3);
  CHECK_RESULT(0, iret_flags, 0, FLAGS_FIXED | IOPL3 | OF, FLAGS_FIXED | IOPL3 | OF);
}

void check_rings(void) {
  chapter("rings", "call gates, far returns and IRET among the rings 0 to 3");
  make_gates();
  check_call_gates();
  check_refusals();
  check_outwards();
}
