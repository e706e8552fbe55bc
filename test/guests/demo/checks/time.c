// Time: the interval timer, the interrupt controller, HLT, and the moments at which an interrupt may be taken.
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "timer.h"
#include "trial.h"

enum { DIVISOR = 239 };  // about 5 kHz

static volatile unsigned ticks;
static uint32_t interrupted_eip, interrupted_flags, in_service;

// Notes a tick, and masks the timer: one tick is one tick, however long a slow machine takes between two instructions.
static struct frame *tick(struct frame *f) {
  ticks++;
  interrupted_eip = f->eip;
  interrupted_flags = f->eflags;
  outb(PIC1_COMMAND, OCW3_READ_ISR);
  in_service = inb(PIC1_COMMAND);
  pic_mask(TIMER_IRQ);
  pic_end_of_interrupt();
  return f;
}

static bool timer_requested(void) {
  outb(PIC1_COMMAND, OCW3_READ_IRR);
  return inb(PIC1_COMMAND) & 1 << TIMER_IRQ;
}

// Waits for a request that stands: the timer's output, which the controller follows, falls for the last clock of a period.
static void await_request(void) {
  while (!timer_requested() || timer_count() < DIVISOR / 4) {
  }
}

static void run(const uint8_t *code) {
  pic_unmask(TIMER_IRQ);
  trial(0, code, 0, 0);
}

CODE(sleep, "sti; hlt; sleep_end: cli");
CODE(sti_cli, "sti; cli");
CODE(sti_nop, "sti; nop; nop_end: nop; cli");
CODE(popf_taken, "push $0x202; popf; popf_end: nop; cli");
extern const uint8_t sleep_end[], nop_end[], popf_end[];

static void check_halt(void) {
  ticks = 0;
  for (unsigned k = 1; k <= 5; k++) {
    run(sleep);
    CHECK_EQUAL(ticks, k);
    CHECK_EQUAL(interrupted_eip, sleep_end);
    CHECK_EQUAL(interrupted_flags & IF, IF);
    CHECK_EQUAL(in_service, 1 << TIMER_IRQ);
  }
}

// An interrupt that waits is taken when IF becomes 1, but never between STI and the next instruction.
static void check_shadow(void) {
  await_request();
  ticks = 0;
  run(sti_cli);
  CHECK_EQUAL(ticks, 0);
  CHECK(timer_requested());
  run(sti_nop);
  CHECK_EQUAL(ticks, 1);
  CHECK_EQUAL(interrupted_eip, nop_end);
  await_request();
  run(sleep);
  CHECK_EQUAL(interrupted_eip, sleep_end);
  await_request();
  ticks = 0;
  run(popf_taken);
  CHECK_EQUAL(ticks, 1);
  CHECK_EQUAL(interrupted_eip, popf_end);
}

static void check_masks(void) {
  await_request();
  pic_mask(TIMER_IRQ);
  ticks = 0;
  trial(0, sti_nop, 0, 0);
  CHECK_EQUAL(ticks, 0);
  CHECK(timer_requested());
  run(sti_nop);
  CHECK_EQUAL(ticks, 1);
}

// A loop in ring 3 that only an interrupt can end: the handler changes its register.
CODE(spin, "1: test %eax, %eax; jz 1b");

static struct frame *release(struct frame *f) {
  f->eax = ++ticks == 3;
  pic_end_of_interrupt();
  return f;
}

static void check_in_user_mode(void) {
  ticks = 0;
  handler before = handle(TIMER_VECTOR, release);
  pic_unmask(TIMER_IRQ);
  CHECK_RESULT(3, spin, IF, 0, 1);
  CHECK_EQUAL(ticks, 3);
  handle(TIMER_VECTOR, before);
}

static void check_counters(void) {
  bool rises = true;
  uint64_t before = rdtsc();
  for (unsigned k = 0; k < 100; k++) {
    uint64_t now = rdtsc();
    rises &= now > before;
    before = now;
  }
  CHECK(rises);
  bool in_range = true, moves = false;
  uint16_t first = timer_count();
  for (unsigned k = 0; k < 1000; k++) {
    uint16_t count = timer_count();
    in_range &= count >= 1 && count <= DIVISOR;
    moves |= count != first;
  }
  CHECK(in_range);
  CHECK(moves);
}

void check_time(void) {
  chapter("time", "timer interrupts, HLT, the shadow of STI, masks, RDTSC");
  handler before = handle(TIMER_VECTOR, tick);
  timer_start(DIVISOR);
  check_halt();
  check_shadow();
  check_masks();
  check_in_user_mode();
  check_counters();
  pic_mask(TIMER_IRQ);
  handle(TIMER_VECTOR, before);
}
