/* Records with fields of all sizes and methods behind pointers, as an interpreter or a kernel keeps its objects. */
#include "../kernel.h"

struct object;
struct methods { u32 (*weigh)(const struct object *); void (*grow)(struct object *, u32); };
struct object {
  const struct methods *methods;
  struct object *next;
  u8 kind, level;
  short balance;
  u16 parts : 5, colour : 7, marked : 1;
  signed char drift;
  u32 total;
};

enum { COUNT = 4096 };
static struct object objects[COUNT];

static u32 weigh_plain(const struct object *o) { return o->total + (u32)o->balance + o->parts; }
static u32 weigh_double(const struct object *o) { return 2 * o->total + o->colour * 3u; }
static u32 weigh_level(const struct object *o) { return o->total >> (o->level & 7) ^ (u32)o->drift; }
static void grow_parts(struct object *o, u32 by) { o->parts += by; o->balance = (short)(o->balance + (short)by); }
static void grow_colour(struct object *o, u32 by) { o->colour ^= by; o->drift = (signed char)(o->drift + (signed char)by); }
static void grow_level(struct object *o, u32 by) { o->level = (u8)(o->level + by); o->marked = o->level > 128; }

u32 kernel(void) {
  static const struct methods kinds[3] = { { weigh_plain, grow_parts }, { weigh_double, grow_colour }, { weigh_level, grow_level } };
  u32 state = 43, sum = 0;
  for (u32 k = 0; k < COUNT; k++) {
    objects[k].kind = (u8)(next_random(&state) >> 7);
    objects[k].methods = kinds + objects[k].kind % 3;
    objects[k].next = objects + next_random(&state) % COUNT;
    objects[k].total = next_random(&state);
  }
  struct object *o = objects;
  for (u32 step = 0; step < 6000000; step++) {
    u32 weight = o->methods->weigh(o);
    o->methods->grow(o, weight);
    if (o->marked) sum ^= weight;
    o->total += weight >> 3;
    sum += weight;
    o = sum & 64 ? o->next : objects + (weight >> 5) % COUNT;
  }
  return sum;
}
