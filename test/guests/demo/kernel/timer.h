// The interrupt controllers and the interval timer (Intel 8259A and 8254 data sheets).
#pragma once
#include <stdint.h>

enum { PIC1_COMMAND = 0x20, PIC1_DATA = 0x21, PIC2_COMMAND = 0xa0, PIC2_DATA = 0xa1 };
enum { OCW2_EOI = 0x20, OCW3_READ_IRR = 0x0a, OCW3_READ_ISR = 0x0b };
enum { TIMER_IRQ = 0, TIMER_VECTOR = 0x20 };

// Interrupts 0 to 15 become the vectors 20h to 2Fh; all are masked.
void pic_init(void);
void pic_unmask(uint8_t irq);
void pic_mask(uint8_t irq);
void pic_end_of_interrupt(void);

// Counter 0 in mode 2: one interrupt every `divisor` periods of 1,193,182 Hz.
void timer_start(uint16_t divisor);
uint16_t timer_count(void);
