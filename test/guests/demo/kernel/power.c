#include "power.h"
#include "cpu.h"

enum { RESET_CONTROL = 0xcf9, RESET_HARD = 0x02, RESET_NOW = 0x06 };
enum { KEYBOARD_COMMAND = 0x64, PULSE_RESET = 0xfe };

void power_off(void) {
  outb(RESET_CONTROL, RESET_HARD);
  outb(RESET_CONTROL, RESET_NOW);
  outb(KEYBOARD_COMMAND, PULSE_RESET);
  for (;;) asm volatile("cli; hlt");
}
