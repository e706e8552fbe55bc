#include "print.h"
#include "serial.h"
#include <stdarg.h>
#include <stdint.h>

static unsigned print_text(const char *text) {
  unsigned length = 0;
  for (; text[length] != 0; length++) serial_put(text[length]);
  return length;
}

static unsigned print_number(uint32_t value, uint32_t base, unsigned digits) {
  char text[12];
  unsigned at = sizeof text;
  text[--at] = 0;
  do {
    text[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0 || at > sizeof text - 1 - digits);
  return print_text(text + at);
}

void print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  for (; *format != 0; format++) {
    if (*format != '%') {
      serial_put(*format);
      continue;
    }
    unsigned width = 0, length = 0;
    for (format++; *format >= '0' && *format <= '9'; format++) width = width * 10 + (unsigned)(*format - '0');
    switch (*format) {
      case 's': length = print_text(va_arg(arguments, const char *)); break;
      case 'u': length = print_number(va_arg(arguments, uint32_t), 10, 1); break;
      case 'x': length = print_number(va_arg(arguments, uint32_t), 16, 8); break;
      default: serial_put(*format);
    }
    for (; length < width; length++) serial_put(' ');
  }
  va_end(arguments);
}
