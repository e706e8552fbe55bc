// The rules that QEMU's translator does not keep, so that this chapter runs only on demand: segment limits and types,
// alignment checks, the longest instruction, reserved bits (SDM volume 3, 5.3, 6.15, 4.7; volume 2, 2.3.11).
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "memory.h"
#include "paging.h"
#include "segments.h"
#include "trial.h"

static uint8_t area[8192] __attribute__((aligned(4096), section(".user_data,\"aw\",@nobits#")));

CODE(read_byte, "movb %fs:(%eax), %cl");
CODE(read_word, "movw %fs:(%eax), %cx");
CODE(read_long, "movl %fs:(%eax), %ecx");
CODE(write_long, "movl %ecx, %fs:(%eax)");
CODE(add_long, "addl %ecx, %fs:(%eax)");
CODE(move_string, "mov $4, %ecx; mov $area_offset, %edi; xor %esi, %esi; mov %eax, %esi; .byte 0x64; rep movsb");
CODE(write_code, "movb $0, %cs:(%eax)");
CODE(read_stack, "mov %eax, %ebp; mov (%ebp), %ecx");
CODE(push_stack, "push %eax");
CODE(load_ss_then, "mov %ss, %ecx; mov %ecx, %ss; nop; shadow_end: nop");
CODE(locked_move, ".byte 0xf0, 0x89, 0xc0");
CODE(sixteen_bytes, ".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90");
CODE(fifteen_bytes, ".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90");
CODE(to_cr0, "mov %eax, %cr0");
CODE(to_cr4, "mov %eax, %cr4");
CODE(do_ltr, "ltr %ax");
CODE(read_aligned, "mov (%eax), %ecx");
CODE(read_word_aligned, "movw (%eax), %cx");
CODE(load_double, "fldl (%eax); fstp %st(0)");
CODE(modify_here, "incl (%eax)");
CODE(call_plain, "push %eax; push $0; mov %esp, %esi; lcall *(%esi); add $8, %esp");
CODE(gate_plain, "mov 4(%esp), %eax; mov %cs, %edx; lret");
CODE(jump_far_beyond, "ljmp *(%eax)");
CODE(touch_debug, "mov %dr0, %eax");
extern const uint8_t shadow_end[];
asm(".set area_offset, 0x100");

static void describe(uint16_t selector, uint32_t base, uint32_t limit, uint8_t access, uint8_t flags) {
  gdt[selector / 8] = segment_descriptor(base, limit, access, flags);
}

static const struct frame *with_fs(unsigned ring, const uint8_t *code, uint16_t fs, uint32_t eax) {
  struct frame start = trial_start(ring, code);
  start.fs = fs;
  start.eax = eax;
  return trial_run(&start);
}

#define CHECK_FS(code, fs, eax, vector, error) check_trap(with_fs(3, code, fs, eax), vector, error, code, #code, __FILE_NAME__, __LINE__)
#define CHECK_FS_OK(code, fs, eax) CHECK_EQUAL(with_fs(3, code, fs, eax)->vector, DONE)

static void check_limits(void) {
  describe(SMALL_DATA, (uint32_t)area, 99, PRESENT | DPL3 | DATA_WRITABLE, BITS_32);
  const uint16_t small = SMALL_DATA | 3;
  CHECK_FS_OK(read_byte, small, 99);
  CHECK_FS(read_byte, small, 100, GP, 0);
  CHECK_FS_OK(read_word, small, 98);
  CHECK_FS(read_word, small, 99, GP, 0);
  CHECK_FS_OK(read_long, small, 96);
  CHECK_FS(read_long, small, 97, GP, 0);
  CHECK_FS(read_long, small, 0xfffffffe, GP, 0);
  CHECK_FS(write_long, small, 100, GP, 0);
  CHECK_FS(add_long, small, 98, GP, 0);
  // Granularity: the limit counts pages, and its lowest twelve bits are ones.
  describe(SMALL_DATA, (uint32_t)area, 0, PRESENT | DPL3 | DATA_WRITABLE, BITS_32 | PAGE_GRANULAR);
  CHECK_FS_OK(read_long, small, 4092);
  CHECK_FS(read_long, small, 4093, GP, 0);
  // Expand-down: valid is what lies above the limit, up to 64 KiB or 4 GiB.
  describe(SMALL_DATA, (uint32_t)area, 99, PRESENT | DPL3 | DATA_WRITABLE | 4, 0);
  CHECK_FS(read_byte, small, 99, GP, 0);
  CHECK_FS_OK(read_byte, small, 100);
  CHECK_FS_OK(read_byte, small, 0x1fff);
  CHECK_FS(read_byte, small, 0x10000, GP, 0);
}

