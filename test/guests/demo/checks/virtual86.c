// Virtual-8086 mode: a real-mode routine under a small monitor. What touches the machine traps to the monitor, which
// does it on the routine's own tables; INT n becomes what an 8086 would do (SDM volume 3, chapter 20).
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "memory.h"
#include "paging.h"
#include "segments.h"
#include "trial.h"

enum { CODE_SEGMENT = 0x0800, DATA_SEGMENT = 0x0900, STACK_SEGMENT = 0x0a00, STACK_TOP = 0x0ff0, SERVICE = 0x60 };

// 16-bit code; it is copied to CODE_SEGMENT:0.
#define CODE_16(name, text)      \
  extern const uint8_t name[], name##_end[]; \
  asm(".pushsection .rodata\n.code16\n" #name ":\n" text "\n" #name "_end:\n.code32\n.popsection")

// Sums the words of a table, asks the service at INT 60h to square the sum's low byte, copies the table upwards.
CODE_16(routine,
  "cld; xor %si, %si; mov $8, %cx; xor %bx, %bx; 1: lodsw; add %ax, %bx; loop 1b;"
  "mov %bl, %al; int $0x60; mov %ax, %dx;"
  "push %ds; pop %es; xor %si, %si; mov $0x100, %di; mov $8, %cx; rep movsw;"
  "pushf; pop %ax; cli; pushf; pop %bp; sti; hlt");
CODE_16(service, "mul %al; add %bx, %ax; iret");
CODE_16(interrupts_directly, "mov $0x1234, %ax; int $0x81");
CODE_16(reads_port, "mov $0x3ff, %dx; in %dx, %al; hlt");
CODE_16(loads_segments, "mov $0xbeef, %ax; mov %ax, %fs; mov $0x1111, %ax; mov %ax, %gs; mov %fs, %cx; lmsw %ax");
CODE_16(bad_opcode, "arpl %ax, %bx");
CODE_16(flags_only, "pushf; pop %ax; cli; pushf; pop %bx; sti; pushf; pop %cx; int $0x81");
CODE_16(far_around, "lcall $0x0810, $0x0000; mov %ax, %bx; hlt");
CODE_16(far_target, "mov $0x77, %ax; lret");

static unsigned reflected, emulated;
static bool virtual_if;

static uint8_t *at(uint16_t segment, uint16_t offset) { return (uint8_t *)((uint32_t)segment * 16 + offset); }
static void set_low(uint32_t *reg, uint16_t value) { *reg = (*reg & 0xffff0000) | value; }

static void push_word(struct frame *f, uint16_t value) {
  set_low(&f->esp, (uint16_t)(f->esp - 2));
  memcpy(at((uint16_t)f->ss, (uint16_t)f->esp), &value, 2);
}

static uint16_t pop_word(struct frame *f) {
  uint16_t value;
  memcpy(&value, at((uint16_t)f->ss, (uint16_t)f->esp), 2);
  set_low(&f->esp, (uint16_t)(f->esp + 2));
  return value;
}

static uint16_t visible_flags(const struct frame *f) { return (uint16_t)((f->eflags & ~(uint32_t)IF) | (virtual_if ? IF : 0)); }
static void take_flags(struct frame *f, uint16_t flags) {
  virtual_if = (flags & IF) != 0;
  f->eflags = (f->eflags & ~0xcd5u) | (flags & 0xcd5);
}

static void reflect_interrupt(struct frame *f, uint8_t vector) {
  reflected++;
  push_word(f, visible_flags(f));
  push_word(f, (uint16_t)f->cs);
  push_word(f, (uint16_t)(f->eip + 2));
  const uint16_t *entry = (const uint16_t *)at(0, (uint16_t)(vector * 4));
  asm("" : "+r"(entry));  // gcc holds that nothing is read at addresses near 0
  f->eip = entry[0];
  f->cs = entry[1];
  virtual_if = false;
}

// The monitor: emulates the instruction that raised #GP.
static struct frame *emulate(struct frame *f) {
  if ((f->eflags & VM) == 0 || f->error != 0) return 0;
  const uint8_t *code = at((uint16_t)f->cs, (uint16_t)f->eip);
  emulated++;
  switch (code[0]) {
    case 0xcd: reflect_interrupt(f, code[1]); return f;
    case 0xcf:  // IRET
      f->eip = pop_word(f);
      f->cs = pop_word(f);
      take_flags(f, pop_word(f));
      return f;
    case 0x9c: push_word(f, visible_flags(f)); break;
    case 0x9d: take_flags(f, pop_word(f)); break;
    case 0xfa: virtual_if = false; break;
    case 0xfb: virtual_if = true; break;
    default: return 0;
  }
  set_low(&f->eip, (uint16_t)(f->eip + 1));
  return f;
}

static const struct frame *run(const uint8_t *code, const uint8_t *end, uint32_t eflags) {
  memcpy(at(CODE_SEGMENT, 0), code, (size_t)(end - code));
  struct frame f = {0};
  f.eflags = FLAGS_FIXED | VM | eflags;
  f.cs = CODE_SEGMENT;
  f.ss = STACK_SEGMENT;
  f.esp = STACK_TOP;
  f.v86_ds = DATA_SEGMENT;
  f.v86_es = 0x1234;
  f.v86_fs = 0x4321;
  reflected = emulated = 0;
  virtual_if = true;
  return trial_run(&f);
}
#define RUN(name, eflags) run(name, name##_end, eflags)

static void check_routine(void) {
  uint16_t *table = (uint16_t *)at(DATA_SEGMENT, 0);
  memset(table, 0, 0x200);
  for (uint16_t k = 0; k < 8; k++) table[k] = (uint16_t)(k * 257 + 3);
  const uint16_t sum = 28 * 257 + 8 * 3, low = sum & 0xff;
  memcpy(at(CODE_SEGMENT, 0x100), service, (size_t)(service_end - service));
  const uint16_t vector[2] = {0x100, CODE_SEGMENT};
  memcpy(at(0, SERVICE * 4), vector, sizeof vector);
  const struct frame *f = RUN(routine, 0);
  CHECK_EQUAL(f->vector, GP);
  CHECK_EQUAL(f->error, 0);
  CHECK_EQUAL(*at(CODE_SEGMENT, (uint16_t)f->eip), 0xf4);
  CHECK_EQUAL(f->ebx, sum);
  CHECK_EQUAL(f->edx, (uint16_t)(low * low + sum));
  CHECK_EQUAL(memcmp(at(DATA_SEGMENT, 0x100), table, 16), 0);
  CHECK_EQUAL(f->eax & IF, IF);
  CHECK_EQUAL(f->ebp & IF, 0);
  CHECK_EQUAL(reflected, 1);
  CHECK_EQUAL(emulated, 7);  // INT, IRET, two PUSHF, CLI, STI, and the HLT that ends it
  CHECK(virtual_if);
  // The frame of a trap from this mode holds all segment registers, and the handler gets null ones.
  CHECK_EQUAL(f->eflags & VM, VM);
  CHECK_EQUAL(f->ss, STACK_SEGMENT);
  CHECK_EQUAL(f->esp, STACK_TOP);
  CHECK_EQUAL(f->v86_ds, DATA_SEGMENT);
  CHECK_EQUAL(f->v86_es, DATA_SEGMENT);
  CHECK_EQUAL(f->v86_fs, 0x4321);
  CHECK_EQUAL(f->v86_gs, 0);
  CHECK_EQUAL(f->ds | f->es | f->fs | f->gs, 0);
}

static void check_rules(void) {
  // IOPL 3: the flags are the routine's own, and INT n goes through the IDT.
  const struct frame *f = RUN(interrupts_directly, IOPL3);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(f->eax, 0x1234);
  CHECK_EQUAL(f->eip, 5);
  CHECK_EQUAL(f->cs, CODE_SEGMENT);
  f = RUN(flags_only, IOPL3 | IF);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(f->eax & IF, IF);
  CHECK_EQUAL(f->ebx & IF, 0);
  CHECK_EQUAL(f->ecx & IF, IF);
  CHECK_EQUAL(emulated, 0);
  // Ports are the bitmap's affair, even with IOPL 3.
  f = RUN(reads_port, IOPL3);
  CHECK_EQUAL(f->vector, GP);
  CHECK_EQUAL(f->eip, 3);
  main_tss.ports[0x3ff / 8] &= 0x7f;
  f = RUN(reads_port, 0);
  CHECK_EQUAL(f->eip, 4);
  main_tss.ports[0x3ff / 8] |= 0x80;
  // Segment registers take any value; privileged instructions fault; protected-mode ones do not exist.
  f = RUN(loads_segments, 0);
  CHECK_EQUAL(f->vector, GP);
  CHECK_EQUAL(f->v86_fs, 0xbeef);
  CHECK_EQUAL(f->v86_gs, 0x1111);
  CHECK_EQUAL(f->ecx, 0xbeef);
  CHECK_EQUAL(RUN(bad_opcode, 0)->vector, UD);
  memcpy(at(0x810, 0), far_target, (size_t)(far_target_end - far_target));
  f = RUN(far_around, 0);
  CHECK_EQUAL(f->ebx, 0x77);
  CHECK_EQUAL(f->cs, CODE_SEGMENT);
  // A page fault in this mode is a user's.
  uint32_t closed = ((uint32_t)DATA_SEGMENT * 16) & ~(PAGE - 1u);
  page_map(closed, closed | PTE_PRESENT | PTE_WRITABLE);
  f = RUN(routine, 0);
  CHECK_EQUAL(f->vector, PF);
  CHECK_EQUAL(f->error, FAULT_PROTECTION | FAULT_USER);
  CHECK_EQUAL(read_cr2(), DATA_SEGMENT * 16);
}

static void open_low_memory(uint32_t rights) {
  for (uint32_t page = 0; page < 0xb000; page += PAGE) page_map(page, page | PTE_PRESENT | rights);
}

void check_virtual86(void) {
  chapter("v86", "a real-mode routine in virtual-8086 mode, its interrupts reflected");
  open_low_memory(PTE_WRITABLE | PTE_USER);
  handler before = handle(GP, emulate);
  check_routine();
  check_rules();
  handle(GP, before);
  open_low_memory(PTE_WRITABLE);
}
