/*
 * Runs single privileged operations under another machine and reports what became of each.
 *
 * A multiboot kernel. Its one module is an array of `Case`; for each it fills in the spare descriptor, the spare gate and the
 * stack, enters the ring, executes one instruction followed by INT 80h, and writes a `Result` to port E9h. All addresses are
 * fixed and below the module's, so that qemu-cases.ts can set up the same memory.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

enum { GDT = 0x1a0000, IDT = 0x1a1000, TSS = 0x1a2000, NEW_TSS = 0x1a3000, INNER0 = 0x191000, INNER1 = 0x195000, V86_LANDING = 0x8000 };
enum { LANDING = 0x1b0000, OPERATIONS = 0x1b1000 };
enum { SPARE = 0x48, SPARE_VECTOR = 0x81, FRAME = 9, SEEN = 8, NEW_TASK = 17 };

typedef struct { u32 op, cpl, selector, low, high, gate_low, gate_high, flags, frame[FRAME]; } Case;
typedef struct { u32 vector, error, eip, cs, ss, esp, eflags, eax, ds, high, seen[SEEN]; } Result;

/* What the handlers push, from the stack pointer up. */
typedef struct { u32 es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, vector, error, eip, cs, eflags, outer_esp, outer_ss, segments[4]; } Frame;

static const u32 op_stack[4] = { 0x192000, 0x193000, 0, 0x194000 };
static const u32 code[4] = { 0x08, 0x31, 0, 0x1b }, data[4] = { 0x10, 0x39, 0, 0x23 };

static Case *cases;
static u32 count, current;

__asm__(
  ".section .multiboot,\"a\"\n.long 0x1badb002, 0, -0x1badb002\n"
  ".text\n.globl _start\n_start: mov $0x190000, %esp\n push %ebx\n call prepare\n"
  ".globl next\nnext: mov $0x190000, %esp\n call run\n"
  /* enter(stub, cs, eflags, esp, ss, eax): by IRET, or inside ring 0 by a jump */
  "enter: mov 24(%esp), %eax\n mov 8(%esp), %ecx\n test $3, %ecx\n jz 1f\n"
  " pushl 20(%esp)\n pushl 20(%esp)\n pushl 20(%esp)\n pushl 20(%esp)\n pushl 20(%esp)\n iret\n"
  "1: mov 4(%esp), %edx\n pushl 12(%esp)\n popf\n mov 16(%esp), %esp\n jmp *%edx\n"
  "common: pusha\n push %ds\n push %es\n mov $0x10, %eax\n mov %eax, %ds\n mov %eax, %es\n mov %esp, %eax\n mov %ss, %edx\n"
  " mov $0x10, %ecx\n mov %ecx, %ss\n mov $0x190000, %esp\n push %edx\n push %eax\n call record\n"
  ".macro bare n\nvec\\n: pushl $-1\n pushl $\\n\n jmp common\n.endm\n"
  ".macro coded n\nvec\\n: pushl $\\n\n jmp common\n.endm\n"
  "bare 0\nbare 1\nbare 2\nbare 3\nbare 4\nbare 5\nbare 6\nbare 7\ncoded 8\nbare 9\ncoded 10\ncoded 11\ncoded 12\ncoded 13\ncoded 14\nbare 128\n"
  ".globl vectors\nvectors: .long vec0, vec1, vec2, vec3, vec4, vec5, vec6, vec7, vec8, vec9, vec10, vec11, vec12, vec13, vec14, vec128\n"
  ".section .landing,\"ax\"\n int $0x80\n"
  /* One operation in each 16 bytes. */
  ".section .operations,\"ax\"\n"
  ".balign 16\n mov %eax, %ds\n int $0x80\n"
  ".balign 16\n mov %eax, %ss\n nop\n int $0x80\n"
  ".balign 16\n lar %eax, %eax\n int $0x80\n"
  ".balign 16\n lsl %eax, %eax\n int $0x80\n"
  ".balign 16\n verr %ax\n int $0x80\n"
  ".balign 16\n verw %ax\n int $0x80\n"
  ".balign 16\n lldt %ax\n int $0x80\n"
  ".balign 16\n ltr %ax\n int $0x80\n"
  ".balign 16\n ljmp *%cs:far\n int $0x80\n"
  ".balign 16\n lcall *%cs:far\n int $0x80\n"
  ".balign 16\n lret\n int $0x80\n"
  ".balign 16\n iret\n int $0x80\n"
  ".balign 16\n int $0x81\n int $0x80\n"
  ".balign 16\n lret $8\n int $0x80\n"
  ".balign 16\n mov %eax, %fs\n int $0x80\n"
  ".balign 16\n lcallw *%cs:near_far\n int $0x80\n"
  ".balign 16\n iretw\n int $0x80\n"
  ".balign 16\n lcall *%cs:far\n int $0x80\n"
  ".text\n"
  ".globl far\nfar: .long 0x1b0000\nfar_selector: .word 0, 0\n.globl near_far\nnear_far: .word 0\nnear_far_selector: .word 0\n"
  "");

extern u32 vectors[16];
extern u16 far_selector, near_far_selector;
void enter(u32 stub, u32 cs, u32 eflags, u32 esp, u32 ss, u32 eax) __attribute__((noreturn));
void next(void) __attribute__((noreturn));

static void out(u16 port, u8 value) { __asm__ volatile("outb %0, %1" :: "a"(value), "d"(port)); }

