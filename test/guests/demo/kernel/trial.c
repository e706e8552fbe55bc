#include "trial.h"
#include "cpu.h"
#include "memory.h"
#include "print.h"
#include "segments.h"

enum { STACK = 4096 };
static uint8_t inner_stacks[3][STACK] __attribute__((aligned(16)));
static uint8_t user_stack[STACK] __attribute__((aligned(4096), section(".user_data,\"aw\",@nobits#")));
// Where interrupts from outer rings are handled.
static uint8_t trap_stack[STACK] __attribute__((aligned(16)));

static bool running;
static struct frame result;

void leave_to(struct frame *f);
_Noreturn void come_back(void);

uint32_t trial_stack(unsigned ring) { return (uint32_t)(ring == 3 ? user_stack : inner_stacks[ring]) + STACK - 64; }

struct frame trial_start(unsigned ring, const void *code) {
  struct frame f = {0};
  f.ds = f.es = f.fs = f.gs = f.ss = DATA_SELECTOR(ring);
  f.eip = (uint32_t)code;
  f.cs = CODE_SELECTOR(ring);
  f.eflags = FLAGS_FIXED;
  f.esp = trial_stack(ring);
  return f;
}

const struct frame *trial_run(const struct frame *start) {
  // IRET to ring 0 pops no stack pointer: the frame itself must lie on the stack that the code is to have.
  struct frame *f = (struct frame *)(trial_stack(0) - __builtin_offsetof(struct frame, esp));
  memcpy(f, start, sizeof *f);
  main_tss.tss.esp0 = (uint32_t)trap_stack + STACK;
  running = true;
  leave_to(f);
  return &result;
}

const struct frame *trial(unsigned ring, const void *code, uint32_t eflags, uint32_t eax) {
  struct frame f = trial_start(ring, code);
  f.eflags |= eflags;
  f.eax = eax;
  return trial_run(&f);
}

void trial_ends(const struct frame *f) {
  if (!running) return;
  running = false;
  memcpy(&result, f, sizeof result);
  // A push of a segment register may leave the upper half of its word as it was.
  uint32_t *const selectors[] = {&result.gs, &result.fs, &result.es, &result.ds};
  for (unsigned k = 0; k < 4; k++) *selectors[k] &= 0xffff;
  if (ring_of(f) == 0) {
    result.esp = (uint32_t)&f->esp;
    result.ss = KERNEL_DATA;
  }
  come_back();
}

bool check_trap(const struct frame *f, uint32_t vector, uint32_t error, const void *eip, const char *what, const char *file, unsigned line) {
  bool holds = f->vector == vector && f->error == error && f->eip == (uint32_t)eip;
  if (!check_that(holds, what, file, line)) {
    print("  is vector %x error %x eip %x,\n", f->vector, f->error, f->eip);
    print("  should be %x error %x eip %x\n", vector, error, (uint32_t)eip);
  }
  return holds;
}

bool check_result(const struct frame *f, uint32_t eax, const char *what, const char *file, unsigned line) {
  bool holds = f->vector == DONE && f->eax == eax;
  if (!check_that(holds, what, file, line)) {
    print("  is vector %x error %x eax %x, should be eax %x\n", f->vector, f->error, f->eax, eax);
  }
  return holds;
}