static void check_types(void) {
  const uint16_t small = SMALL_DATA | 3;
  describe(SMALL_DATA, (uint32_t)area, 0xfff, PRESENT | DPL3 | 0x10, BITS_32);
  CHECK_FS_OK(read_long, small, 0);
  CHECK_FS(write_long, small, 0, GP, 0);
  CHECK_FS(add_long, small, 0, GP, 0);
  CHECK_FS(read_long, 0, 0, GP, 0);
  CHECK_FS(write_long, 3, 0, GP, 0);
  CHECK_FAULT(0, write_code, 0, (uint32_t)area, GP, 0, 0);
  describe(SPARE, 0, 0xfffff, PRESENT | DPL3 | CODE_READABLE, PAGE_GRANULAR | BITS_32);
  CHECK_FS_OK(read_long, SPARE | 3, (uint32_t)area);
  CHECK_FS(write_long, SPARE | 3, (uint32_t)area, GP, 0);
}

static void check_stack_limit(void) {
  describe(SMALL_DATA, (uint32_t)area, 0xfff, PRESENT | DPL3 | DATA_WRITABLE, BITS_32);
  struct frame start = trial_start(3, read_stack);
  start.ss = SMALL_DATA | 3;
  start.esp = 0x800;
  start.eax = 0xffd;
  const struct frame *f = trial_run(&start);
  CHECK_EQUAL(f->vector, SS);
  CHECK_EQUAL(f->error, 0);
  start.eax = 0xffc;
  CHECK_EQUAL(trial_run(&start)->vector, DONE);
  start.eip = (uint32_t)push_stack;
  start.esp = 2;
  f = trial_run(&start);
  CHECK_EQUAL(f->vector, SS);
  CHECK_EQUAL(f->esp, 2);
  // A string instruction stops at the limit, element by element.
  start = trial_start(3, move_string);
  start.fs = SMALL_DATA | 3;
  start.es = SMALL_DATA | 3;
  start.eax = 0xffe;
  f = trial_run(&start);
  CHECK_EQUAL(f->vector, GP);
  CHECK_EQUAL(f->ecx, 2);
  CHECK_EQUAL(f->esi, 0x1000);
}

static void check_code_limit(void) {
  static struct {
    uint32_t offset;
    uint16_t selector;
  } target __attribute__((section(".user_data,\"aw\",@nobits#")));
  describe(SPARE, (uint32_t)area, 0x0f, PRESENT | DPL3 | CODE_READABLE, BITS_32);
  target.selector = SPARE | 3;
  target.offset = 0x10;
  CHECK_FAULT(3, jump_far_beyond, 0, (uint32_t)&target, GP, 0, 0);
  // Running off the end: two bytes of INT 81h would be the 16th and the 17th.
  memset(area, 0x90, 16);
  memcpy(area + 15, "\xcd\x81", 2);
  target.offset = 0;
  const struct frame *f = trial(3, jump_far_beyond, 0, (uint32_t)&target);
  CHECK_EQUAL(f->vector, GP);
  CHECK_EQUAL(f->error, 0);
  CHECK_EQUAL(f->eip, 15);
  CHECK_EQUAL(f->cs, SPARE | 3);
}

static void check_alignment(void) {
  const uint32_t at = (uint32_t)area;
  uint32_t cr0 = read_cr0();
  CHECK_RESULT(3, read_aligned, AC, at + 1, at + 1);
  write_cr0(cr0 | CR0_AM);
  CHECK_RESULT(3, read_aligned, AC, at + 4, at + 4);
  CHECK_FAULT(3, read_aligned, AC, at + 2, AC_FAULT, 0, 0);
  CHECK_RESULT(3, read_word_aligned, AC, at + 2, at + 2);
  CHECK_FAULT(3, read_word_aligned, AC, at + 1, AC_FAULT, 0, 0);
  CHECK_FAULT(3, load_double, AC, at + 4, AC_FAULT, 0, 0);
  CHECK_RESULT(3, read_aligned, 0, at + 1, at + 1);
  CHECK_RESULT(0, read_aligned, AC, at + 1, at + 1);
  write_cr0(cr0);
}

