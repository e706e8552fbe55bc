/*
 * Executes single x87 instructions on the host processor.
 *
 * stdin: cases of 256 bytes: the FNSAVE image to start from (108 bytes), a memory operand (128), EFLAGS (4), the
 * instruction's bytes padded with NOPs (8), EAX (4), padding (4). The memory operand is addressed by EDI.
 * stdout: for each case 256 bytes in the same layout: image, operand, EFLAGS and EAX afterwards.
 *
 * A 64-bit program, so that it runs where the kernel starts no 32-bit ones. An x87 instruction does in 64-bit mode what
 * it does in a 32-bit segment, as long as
 *  - its bytes mean the same: no byte 40h-4Fh before the opcode (REX), no [disp32] (there relative to RIP);
 *  - [EDI] is [RDI]: RDI holds the operand's address, all of it;
 *  - nobody looks at an image's instruction and data pointers with their selectors: CS is another, the code lies elsewhere.
 * FRSTOR and FNSAVE without REX.W have the 32-bit protected-mode layout here too.
 *
 * Freestanding: 64-bit Linux system calls only. No red zone: `run` pushes.
 */
typedef unsigned int u32;
typedef unsigned long u64;
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

enum { READ = 0, WRITE = 1, MMAP = 9, EXIT_GROUP = 231 };

static long system_call(long number, long a, const void *b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

/* mmap of one page, readable, writable, executable. */
static u8 *executable_page(void) {
  register long flags __asm__("r10") = 0x22;
  register long file __asm__("r8") = -1;
  register long offset __asm__("r9") = 0;
  u8 *result;
  __asm__ volatile("syscall"
    : "=a"(result) : "a"((long)MMAP), "D"(0L), "S"(4096L), "d"(7L), "r"(flags), "r"(file), "r"(offset) : "rcx", "r11", "memory");
  return result;
}

static void finish(int code) {
  for (;;) system_call(EXIT_GROUP, code, 0, 0);
}

static void run(struct record *record, u8 *code) {
  u64 flags = record->flags;
  u32 eax = record->eax;
  for (int i = 0; i < 8; i++) code[i] = record->code[i];
  code[8] = 0xc3;
  __asm__ volatile(
    "frstor (%%rsi)\n\t"
    "pushq %0\n\tpopfq\n\t"
    "call *%%rbx\n\t"
    "pushfq\n\tpopq %0\n\t"
    "fnsave (%%rsi)\n\t"
    : "+d"(flags), "+a"(eax) : "S"(record->image), "D"(record->operand), "b"(code) : "memory", "cc");
  record->flags = (u32)flags;
  record->eax = eax;
}

static u32 read_all(u8 *to, u32 wanted) {
  u32 got = 0;
  while (got < wanted) {
    long count = system_call(READ, 0, to + got, wanted - got);
    if (count < 0) finish(2);
    if (count == 0) break;
    got += (u32)count;
  }
  return got;
}

void start_here(void) {
  u8 *code = executable_page();
  if ((u64)code > -4096ul) finish(3);
  for (;;) {
    u32 size = read_all((u8 *)records, sizeof records);
    if (size == 0) finish(0);
    for (u32 i = 0; i < size / sizeof records[0]; i++) run(&records[i], code);
    for (u32 sent = 0; sent < size;) {
      long count = system_call(WRITE, 1, (u8 *)records + sent, size - sent);
      if (count <= 0) finish(4);
      sent += (u32)count;
    }
  }
}

__asm__(".globl _start\n_start:\n\tandq $-16, %rsp\n\tcall start_here\n");
