// The kernel's own tables are in force: what the store instructions read back is what was loaded.
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "segments.h"
#include "trial.h"

CODE(nothing, "");
CODE(read_cs, "mov %cs, %eax");
CODE(read_ss, "mov %ss, %eax");

void check_descriptors(void) {
  chapter("tables", "GDT, IDT, LDT, task register; the processor's features");
  CHECK_EQUAL(sgdt().base, gdt);
  CHECK_EQUAL(sgdt().limit, GDT_SIZE - 1);
  CHECK_EQUAL(sidt().limit, VECTORS * 8 - 1);
  CHECK_EQUAL(sldt(), LDT_SELECTOR);
  CHECK_EQUAL(str(), MAIN_TSS);
  // LTR marks the task busy; a segment load marks the descriptor accessed.
  CHECK_EQUAL(gdt[MAIN_TSS / 8] >> 40 & 0x1f, TSS_BUSY);
  CHECK_EQUAL(gdt[KERNEL_DATA / 8] >> 40 & 0x1f, DATA_WRITABLE | ACCESSED);
  CHECK_EQUAL(gdt[READ_ONLY_DATA / 8] >> 40 & 0x1f, 0);
  CHECK_RESULT(0, nothing, 0, 42, 42);
  CHECK_RESULT(3, nothing, 0, 42, 42);
  for (unsigned ring = 0; ring < 4; ring++) {
    CHECK_RESULT(ring, read_cs, 0, 0, CODE_SELECTOR(ring));
    CHECK_RESULT(ring, read_ss, 0, 0, DATA_SELECTOR(ring));
  }
  CHECK(cpuid(0).eax >= 1);
  const uint32_t needed = CPUID_FPU | CPUID_PSE | CPUID_TSC | CPUID_CX8 | CPUID_CMOV;
  CHECK_EQUAL(cpuid(1).edx & needed, needed);
}
