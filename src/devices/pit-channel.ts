/**
 * One channel of an 8254, as a function of the number of the clock pulse (Intel 8254 datasheet, 231164, "Mode definitions").
 *
 * Idea: `start` is the pulse at which the counting element held `value`; count and output at any later pulse are arithmetic.
 * State changes only when the processor or the gate acts, never because time passes.
 */
export type PitMode = 0 | 1 | 2 | 3 | 4 | 5;

const ACCESS_LOW = 1, ACCESS_HIGH = 2, ACCESS_BOTH = 3;
const STATUS_OUTPUT = 0x80, STATUS_NULL_COUNT = 0x40;

export interface PitChannelState {
  mode: PitMode;
  bcd: boolean;
  /** Which bytes are transferred: low only, high only, low then high. */
  access: 1 | 2 | 3;
  /** The low byte of a count of which the high byte is still to be written. */
  lowByte: number | null;
  /** The next byte read is the high one. */
  readsHigh: boolean;
  latchedCount: number | null;
  latchedStatus: number | null;
  gate: boolean;
  /** The count register, 1 to 65536; 0 after a control word until it is written. */
  count: number;
  /** The count register was written and its content has not been taken over yet (modes 1 and 5). */
  fresh: boolean;
  /** When the counting element held `value`; null after a control word. */
  start: number | null;
  value: number;
  running: boolean;
  /** The end of the count has passed (modes 0, 4 and 5); the output as it was before the trigger (mode 1). */
  done: boolean;
  /** A count that takes over at the end of the (half) period (modes 2 and 3). */
  next: { readonly at: number; readonly start: number; readonly count: number } | null;
}

const modulo = (value: number, modulus: number): number => ((value % modulus) + modulus) % modulus;
const highHalf = (count: number): number => Math.ceil(count / 2);
const fromBcd = (value: number): number => (value >> 12) * 1000 + ((value >> 8) & 15) * 100 + ((value >> 4) & 15) * 10 + (value & 15);
const toBcd = (value: number): number =>
  (Math.floor(value / 1000) << 12) | ((Math.floor(value / 100) % 10) << 8) | ((Math.floor(value / 10) % 10) << 4) | (value % 10);

export class PitChannel {
  state: PitChannelState;

  constructor(gate: boolean) {
    this.state = {
      mode: 3, bcd: false, access: ACCESS_BOTH, lowByte: null, readsHigh: false, latchedCount: null, latchedStatus: null,
      gate, count: 0, fresh: false, start: null, value: 0, running: false, done: false, next: null,
    };
  }

  get gate(): boolean { return this.state.gate; }

  /** The output is high but for pulses of one clock. */
  get strobes(): boolean { return this.state.mode === 2 || this.state.mode >= 4; }

  get #periodic(): boolean { return this.state.mode === 2 || this.state.mode === 3; }
  get #triggered(): boolean { return this.state.mode === 1 || this.state.mode === 5; }
  get #modulus(): number { return this.state.bcd ? 10_000 : 0x10000; }

  /** Mode and count as after a control word, a count and the load. */
  reset(pulse: number, count: number, mode: PitMode, gate: boolean): void {
    this.state = { ...new PitChannel(gate).state, mode, count, value: count, start: pulse, running: gate };
  }

  /** The control word's lower six bits; the latch command where the access bits are zero. */
  control(word: number, pulse: number): void {
    const access = (word >> 4) & 3;
    if (access === 0) return this.latchCount(pulse);
    const mode = (word >> 1) & 7;
    const value = this.#element(pulse);
    this.state = {
      ...new PitChannel(this.state.gate).state, value,
      mode: (mode > 5 ? mode & 3 : mode) as PitMode, bcd: (word & 1) !== 0, access: access as 1 | 2 | 3,
    };
  }

  write(byte: number, pulse: number): void {
    const { state } = this;
    if (state.access !== ACCESS_BOTH) return this.#load(state.access === ACCESS_LOW ? byte : byte << 8, pulse);
    if (state.lowByte === null) {
      state.lowByte = byte;
      if (state.mode === 0) this.#stop(pulse);
      return;
    }
    const low = state.lowByte;
    state.lowByte = null;
    this.#load(low | (byte << 8), pulse);
  }

