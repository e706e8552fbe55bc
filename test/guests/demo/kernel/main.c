// The order of things. Every chapter leaves the machine as it found it: ring 0, interrupts off, flat segments.
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "multiboot.h"
#include "paging.h"
#include "power.h"
#include "print.h"
#include "segments.h"
#include "serial.h"
#include "timer.h"

void kernel_main(uint32_t magic, const struct multiboot_info *info) {
  bool quick = command_line_has(info, "quick"), strict = command_line_has(info, "strict");
  serial_init();
  print("calque demo: a kernel that checks its machine\n\n");
  check_multiboot(magic, info);
  segments_init();
  interrupts_init();
  pic_init();
  paging_init(0x100000 + info->mem_upper * 1024);
  write_cr0(read_cr0() | CR0_MP | CR0_NE);
  check_descriptors();
  check_exceptions();
  check_sensitive();
  check_ports();
  check_segments();
  check_rings();
  check_paging();
  check_selfmodifying();
  check_strings();
  check_tasks();
  check_virtual86();
  check_debugging();
  check_fpu();
  check_time();
  if (strict) check_strictness();
  check_processes();
  check_computing(quick);
  verdict();
  power_off();
}
