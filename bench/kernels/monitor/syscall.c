/* A whole system call: registers saved, segments loaded, dispatched through a table, segments and registers restored. */
#include "../guest/system.h"

struct frame { u32 ebx, ecx, edx, esi, edi, ebp, eax, ds, es; };

static u32 calls[4], (*table[4])(struct frame *);

static u32 add(struct frame *f) { return f->ebx + f->ecx; }
static u32 scramble(struct frame *f) { return f->ebx ^ f->ecx << 3 ^ f->edx; }
static u32 count(struct frame *f) { return ++calls[f->ebx & 3]; }
static u32 swap(struct frame *f) { return __builtin_bswap32(f->ebx); }

__attribute__((used)) static void dispatch(struct frame *f) { f->eax = table[f->eax & 3](f); }

__attribute__((naked)) static void gate(void) {
  __asm__("cld\n\tpushl %es\n\tpushl %ds\n\tpushl %eax\n\tpushl %ebp\n\tpushl %edi\n\tpushl %esi\n\tpushl %edx\n\tpushl %ecx\n\tpushl %ebx\n\t"
          "movl $0x10, %edx\n\tmovl %edx, %ds\n\tmovl %edx, %es\n\tpushl %esp\n\tcall dispatch\n\taddl $4, %esp\n\t"
          "popl %ebx\n\tpopl %ecx\n\tpopl %edx\n\tpopl %esi\n\tpopl %edi\n\tpopl %ebp\n\tpopl %eax\n\tpopl %ds\n\tpopl %es\n\tiret");
}

static u32 user(void) {
  u32 sum = 1, answer;
  for (u32 k = 0; k < COUNT; k++) {
    __asm__ volatile("int $0x80" : "=a"(answer) : "0"(k & 3), "b"(sum), "c"(k), "d"(sum >> 5) : "memory");
    sum += answer;
  }
  return sum;
}

u32 kernel(void) {
  table[0] = add;
  table[1] = scramble;
  table[2] = count;
  table[3] = swap;
  set_gate(0x80, gate, 3);
  return call_in_ring_3(user);
}
