/*
 * Runs IA-32 instructions, singly or a few in a row, on the processor itself.
 *
 * Reads cases from standard input and writes one result each to standard output (layouts: case-format.ts). A page
 * full of INT3 takes the instructions, so whatever they do next (fall through, branch, fault) ends in a signal.
 * The signal's handler is the loop: it stores what the instruction left in the interrupted context, writes the next
 * case into that context and returns into it. One case costs one signal.
 *
 * Freestanding: no C library, system calls of the i386 ABI.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;

enum {
  CODE_PAGE = 0x00100000, CODE_AT = CODE_PAGE + 0x800,
  DATA_PAGE = 0x00200000, DATA_MARGIN = 0x20000,
  LOW_PAGE = 0x00008000, LOW_PAGES = 2, /* reachable with 16-bit addresses; only a privileged process may map them */
  PAGE = 4096, WINDOW = 256, LONGEST = 96, BATCH = 128,
};

/* All that the kernel put above the program. */
#define HIGH 0x60000000u
#define HIGH_END 0xffffe000u

struct test_case {
  u32 registers[8]; /* EAX ECX EDX EBX ESP EBP ESI EDI */
  u32 eflags;
  u32 window_at;
  u32 length;
  u8 bytes[LONGEST];
  u8 window[WINDOW];
};

struct result {
  u32 registers[8];
  u32 eflags;
  u32 eip;
  u32 vector; /* 3: the instruction completed */
  u32 error;
  u32 cr2; /* of a page fault: the address; 0 otherwise */
  u32 selectors[6]; /* ES CS SS DS FS GS */
  u8 window[WINDOW];
};

/* struct sigcontext of the i386 ABI, as the kernel writes it on the signal stack. */
struct context {
  u16 gs, gs_high, fs, fs_high, es, es_high, ds, ds_high;
  u32 edi, esi, ebp, esp, ebx, edx, ecx, eax;
  u32 trap, error, eip;
  u16 cs, cs_high;
  u32 eflags, esp_at_signal;
  u16 ss, ss_high;
  u32 fpu_state, old_mask, cr2;
};

struct user_context {
  u32 flags;
  struct user_context *link;
  u32 stack_base, stack_flags, stack_size;
  struct context machine;
};

struct signal_info {
  int number, errno, code;
};

enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGSEGV = 11 };
#define SI_KERNEL 0x80
#define NO_TRAP 0xffffffffu

static struct test_case cases[BATCH];
static struct result results[BATCH];
static u32 filled, at;
static int started;
static u8 handler_stack[65536] __attribute__((aligned(64)));
static u16 flat_data, flat_code;

static int call3(int number, u32 a, u32 b, u32 c) {
  int answer;
  __asm__ volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
  return answer;
}

