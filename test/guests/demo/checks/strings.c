// String instructions over page borders. A fault in the middle leaves ECX, ESI and EDI at the element that could not be
// had; when the handler has mapped the page, the instruction goes on from there (SDM volume 2, REP).
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "memory.h"
#include "paging.h"
#include "trial.h"

enum { SOURCE = 0x50000000, TARGET = 0x50010000, BEFORE = 37, TOTAL = 100 };

CODE(move_bytes, "rep movsb");
CODE(move_longs, "rep movsl");
CODE(move_back, "std; rep movsb; cld");
CODE(move_back_longs, "std; rep movsl; cld");
CODE(store_bytes, "rep stosb");
CODE(store_words, "rep stosw");
CODE(store_longs, "rep stosl");
CODE(compare_bytes, "repe cmpsb; sete %al; movzx %al, %eax");
CODE(scan_bytes, "repne scasb; sete %al; movzx %al, %eax");
CODE(scan_longs, "repe scasl; sete %al; movzx %al, %eax");
CODE(load_bytes, "xor %edx, %edx; xor %eax, %eax; 1: lodsb; add %eax, %edx; loop 1b; mov %edx, %eax");
CODE(move_16, ".byte 0x67; rep movsb");

static uint8_t *source, *target;  // two frames each, side by side in their windows

static volatile uint32_t *entry(uint32_t linear) { return page_entry(kernel_directory, linear); }

static uint32_t frames[4];

static void map_window(uint32_t window, const uint32_t *pair, bool second_too) {
  page_map(window, pair[0] | PTE_PRESENT | PTE_WRITABLE | PTE_USER);
  page_map(window + PAGE, second_too ? pair[1] | PTE_PRESENT | PTE_WRITABLE | PTE_USER : 0);
}

static struct frame at_fault;
static unsigned faults;

static struct frame *supply(struct frame *f) {
  uint32_t page = read_cr2() & ~(PAGE - 1u);
  if (page != SOURCE + PAGE && page != TARGET + PAGE) return 0;
  faults++;
  at_fault = *f;
  *entry(page) = frames[page == TARGET + PAGE ? 3 : 1] | PTE_PRESENT | PTE_WRITABLE | PTE_USER;
  return f;
}

static const struct frame *run(const uint8_t *code, uint32_t esi, uint32_t edi, uint32_t ecx, uint32_t eax) {
  struct frame start = trial_start(3, code);
  start.esi = esi;
  start.edi = edi;
  start.ecx = ecx;
  start.eax = eax;
  faults = 0;
  return trial_run(&start);
}

static void fill_source(void) {
  for (unsigned k = 0; k < 2 * PAGE; k++) source[k] = (uint8_t)(k * 7 + (k >> 8) * 13);
  memset(target, 0xee, 2 * PAGE);
}

static void check_moves(void) {
  const uint32_t from = SOURCE + 16, to = TARGET + PAGE - BEFORE;
  fill_source();
  map_window(SOURCE, frames, true);
  map_window(TARGET, frames + 2, false);
  const struct frame *f = run(move_bytes, from, to, TOTAL, 0);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(faults, 1);
  CHECK_EQUAL(at_fault.error, FAULT_WRITE | FAULT_USER);
  CHECK_EQUAL(at_fault.eip, move_bytes);
  CHECK_EQUAL(at_fault.ecx, TOTAL - BEFORE);
  CHECK_EQUAL(at_fault.esi, from + BEFORE);
  CHECK_EQUAL(at_fault.edi, TARGET + PAGE);
  CHECK_EQUAL(f->ecx, 0);
  CHECK_EQUAL(f->esi, from + TOTAL);
  CHECK_EQUAL(f->edi, to + TOTAL);
  CHECK_EQUAL(memcmp(target + PAGE - BEFORE, source + 16, TOTAL), 0);
  CHECK_EQUAL(target[PAGE - BEFORE - 1], 0xee);
  CHECK_EQUAL(target[PAGE - BEFORE + TOTAL], 0xee);

  // The source is what is missing; the elements are double words, one of which lies across the border.
  fill_source();
  map_window(SOURCE, frames, false);
  f = run(move_longs, SOURCE + PAGE - 10, TARGET + 1, 5, 0);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(at_fault.error, FAULT_USER);
  CHECK_EQUAL(at_fault.ecx, 3);
  CHECK_EQUAL(at_fault.esi, SOURCE + PAGE - 2);
  CHECK_EQUAL(memcmp(target + 1, source + PAGE - 10, 20), 0);

  // Downwards.
  fill_source();
  f = run(move_back, SOURCE + PAGE + 20, TARGET + PAGE + 30, 60, 0);
  CHECK_EQUAL(f->esi, SOURCE + PAGE + 20 - 60);
  CHECK_EQUAL(memcmp(target + PAGE + 31 - 60, source + PAGE + 21 - 60, 60), 0);
  CHECK_EQUAL(target[PAGE + 31 - 61], 0xee);
  f = run(move_back_longs, SOURCE + PAGE + 5, TARGET + PAGE + 2, 8, 0);
  CHECK_EQUAL(f->edi, TARGET + PAGE + 2 - 32);
  CHECK_EQUAL(memcmp(target + PAGE + 2 - 28, source + PAGE + 5 - 28, 32), 0);
  CHECK_EQUAL(f->eflags & DF, 0);
}

