// What the kernel and its ring-3 programs agree on.
#pragma once

// INT 80h: EAX = number, EBX = argument; the answer comes in EAX.
enum {
  CALL_EXIT,         // EBX = status; does not return
  CALL_FORK,         // 0 in the child, the child's number in the parent
  CALL_WAIT,         // EBX = a child's number; its status, once it has ended
  CALL_YIELD,
  CALL_PREEMPTIONS,  // how often the timer has taken the processor away from this process
  CALL_SLEEP,        // EBX = timer ticks
  CALL_SUM,          // EBX = an address, ECX = a size; the sum of the bytes, read by the kernel
};

// Ends of a process that it did not choose: this and the exception's vector.
#define STATUS_KILLED 0xdead0000u

// The programs of the image, started with the number in EAX and an argument in EBX.
enum {
  PROGRAM_SIEVE,
  PROGRAM_SHA256,
  PROGRAM_CRC32,
  PROGRAM_MATRIX,
  PROGRAM_QUICKSORT,
  PROGRAM_STRINGS,
  PROGRAM_FIBONACCI,
  PROGRAM_BYTECODE,
  PROGRAM_WIDE,
  PROGRAM_HASH,
  PROGRAM_COUNTER,
  PROGRAM_FORKER,
  PROGRAM_FLOATING,
  PROGRAM_SLEEPER,
  PROGRAM_OFFENDER,
  PROGRAMS,
};

enum { IMAGE_BASE = 0x40000000, USER_STACK_TOP = 0x7ffff000, USER_STACK_SIZE = 256 << 10 };
