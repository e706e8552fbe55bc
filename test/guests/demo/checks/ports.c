// Port access outside ring 0: IOPL opens all ports, the bitmap in the TSS single ones (SDM volume 1, chapter 18.5).
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "segments.h"
#include "serial.h"
#include "trial.h"

CODE(read_byte, "mov %eax, %edx; xor %eax, %eax; inb %dx, %al");
CODE(read_word, "mov %eax, %edx; xor %eax, %eax; inw %dx, %ax");
CODE(read_long, "mov %eax, %edx; xor %eax, %eax; inl %dx, %eax");
CODE(write_byte, "mov $0x3ff, %edx; outb %al, %dx");
CODE(read_immediate, "xor %eax, %eax; inb $0x21, %al; xor %eax, %eax");
CODE(read_string, "mov %eax, %edx; push $0; mov %esp, %edi; insb; pop %eax");
CODE(write_string, "mov $0x3ff, %edx; push %eax; mov %esp, %esi; outsb; pop %eax");

static void allow(uint16_t port) { main_tss.ports[port / 8] &= (uint8_t)~(1 << port % 8); }
static void forbid(uint16_t port) { main_tss.ports[port / 8] |= (uint8_t)(1 << port % 8); }

void check_ports(void) {
  chapter("ports", "IN and OUT under IOPL and the TSS's permission bitmap");
  CHECK_RESULT(0, write_byte, 0, 0x5a, 0x5a);
  CHECK_RESULT(0, read_byte, 0, SERIAL_SCRATCH, 0x5a);
  CHECK_RESULT(3, read_byte, IOPL3, SERIAL_SCRATCH, 0x5a);
  CHECK_RESULT(3, read_immediate, IOPL3, 0, 0);
  CHECK_FAULT(3, read_immediate, 0, 0, GP, 0, 2);
  CHECK_FAULT(3, read_byte, 0, SERIAL_SCRATCH, GP, 0, 4);
  CHECK_FAULT(3, read_byte, 2 << IOPL_SHIFT, SERIAL_SCRATCH, GP, 0, 4);
  CHECK_RESULT(1, read_byte, 1 << IOPL_SHIFT, SERIAL_SCRATCH, 0x5a);

  allow(SERIAL_SCRATCH);
  CHECK_RESULT(3, read_byte, 0, SERIAL_SCRATCH, 0x5a);
  CHECK_RESULT(3, write_byte, 0, 0xa5, 0xa5);
  CHECK_RESULT(2, read_byte, 0, SERIAL_SCRATCH, 0xa5);
  CHECK_RESULT(3, write_string, 0, 0x77, 0x77);
  CHECK_RESULT(3, read_string, 0, SERIAL_SCRATCH, 0x77);
  // Every byte of a wide access must be allowed.
  CHECK_FAULT(3, read_byte, 0, SERIAL_SCRATCH - 1, GP, 0, 4);
  CHECK_FAULT(3, read_word, 0, SERIAL_SCRATCH - 1, GP, 0, 4);
  CHECK_FAULT(3, read_word, 0, SERIAL_SCRATCH, GP, 0, 4);
  CHECK_FAULT(3, read_long, 0, SERIAL_SCRATCH - 3, GP, 0, 4);
  allow(SERIAL_SCRATCH - 1);
  CHECK_EQUAL(trial(3, read_word, 0, SERIAL_SCRATCH - 1)->eax >> 8, 0x77);
  // Ports that the TSS's limit does not cover are closed.
  CHECK_FAULT(3, read_byte, 0, 0x400, GP, 0, 4);
  CHECK_FAULT(3, read_byte, 0, 0xffff, GP, 0, 4);
  forbid(SERIAL_SCRATCH);
  forbid(SERIAL_SCRATCH - 1);
  CHECK_FAULT(3, read_byte, 0, SERIAL_SCRATCH, GP, 0, 2 + 2);
  main_tss.tss.io_map = sizeof main_tss;
  CHECK_FAULT(3, read_byte, 0, 0, GP, 0, 4);
  main_tss.tss.io_map = sizeof(struct tss);
}