// Overlap: a move upwards onto itself repeats a pattern, which decompressors rely on.
static void check_overlap(void) {
  fill_source();
  memcpy(target + PAGE - 8, "abc", 3);
  run(move_bytes, TARGET + PAGE - 8, TARGET + PAGE - 5, 60, 0);
  bool repeats = true;
  for (unsigned k = 0; k < 63; k++) repeats &= target[PAGE - 8 + k] == "abc"[k % 3];
  CHECK(repeats);
  fill_source();
  run(move_bytes, SOURCE + PAGE - 20, SOURCE + PAGE - 30, 60, 0);
  bool shifted = true;
  for (unsigned k = 0; k < 60; k++) shifted &= source[PAGE - 30 + k] == (uint8_t)((PAGE - 20 + k) * 7 + ((PAGE - 20 + k) >> 8) * 13);
  CHECK(shifted);
  // Distance 1, 2 and 4 with each width.
  memset(target, 0x5a, 64);
  target[0] = 0x11;
  run(move_bytes, TARGET, TARGET + 1, 40, 0);
  CHECK(target[40] == 0x11 && target[41] == 0x5a);
  memcpy(target, "wxyz", 4);
  run(move_longs, TARGET, TARGET + 2, 6, 0);
  CHECK_EQUAL(memcmp(target, "wxwxyzyz", 8), 0);
}

static void check_stores(void) {
  memset(target, 0, 2 * PAGE);
  map_window(TARGET, frames + 2, false);
  const struct frame *f = run(store_longs, 0, TARGET + PAGE - 10, 4, 0x04030201);
  CHECK_EQUAL(f->vector, DONE);
  CHECK_EQUAL(faults, 1);
  CHECK_EQUAL(at_fault.ecx, 2);
  CHECK_EQUAL(at_fault.edi, TARGET + PAGE - 2);
  CHECK_EQUAL(memcmp(target + PAGE - 10, "\1\2\3\4\1\2\3\4\1\2\3\4\1\2\3\4", 17), 0);
  f = run(store_bytes, 0, TARGET + 100, 5000, 0x77);
  CHECK_EQUAL(f->edi, TARGET + 5100);
  CHECK(target[99] == 0 && target[100] == 0x77 && target[5099] == 0x77 && target[5100] == 0);
  f = run(store_words, 0, TARGET + PAGE - 3, 3, 0xbbaa);
  CHECK_EQUAL(memcmp(target + PAGE - 4, "\x77\xaa\xbb\xaa\xbb\xaa\xbb\x77", 8), 0);
  CHECK_EQUAL(run(store_bytes, 0, TARGET, 0, 1)->edi, TARGET);         // a count of 0 does nothing
  CHECK_EQUAL(run(move_16, 0, 0, 0x50000, 0)->ecx, 0x50000);           // and with 16-bit addresses CX counts
}

static void check_searches(void) {
  fill_source();
  memcpy(target, source, 2 * PAGE);
  map_window(SOURCE, frames, false);
  target[PAGE + 9] ^= 1;
  const struct frame *f = run(compare_bytes, SOURCE + PAGE - 20, TARGET + PAGE - 20, 500, 0);
  CHECK_EQUAL(f->eax, 0);
  CHECK_EQUAL(faults, 1);
  CHECK_EQUAL(at_fault.ecx, 480);
  CHECK_EQUAL(f->ecx, 500 - 30);
  CHECK_EQUAL(f->esi, SOURCE + PAGE + 10);
  CHECK_EQUAL(run(compare_bytes, SOURCE, TARGET, 300, 0)->eax, 1);
  memset(target, ' ', 2 * PAGE);
  target[PAGE + 5] = '!';
  map_window(TARGET, frames + 2, false);
  f = run(scan_bytes, 0, TARGET + 10, 2 * PAGE, '!');
  CHECK_EQUAL(f->eax, 1);
  CHECK_EQUAL(f->edi, TARGET + PAGE + 6);
  CHECK_EQUAL(faults, 1);
  f = run(scan_longs, 0, TARGET, 2000, 0x20202020);
  CHECK_EQUAL(f->edi, TARGET + PAGE + 8);
  map_window(SOURCE, frames, false);
  uint32_t sum = 0;
  for (unsigned k = 0; k < 200; k++) sum += source[PAGE - 100 + k];
  CHECK_EQUAL(run(load_bytes, SOURCE + PAGE - 100, 0, 200, 0)->eax, sum);
  CHECK_EQUAL(at_fault.esi, SOURCE + PAGE);
}

void check_strings(void) {
  chapter("strings", "REP over page borders, restarted after a fault; overlap; both directions");
  // Frames that follow each other, so that the kernel sees each window in one piece.
  for (unsigned k = 0; k < 4; k++) frames[k] = frame_new();
  CHECK(frames[1] == frames[0] + PAGE && frames[3] == frames[2] + PAGE);
  source = (uint8_t *)frames[0];
  target = (uint8_t *)frames[2];
  handler before = handle(PF, supply);
  check_moves();
  check_overlap();
  check_stores();
  check_searches();
  handle(PF, before);
  for (unsigned k = 0; k < 4; k++) {
    page_map((k < 2 ? SOURCE : TARGET) + k % 2 * PAGE, 0);
    frame_drop(frames[k]);
  }
}
