// The chapters, in the order in which they run.
#pragma once
#include "multiboot.h"
#include <stdbool.h>
#include <stdint.h>

void check_multiboot(uint32_t magic, const struct multiboot_info *info);
void check_descriptors(void);
void check_exceptions(void);
void check_sensitive(void);
void check_ports(void);
void check_segments(void);
void check_rings(void);
void check_paging(void);
void check_selfmodifying(void);
void check_strings(void);
void check_tasks(void);
void check_virtual86(void);
void check_debugging(void);
void check_fpu(void);
void check_time(void);
void check_processes(void);
void check_computing(bool quick);
// What QEMU's translator leaves out: segment limits, alignment checks and more. Runs with the option `strict`.
void check_strictness(void);