static int call4(int number, u32 a, u32 b, u32 c, u32 d) {
  int answer;
  __asm__ volatile("int $0x80" : "=a"(answer) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
  return answer;
}

static void leave(int code) {
  for (;;) call3(1, (u32)code, 0, 0);
}

static void copy(void *to, const void *from, u32 bytes) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

static void fill(void *to, u8 value, u32 bytes) {
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
}

/* mmap of a fixed anonymous area (old_mmap takes its arguments in memory). */
static int map(u32 address, u32 bytes, u32 protection) {
  u32 arguments[6] = { address, bytes, protection, 0x32, (u32)-1, 0 };
  return (u32)call3(90, (u32)arguments, 0, 0) == address;
}

static u32 read_all(void *to, u32 bytes) {
  u32 got = 0;
  while (got < bytes) {
    int more = call3(3, 0, (u32)to + got, bytes - got);
    if (more <= 0) break;
    got += (u32)more;
  }
  return got;
}

static void write_all(const void *from, u32 bytes) {
  u32 put = 0;
  while (put < bytes) {
    int more = call3(4, 1, (u32)from + put, bytes - put);
    if (more <= 0) leave(3);
    put += (u32)more;
  }
}

/*
 * The vector behind a signal. QEMU's user-mode emulation leaves it out of the context; what shares a signal there, #OF, #BR and #GP or
 * #NP and #SS, is told as the last of them (qemu-deviations.ts).
 */
static u32 vector_of(const struct context *machine, const struct signal_info *info) {
  if (machine->trap != NO_TRAP) return machine->trap;
  switch (info->number) {
    case SIGILL: return 6;
    case SIGTRAP: return 3;
    case SIGBUS: return 12;
    case SIGFPE: return 0;
    default: return info->code == SI_KERNEL ? 13 : 14;
  }
}

/* The EIP after INT3 lies behind it; a fault's EIP is the instruction's own. */
static void store_result(const struct context *machine, const struct signal_info *info, struct result *result, const struct test_case *test) {
  result->registers[0] = machine->eax; result->registers[1] = machine->ecx;
  result->registers[2] = machine->edx; result->registers[3] = machine->ebx;
  result->registers[4] = machine->esp_at_signal; result->registers[5] = machine->ebp;
  result->registers[6] = machine->esi; result->registers[7] = machine->edi;
  result->eflags = machine->eflags;
  result->vector = vector_of(machine, info);
  result->error = machine->error;
  result->cr2 = result->vector == 14 ? machine->cr2 : 0;
  result->eip = result->vector == 3 ? machine->eip - 1 : machine->eip;
  result->selectors[0] = machine->es; result->selectors[1] = machine->cs; result->selectors[2] = machine->ss;
  result->selectors[3] = machine->ds; result->selectors[4] = machine->fs; result->selectors[5] = machine->gs;
  copy(result->window, (void *)test->window_at, WINDOW);
  fill((void *)CODE_AT, 0xcc, LONGEST);
}

static void load_case(struct context *machine, const struct test_case *test) {
  fill((void *)(test->window_at & ~(u32)(PAGE - 1)), 0, PAGE);
  fill((void *)((test->window_at + WINDOW - 1) & ~(u32)(PAGE - 1)), 0, PAGE);
  copy((void *)test->window_at, test->window, WINDOW);
  copy((void *)CODE_AT, test->bytes, test->length);
  machine->eax = test->registers[0]; machine->ecx = test->registers[1];
  machine->edx = test->registers[2]; machine->ebx = test->registers[3];
  machine->esp = test->registers[4]; machine->ebp = test->registers[5];
  machine->esi = test->registers[6]; machine->edi = test->registers[7];
  machine->eflags = test->eflags;
  machine->eip = CODE_AT;
  machine->cs = flat_code;
  machine->ss = machine->ds = machine->es = flat_data;
  machine->fs = machine->gs = 0;
}

static void next_batch(void) {
  if (filled > 0) write_all(results, filled * sizeof(struct result));
  filled = read_all(cases, sizeof cases) / sizeof(struct test_case);
  at = 0;
  if (filled == 0) leave(0);
}

void on_signal(int signal, const struct signal_info *info, struct user_context *user) __attribute__((force_align_arg_pointer));
void on_signal(int signal, const struct signal_info *info, struct user_context *user) {
  struct context *machine = &user->machine;
  (void)signal;
  if (!started) {
    started = 1;
    flat_code = machine->cs;
    flat_data = machine->ss;
    call3(91, HIGH, HIGH_END - HIGH, 0); /* first stack and vDSO: a wild address of a case must meet nothing */
  } else {
    store_result(machine, info, &results[at], &cases[at]);
    at++;
  }
  if (at == filled) next_batch();
  load_case(machine, &cases[at]);
}

/* A case may have loaded AC, NT or ID; sigreturn would keep the last two for the next one. */
void on_signal_entry(void);
__asm__(".globl on_signal_entry\non_signal_entry:\n  pushl $0x202\n  popfl\n  jmp on_signal\n");

void restorer(void);
__asm__(".globl restorer\nrestorer:\n  movl $173, %eax\n  int $0x80\n");

static void catch_signal(int number) {
  /* handler, flags (SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER), restorer, mask */
  u32 action[5] = { (u32)on_signal_entry, 0x4c000004, (u32)restorer, 0, 0 };
  if (call4(174, (u32)number, (u32)action, 0, 8) != 0) leave(4);
}

void begin(void) __attribute__((force_align_arg_pointer));
void begin(void) {
  u32 stack[3] = { (u32)handler_stack, 0, sizeof handler_stack };
  u32 low;
  if (!map(CODE_PAGE, PAGE, 7)) leave(5);
  if (!map(DATA_PAGE - DATA_MARGIN, PAGE + 2 * DATA_MARGIN, 3)) leave(6);
  low = (u32)map(LOW_PAGE, LOW_PAGES * PAGE, 3);
  fill((void *)CODE_PAGE, 0xcc, PAGE);
  if (call3(186, (u32)stack, 0, 0) != 0) leave(7);
  catch_signal(SIGILL); catch_signal(SIGTRAP); catch_signal(SIGBUS); catch_signal(SIGFPE); catch_signal(SIGSEGV);
  call3(27, 120, 0, 0); /* alarm: a case that loops for ever ends the process */
  write_all(&low, sizeof low);
  __asm__ volatile("int3");
}

__asm__(".globl _start\n_start:\n  call begin\n  ud2\n");
