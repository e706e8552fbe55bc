// Two and more processes at once: pre-empted by the timer, each with its own memory and FPU, and none able to harm.
#include "abi.h"
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "paging.h"
#include "process.h"
#include "timer.h"

enum { FAST = 239 };  // about 5 kHz

static void check_preemption(void) {
  struct process *a = process_start(PROGRAM_COUNTER, 0x1111), *b = process_start(PROGRAM_COUNTER, 0x2222);
  processes_run();
  CHECK_EQUAL(process_status(a), 0x600d1111);
  CHECK_EQUAL(process_status(b), 0x600d2222);
  CHECK(process_preemptions(a) >= 10);
  CHECK(process_preemptions(b) >= 10);
  CHECK(process_counts.copied >= 2);
  processes_clear();
}

static void check_fork(void) {
  process_counts = (struct process_counts){0};
  struct process *a = process_start(PROGRAM_FORKER, 0x11), *b = process_start(PROGRAM_FORKER, 0x22);
  processes_run();
  CHECK_EQUAL(process_status(a), 0x600d0011);
  CHECK_EQUAL(process_status(b), 0x600d0022);
  // Stack and variables are two pages, written on both sides: one copy and one taking over for each, in two families.
  CHECK_EQUAL(process_counts.copied, 4);
  CHECK_EQUAL(process_counts.taken_over, 4);
  processes_clear();
}

static void check_floating(void) {
  process_counts = (struct process_counts){0};
  struct process *a = process_start(PROGRAM_FLOATING, 0), *b = process_start(PROGRAM_FLOATING, 1), *c = process_start(PROGRAM_COUNTER, 0x33);
  processes_run();
  CHECK_EQUAL(process_status(a), 314109265);
  CHECK_EQUAL(process_status(b), -314109265);
  CHECK_EQUAL(process_status(c), 0x600d0033);
  CHECK(process_counts.fpu_switches >= 5);
  processes_clear();
}

static void check_sleep(void) {
  struct process *a = process_start(PROGRAM_SLEEPER, 2), *b = process_start(PROGRAM_SLEEPER, 3);
  processes_run();
  CHECK_EQUAL(process_status(a), 0x600d0002);
  CHECK_EQUAL(process_status(b), 0x600d0003);
  processes_clear();
}

static void check_offenders(void) {
  static const uint8_t vectors[] = {GP, UD, PF, PF, PF, GP, GP, DE, GP, GP, GP, PF, PF};
  for (unsigned way = 0; way < sizeof vectors; way++) {
    struct process *guilty = process_start(PROGRAM_OFFENDER, way);
    processes_run();
    CHECK_EQUAL(process_status(guilty), STATUS_KILLED | vectors[way]);
    processes_clear();
  }
}

void check_processes(void) {
  chapter("processes", "pre-emption, system calls, copy on write, lazy FPU, protection");
  unsigned frames = frames_in_use();
  timer_start(FAST);
  check_preemption();
  check_fork();
  check_floating();
  check_sleep();
  check_offenders();
  CHECK_EQUAL(frames_in_use(), frames);
}
