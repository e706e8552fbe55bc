// Records with names: numbers written as text, text compared, lists sorted by merging, small calls everywhere.
#include "programs.h"

enum { RECORDS = 1000, NAME = 20 };

struct record {
  char name[NAME];
  uint32_t value;
  struct record *next;
};

static struct record records[RECORDS];

static char *append_number(char *to, uint32_t value) {
  char digits[10];
  unsigned count = 0;
  do digits[count++] = (char)('0' + value % 10); while ((value /= 10) != 0);
  while (count > 0) *to++ = digits[--count];
  return to;
}

static char *append_text(char *to, const char *text) {
  while (*text != 0) *to++ = *text++;
  return to;
}

static unsigned length(const char *text) {
  const char *end = text;
  while (*end != 0) end++;
  return (unsigned)(end - text);
}

static void reverse(char *text) {
  for (char *end = text + length(text) - 1; text < end; text++, end--) {
    char c = *text;
    *text = *end;
    *end = c;
  }
}

static int compare(const char *a, const char *b) {
  while (*a != 0 && *a == *b) a++, b++;
  return (uint8_t)*a - (uint8_t)*b;
}

static struct record *merge(struct record *a, struct record *b) {
  struct record *head = 0, **tail = &head;
  while (a != 0 && b != 0) {
    struct record **least = compare(a->name, b->name) <= 0 ? &a : &b;
    *tail = *least;
    tail = &(*least)->next;
    *least = (*least)->next;
  }
  *tail = a != 0 ? a : b;
  return head;
}

static struct record *sort(struct record *list, unsigned count) {
  if (count == 1) {
    list->next = 0;
    return list;
  }
  struct record *second = list;
  for (unsigned k = 0; k < count / 2; k++) second = second->next;
  struct record *rest = sort(second, count - count / 2);
  // The first half needs no cut: a list of one record ends itself.
  return merge(sort(list, count / 2), rest);
}

static void make_records(uint32_t *seed) {
  static const char *const stems[] = {"alpha", "bravo", "charlie", "delta", "echo", "fox"};
  for (unsigned k = 0; k < RECORDS; k++) {
    struct record *r = &records[k];
    r->value = random_next(seed) >> 8;
    char *end = append_text(r->name, stems[r->value % 6]);
    *end++ = '-';
    *append_number(end, r->value >> 4) = 0;
    if (r->value & 1) reverse(r->name);
    r->next = k + 1 < RECORDS ? r + 1 : 0;
  }
}

uint32_t strings(uint32_t rounds) {
  uint32_t seed = 5, sum = 0;
  while (rounds-- > 0) {
    make_records(&seed);
    uint32_t place = 0;
    const char *before = "";
    for (const struct record *r = sort(records, RECORDS); r != 0; r = r->next) {
      if (compare(before, r->name) > 0) return 0;
      before = r->name;
      sum += r->value * ++place ^ length(r->name);
    }
  }
  return sum;
}
