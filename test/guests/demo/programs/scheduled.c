// Programs for the kernel's checks of processes: each depends on being left alone by the others.
#include "programs.h"

enum { WORDS = 3 * 1024, ENOUGH = 10 };

static uint32_t words[WORDS];
static uint32_t initialised = 0x1234;  // in the image's data: copied on the first write
static volatile uint32_t shared_before;

// Fills memory with its own pattern, and looks after it until the timer has interrupted often enough.
uint32_t counter(uint32_t pattern) {
  uint32_t turns = 0;
  initialised += pattern;
  for (unsigned k = 0; k < WORDS; k++) words[k] = pattern ^ k;
  while (system_call(CALL_PREEMPTIONS, 0, 0) < ENOUGH) {
    for (unsigned k = 0; k < WORDS; k++) {
      if (words[k] != ((pattern + turns) ^ k)) return 1;
      words[k] = (pattern + turns + 1) ^ k;
    }
    turns++;
  }
  return initialised == 0x1234 + pattern ? 0x600d0000 | pattern : 2;
}

// Parent and child see the same memory until one of them writes.
uint32_t forker(uint32_t argument) {
  volatile uint32_t local = 5;
  shared_before = 7;
  uint32_t child = system_call(CALL_FORK, 0, 0);
  if (child == 0) {
    if (shared_before != 7 || local != 5) return 1;
    shared_before = 100;
    local = 200;
    system_call(CALL_YIELD, 0, 0);
    return shared_before + local + argument;
  }
  if (shared_before != 7) return 2;
  shared_before = 8;
  local = 6;
  uint32_t status = system_call(CALL_WAIT, child, 0);
  if (status != 300 + argument || shared_before != 8 || local != 6) return 3;
  // The kernel reads this array, of which no page has been touched: its own access faults and is cured.
  return system_call(CALL_SUM, (uint32_t)words, sizeof words) == 0 ? 0x600d0000 | argument : 4;
}

// Floating point that another process interrupts: a series for pi, its digits in the result.
uint32_t floating(uint32_t sign) {
  uint32_t result = 0;
  do {
    double sum = 0, denominator = 1, s = sign ? -4 : 4;
    for (unsigned k = 0; k < 2000; k++) {
      sum += s / denominator;
      denominator += 2;
      s = -s;
    }
    int32_t scaled = (int32_t)(sum * 1e8);
    if (result != 0 && result != (uint32_t)scaled) return 0;
    result = (uint32_t)scaled;
  } while (system_call(CALL_PREEMPTIONS, 0, 0) < ENOUGH / 2);
  return result;
}

uint32_t sleeper(uint32_t ticks) {
  for (unsigned k = 0; k < 3; k++) system_call(CALL_SLEEP, ticks, 0);
  return 0x600d0000 | ticks;
}

// Does what no process may, in one of several ways.
uint32_t offender(uint32_t way) {
  switch (way) {
    case 0: asm volatile("cli"); break;
    case 1: asm volatile("ud2"); break;
    case 2: return *(volatile uint32_t *)0x100000;                // the kernel's memory
    case 3: *(volatile uint32_t *)IMAGE_BASE = 0; break;          // its own text
    case 4: return *(volatile uint32_t *)0x60000000;              // nothing
    case 5: asm volatile("mov %0, %%ds" : : "r"(0x10)); break;
    case 6: asm volatile("inb $0x60, %%al" : : : "eax"); break;
    case 7: asm volatile("div %0" : : "r"(0) : "eax", "edx"); break;
    case 8: asm volatile("hlt"); break;
    case 9: asm volatile("mov %%cr3, %0" : "=r"(way)); break;
    case 10: asm volatile("int $0x20"); break;
    case 11: asm volatile("jmp *%0" : : "r"(0x20000000)); break;
    case 12: asm volatile("mov %0, %%esp; push $1" : : "r"(USER_STACK_TOP - USER_STACK_SIZE)); break;
  }
  return 0;
}
