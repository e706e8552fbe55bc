/* Five bodies under gravity, in doubles: FMUL, FADD, FSQRT, FDIV. */
#include "../kernel.h"

struct body { double x, y, z, vx, vy, vz, mass; };
static struct body bodies[5];

static void start(void) {
  u32 state = 17;
  for (int k = 0; k < 5; k++) {
    double *values = &bodies[k].x;
    for (int j = 0; j < 6; j++) values[j] = (double)(int)next_random(&state) / (j < 3 ? 2e8 : 4e9);
    bodies[k].mass = k == 0 ? 39.5 : 0.01 * k;
  }
}

static void advance(double dt) {
  for (int i = 0; i < 5; i++) {
    for (int j = i + 1; j < 5; j++) {
      struct body *a = bodies + i, *b = bodies + j;
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z, square = dx * dx + dy * dy + dz * dz + 0.01;
      double pull = dt / (square * __builtin_sqrt(square));
      a->vx -= dx * b->mass * pull; a->vy -= dy * b->mass * pull; a->vz -= dz * b->mass * pull;
      b->vx += dx * a->mass * pull; b->vy += dy * a->mass * pull; b->vz += dz * a->mass * pull;
    }
  }
  for (int k = 0; k < 5; k++) {
    bodies[k].x += dt * bodies[k].vx;
    bodies[k].y += dt * bodies[k].vy;
    bodies[k].z += dt * bodies[k].vz;
  }
}

u32 kernel(void) {
  start();
  for (int step = 0; step < COUNT; step++) advance(0.001);
  return fold(0, bodies, sizeof bodies);
}
