// Segments that are not flat: bases in every segment register, 16-bit code, 16-bit stacks, wrap-around at 4 GiB.
#include "segments.h"
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "memory.h"
#include "trial.h"

static uint8_t area[4096] __attribute__((aligned(4096), section(".user_data,\"aw\",@nobits#")));

CODE(read_by_fs, "mov %fs:(%eax), %eax");
CODE(read_by_gs_indexed, "mov $2, %ecx; movzwl %gs:4(%eax,%ecx,4), %eax");
CODE(write_by_es, "mov %eax, %es:8; add %eax, %es:8; mov %es:8, %eax");
CODE(ebp_means_stack, "mov %eax, %ebp; mov (%ebp), %eax");
CODE(move_between, "mov $0x10, %esi; mov $0x20, %edi; mov $5, %ecx; rep movsb; mov %esi, %eax");
CODE(lea_is_offset, ".byte 0x65; lea 0x12(%eax), %eax");
CODE(xlat_by_fs, "mov $0x10, %ebx; .byte 0x64; xlat");
CODE(push_pop_small, "mov %esp, %eax; push $0x11223344; pushw $0x5566; popw %cx; pop %edx; sub %esp, %eax");
CODE(wrap_push, "push %eax; pop %ecx; mov %esp, %eax");
CODE(enter_leave, "mov $0xabcd0000, %eax; mov %eax, %ebp; enter $16, $0; mov %esp, %ecx; leave; mov %ebp, %eax");
CODE(far_into_base, "push %eax; push $0; lcall *(%esp); add $8, %esp");

