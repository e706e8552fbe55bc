/* Words in a chained hash table: small calls, byte compares, pointers between structures. */
#include "../kernel.h"

enum { BUCKETS = 1024, WORDS = 4096, LENGTH = 12 };
struct word { struct word *next; u32 count; char text[LENGTH]; };
static struct word *buckets[BUCKETS];
static struct word pool[WORDS];
static u32 used;

static __attribute__((noinline)) u32 hash(const char *text) {
  u32 h = 5381;
  while (*text) h = h * 33 + (u8)*text++;
  return h % BUCKETS;
}

static __attribute__((noinline)) int same(const char *x, const char *y) {
  while (*x && *x == *y) x++, y++;
  return *x == *y;
}

static __attribute__((noinline)) void spell(char *text, u32 number) {
  u32 k = 0;
  for (; number && k < LENGTH - 1; number /= 23) text[k++] = (char)('a' + number % 23);
  text[k] = 0;
}

static __attribute__((noinline)) struct word *find(const char *text) {
  struct word **at = &buckets[hash(text)];
  for (struct word *word = *at; word; word = word->next) if (same(word->text, text)) return word;
  struct word *made = &pool[used++];
  for (u32 k = 0; k < LENGTH; k++) made->text[k] = text[k];
  made->next = *at;
  return *at = made;
}

u32 kernel(void) {
  char text[LENGTH] = { 0 };
  u32 state = 3, sum = 0;
  for (u32 k = 0; k < 5000000; k++) {
    spell(text, 100000 + next_random(&state) % WORDS);
    find(text)->count += k;
  }
  for (u32 k = 0; k < used; k++) sum = sum * 31 + pool[k].count;
  return sum;
}
