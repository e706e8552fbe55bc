// Processes: ring 3, an address space each, filled in page by page on demand, switched by the timer.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct process;

// Makes a process of one of the image's programs; it runs in processes_run.
struct process *process_start(unsigned program, uint32_t argument);

// Runs until every process has ended.
void processes_run(void);

// The status of an ended process, and what it went through.
uint32_t process_status(const struct process *p);
unsigned process_preemptions(const struct process *p);

// Forgets all processes. None may be running.
void processes_clear(void);

struct process_counts {
  unsigned demand_zero, demand_image, copied, taken_over, fpu_switches;
};
extern struct process_counts process_counts;
