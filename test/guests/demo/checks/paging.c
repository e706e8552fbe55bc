// Paging: who may do what to which page, the error code and CR2 of every refusal, the accessed and dirty bits, large
// pages, global pages, and faults that the handler cures (SDM volume 3, chapter 4).
#include "paging.h"
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "memory.h"
#include "trial.h"

CODE(read_here, "mov (%eax), %ecx");
CODE(write_here, "movl $0x600d, (%eax)");
CODE(modify_here, "addl $1, (%eax)");
CODE(call_here, "call *%eax");
CODE(push_here, "mov %eax, %esp; push $1");

enum { WINDOW = 0x50000000, OTHER_WINDOW = 0x50400000, BORDER = WINDOW + PAGE };
enum { ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE };

static uint32_t frame;

static volatile uint32_t *entry(uint32_t linear) { return page_entry(kernel_directory, linear); }

static bool allowed(uint32_t pte, unsigned ring, unsigned access, bool write_protect) {
  if ((pte & PTE_PRESENT) == 0) return false;
  if (ring == 3 && (pte & PTE_USER) == 0) return false;
  return access != ACCESS_WRITE || (pte & PTE_WRITABLE) != 0 || (ring != 3 && !write_protect);
}

// One access to the window through a page table entry: refused with the right error code, or done with the right A and D.
static void check_access(uint32_t pte, unsigned ring, unsigned access, bool write_protect) {
  static const uint8_t *const codes[] = {read_here, write_here, call_here};
  page_map(WINDOW, frame | pte);
  write_cr2(0);
  const struct frame *f = trial(ring, codes[access], 0, WINDOW + 0x10);
  uint32_t marks = *entry(WINDOW) & (PTE_ACCESSED | PTE_DIRTY);
  if (allowed(pte, ring, access, write_protect)) {
    CHECK_EQUAL(f->vector, DONE);
    CHECK_EQUAL(marks, PTE_ACCESSED | (access == ACCESS_WRITE ? PTE_DIRTY : 0));
  } else {
    uint32_t error = (pte & PTE_PRESENT ? FAULT_PROTECTION : 0) | (access == ACCESS_WRITE ? FAULT_WRITE : 0) | (ring == 3 ? FAULT_USER : 0);
    CHECK_EQUAL(f->vector, PF);
    CHECK_EQUAL(f->error, error);
    CHECK_EQUAL(read_cr2(), WINDOW + 0x10);
    CHECK_EQUAL(f->eip, access == ACCESS_EXECUTE ? WINDOW + 0x10 : (uint32_t)codes[access]);
    CHECK_EQUAL(marks, 0);
  }
}

static void check_rights(void) {
  memset((void *)frame, 0xc3, PAGE);  // RET, wherever it is called
  for (unsigned write_protect = 0; write_protect < 2; write_protect++) {
    write_cr0((read_cr0() & ~(uint32_t)CR0_WP) | (write_protect ? CR0_WP : 0));
    for (unsigned ring = 0; ring < 4; ring += 3) {
      for (unsigned access = ACCESS_READ; access <= ACCESS_EXECUTE; access++) {
        check_access(0, ring, access, write_protect);
        for (unsigned rights = 0; rights < 4; rights++) check_access(PTE_PRESENT | rights << 1, ring, access, write_protect);
        memset((void *)frame, 0xc3, PAGE);
      }
    }
  }
}

static void check_directory_rights(void) {
  // The directory's rights hold for all its pages: both levels must allow.
  volatile uint32_t *directory_entry = &kernel_directory[WINDOW >> 22], whole = kernel_directory[WINDOW >> 22];
  page_map(WINDOW, frame | PTE_PRESENT | PTE_WRITABLE | PTE_USER);
  *directory_entry = whole & ~(uint32_t)PTE_WRITABLE;
  write_cr3(read_cr3());
  CHECK_RESULT(3, read_here, 0, WINDOW, WINDOW);
  CHECK_FAULT(3, write_here, 0, WINDOW, PF, FAULT_PROTECTION | FAULT_WRITE | FAULT_USER, 0);
  CHECK_FAULT(0, write_here, 0, WINDOW, PF, FAULT_PROTECTION | FAULT_WRITE, 0);
  *directory_entry = whole & ~(uint32_t)PTE_USER;
  write_cr3(read_cr3());
  CHECK_FAULT(3, read_here, 0, WINDOW, PF, FAULT_PROTECTION | FAULT_USER, 0);
  CHECK_RESULT(0, write_here, 0, WINDOW, WINDOW);
  *directory_entry = whole & ~(uint32_t)(PTE_PRESENT | PTE_ACCESSED);
  write_cr3(read_cr3());
  CHECK_FAULT(3, write_here, 0, WINDOW, PF, FAULT_WRITE | FAULT_USER, 0);
  CHECK_EQUAL(*directory_entry & PTE_ACCESSED, 0);
  *directory_entry = whole & ~(uint32_t)PTE_ACCESSED;
  write_cr3(read_cr3());
  CHECK_RESULT(3, modify_here, 0, WINDOW, WINDOW);
  CHECK_EQUAL(*directory_entry & PTE_ACCESSED, PTE_ACCESSED);
}

