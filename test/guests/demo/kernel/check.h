// How this kernel judges its machine: a chapter is a row of checks, and a check that holds prints nothing.
#pragma once
#include <stdbool.h>
#include <stdint.h>

// Ends the chapter before and begins the next.
void chapter(const char *name, const char *about);

// The chapter prints lines of its own from here on.
void chapter_lines(void);

// Ends the last chapter and prints the verdict.
void verdict(void);

bool check_that(bool holds, const char *what, const char *file, unsigned line);
bool check_equal(uint32_t actual, uint32_t expected, const char *what, const char *file, unsigned line);

#define CHECK(condition) check_that((condition), #condition, __FILE_NAME__, __LINE__)
#define CHECK_EQUAL(actual, expected) check_equal((uint32_t)(actual), (uint32_t)(expected), #actual, __FILE_NAME__, __LINE__)
