// Single steps and breakpoints: #DB after every instruction with TF, before or after the marked ones with the debug
// registers (SDM volume 3, 17.2 and 17.3).
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "trial.h"

enum { DR6_B0 = 1 << 0, DR6_B1 = 1 << 1, DR6_BS = 1 << 14, DR7_L0 = 1 << 0, DR7_L1 = 1 << 2, DR7_FIXED = 1 << 10 };
enum { ON_EXECUTE = 0, ON_WRITE = 1, ON_ACCESS = 3, LENGTH_4 = 3 };
#define DR7_FOR(index, when, length) ((uint32_t)((when) | (length) << 2) << (16 + 4 * (index)))

CODE(stepped, "step0: nop; step1: inc %eax; step2: mov $2, %ecx; step3: loop step3; step4: push %eax; step5: ret;"
              "step6: nop; step7: pushf; step8: pop %ebx; step9:");
CODE(stepped_string, "string0: cld; string1: rep movsb; string2: nop; string3:");
CODE(sets_trap, "pushf; orl $0x100, (%esp); popf; set0: inc %eax; set1: inc %eax; set2:");
CODE(broken, "mov $3, %ecx; 1: inc %eax; break_here: nop; loop 1b");
CODE(watched, "mov watch_data, %ecx; inc %eax; movl $5, watch_data; watch1: nop; movb $1, watch_data + 3; watch2: nop;"
              "movl $1, watch_data + 4; mov watch_data, %ecx; watch3: nop");

extern const uint8_t step1[], step2[], step3[], step4[], step5[], step6[], step7[], step8[], step9[];
extern const uint8_t string0[], string1[], string2[], string3[], set1[], set2[], break_here[], watch1[], watch2[], watch3[];
uint32_t watch_data[2] __attribute__((section(".user_data,\"aw\",@nobits#"), aligned(4)));
static uint8_t bytes[16] __attribute__((section(".user_data,\"aw\",@nobits#")));

enum { LOG = 24 };
static uint32_t log_eip[LOG], log_dr6[LOG];
static unsigned logged;

static struct frame *note(struct frame *f) {
  if (logged < LOG) {
    log_eip[logged] = f->eip;
    log_dr6[logged] = read_dr6();
  }
  logged++;
  write_dr6(0);
  f->eflags |= RF;  // go on over an instruction breakpoint
  if (logged == LOG) f->eflags &= ~(uint32_t)TF;
  return f;
}

static const struct frame *run(unsigned ring, const uint8_t *code, uint32_t eflags) {
  struct frame start = trial_start(ring, code);
  start.eflags |= eflags;
  start.ecx = 3;
  start.esi = (uint32_t)bytes;
  start.edi = (uint32_t)bytes + 8;
  if (code == stepped) {
    // RET goes to the address in EAX, once INC has been there.
    start.eax = (uint32_t)step6 - 1;
  }
  logged = 0;
  write_dr6(0);
  return trial_run(&start);
}

static void check_log(const uint8_t *const *expected, unsigned count, uint32_t dr6) {
  CHECK_EQUAL(logged, count);
  for (unsigned k = 0; k < count; k++) {
    CHECK_EQUAL(log_eip[k], expected[k]);
    CHECK_EQUAL(log_dr6[k] & (0xf | DR6_BS), dr6);
  }
}

static void check_steps(void) {
  static const uint8_t *const expected[] = {step1, step2, step3, step3, step4, step5, step6, step7, step8, step9};
  for (unsigned ring = 0; ring < 4; ring += 3) {
    const struct frame *f = run(ring, stepped, TF);
    CHECK_EQUAL(f->vector, DONE);
    CHECK_EQUAL(logged, 10);
    for (unsigned k = 0; k < logged && k < 10; k++) {
      CHECK_EQUAL(log_dr6[k] & (0xf | DR6_BS), DR6_BS);
      CHECK_EQUAL(log_eip[k], expected[k]);
    }
    CHECK_EQUAL(f->ebx & TF, TF);
    CHECK_EQUAL(f->eflags & TF, TF);
  }
  static const uint8_t *const each_element[] = {string1, string1, string1, string2, string3};
  for (unsigned k = 0; k < 8; k++) bytes[k] = (uint8_t)(k + 1);
  run(3, stepped_string, TF);
  check_log(each_element, 5, DR6_BS);
  CHECK(bytes[8] == 1 && bytes[10] == 3 && bytes[11] == 0);
  // POPF that sets TF: the first trap comes after the instruction behind it.
  static const uint8_t *const after_popf[] = {set1, set2};
  run(3, sets_trap, 0);
  check_log(after_popf, 2, DR6_BS);
  run(0, sets_trap, 0);
  check_log(after_popf, 2, DR6_BS);
}

static void check_breakpoints(void) {
  static const uint8_t *const thrice[] = {break_here, break_here, break_here};
  write_dr0((uint32_t)break_here);
  write_dr7(DR7_FIXED | DR7_L0 | DR7_FOR(0, ON_EXECUTE, 0));
  const struct frame *f = run(3, broken, 0);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(f->eax, 3);
  check_log(thrice, 3, DR6_B0);
  write_dr7(DR7_FIXED);
  run(3, broken, 0);
  CHECK_EQUAL(logged, 0);

  static const uint8_t *const writes[] = {watch1, watch2};
  write_dr1((uint32_t)watch_data);
  write_dr7(DR7_FIXED | DR7_L1 | DR7_FOR(1, ON_WRITE, LENGTH_4));
  run(3, watched, 0);
  check_log(writes, 2, DR6_B1);
  CHECK_EQUAL(watch_data[0], 0x01000005);
  write_dr7(DR7_FIXED | DR7_L1 | DR7_FOR(1, ON_ACCESS, LENGTH_4));
  run(3, watched, 0);
  CHECK_EQUAL(logged, 4);
  CHECK_EQUAL(log_eip[3], watch3);
  write_dr7(DR7_FIXED);
  run(3, watched, 0);
  CHECK_EQUAL(logged, 0);
}

void check_debugging(void) {
  chapter("debug", "single steps, instruction breakpoints, watched data");
  handler before = handle(DB, note);
  check_steps();
  check_breakpoints();
  handle(DB, before);
}
