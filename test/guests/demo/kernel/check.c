#include "check.h"
#include "print.h"

enum { COUNT_COLUMN = 86 };

static unsigned column, in_chapter, in_all, failed;

static void end_chapter(void) {
  if (in_chapter > 0) {
    for (; column < COUNT_COLUMN; column++) print(" ");
    print("%u checks\n", in_chapter);
  }
  in_chapter = 0;
}

void chapter(const char *name, const char *about) {
  end_chapter();
  print("%11s %s", name, about);
  for (column = 12; *about != 0; about++) column++;
}

void chapter_lines(void) {
  print("\n");
  column = 0;
}

bool check_that(bool holds, const char *what, const char *file, unsigned line) {
  in_chapter++;
  in_all++;
  if (holds) return true;
  failed++;
  print("\nFAILED %s:%u: %s\n", file, line, what);
  return false;
}

bool check_equal(uint32_t actual, uint32_t expected, const char *what, const char *file, unsigned line) {
  if (!check_that(actual == expected, what, file, line)) print("  is %x, should be %x\n", actual, expected);
  return actual == expected;
}

void verdict(void) {
  end_chapter();
  if (failed == 0) print("demo: all %u checks passed\n", in_all);
  else print("demo: %u of %u checks FAILED\n", failed, in_all);
}
