// Real work in ring 3, two programs at a time under the timer, their checksums compared with known ones.
#include "abi.h"
#include "chapters.h"
#include "check.h"
#include "print.h"
#include "process.h"
#include "timer.h"

enum { TICK = 1193 };  // 1 kHz

// All of it is WORK times what `quick` does, which is 1.1 billion instructions to 24 million.
enum { WORK = 50 };

struct work {
  const char *name, *what;
  unsigned program;
  uint32_t quick_rounds;
  uint32_t checksums[2];  // of all of it; of the quick form
};

static const struct work works[] = {
  {"sieve", "primes below 131,072", PROGRAM_SIEVE, 2, {0x710d00c0, 0x0005fb60}},
  {"sha256", "a message of 32 KiB", PROGRAM_SHA256, 1, {0xc780261f, 0x74cbb034}},
  {"crc32", "256 KiB by table", PROGRAM_CRC32, 1, {0xb937801b, 0xc891a8a6}},
  {"matrix", "64 by 64 integers", PROGRAM_MATRIX, 1, {0x423fe83d, 0x3d71e7a4}},
  {"quicksort", "8,192 numbers, comparison by pointer", PROGRAM_QUICKSORT, 1, {0xf2d8c6a6, 0x8192655d}},
  {"strings", "1,000 records named, merged and sorted", PROGRAM_STRINGS, 2, {0x557cb25e, 0x22a7b0ec}},
  {"fibonacci", "fib(20) and fib(21) by recursion", PROGRAM_FIBONACCI, 4, {0x64c477fc, 0x00060afe}},
  {"bytecode", "Collatz sequences on a stack machine", PROGRAM_BYTECODE, 4, {0x40adc5bc, 0xc639f430}},
  {"wide", "64-bit products modulo a prime", PROGRAM_WIDE, 3, {0x1a7b47ab, 0x6ddb9d50}},
  {"hash", "10,000 keys in a table", PROGRAM_HASH, 2, {0x7f2ea028, 0x57b10cee}},
};

static void report(const struct work *w, const struct process *p, bool quick) {
  print("  %11s%41s%x\n", w->name, w->what, process_status(p));
  CHECK_EQUAL(process_status(p), w->checksums[quick]);
}

void check_computing(bool quick) {
  chapter("computing", quick ? "ten programs in ring 3, two at a time, at 1/50 of the work" : "ten programs in ring 3, two at a time");
  chapter_lines();
  timer_start(TICK);
  for (const struct work *w = works; w < works + sizeof works / sizeof *works; w += 2) {
    const struct process *a = process_start(w[0].program, w[0].quick_rounds * (quick ? 1 : WORK));
    const struct process *b = process_start(w[1].program, w[1].quick_rounds * (quick ? 1 : WORK));
    processes_run();
    report(&w[0], a, quick);
    report(&w[1], b, quick);
    processes_clear();
  }
}