static void check_encodings(void) {
  CHECK_FAULT(3, locked_move, 0, 0, UD, 0, 0);
  CHECK_FAULT(0, locked_move, 0, 0, UD, 0, 0);
  CHECK_RESULT(3, fifteen_bytes, 0, 0, 0);
  CHECK_FAULT(3, sixteen_bytes, 0, 0, GP, 0, 0);
  CHECK_FAULT(0, to_cr0, 0, read_cr0() & ~(uint32_t)CR0_PE, GP, 0, 0);
  CHECK_FAULT(0, to_cr4, 0, read_cr4() | 1u << 31, GP, 0, 0);
  CHECK_FAULT(0, do_ltr, 0, 0, GP, 0, 0);
}

static void check_conforming(void) {
  describe(CONFORMING_CODE, 0, 0xfffff, PRESENT | 0x1e, PAGE_GRANULAR | BITS_32);
  gdt[GATE_CONFORMING / 8] = call_gate(CONFORMING_CODE, gate_plain, 3, 0);
  const struct frame *f = trial(3, call_plain, 0, GATE_CONFORMING);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(f->edx, CONFORMING_CODE | 3);
  f = trial(3, call_plain, 0, CONFORMING_CODE);
  CHECK_EQUAL(f->vector, PF);  // its offset 0 is not the user's: it is ring 3 that runs there
  CHECK_EQUAL(f->error, FAULT_PROTECTION | FAULT_USER);
  CHECK_EQUAL(f->cs, CONFORMING_CODE | 3);
}

static void check_paging_details(void) {
  enum { WINDOW = 0x50000000, RESERVED = 1 << 3 };
  // Reading and writing in one instruction asks for the right to write at once.
  page_map(WINDOW, 0);
  CHECK_FAULT(3, modify_here, 0, WINDOW, PF, FAULT_WRITE | FAULT_USER, 0);
  // Bit 21 of the entry of a 4 MiB page is reserved.
  volatile uint32_t *entry = &kernel_directory[0x50c00000u >> 22];
  *entry = 12 << 20 | 1 << 21 | PTE_PRESENT | PTE_WRITABLE | PTE_USER | PDE_LARGE;
  invlpg(0x50c00000);
  CHECK_FAULT(3, read_aligned, 0, 0x50c00000, PF, FAULT_PROTECTION | FAULT_USER | RESERVED, 0);
  *entry = 0;
  invlpg(0x50c00000);
}

static unsigned traps;
static uint32_t trap_eip[4], trap_dr6;

static struct frame *note(struct frame *f) {
  if (traps < 4) trap_eip[traps] = f->eip;
  traps++;
  trap_dr6 = read_dr6();
  write_dr6(0);
  if (f->eip == (uint32_t)touch_debug) f->eip += 3;
  return f;
}

static void check_debug_details(void) {
  enum { DR7_GD = 1 << 13, DR6_BD = 1 << 13 };
  handler before = handle(DB, note);
  traps = 0;
  trial(3, load_ss_then, TF, 0);
  CHECK_EQUAL(traps, 3);
  CHECK_EQUAL(trap_eip[1], shadow_end);  // no trap between the load of SS and what follows
  traps = 0;
  write_dr7(read_dr7() | DR7_GD);
  trial(0, touch_debug, 0, 0);
  CHECK_EQUAL(traps, 1);
  CHECK_EQUAL(trap_dr6 & DR6_BD, DR6_BD);
  CHECK_EQUAL(read_dr7() & DR7_GD, 0);
  handle(DB, before);
}

static void check_register_stack(void) {
  enum { FSW_IE = 1 << 0, FSW_SF = 1 << 6, FSW_C1 = 1 << 9, ALL = FSW_IE | FSW_SF | FSW_C1 };
  uint16_t status;
  asm volatile("fninit; fld1; fld1; fld1; fld1; fld1; fld1; fld1; fld1; fld1; fnstsw %0" : "=a"(status));
  CHECK_EQUAL(status & ALL, ALL);
  asm volatile("fninit; fstp %%st(0); fnstsw %0; fninit" : "=a"(status));
  CHECK_EQUAL(status & ALL, FSW_IE | FSW_SF);
}

void check_strictness(void) {
  chapter("strict", "segment limits and types, alignment, instruction length, reserved bits");
  check_limits();
  check_types();
  check_stack_limit();
  check_code_limit();
  check_alignment();
  check_encodings();
  check_conforming();
  check_paging_details();
  check_debug_details();
  check_register_stack();
}
