// The x87: exact bits of results, comparison flags, rounding, saving and restoring, and the faults #NM and #MF
// (SDM volume 1, chapter 8).
#include "chapters.h"
#include "check.h"
#include "cpu.h"
#include "interrupts.h"
#include "memory.h"
#include "trial.h"

enum { CONTROL_DEFAULT = 0x37f, CONTROL_DOUBLE = 0x27f, CONTROL_SINGLE = 0x07f, CONTROL_DOWN = 0x77f, CONTROL_UP = 0xb7f, CONTROL_CHOP = 0xf7f };
enum { FSW_IE = 1 << 0, FSW_DE = 1 << 1, FSW_ZE = 1 << 2, FSW_OE = 1 << 3, FSW_UE = 1 << 4, FSW_PE = 1 << 5 };
enum { FSW_SF = 1 << 6, FSW_ES = 1 << 7, FSW_C0 = 1 << 8, FSW_C1 = 1 << 9, FSW_C2 = 1 << 10, FSW_C3 = 1 << 14 };

struct extended {
  uint32_t low, high;
  uint16_t sign_exponent;
} __attribute__((packed));

struct saved_fpu {
  uint32_t control, status, tags, ip, cs_opcode, data, data_segment;
  struct extended st[8];
} __attribute__((packed));

static void set_control(uint16_t word) { asm volatile("fldcw %0" : : "m"(word)); }

static uint16_t status(void) {
  uint16_t word;
  asm volatile("fnstsw %0" : "=a"(word));
  return word;
}

// Runs x87 instructions from a fresh FPU with a control word, and takes ST(0) as it is.
#define COMPUTE(control, text)                                        \
  ({                                                                  \
    struct extended top;                                              \
    asm volatile("fninit");                                           \
    set_control(control);                                             \
    asm volatile(text "\n fstpt %0" : "=m"(top) : : "memory", "cc");  \
    top;                                                              \
  })

static void check_extended(struct extended x, uint16_t sign_exponent, uint32_t high, uint32_t low, const char *what, unsigned line) {
  check_equal(x.sign_exponent, sign_exponent, what, "fpu.c", line);
  check_equal(x.high, high, what, "fpu.c", line);
  check_equal(x.low, low, what, "fpu.c", line);
}
#define CHECK_EXTENDED(control, text, sign_exponent, high, low) check_extended(COMPUTE(control, text), sign_exponent, high, low, text, __LINE__)

uint32_t fpu_ten = 10;
const uint32_t fpu_three = 3, fpu_seven_halves[1] = {0x40600000};

static void check_results(void) {
  CHECK_EXTENDED(CONTROL_DEFAULT, "fld1; fld1; faddp", 0x4000, 0x80000000, 0);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fld1; fidivl fpu_three", 0x3ffd, 0xaaaaaaaa, 0xaaaaaaab);
  CHECK_EXTENDED(CONTROL_DOUBLE, "fld1; fidivl fpu_three", 0x3ffd, 0xaaaaaaaa, 0xaaaaa800);
  CHECK_EXTENDED(CONTROL_SINGLE, "fld1; fidivl fpu_three", 0x3ffd, 0xaaaaab00, 0);
  CHECK_EXTENDED(CONTROL_DOWN, "fld1; fidivl fpu_three", 0x3ffd, 0xaaaaaaaa, 0xaaaaaaaa);
  CHECK_EXTENDED(CONTROL_UP, "fld1; fchs; fidivl fpu_three", 0xbffd, 0xaaaaaaaa, 0xaaaaaaaa);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fld1; fld1; faddp; fsqrt", 0x3fff, 0xb504f333, 0xf9de6484);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fldpi", 0x4000, 0xc90fdaa2, 0x2168c235);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fldpi; fldpi; fmulp", 0x4002, 0x9de9e64d, 0xf22ef2d3);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fldl2e; fldln2; fmulp", 0x3fff, 0x80000000, 0);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fildl fpu_ten; fildl fpu_three; fxch; fprem", 0x3fff, 0x80000000, 0);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fildl fpu_three; fildl fpu_ten; fscale", 0x4005, 0xa0000000, 0);
  CHECK_EXTENDED(CONTROL_DEFAULT, "flds fpu_seven_halves; frndint", 0x4001, 0x80000000, 0);
  CHECK_EXTENDED(CONTROL_DOWN, "flds fpu_seven_halves; frndint", 0x4000, 0xc0000000, 0);
  CHECK_EXTENDED(CONTROL_CHOP, "flds fpu_seven_halves; fchs; frndint", 0xc000, 0xc0000000, 0);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fildl fpu_ten; fxtract; fxch; fstp %%st(0); fadd %%st(0)", 0x4000, 0xa0000000, 0);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fldz; fchs", 0x8000, 0, 0);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fld1; fchs; fsqrt", 0xffff, 0xc0000000, 0);
  CHECK_EQUAL(status() & (FSW_IE | FSW_ES), FSW_IE);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fld1; fldz; fdivrp", 0x7fff, 0x80000000, 0);
  CHECK_EQUAL(status() & 0x3f, FSW_ZE);
  CHECK_EXTENDED(CONTROL_DEFAULT, "fldz; fldz; fdivrp", 0xffff, 0xc0000000, 0);
}

