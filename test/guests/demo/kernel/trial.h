// A trial runs a piece of code at some ring until it traps, and reports the trap. All that an instruction may do, be
// it a result or a fault, is checked in this one way: a piece of code that comes to its end executes INT 81h.
#pragma once
#include "check.h"
#include "interrupts.h"
#include <stdint.h>

// Defines a piece of assembler code, readable and executable in every ring.
#define CODE(name, text)                \
  extern const uint8_t name[];          \
  asm(".pushsection .user_text, \"ax\"\n" #name ":\n" text "\n int $0x81\n .popsection")

// The state in which `code` starts at `ring`: flat segments, EFLAGS = 2, its ring's stack.
struct frame trial_start(unsigned ring, const void *code);

// Runs until an interrupt that no handler takes; the result is valid until the next trial.
const struct frame *trial_run(const struct frame *start);

// In short: from the usual state with EAX and EFLAGS as given.
const struct frame *trial(unsigned ring, const void *code, uint32_t eflags, uint32_t eax);

// Called by the interrupt handler; does not return if a trial is under way.
void trial_ends(const struct frame *f);

// The stack of a ring: trials above ring 0 leave their pushes below this address.
uint32_t trial_stack(unsigned ring);

bool check_trap(const struct frame *f, uint32_t vector, uint32_t error, const void *eip, const char *what, const char *file, unsigned line);

// One check: the code at `ring` faults with this vector and error code, `offset` bytes after its start.
#define CHECK_FAULT(ring, code, eflags, eax, vector, error, offset) \
  check_trap(trial(ring, code, eflags, eax), vector, error, (code) + (offset), #code, __FILE_NAME__, __LINE__)
// One check: the code at `ring` comes to its end, with this value in EAX.
#define CHECK_RESULT(ring, code, eflags, eax_before, expected) \
  check_result(trial(ring, code, eflags, eax_before), (uint32_t)(expected), #code, __FILE_NAME__, __LINE__)
bool check_result(const struct frame *f, uint32_t eax, const char *what, const char *file, unsigned line);