// Runs at offset 0 of a segment of its own.
#define PIECE(name, text) \
  extern const uint8_t name[]; \
  asm(".pushsection .user_text, \"ax\"\n" #name ":\n" text "\n .popsection")
PIECE(at_offset_zero, "call 1f; 1: pop %eax; lret");
PIECE(in_16_bits, ".code16\n mov $0x1234, %ax; mov $3, %cx; 1: add $2, %ax; loop 1b; push %ax; pop %bx; mov $0x10, %si; movb %fs:1(%si), %dl;"
                  "mov $0xfffff, %esi; lea (%si), %edi; .byte 0x66; lret\n .code32");
PIECE(in_16_bits_call, ".code16\n call 1f; jmp 2f; 1: mov $77, %ax; ret; 2: int $0x81\n .code32");

static void describe(uint16_t selector, uint32_t base, uint32_t limit, uint8_t access, uint8_t flags) {
  gdt[selector / 8] = segment_descriptor(base, limit, access, flags);
}

static void check_bases(void) {
  const uint32_t base = (uint32_t)area;
  for (unsigned k = 0; k < sizeof area; k++) area[k] = (uint8_t)(k ^ k >> 8);
  describe(SMALL_DATA, base, 0xfff, PRESENT | DPL3 | DATA_WRITABLE, BITS_32);
  describe(SPARE, base + 0x100, 0xffff, PRESENT | DPL3 | DATA_WRITABLE, BITS_32);
  for (unsigned ring = 0; ring < 4; ring += 3) {
    struct frame start = trial_start(ring, read_by_fs);
    start.fs = SMALL_DATA | ring;
    start.eax = 0x40;
    CHECK_EQUAL(trial_run(&start)->eax, 0x43424140);
    start.eip = (uint32_t)read_by_gs_indexed;
    start.gs = SPARE | ring;
    start.eax = 0x10;
    CHECK_EQUAL(trial_run(&start)->eax, 0x1c1d);
    start.eip = (uint32_t)lea_is_offset;
    CHECK_EQUAL(trial_run(&start)->eax, 0x22);
    start.eip = (uint32_t)xlat_by_fs;
    start.eax = 0x33;
    CHECK_EQUAL(trial_run(&start)->eax, 0x43);
    start.eip = (uint32_t)write_by_es;
    start.es = SPARE | ring;
    start.eax = 0x01020304;
    CHECK_EQUAL(trial_run(&start)->eax, 0x02040608);
    CHECK_EQUAL(*(volatile uint32_t *)(area + 0x108), 0x02040608);
    start.eip = (uint32_t)move_between;
    start.ds = SMALL_DATA | ring;
    CHECK_EQUAL(trial_run(&start)->eax, 0x15);
    CHECK_EQUAL(memcmp(area + 0x120, area + 0x10, 5), 0);
  }
}

static void check_wrap(void) {
  // Linear addresses are counted modulo 4 GiB: base 4 GiB - 4096 and offset 4096 + x are x.
  describe(SMALL_DATA, 0xfffff000, 0xfffff, PRESENT | DPL3 | DATA_WRITABLE, PAGE_GRANULAR | BITS_32);
  struct frame start = trial_start(3, read_by_fs);
  start.fs = SMALL_DATA | 3;
  area[0] = 0x99;
  start.eax = (uint32_t)area + 0x1000;
  CHECK_EQUAL(trial_run(&start)->eax & 0xff, 0x99);
}

static void check_stacks(void) {
  // A 16-bit stack uses SP alone; the upper half of ESP stays as it is.
  describe(DATA_16, (uint32_t)area, 0xffff, PRESENT | DPL3 | DATA_WRITABLE, 0);
  struct frame start = trial_start(3, push_pop_small);
  start.ss = DATA_16 | 3;
  start.esp = 0x12340800;
  const struct frame *f = trial_run(&start);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(f->eax, 0);
  CHECK_EQUAL(f->edx, 0x11223344);
  CHECK_EQUAL(f->ecx & 0xffff, 0x5566);
  CHECK_EQUAL(*(volatile uint32_t *)(area + 0x7fc), 0x11223344);
  start.eip = (uint32_t)enter_leave;
  f = trial_run(&start);
  CHECK_EQUAL(f->eax, 0xabcd0000);
  CHECK_EQUAL(f->ecx & 0xffff, 0x800 - 4 - 16);
  // SS with a base: EBP and ESP address through it.
  start = trial_start(3, ebp_means_stack);
  describe(SMALL_DATA, (uint32_t)area, 0xfffff, PRESENT | DPL3 | DATA_WRITABLE, PAGE_GRANULAR | BITS_32);
  start.ss = SMALL_DATA | 3;
  start.esp = 0x800;
  start.eax = 0x40;
  CHECK_EQUAL(trial_run(&start)->eax, 0x43424140);
  start.eip = (uint32_t)wrap_push;
  f = trial_run(&start);
  CHECK_EQUAL(f->ecx, 0x40);
  CHECK_EQUAL(f->eax, 0x800);
  CHECK_EQUAL(f->esp, 0x800);
}

static void check_code(void) {
  for (unsigned ring = 0; ring < 4; ring += 3) {
    uint8_t access = (uint8_t)(PRESENT | CODE_READABLE | ACCESSED | ring << 5);
    describe(SPARE, (uint32_t)at_offset_zero, 0xfffff, access, PAGE_GRANULAR | BITS_32);
    CHECK_RESULT(ring, far_into_base, 0, SPARE | ring, 5);
    describe(CODE_16, (uint32_t)in_16_bits, 0xffff, access, 0);
    describe(SMALL_DATA, (uint32_t)area, 0xfff, PRESENT | DPL3 | DATA_WRITABLE, BITS_32);
    area[0x11] = 0x5c;
    struct frame start = trial_start(ring, far_into_base);
    start.eax = CODE_16 | ring;
    start.edx = 0x77770000;
    start.ebx = 0x88880000;
    start.fs = SMALL_DATA | ring;
    const struct frame *f = trial_run(&start);
    CHECK_EQUAL(f->vector, DONE);
    CHECK_EQUAL(f->eax, 0x123a);
    CHECK_EQUAL(f->ebx, 0x8888123a);
    CHECK_EQUAL(f->edx, 0x7777005c);
    CHECK_EQUAL(f->edi, 0xffff);
  }
  // 16-bit code at a 16-bit stack, entered directly.
  describe(CODE_16, (uint32_t)in_16_bits_call, 0xffff, PRESENT | DPL3 | CODE_READABLE | ACCESSED, 0);
  struct frame start = trial_start(3, 0);
  start.cs = CODE_16 | 3;
  start.ss = DATA_16 | 3;
  start.esp = 0x55550800;
  const struct frame *f = trial_run(&start);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(f->eax & 0xffff, 77);
  CHECK_EQUAL(f->esp & 0xffff, 0x800);
  CHECK_EQUAL(f->cs, CODE_16 | 3);
}

void check_segments(void) {
  chapter("segments", "bases in all segment registers, 16-bit code and stacks");
  check_bases();
  check_wrap();
  check_stacks();
  check_code();
}