// CR2 of an access across the border of two pages is the first byte that cannot be had, and a write has written nothing.
static void check_borders(void) {
  page_map(WINDOW, frame | PTE_PRESENT | PTE_WRITABLE | PTE_USER);
  page_map(BORDER, 0);
  *(uint32_t *)(frame + PAGE - 4) = 0x11223344;
  CHECK_FAULT(3, write_here, 0, BORDER - 2, PF, FAULT_WRITE | FAULT_USER, 0);
  CHECK_EQUAL(read_cr2(), BORDER);
  CHECK_EQUAL(*(uint32_t *)(frame + PAGE - 4), 0x11223344);
  CHECK_EQUAL(trial(3, modify_here, 0, BORDER - 1)->vector, PF);
  CHECK_EQUAL(read_cr2(), BORDER);
  CHECK_RESULT(3, read_here, 0, BORDER - 4, BORDER - 4);
  const struct frame *f = trial(3, push_here, 0, BORDER + 4);
  CHECK_EQUAL(f->vector, PF);
  CHECK_EQUAL(f->esp, BORDER + 4);
  // An instruction that lies across the border: the fetch faults at the second page.
  memcpy((void *)(frame + PAGE - 2), "\xb8\x2a", 2);  // mov $42, %eax, its first two bytes
  f = trial(3, (const void *)(BORDER - 2), 0, 0);
  CHECK_EQUAL(f->vector, PF);
  CHECK_EQUAL(f->error, FAULT_USER);
  CHECK_EQUAL(f->eip, BORDER - 2);
  CHECK_EQUAL(read_cr2(), BORDER);
  uint32_t second = frame_new();
  memcpy((void *)second, "\0\0\0\xcd\x81", 5);
  page_map(BORDER, second | PTE_PRESENT | PTE_USER);
  f = trial(3, (const void *)(BORDER - 2), 0, 0);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(f->eax, 42);
  page_map(BORDER, 0);
  frame_drop(second);
}

static void check_large_pages(void) {
  volatile uint32_t *entry4m = &kernel_directory[OTHER_WINDOW >> 22];
  const uint32_t target = 12 << 20;
  *entry4m = target | PTE_PRESENT | PTE_WRITABLE | PDE_LARGE;
  invlpg(OTHER_WINDOW);
  volatile uint32_t *through = (volatile uint32_t *)(OTHER_WINDOW + 0x123458), *direct = (volatile uint32_t *)(target + 0x123458);
  *direct = 0xabcdef01;
  CHECK_EQUAL(*through, 0xabcdef01);
  CHECK_EQUAL(*entry4m & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED);
  *through = 0x10fedcba;
  CHECK_EQUAL(*direct, 0x10fedcba);
  CHECK_EQUAL(*entry4m & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED | PTE_DIRTY);
  CHECK_FAULT(3, read_here, 0, OTHER_WINDOW, PF, FAULT_PROTECTION | FAULT_USER, 0);
  *direct = 0;
  // INVLPG anywhere inside forgets all of it.
  *(volatile uint32_t *)(OTHER_WINDOW + LARGE_PAGE - 4);
  *entry4m = 0;
  invlpg(OTHER_WINDOW + 0x200000);
  CHECK_FAULT(0, read_here, 0, OTHER_WINDOW + 0x123458, PF, 0, 0);
  CHECK_FAULT(0, read_here, 0, OTHER_WINDOW + LARGE_PAGE - 4, PF, 0, 0);
}

