// Code that writes code. The processor sees every store to what it is about to execute, wherever it comes from: a
// jump in between is all that the manual asks for (SDM volume 3, 8.1.3), and on this processor not even that.
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "memory.h"
#include "paging.h"
#include "trial.h"

// The immediate operand of an instruction in the loop changes on every turn: 1 + 2 + ... + 1000.
CODE(patched_immediate, "xor %eax, %eax; mov $1000, %ecx;"
                        "1: mov %ecx, patched + 1; jmp patched; patched: mov $0, %edx; add %edx, %eax; loop 1b");
// The instruction right behind the store: INC becomes DEC and back, in turn.
CODE(next_instruction, "mov $10, %eax; mov $7, %ecx; 1: xorb $0x08, next; next: inc %eax; loop 1b");
// The last of these bytes is overwritten before the first is reached.
CODE(written_ahead, "xor %eax, %eax; mov $0x40404040, %ecx; mov %ecx, ahead; mov %ecx, ahead + 4; jmp ahead;"
                    "ahead: hlt; hlt; hlt; hlt; hlt; hlt; hlt; hlt");
// A string move over the code that follows it, within one instruction.
CODE(moved_over, "mov $moved_from, %esi; mov $moved_to, %edi; mov $5, %ecx; rep movsb;"
                 "moved_to: mov $1, %eax; jmp 1f; moved_from: mov $2, %eax; 1:");
// A counter in the middle of the code that counts: data beside code, never code itself.
CODE(counter_beside, "movl $0, beside; mov $20000, %ecx; 1: incl beside; loop 1b; mov beside, %eax; jmp 2f; .balign 4; beside: .long 0; 2:");
// A branch whose displacement is rewritten on each turn: it alternates between two targets.
CODE(patched_branch, "xor %eax, %eax; mov $100, %ecx; movb $odd - even, branch + 1;"
                     "1: xorb $odd - even, branch + 1; branch: jmp even; even: add $1, %eax; jmp 2f; odd: add $100, %eax; 2: loop 1b");
// The code erases itself behind its back and writes itself again: what it checksums is what was written.
CODE(self_sum, "mov $self_sum, %esi; mov $self_end - self_sum, %ecx; xor %eax, %eax; xor %edx, %edx;"
               "1: lodsb; add %eax, %edx; loop 1b; mov %edx, %eax; self_end:");

extern const uint8_t self_end[];

static uint8_t *page;

// Writes `mov $value, %eax; ret` and calls it.
static uint32_t generated(uint8_t *at, uint32_t value) {
  at[0] = 0xb8;
  memcpy(at + 1, &value, 4);
  at[5] = 0xc3;
  return ((uint32_t(*)(void))at)();
}

static void check_in_place(void) {
  for (unsigned again = 0; again < 3; again++) {
    CHECK_RESULT(0, patched_immediate, 0, 0, 500500);
    CHECK_RESULT(0, counter_beside, 0, 0, 20000);
    CHECK_RESULT(0, patched_branch, 0, 0, 50 * 1 + 50 * 100);
  }
  CHECK_RESULT(0, next_instruction, 0, 0, 10 - 1);  // DEC comes first, and once more than INC
  CHECK_RESULT(0, written_ahead, 0, 0, 8);
  CHECK_RESULT(0, moved_over, 0, 0, 2);
  uint32_t sum = 0;
  for (const uint8_t *at = self_sum; at < self_end; at++) sum += *at;
  CHECK_RESULT(3, self_sum, 0, 0, sum);
}

static void check_generated(void) {
  // One function called many times, then rewritten, then many times again.
  uint32_t sum = 0;
  for (uint32_t version = 1; version <= 4; version++) {
    generated(page, version);
    for (unsigned k = 0; k < 10000; k++) sum += ((uint32_t(*)(void))page)();
  }
  CHECK_EQUAL(sum, 10000 * (1 + 2 + 3 + 4));
  // Rewritten before each call.
  sum = 0;
  for (uint32_t k = 0; k < 1000; k++) sum += generated(page + 64, k);
  CHECK_EQUAL(sum, 999 * 1000 / 2);
  // One byte of the operand alone.
  generated(page, 0x01020304);
  page[3] = 0xff;
  CHECK_EQUAL(((uint32_t(*)(void))page)(), 0x01ff0304);
  // Another instruction of another length in the same place.
  memcpy(page, "\x31\xc0\x40\x40\xc3", 5);  // xor %eax, %eax; inc %eax; inc %eax; ret
  CHECK_EQUAL(((uint32_t(*)(void))page)(), 2);
}

// The store goes through another linear address than the code: what counts is the physical page.
static void check_alias(void) {
  enum { ALIAS = 0x50000000 };
  page_map(ALIAS, (uint32_t)page | PTE_PRESENT | PTE_WRITABLE);
  uint32_t sum = 0;
  for (uint32_t k = 0; k < 500; k++) {
    generated(page, k);
    *(volatile uint32_t *)(ALIAS + 1) = 2 * k;
    sum += ((uint32_t(*)(void))page)();
    sum += ((uint32_t(*)(void))ALIAS)();
  }
  CHECK_EQUAL(sum, 4 * (499 * 500 / 2));
  // The same linear page, another frame with other code.
  uint8_t *second = (uint8_t *)frame_new();
  generated(page, 111);
  generated(second, 222);
  for (unsigned k = 0; k < 4; k++) {
    page_map(ALIAS, (uint32_t)(k % 2 ? second : page) | PTE_PRESENT);
    CHECK_EQUAL(((uint32_t(*)(void))ALIAS)(), k % 2 ? 222 : 111);
  }
  page_map(ALIAS, 0);
  frame_drop((uint32_t)second);
}

void check_selfmodifying(void) {
  chapter("code", "self-modifying and generated code in a dozen shapes");
  page = (uint8_t *)frame_new();
  check_in_place();
  check_generated();
  check_alias();
  frame_drop((uint32_t)page);
}