static void descriptor(u32 selector, u32 low, u32 high) {
  volatile u32 *at = (u32 *)(GDT + (selector & ~7u));
  at[0] = low;
  at[1] = high;
}

static void gate(u32 vector, u32 low, u32 high) {
  volatile u32 *at = (u32 *)(IDT + vector * 8);
  at[0] = low;
  at[1] = high;
}

static void table(u16 limit, u32 base, int idt) {
  struct { u16 limit; u32 base; } __attribute__((packed)) pointer = { limit, base };
  if (idt) __asm__ volatile("lidt %0" :: "m"(pointer));
  else __asm__ volatile("lgdt %0" :: "m"(pointer));
}

static void descriptors(void) {
  descriptor(0x08, 0xffff, 0xcf9a00);
  descriptor(0x10, 0xffff, 0xcf9200);
  descriptor(0x18, 0xffff, 0xcffa00);
  descriptor(0x20, 0xffff, 0xcff200);
  descriptor(0x28, (TSS & 0xffff) << 16 | 0x67, 0x8900 | TSS >> 16);
  descriptor(0x30, 0xffff, 0xcfba00);
  descriptor(0x38, 0xffff, 0xcfb200);
  descriptor(0x40, 0xffff, 0xcf9e00);
}

void prepare(u32 *information) {
  u32 *module = (u32 *)information[6];
  cases = (Case *)module[0];
  count = (module[1] - module[0]) / sizeof(Case);
  descriptors();
  table(0x1ff, GDT, 0);
  table(0x82 * 8 - 1, IDT, 1);
  for (u32 k = 0; k < 16; k++) {
    u32 handler = vectors[k];
    gate(k == 15 ? 0x80 : k, 0x80000 | (handler & 0xffff), (handler & 0xffff0000) | (k == 15 ? 0xee00 : 0x8e00));
  }
  out(0x21, 0xff);
  out(0xa1, 0xff);
  for (u32 k = 0; k < 2; k++) ((volatile u32 *)V86_LANDING)[4 * k] = k == 0 ? 0x80cd80cd : 0x80cd81cd;
  *(volatile u16 *)(LANDING & 0xffff) = 0x80cd;
  u32 *tss = (u32 *)TSS;
  tss[1] = INNER0; tss[2] = 0x10; tss[3] = INNER1; tss[4] = 0x39;
  __asm__ volatile("ljmp $8, $1f\n1: mov %0, %%ds\n mov %0, %%es\n mov %0, %%ss\n mov %0, %%fs\n mov %0, %%gs" :: "r"(0x10));
}

void run(void) {
  if (current == count) {
    out(0xf4, 0);
    for (;;) __asm__ volatile("hlt");
  }
  Case *c = &cases[current];
  for (u32 k = 0; k < SEEN; k++) ((volatile u32 *)INNER0)[k] = ((volatile u32 *)INNER1)[k] = 0;
  descriptors();
  __asm__ volatile("clts\n lldt %w0\n ltr %w1\n mov %2, %%fs" :: "r"(0), "r"(0x28), "r"(0x10));
  descriptors();
  descriptor(0x28, (TSS & 0xffff) << 16 | 0x67, 0x8b00 | TSS >> 16);
  descriptor(SPARE, c->low, c->high);
  gate(SPARE_VECTOR, c->gate_low, c->gate_high);
  u32 *stack = (u32 *)(op_stack[c->cpl] - 4 * FRAME);
  for (u32 k = 0; k < FRAME; k++) stack[k] = c->frame[k];
  for (u32 k = FRAME; k < FRAME + SEEN; k++) stack[k] = 0;
  if (c->op == NEW_TASK) {
    u32 *task = (u32 *)NEW_TSS;
    for (u32 k = 0; k < 26; k++) task[k] = 0;
    task[1] = INNER0 - 0x400; task[2] = 0x10; task[8] = c->frame[0]; task[9] = c->frame[1]; task[14] = (u32)stack;
    for (u32 k = 0; k < 6; k++) task[18 + k] = c->frame[2 + k];
    task[24] = c->frame[8];
  }
  far_selector = near_far_selector = (u16)c->selector;
  u32 d = c->cpl == 0 ? 0x10 : 0x23;
  __asm__ volatile("mov %0, %%ds\n mov %0, %%es\n mov %0, %%fs\n mov %0, %%gs" :: "r"(d));
  enter(OPERATIONS + 16 * c->op, code[c->cpl], c->flags, (u32)stack, data[c->cpl], c->selector);
}

void record(Frame *frame, u32 ss) {
  current++;
  int virtual = (frame->eflags & 0x20000) != 0, outer = virtual || (frame->cs & 3) != 0;
  Result result = {
    frame->vector == 128 ? 0x80 : frame->vector, frame->error, frame->eip, frame->cs & 0xffff, outer ? frame->outer_ss & 0xffff : ss & 0xffff,
    outer ? frame->outer_esp : (u32)&frame->outer_esp, frame->eflags, frame->eax, frame->ds & 0xffff,
    ((u32 *)(GDT + SPARE))[1],
    { 0 },
  };
  u32 *seen = virtual ? frame->segments : (u32 *)result.esp;
  for (u32 k = 0; k < (virtual ? 4 : SEEN); k++) result.seen[k] = seen[k];
  for (u32 k = 0; k < sizeof result; k++) out(0xe9, ((u8 *)&result)[k]);
  __asm__ volatile("pushl $2\n popf");
  next();
}