  /** Mode 0: the first byte of a count stops the channel and lowers its output. */
  #stop(pulse: number): void {
    this.#pause(pulse);
    this.state.start = null;
    this.state.done = false;
  }

  #load(written: number, pulse: number): void {
    const { state } = this;
    const count = (state.bcd ? fromBcd(written) : written) || this.#modulus;
    this.#takeOver(pulse);
    if (this.#periodic && state.running && state.start !== null && pulse >= state.start) {
      const at = this.#nextBoundary(pulse);
      const becomesLow = state.mode === 3 && this.output(pulse);
      state.next = { at, start: becomesLow ? at - highHalf(count) : at, count };
      return;
    }
    state.count = count;
    // Taken over by a trigger: in modes 2 and 3 that is the gate, once it is low.
    if (this.#triggered || (this.#periodic && state.start !== null && pulse >= state.start)) state.fresh = true;
    else this.#begin(pulse, state.gate);
  }

  /** The counting element takes the count register with the next clock pulse. */
  #begin(pulse: number, running: boolean): void {
    const { state } = this;
    const done = state.mode === 1 && this.output(pulse);
    Object.assign(state, { start: pulse + 1, value: state.mode === 3 ? state.count & ~1 : state.count, running, done, fresh: false, next: null });
  }

  /** Makes a waiting count the current one where its time has come. */
  #takeOver(pulse: number): void {
    const { state } = this, { next } = state;
    if (next === null || pulse < next.at) return;
    Object.assign(state, { start: next.start, count: next.count, value: next.count, next: null });
  }

  setGate(level: boolean, pulse: number): void {
    const { state } = this;
    if (level === state.gate) return;
    state.gate = level;
    if (this.#triggered) {
      if (level && state.count > 0) this.#begin(pulse, true);
    } else if (!level) this.#pause(pulse);
    else if (this.#periodic) {
      if (state.count > 0) this.#begin(pulse, true);
    } else if (state.start !== null) {
      state.start = Math.max(pulse, state.start);
      state.running = true;
    }
  }

  #pause(pulse: number): void {
    const { state } = this;
    if (!state.running || state.start === null) return;
    this.#takeOver(pulse);
    if (pulse >= state.start) {
      const left = state.value - (pulse - state.start);
      state.done ||= left <= 0;
      // A full count of 65536 reads as 0, but has not passed.
      state.value = this.#periodic || left <= 0 ? this.#element(pulse) : left;
      state.start = pulse;
    }
    if (state.next !== null) Object.assign(state, { count: state.next.count, next: null, fresh: true });
    state.running = false;
  }

  /** Start and length of the period that holds this pulse. */
  #period(pulse: number): { readonly start: number; readonly count: number } {
    const { next, start, count } = this.state;
    return next !== null && pulse >= next.at ? next : { start: start ?? pulse, count };
  }

  /** Modes 2 and 3: the end of the period, or half period, after this pulse. */
  #nextBoundary(pulse: number): number {
    const { start, count } = this.#period(pulse);
    const phase = modulo(pulse - start, count), origin = pulse < start ? start : pulse - phase;
    if (this.state.mode === 2) return origin + count;
    const half = highHalf(count);
    return pulse < start || phase < half ? origin + half : origin + count;
  }

  /** The counting element, 0 to 65535. */
  #element(pulse: number): number {
    const { state } = this, modulus = this.#modulus;
    if (!state.running || state.start === null || pulse < state.start) return modulo(state.value, modulus);
    if (!this.#periodic) return modulo(state.value - (pulse - state.start), modulus);
    const { start, count } = this.#period(pulse);
    const phase = modulo(pulse - start, count);
    if (state.mode === 2) return (count - phase) % modulus;
    const half = highHalf(count);
    return ((count & ~1) - 2 * (phase < half ? phase : phase - half)) % modulus;
  }

  output(pulse: number): boolean {
    const { mode, start, value, running, done } = this.state;
    if (mode === 0) return done || (running && start !== null && pulse - start >= value);
    if (start === null || !running) return true;
    if (mode === 1) return pulse < start ? done : pulse - start >= value;
    if (pulse < start) return true;
    if (mode >= 4) return done || pulse - start !== value;
    const period = this.#period(pulse), phase = modulo(pulse - period.start, period.count);
    return mode === 2 ? period.count === 1 || phase !== period.count - 1 : phase < highHalf(period.count);
  }

  /** The first pulse after this one at which the output changes; where it strobes, at which the strobe ends. Or Infinity. */
  nextEdge(pulse: number): number {
    const { mode, start, value, running, done } = this.state;
    if (!running || start === null) return Infinity;
    // Periods of one clock have no edges.
    if (this.#periodic) return this.#period(pulse).count === 1 ? this.state.next?.at ?? Infinity : this.#nextBoundary(pulse);
    const end = start + value + (mode >= 4 ? 1 : 0);
    if (mode === 1) return pulse < start ? start : end <= pulse ? Infinity : end;
    return done || end <= pulse ? Infinity : end;
  }

  latchCount(pulse: number): void {
    this.state.latchedCount ??= this.#register(pulse);
  }

  latchStatus(pulse: number): void {
    const { mode, bcd, access } = this.state;
    this.state.latchedStatus ??= (this.output(pulse) ? STATUS_OUTPUT : 0) | (this.#nullCount(pulse) ? STATUS_NULL_COUNT : 0)
      | (access << 4) | (mode << 1) | (bcd ? 1 : 0);
  }

  #nullCount(pulse: number): boolean {
    const { start, fresh, next } = this.state;
    return start === null || fresh || pulse < start || (next !== null && pulse < next.at);
  }

  #register(pulse: number): number {
    const element = this.#element(pulse);
    return this.state.bcd ? toBcd(element) : element;
  }

  /** A byte of the latched status, of the latched count or of the count as it is. */
  read(pulse: number): number {
    const { state } = this;
    if (state.latchedStatus !== null) {
      const status = state.latchedStatus;
      state.latchedStatus = null;
      return status;
    }
    const count = state.latchedCount ?? this.#register(pulse);
    const high = state.access === ACCESS_HIGH || (state.access === ACCESS_BOTH && state.readsHigh);
    if (state.access === ACCESS_BOTH) state.readsHigh = !state.readsHigh;
    if (state.access !== ACCESS_BOTH || high) state.latchedCount = null;
    return high ? count >> 8 : count & 0xff;
  }
}
