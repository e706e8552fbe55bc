/* Sleeps in HLT from tick to tick of the 8254, at 2,000 Hz. */
#include "../guest/system.h"

static volatile u32 ticks;

__attribute__((used)) static void serve(void) {
  out8(0x20, 0x20);
  ticks++;
}

__attribute__((naked)) static void gate(void) { __asm__("pushal\n\tcall serve\n\tpopal\n\tiret"); }

u32 kernel(void) {
  set_gate(0x20, gate, 0);
  out8(0x43, 0x34); /* counter 0, both bytes, mode 2 */
  out8(0x40, 597 & 255);
  out8(0x40, 597 >> 8);
  start_interrupts(1);
  while (ticks < COUNT) __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
  start_interrupts(0);
  return ticks;
}
