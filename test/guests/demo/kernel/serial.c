// The serial port COM1: a 16550A at 3F8h (National Semiconductor PC16550D data sheet).
#include "serial.h"
#include "cpu.h"

enum { DATA = 0x3f8, IER = 0x3f9, FCR = 0x3fa, LCR = 0x3fb, MCR = 0x3fc, LSR = 0x3fd };
enum { LCR_8N1 = 0x03, LCR_DLAB = 0x80, FCR_ENABLE_AND_CLEAR = 0x07, MCR_DTR_RTS = 0x03, LSR_THRE = 0x20 };

void serial_init(void) {
  outb(IER, 0);
  outb(LCR, LCR_DLAB);
  outb(DATA, 1);  // divisor 1: 115,200 baud
  outb(IER, 0);
  outb(LCR, LCR_8N1);
  outb(FCR, FCR_ENABLE_AND_CLEAR);
  outb(MCR, MCR_DTR_RTS);
}

void serial_put(char c) {
  while ((inb(LSR) & LSR_THRE) == 0) {
  }
  outb(DATA, (uint8_t)c);
}
