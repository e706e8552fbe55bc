// The idea: a process in the kernel is a frame on its own kernel stack, and the trap handler answers with the frame to
// go on with. To switch processes is to answer with another one's.
#include "process.h"
#include "abi.h"
#include "address_space.h"
#include "cpu.h"
#include "interrupts.h"
#include "memory.h"
#include "paging.h"
#include "power.h"
#include "print.h"
#include "segments.h"
#include "timer.h"

enum { MAX_PROCESSES = 8 };
enum state { FREE, READY, WAITING, SLEEPING, ENDED };

struct process {
  enum state state;
  uint32_t *directory;
  uint32_t kernel_stack;  // one page
  struct frame *frame;
  uint32_t status, ticks_left;
  const struct process *awaited;
  unsigned preemptions;
  bool fpu_used;
  uint8_t fpu[108];
};

struct process_counts process_counts;
static struct process processes[MAX_PROCESSES];
static struct process *current, *fpu_owner;

void leave_to(struct frame *f);
_Noreturn void come_back(void);

uint32_t process_status(const struct process *p) { return p->status; }
unsigned process_preemptions(const struct process *p) { return p->preemptions; }

static struct process *process_new(void) {
  for (struct process *p = processes; p < processes + MAX_PROCESSES; p++) {
    if (p->state != FREE) continue;
    memset(p, 0, sizeof *p);
    p->kernel_stack = frame_new();
    // The last words of the stack are the frame's ESP and SS: what an interrupt in ring 3 pushes first.
    p->frame = (struct frame *)(p->kernel_stack + PAGE - __builtin_offsetof(struct frame, v86_es));
    p->state = READY;
    return p;
  }
  print("\nno room for a process\n");
  power_off();
}

struct process *process_start(unsigned program, uint32_t argument) {
  struct process *p = process_new();
  p->directory = directory_new();
  struct frame *f = p->frame;
  f->ds = f->es = f->fs = f->gs = f->ss = USER_DATA;
  f->cs = USER_CODE;
  f->eflags = FLAGS_FIXED | IF;
  f->eip = IMAGE_BASE;
  f->esp = USER_STACK_TOP;
  f->eax = program;
  f->ebx = argument;
  return p;
}

static struct process *next_ready(void) {
  unsigned from = (unsigned)(current - processes);
  for (unsigned k = 1; k <= MAX_PROCESSES; k++) {
    struct process *p = &processes[(from + k) % MAX_PROCESSES];
    if (p->state == READY) return p;
  }
  return 0;
}

static bool anyone_left(void) {
  for (unsigned k = 0; k < MAX_PROCESSES; k++) {
    if (processes[k].state != FREE && processes[k].state != ENDED) return true;
  }
  return false;
}

static struct frame *go_on_with(struct process *p) {
  if (p != current) {
    current = p;
    write_cr3((uint32_t)p->directory);
    main_tss.tss.esp0 = p->kernel_stack + PAGE;
    if (fpu_owner == p) clts();
    else write_cr0(read_cr0() | CR0_TS);
  }
  return p->frame;
}

// Gives the processor to the next process; waits for the timer where all sleep.
static struct frame *schedule(void) {
  struct process *next;
  while ((next = next_ready()) == 0) {
    if (!anyone_left()) come_back();
    asm volatile("sti; hlt; cli" : : : "memory");
  }
  return go_on_with(next);
}

static struct frame *on_timer(struct frame *f) {
  pic_end_of_interrupt();
  for (struct process *p = processes; p < processes + MAX_PROCESSES; p++) {
    if (p->state == SLEEPING && --p->ticks_left == 0) p->state = READY;
  }
  if (ring_of(f) == 0) return f;  // the idle loop of schedule()
  current->frame = f;
  current->preemptions++;
  return schedule();
}

static struct frame *end_current(uint32_t status) {
  current->state = ENDED;
  current->status = status;
  if (fpu_owner == current) fpu_owner = 0;
  for (struct process *p = processes; p < processes + MAX_PROCESSES; p++) {
    if (p->state != WAITING || p->awaited != current) continue;
    p->state = READY;
    p->frame->eax = status;
  }
  write_cr3((uint32_t)kernel_directory);
  directory_drop(current->directory);
  return schedule();
}