static void check_conversions(void) {
  double as_double;
  float as_float;
  int64_t as_integer = -1234567890123456789ll, back;
  int32_t rounded;
  uint8_t decimal[10];
  asm volatile("fninit; fld1; fidivl fpu_three; fstl %0; fstps %1" : "=m"(as_double), "=m"(as_float));
  uint32_t words[2];
  memcpy(words, &as_double, 8);
  CHECK_EQUAL(words[1], 0x3fd55555);
  CHECK_EQUAL(words[0], 0x55555555);
  memcpy(words, &as_float, 4);
  CHECK_EQUAL(words[0], 0x3eaaaaab);
  asm volatile("fildq %1; fistpq %0" : "=m"(back) : "m"(as_integer));
  CHECK(back == as_integer);
  asm volatile("flds fpu_seven_halves; fistpl %0" : "=m"(rounded));
  CHECK_EQUAL(rounded, 4);
  CHECK_EQUAL(status() & FSW_PE, FSW_PE);
  asm volatile("fildq %1; fbstp %0" : "=m"(decimal) : "m"((int64_t){-908172635445362718ll}));
  CHECK_EQUAL(memcmp(decimal, "\x18\x27\x36\x45\x54\x63\x72\x81\x90\x80", 10), 0);
  asm volatile("fbld %1; fistpq %0" : "=m"(back) : "m"(decimal));
  CHECK(back == -908172635445362718ll);
  // What does not fit becomes the integer indefinite, and IE.
  asm volatile("fnclex; fildq %1; fistpl %0" : "=m"(rounded) : "m"(as_integer));
  CHECK_EQUAL(rounded, 0x80000000);
  CHECK_EQUAL(status() & FSW_IE, FSW_IE);
}

#define COMPARE(text)                                                                                    \
  ({                                                                                                     \
    uint32_t result;                                                                                     \
    asm volatile("fninit\n" text "\n pushf; pop %0; fninit" : "=r"(result) : : "eax", "cc", "memory");   \
    result & (CF | ZF | 1 << 2);                                                                         \
  })
#define EXAMINE(text)                                            \
  ({                                                             \
    asm volatile("fninit\n" text "\n fxam");                     \
    status() & (FSW_C0 | FSW_C1 | FSW_C2 | FSW_C3);              \
  })

static void check_comparisons(void) {
  enum { EQUAL = ZF, LESS = CF, GREATER = 0, UNORDERED = CF | ZF | 1 << 2 };
  CHECK_EQUAL(COMPARE("fldpi; fld1; fcomi %%st(1), %%st"), LESS);
  CHECK_EQUAL(COMPARE("fld1; fldpi; fcomi %%st(1), %%st"), GREATER);
  CHECK_EQUAL(COMPARE("fld1; fld1; fcomip %%st(1), %%st"), EQUAL);
  CHECK_EQUAL(COMPARE("fld1; fldz; fldz; fdivrp; fucomi %%st(1), %%st"), UNORDERED);
  CHECK_EQUAL(COMPARE("fldz; fldz; fchs; fucomip %%st(1), %%st"), EQUAL);
  CHECK_EQUAL(COMPARE("fld1; fldpi; fcompp; fnstsw %%ax; sahf"), GREATER);
}