// A translation may be remembered until it is invalidated, and must be forgotten then.
static void check_invalidation(void) {
  uint32_t a = frame_new(), b = frame_new();
  volatile uint32_t *at = (volatile uint32_t *)WINDOW;
  *(uint32_t *)a = 'a';
  *(uint32_t *)b = 'b';
  page_map(WINDOW, a | PTE_PRESENT);
  CHECK_EQUAL(*at, 'a');
  page_map(WINDOW, b | PTE_PRESENT);
  CHECK_EQUAL(*at, 'b');
  *entry(WINDOW) = a | PTE_PRESENT;
  write_cr3(read_cr3());
  CHECK_EQUAL(*at, 'a');
  // A global page outlives CR3, not INVLPG, nor a change of CR4.PGE.
  page_map(WINDOW, b | PTE_PRESENT | PTE_GLOBAL);
  CHECK_EQUAL(*at, 'b');
  page_map(WINDOW, a | PTE_PRESENT | PTE_GLOBAL);
  CHECK_EQUAL(*at, 'a');
  *entry(WINDOW) = b | PTE_PRESENT | PTE_GLOBAL;
  uint32_t cr4 = read_cr4();
  if (cr4 & CR4_PGE) write_cr4(cr4 & ~(uint32_t)CR4_PGE);
  write_cr3(read_cr3());
  write_cr4(cr4);
  CHECK_EQUAL(*at, 'b');
  // A page becomes writable without invalidation: the fault of a stale entry is spurious at most. Less rights need it.
  page_map(WINDOW, a | PTE_PRESENT | PTE_WRITABLE);
  *at = 1;
  page_map(WINDOW, a | PTE_PRESENT);
  CHECK_FAULT(0, write_here, 0, WINDOW, PF, FAULT_PROTECTION | FAULT_WRITE, 0);
  // D is set by the first write, whatever was read before.
  page_map(WINDOW, a | PTE_PRESENT | PTE_WRITABLE);
  (void)*at;
  CHECK_EQUAL(*entry(WINDOW) & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED);
  *at = 2;
  CHECK_EQUAL(*entry(WINDOW) & (PTE_ACCESSED | PTE_DIRTY), PTE_ACCESSED | PTE_DIRTY);
  page_map(WINDOW, 0);
  frame_drop(a);
  frame_drop(b);
}

enum { LAZY_PAGES = 16 };
static unsigned cured;
static uint32_t last_error;

static struct frame *fill_in(struct frame *f) {
  uint32_t page = read_cr2() & ~(PAGE - 1u);
  if (page < WINDOW || page >= WINDOW + LAZY_PAGES * PAGE) return 0;
  cured++;
  last_error = f->error;
  *entry(page) = frame_new() | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
  return f;
}

CODE(touch_all, "mov %eax, %edi; xor %eax, %eax; mov $16, %ecx; 1: add (%edi), %eax; mov %ecx, (%edi); add (%edi), %eax; add $4096, %edi; loop 1b");

static void check_demand(void) {
  handler before = handle(PF, fill_in);
  cured = 0;
  CHECK_RESULT(3, touch_all, 0, WINDOW, 16 * 17 / 2);
  CHECK_EQUAL(cured, LAZY_PAGES);
  CHECK_EQUAL(last_error, FAULT_USER);
  CHECK_RESULT(3, touch_all, 0, WINDOW, 16 * 17);
  CHECK_EQUAL(cured, LAZY_PAGES);
  for (uint32_t page = WINDOW; page < WINDOW + LAZY_PAGES * PAGE; page += PAGE) {
    frame_drop(*entry(page) & ~(PAGE - 1u));
    page_map(page, 0);
  }
  cured = 0;
  CHECK_RESULT(0, write_here, 0, BORDER - 2, BORDER - 2);
  CHECK_EQUAL(cured, 2);
  CHECK_EQUAL(last_error, FAULT_WRITE);
  CHECK_EQUAL(*(volatile uint32_t *)(BORDER - 2), 0x600d);
  handle(PF, before);
  for (uint32_t page = WINDOW; page <= BORDER; page += PAGE) {
    frame_drop(*entry(page) & ~(PAGE - 1u));
    page_map(page, 0);
  }
}

void check_paging(void) {
  chapter("paging", "rights, error codes, CR2, A and D, 4 MiB and global pages, WP");
  frame = frame_new();
  check_rights();
  check_directory_rights();
  check_borders();
  check_large_pages();
  check_invalidation();
  check_demand();
  frame_drop(frame);
}
