/**
 * Where the host's time goes.
 *
 * Activities nest: the time of the inner one is not the outer one's. The clock costs as much as eight interpreted instructions, so an
 * activity that happens often is timed now and then only, and its time multiplied.
 */

/** So many times an activity is always timed, later one time in `SAMPLED`. */
const ALWAYS = 2000, SAMPLED = 61;

/** One kind of activity. */
export class Timer {
  /** How often it began. */
  count = 0;
  /** Milliseconds with all that was nested in it, and of what was nested. */
  gross = 0;
  nested = 0;
  every = 1;
  skipped = 0;
  outer: Timer | undefined = undefined;

  /** Milliseconds of its own. */
  get milliseconds(): number { return Math.max(0, this.gross - this.nested); }
}

export class Stopwatch {
  readonly #clock: () => number;
  /** Milliseconds that looking at the clock takes. */
  readonly #cost: number;
  #current: Timer | undefined = undefined;

  /** `clock` answers milliseconds, as `performance.now` does. */
  constructor(clock: () => number) {
    this.#clock = clock;
    this.#cost = costOf(clock);
  }

  /** An activity begins, inside the current one; what it returns goes to `stop`. A timer does not nest in itself. */
  start(timer: Timer): number {
    timer.outer = this.#current;
    this.#current = timer;
    timer.count++;
    if (++timer.skipped < timer.every) return -1;
    timer.skipped = 0;
    return this.#clock();
  }

  /** Times one action. */
  time<T>(timer: Timer, action: () => T): T {
    const started = this.start(timer);
    try {
      return action();
    } finally {
      this.stop(timer, started);
    }
  }

  stop(timer: Timer, started: number): void {
    this.#current = timer.outer;
    if (started < 0) return;
    const time = Math.max(0, this.#clock() - started - this.#cost) * timer.every;
    timer.gross += time;
    if (timer.outer !== undefined) timer.outer.nested += time;
    if (timer.count === ALWAYS) timer.every = SAMPLED;
  }
}

/** The mean of a second thousand looks: the first one warms up. */
function costOf(clock: () => number): number {
  const LOOKS = 1000;
  let started = 0;
  for (const look of [1, 2]) {
    started = clock();
    for (let k = 0; k < LOOKS * look; k++) clock();
  }
  return (clock() - started) / (2 * LOOKS);
}