static void check_classes(void) {
  CHECK_EQUAL(EXAMINE(""), FSW_C3 | FSW_C0);                                   // empty
  CHECK_EQUAL(EXAMINE("fldz"), FSW_C3);
  CHECK_EQUAL(EXAMINE("fldpi; fchs"), FSW_C2 | FSW_C1);
  CHECK_EQUAL(EXAMINE("fld1; fldz; fdivrp"), FSW_C2 | FSW_C0);                 // infinity
  CHECK_EQUAL(EXAMINE("fldz; fldz; fdivrp; fabs"), FSW_C0);                    // not a number
}

static void check_saving(void) {
  struct saved_fpu first, second;
  asm volatile("fninit; fldcw %0" : : "m"((uint16_t){CONTROL_CHOP}));
  asm volatile("fld1; fldpi; fldl2e; fldln2; fldlg2; fldz; fincstp");
  asm volatile("fnsave %0" : "=m"(first));
  CHECK_EQUAL(first.control & 0xffff, CONTROL_CHOP);
  CHECK_EQUAL(first.status >> 11 & 7, 3);
  CHECK_EQUAL(first.tags & 0xffff, 0x001f);    // physical 7 to 2 are in use: five valid ones and (2) a zero
  CHECK_EQUAL(status(), 0);                    // FNSAVE leaves the FPU as FNINIT does
  asm volatile("fld1; fld1");
  asm volatile("frstor %0" : : "m"(first));
  asm volatile("fnsave %0" : "=m"(second));
  CHECK_EQUAL(memcmp(first.st, second.st, sizeof first.st), 0);
  CHECK_EQUAL(second.tags & 0xffff, first.tags & 0xffff);
  CHECK_EQUAL(second.status & 0xffff, first.status & 0xffff);
  asm volatile("fninit");
  struct saved_fpu environment;
  asm volatile("fnstenv %0; fninit" : "=m"(environment));
  CHECK_EQUAL(environment.control & 0xffff, CONTROL_DEFAULT);
  CHECK_EQUAL(environment.tags & 0xffff, 0xffff);
  // Signalling NaNs pass through loads and stores of 80 bits untouched.
  struct extended odd = {0x12345678, 0x80000001, 0x7fff}, out;
  asm volatile("fldt %1; fstpt %0" : "=m"(out) : "m"(odd));
  CHECK_EQUAL(memcmp(&odd, &out, 10), 0);
}

CODE(use_fpu, "fld1");
CODE(use_wait, "fwait");
CODE(divide_unmasked, "fninit; movl $0x37b, (%esp); fldcw (%esp); fldz; fld1; fdivp %st(1); pending: fnop; fld1");
CODE(divide_masked, "fninit; fldz; fld1; fdivp %st(1); fwait; fnstsw %ax; and $0x84, %eax");
CODE(clears_pending, "fninit; movl $0x37b, (%esp); fldcw (%esp); fldz; fld1; fdivp %st(1); fnstsw %ax; fnclex; fld1; and $0x8084, %eax; fninit");
extern const uint8_t pending[];

static void check_faults(void) {
  uint32_t cr0 = read_cr0();
  write_cr0(cr0 | CR0_TS);
  CHECK_FAULT(3, use_fpu, 0, 0, NM, 0, 0);
  CHECK_FAULT(0, use_wait, 0, 0, NM, 0, 0);
  write_cr0((cr0 | CR0_TS) & ~(uint32_t)CR0_MP);
  CHECK_RESULT(3, use_wait, 0, 0, 0);
  clts();
  CHECK_RESULT(3, use_fpu, 0, 0, 0);
  write_cr0(cr0 | CR0_EM);
  CHECK_FAULT(3, use_fpu, 0, 0, NM, 0, 0);
  write_cr0(cr0);
  // An unmasked exception is reported by the next waiting instruction, not by its own.
  const struct frame *f = trial(3, divide_unmasked, 0, 0);
  CHECK_EQUAL(f->vector, MF);
  CHECK_EQUAL(f->eip, pending);
  CHECK_EQUAL(status() & (FSW_ZE | FSW_ES), FSW_ZE | FSW_ES);
  CHECK_RESULT(3, divide_masked, 0, 0, FSW_ZE);
  CHECK_RESULT(3, clears_pending, 0, 0, 0x8000 | FSW_ZE | FSW_ES);
  asm volatile("fninit");
}

void check_fpu(void) {
  chapter("x87", "results to the last bit, comparisons, FNSAVE and FRSTOR, #NM and #MF");
  check_results();
  check_conversions();
  check_comparisons();
  check_classes();
  check_saving();
  check_faults();
}
