/*
 * Executes single x87 instructions on the host processor.
 *
 * stdin: cases of 256 bytes: the FNSAVE image to start from (108 bytes), a memory operand (128), EFLAGS (4), the
 * instruction's bytes padded with NOPs (8), EAX (4), padding (4). The memory operand is addressed by EDI.
 * stdout: for each case 256 bytes in the same layout: image, operand, EFLAGS and EAX afterwards.
 *
 * Freestanding: 32-bit Linux system calls only.
 */
typedef unsigned int u32;
typedef unsigned char u8;

struct record {
  u8 image[108];
  u8 operand[128];
  u32 flags;
  u8 code[8];
  u32 eax;
  u32 padding;
};

enum { BATCH = 256 };
static struct record records[BATCH];

static int system_call3(int number, int a, void *b, int c) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
  return result;
}

/* mmap2 of one page, readable, writable, executable. */
static u8 *executable_page(void) {
  int result;
  __asm__ volatile(
    "pushl %%ebp\n\txorl %%ebp, %%ebp\n\tint $0x80\n\tpopl %%ebp"
    : "=a"(result) : "a"(192), "b"(0), "c"(4096), "d"(7), "S"(0x22), "D"(-1) : "memory");
  return (u8 *)result;
}

static void finish(int code) {
  for (;;) system_call3(1, code, 0, 0);
}

static void run(struct record *record, u8 *code) {
  u32 flags = record->flags, eax = record->eax;
  for (int i = 0; i < 8; i++) code[i] = record->code[i];
  code[8] = 0xc3;
  __asm__ volatile(
    "frstor (%%esi)\n\t"
    "pushl %0\n\tpopfl\n\t"
    "call *%%ebx\n\t"
    "pushfl\n\tpopl %0\n\t"
    "fnsave (%%esi)\n\t"
    : "+d"(flags), "+a"(eax) : "S"(record->image), "D"(record->operand), "b"(code) : "memory", "cc");
  record->flags = flags;
  record->eax = eax;
}

static u32 read_all(u8 *to, u32 wanted) {
  u32 got = 0;
  while (got < wanted) {
    int count = system_call3(3, 0, to + got, (int)(wanted - got));
    if (count < 0) finish(2);
    if (count == 0) break;
    got += (u32)count;
  }
  return got;
}

void start_here(void) {
  u8 *code = executable_page();
  if ((u32)code > 0xfffff000u) finish(3);
  for (;;) {
    u32 size = read_all((u8 *)records, sizeof records);
    if (size == 0) finish(0);
    for (u32 i = 0; i < size / sizeof records[0]; i++) run(&records[i], code);
    for (u32 sent = 0; sent < size;) {
      int count = system_call3(4, 1, (u8 *)records + sent, (int)(size - sent));
      if (count <= 0) finish(4);
      sent += (u32)count;
    }
  }
}

__asm__(".globl _start\n_start:\n\tandl $-16, %esp\n\tcall start_here\n");
