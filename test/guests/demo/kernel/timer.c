#include "timer.h"
#include "cpu.h"

enum { ICW1_INIT_ICW4 = 0x11, ICW4_8086 = 0x01, CASCADE_IRQ = 2, FIRST_VECTOR = 0x20 };
enum { COUNTER_0 = 0x40, CONTROL = 0x43, LATCH_0 = 0x00, RATE_GENERATOR_0 = 0x34 };

void pic_init(void) {
  outb(PIC1_COMMAND, ICW1_INIT_ICW4);
  outb(PIC2_COMMAND, ICW1_INIT_ICW4);
  outb(PIC1_DATA, FIRST_VECTOR);
  outb(PIC2_DATA, FIRST_VECTOR + 8);
  outb(PIC1_DATA, 1 << CASCADE_IRQ);
  outb(PIC2_DATA, CASCADE_IRQ);
  outb(PIC1_DATA, ICW4_8086);
  outb(PIC2_DATA, ICW4_8086);
  outb(PIC1_DATA, 0xff);
  outb(PIC2_DATA, 0xff);
}

void pic_unmask(uint8_t irq) { outb(PIC1_DATA, inb(PIC1_DATA) & (uint8_t)~(1 << irq)); }
void pic_mask(uint8_t irq) { outb(PIC1_DATA, inb(PIC1_DATA) | (uint8_t)(1 << irq)); }
void pic_end_of_interrupt(void) { outb(PIC1_COMMAND, OCW2_EOI); }

void timer_start(uint16_t divisor) {
  outb(CONTROL, RATE_GENERATOR_0);
  outb(COUNTER_0, divisor & 0xff);
  outb(COUNTER_0, divisor >> 8);
}

uint16_t timer_count(void) {
  outb(CONTROL, LATCH_0);
  uint16_t low = inb(COUNTER_0);
  return (uint16_t)(low | inb(COUNTER_0) << 8);
}
