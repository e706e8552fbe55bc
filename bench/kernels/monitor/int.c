/* INT from ring 3 to ring 0 and IRET back: the bare way. */
#include "../guest/system.h"

__attribute__((naked)) static void gate(void) { __asm__("incl %eax\n\tiret"); }

static u32 user(void) {
  u32 answer = 0;
  for (u32 k = 0; k < COUNT; k++) __asm__ volatile("int $0x81" : "+a"(answer));
  return answer;
}

u32 kernel(void) {
  set_gate(0x81, gate, 3);
  return call_in_ring_3(user);
}
