#pragma once

// Prints to COM1: %s text, %u decimal, %x eight hexadecimal digits; %20s pads to the right with blanks.
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
