// Hardware task switches: the whole state of one task is stored in its TSS and that of another loaded, by CALL, JMP,
// IRET, and by a task gate; one of these rescues the kernel from a double fault (SDM volume 3, chapter 7).
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "memory.h"
#include "paging.h"
#include "segments.h"
#include "trial.h"

enum { UNMAPPED = 0x50001000 };

CODE(call_task, "push %eax; push $0; lcall *(%esp); add $8, %esp; mov %cr0, %edx; clts; pushf; pop %ecx");
CODE(jump_task, "push %eax; push $0; ljmp *(%esp); add $8, %esp; mov %cr0, %edx; clts; pushf; pop %ecx");
// The second task: notes its flags, link and registers, and returns; the next call goes on behind the IRET.
CODE(task_called, "1: mov %ebx, task_saw; pushf; pop task_saw + 4; str task_saw + 8; mov %cr0, %ecx; mov %ecx, task_saw + 12;"
                  "mov %esp, task_saw + 16; mov %ds, task_saw + 20; inc %ebx; iret; jmp 1b");
CODE(task_jumped, "1: inc %ebx; mov %ebx, task_saw; str task_saw + 8; ljmp $0x48, $0; jmp 1b");
CODE(call_busy, "lcall $0x48, $0");
CODE(overflow_stack, "mov %eax, %esp; push $1; nop");
CODE(rescued, "mov $0x5afe, %eax");
// The double fault's task: its error code lies on its stack. Offsets 32 and 56 of a TSS are EIP and ESP. It sends the interrupted task somewhere better.
CODE(double_fault_task,
     "1: pop double_fault_saw; movl $rescued, main_tss + 32;"
     "mov good_stack, %ecx; mov %ecx, main_tss + 56; incl double_fault_saw + 4; iret; jmp 1b");

uint32_t task_saw[6], double_fault_saw[2], good_stack;
static uint8_t stack[1024] __attribute__((aligned(16)));
static uint8_t double_fault_stack[1024] __attribute__((aligned(16)));

static void prepare(struct tss *tss, const void *entry, uint8_t *top) {
  memset(tss, 0, sizeof *tss);
  tss->cr3 = read_cr3();
  tss->eip = (uint32_t)entry;
  tss->eflags = FLAGS_FIXED;
  tss->esp = (uint32_t)top;
  tss->cs = KERNEL_CODE;
  tss->ss = tss->ds = tss->es = tss->fs = tss->gs = KERNEL_DATA;
  tss->ldt = LDT_SELECTOR;
  tss->io_map = sizeof *tss;
}

static unsigned type_of(uint16_t selector) { return gdt[selector / 8] >> 40 & 0x1f; }

static void check_call_and_return(uint16_t selector) {
  prepare(&second_tss, task_called, stack + sizeof stack);
  second_tss.ebx = 0x1000;
  second_tss.ds = USER_DATA;
  for (uint32_t turn = 0; turn < 3; turn++) {
    const struct frame *f = trial(0, call_task, CF, selector);
    CHECK_EQUAL(f->vector, DONE);
    CHECK_EQUAL(f->eax, selector);
    CHECK_EQUAL(f->edx & CR0_TS, CR0_TS);
    CHECK_EQUAL(f->ecx & (NT | IF), 0);
    CHECK_EQUAL(task_saw[0], 0x1000 + turn);
    CHECK_EQUAL(task_saw[1] & NT, NT);
    CHECK_EQUAL(task_saw[2] & 0xffff, SECOND_TSS);
    CHECK_EQUAL(task_saw[3] & CR0_TS, CR0_TS);
    CHECK_EQUAL(task_saw[4], stack + sizeof stack);
    CHECK_EQUAL(task_saw[5] & 0xffff, USER_DATA);
    CHECK_EQUAL(second_tss.link & 0xffff, MAIN_TSS);
    CHECK_EQUAL(second_tss.ebx, 0x1001 + turn);
    CHECK_EQUAL(type_of(SECOND_TSS), TSS_AVAILABLE);
    CHECK_EQUAL(type_of(MAIN_TSS), TSS_BUSY);
    CHECK_EQUAL(str(), MAIN_TSS);
  }
}

static void check_jump(void) {
  prepare(&second_tss, task_jumped, stack + sizeof stack);
  second_tss.ebx = 0x2000;
  for (uint32_t turn = 0; turn < 3; turn++) {
    const struct frame *f = trial(0, jump_task, 0, SECOND_TSS);
    CHECK_EQUAL(f->vector, DONE);
    CHECK_EQUAL(task_saw[0], 0x2001 + turn);
    CHECK_EQUAL(f->ecx & NT, 0);
    CHECK_EQUAL(second_tss.link & 0xffff, 0);
    CHECK_EQUAL(type_of(SECOND_TSS), TSS_AVAILABLE);
    CHECK_EQUAL(str(), MAIN_TSS);
  }
}

static void check_refusals(void) {
  CHECK_FAULT(0, call_busy, 0, 0, GP, MAIN_TSS, 0);
  CHECK_FAULT(3, call_task, 0, SECOND_TSS, GP, SECOND_TSS, 3);
  gdt[SPARE / 8] = gdt[SECOND_TSS / 8] & ~((uint64_t)PRESENT << 40);
  CHECK_FAULT(0, call_task, 0, SPARE, NP, SPARE, 3);
}

// A push onto an absent page faults; so does the attempt to push that fault's frame. Only a task with a stack of its
// own can see this.
static void check_double_fault(void) {
  prepare(&double_fault_tss, double_fault_task, double_fault_stack + sizeof double_fault_stack);
  set_gate(DOUBLE_FAULT, DOUBLE_FAULT_TSS, 0, 0, 5, true);
  good_stack = trial_stack(0);
  page_map(UNMAPPED, 0);
  for (uint32_t turn = 1; turn <= 2; turn++) {
    double_fault_saw[0] = 0xffffffff;
    const struct frame *f = trial(0, overflow_stack, 0, UNMAPPED + 256);
    clts();
    CHECK_EQUAL(f->vector, DONE);
    CHECK_EQUAL(f->eax, 0x5afe);
    CHECK_EQUAL(f->esp, trial_stack(0));
    CHECK_EQUAL(double_fault_saw[0], 0);
    CHECK_EQUAL(double_fault_saw[1], turn);
    CHECK_EQUAL(read_cr2(), UNMAPPED + 252);
    CHECK_EQUAL(double_fault_tss.esp, double_fault_stack + sizeof double_fault_stack);
    CHECK_EQUAL(type_of(DOUBLE_FAULT_TSS), TSS_AVAILABLE);
  }
  set_gate(DOUBLE_FAULT, KERNEL_CODE, vector_entry(DOUBLE_FAULT), 0, 0xe, true);
}

void check_tasks(void) {
  chapter("tasks", "task switches by CALL, JMP, IRET, task gate; a double fault survived");
  main_tss.tss.cr3 = read_cr3();
  main_tss.tss.ldt = LDT_SELECTOR;
  check_call_and_return(SECOND_TSS);
  gdt[TASK_GATE / 8] = (uint64_t)(PRESENT | DPL3 | 0x05) << 40 | (uint32_t)SECOND_TSS << 16;
  check_call_and_return(TASK_GATE);
  check_jump();
  check_refusals();
  check_double_fault();
}