static void save_fpu(void) {
  clts();
  if (fpu_owner != 0) asm volatile("fnsave %0" : "=m"(fpu_owner->fpu));
  fpu_owner = 0;
}

// #NM: the first x87 instruction since the switch. Only now is the FPU's state exchanged.
static struct frame *on_fpu_use(struct frame *f) {
  save_fpu();
  if (current->fpu_used) asm volatile("frstor %0" : : "m"(current->fpu));
  else asm volatile("fninit");
  current->fpu_used = true;
  fpu_owner = current;
  process_counts.fpu_switches++;
  return f;
}

static uint32_t fork_current(const struct frame *f) {
  struct process *child = process_new();
  child->directory = address_space_copy(current->directory);
  memcpy(child->frame, f, __builtin_offsetof(struct frame, v86_es));
  child->frame->eax = 0;
  if (fpu_owner == current) {
    save_fpu();
    write_cr0(read_cr0() | CR0_TS);
  }
  child->fpu_used = current->fpu_used;
  memcpy(child->fpu, current->fpu, sizeof child->fpu);
  return (uint32_t)(child - processes);
}

static struct frame *wait_for(struct frame *f, uint32_t number) {
  if (number >= MAX_PROCESSES || processes[number].state == FREE) f->eax = ~0u;
  else if (processes[number].state == ENDED) f->eax = processes[number].status;
  else {
    current->state = WAITING;
    current->awaited = &processes[number];
    return schedule();
  }
  return f;
}

static uint32_t sum_of_user_bytes(uint32_t address, uint32_t size) {
  if (address < IMAGE_BASE || address > USER_STACK_TOP || size > USER_STACK_TOP - address) return ~0u;
  uint32_t sum = 0;
  for (const uint8_t *at = (const uint8_t *)address; size > 0; at++, size--) sum += *at;
  return sum;
}

static struct frame *on_system_call(struct frame *f) {
  current->frame = f;
  uint32_t argument = f->ebx;
  switch (f->eax) {
    case CALL_EXIT: return end_current(argument);
    case CALL_FORK: f->eax = fork_current(f); return f;
    case CALL_WAIT: return wait_for(f, argument);
    case CALL_YIELD: return schedule();
    case CALL_PREEMPTIONS: f->eax = current->preemptions; return f;
    case CALL_SLEEP:
      current->state = SLEEPING;
      current->ticks_left = argument;
      return schedule();
    case CALL_SUM: f->eax = sum_of_user_bytes(argument, f->ecx); return f;
    default: f->eax = ~0u; return f;
  }
}

static struct frame *on_page_fault(struct frame *f) {
  if (address_space_fault(current->directory, read_cr2(), f->error)) return f;
  return ring_of(f) == 3 ? end_current(STATUS_KILLED | PF) : 0;
}

static struct frame *on_offence(struct frame *f) { return ring_of(f) == 3 ? end_current(STATUS_KILLED | f->vector) : 0; }

static const struct {
  uint8_t vector;
  handler handler;
} handlers[] = {
  {TIMER_VECTOR, on_timer}, {SYSTEM_CALL, on_system_call}, {PF, on_page_fault}, {NM, on_fpu_use},
  {DE, on_offence}, {BR, on_offence}, {UD, on_offence}, {GP, on_offence}, {NP, on_offence}, {SS, on_offence}, {MF, on_offence},
};

void processes_run(void) {
  const unsigned count = sizeof handlers / sizeof *handlers;
  handler before[count];
  for (unsigned k = 0; k < count; k++) before[k] = handle(handlers[k].vector, handlers[k].handler);
  current = &processes[MAX_PROCESSES - 1];
  struct process *first = next_ready();
  if (first != 0) {
    current = 0;
    pic_unmask(TIMER_IRQ);
    leave_to(go_on_with(first));
    pic_mask(TIMER_IRQ);
  }
  for (unsigned k = 0; k < count; k++) handle(handlers[k].vector, before[k]);
  clts();
}

void processes_clear(void) {
  for (struct process *p = processes; p < processes + MAX_PROCESSES; p++) {
    if (p->state != FREE) frame_drop(p->kernel_stack);
    p->state = FREE;
  }
}
