/**
 * The MC146818 real-time clock with 128 bytes of CMOS RAM (Motorola MC146818 datasheet, ADI-856; PC/AT Technical
 * Reference for what the RAM holds).
 *
 * Idea: the time registers stand as of the beginning of the second `second`; an access first counts them up to now and
 * collects what happened since the access before. Only an interrupt that is enabled, while none is asserted, is an event.
 */
import type { Clock, Device, GuestTime, IrqLine, PortDevice, TimedDevice } from "./device.ts";
import { advanceCalendar, secondsToAlarm, setCalendar, type Format } from "./calendar.ts";

const INDEX = 0; // the other port is data
const NMI_MASK = 0x80;

const REGISTER_A = 0x0a, REGISTER_B = 0x0b, REGISTER_C = 0x0c, REGISTER_D = 0x0d;
const A_UIP = 0x80; // update in progress
const A_DV_32768 = 0x20;
const A_DV_RESET = 0x60; // 11x: held in reset
const A_RS = 0x0f; // periodic rate
const A_RS_1024 = 0x06;
const B_SET = 0x80; // no updates
const B_PIE = 0x40; // periodic interrupt enable
const B_AIE = 0x20; // alarm interrupt enable
const B_UIE = 0x10; // update-ended interrupt enable
const B_SQWE = 0x08; // square wave
const B_DM = 0x04; // binary
const B_24 = 0x02;
const C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10;
const D_VRT = 0x80; // the battery is good

// CMOS RAM by the PC/AT's firmware.
const EQUIPMENT = 0x14, BASE_MEMORY = 0x15, EXTENDED_MEMORY = 0x17, CHECKSUM = 0x2e, EXTENDED_MEMORY_FOUND = 0x30, MEMORY_ABOVE_16M = 0x34;
const CHECKSUM_FROM = 0x10;
const EQUIPMENT_COPROCESSOR = 0x02;

const SECOND = 1_000_000_000;
const UIP_LEAD = 244_000; // UIP is set this long before an update
const RESTART = 500_000_000; // the first update after the divider was released comes this much later
// 32768 / 10^9 in lowest terms.
const DIVIDER_TICKS = 64, DIVIDER_NANOSECONDS = 1_953_125;

export interface RtcOptions {
  /** What the clock shows at guest time 0, in ms since 1970 UTC; 2026-01-01 where it is absent. */
  readonly epoch?: number;
  /** Bytes of RAM, for the firmware's notes of it. */
  readonly memory: number;
}

export interface RtcState {
  readonly cmos: Uint8Array;
  readonly index: number;
  readonly nmiMasked: boolean;
  readonly second: GuestTime;
  readonly divider: GuestTime;
  readonly collected: GuestTime;
}

export class Rtc implements Device<RtcState>, PortDevice, TimedDevice {
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  readonly #cmos = new Uint8Array(128);
  #index = 0;
  #nmiMasked = false;
  /** When the second that the time registers show began. */
  #second: GuestTime = 0;
  /** When the divider chain began to count. */
  #divider: GuestTime = 0;
  /** Register C has what happened until then. */
  #collected: GuestTime = 0;
  #event: GuestTime = Infinity;

  constructor(clock: Clock, irq: IrqLine, options: RtcOptions) {
    this.#clock = clock;
    this.#irq = irq;
    const epoch = options.epoch ?? Date.UTC(2026, 0, 1);
    this.#cmos[REGISTER_A] = A_DV_32768 | A_RS_1024;
    this.#cmos[REGISTER_B] = B_24;
    this.#cmos[REGISTER_D] = D_VRT;
    setCalendar(this.#cmos, epoch, this.#format);
    this.#second = -Math.round((epoch - Math.floor(epoch / 1000) * 1000) * 1e6);
    this.#describe(options.memory);
  }

  /** What the firmware's set-up stores. */
  #describe(memory: number): void {
    const kib = memory >>> 10;
    const word = (index: number, value: number): void => {
      this.#cmos[index] = value & 0xff;
      this.#cmos[index + 1] = value >> 8;
    };
    this.#cmos[EQUIPMENT] = EQUIPMENT_COPROCESSOR;
    word(BASE_MEMORY, 640);
    const extended = Math.min(0xffff, Math.max(0, kib - 1024));
    word(EXTENDED_MEMORY, extended);
    word(EXTENDED_MEMORY_FOUND, extended);
    word(MEMORY_ABOVE_16M, Math.min(0xffff, Math.max(0, kib - 16 * 1024) >>> 6));
    let sum = 0;
    for (let index = CHECKSUM_FROM; index < CHECKSUM; index++) sum += this.#cmos[index]!;
    this.#cmos[CHECKSUM] = sum >> 8;
    this.#cmos[CHECKSUM + 1] = sum & 0xff;
  }

  /** Non-maskable interrupts are masked by bit 7 of the index port. */
  get nmiMasked(): boolean { return this.#nmiMasked; }

  readPort(offset: number): number {
    if (offset === INDEX) return 0xff; // write only
    const now = this.#clock.now();
    this.#update(now);
    switch (this.#index) {
      case REGISTER_A: return this.#cmos[REGISTER_A]! | (this.#updating(now) ? A_UIP : 0);
      case REGISTER_C: return this.#readC();
      default: return this.#cmos[this.#index]!;
    }
  }

  #readC(): number {
    const flags = this.#cmos[REGISTER_C]!;
    this.#cmos[REGISTER_C] = 0;
    this.#settle();
    return flags;
  }

  writePort(offset: number, value: number): void {
    if (offset === INDEX) {
      this.#index = value & ~NMI_MASK;
      this.#nmiMasked = (value & NMI_MASK) !== 0;
      return;
    }
    const now = this.#clock.now();
    this.#update(now);
    switch (this.#index) {
      case REGISTER_A: this.#writeA(value, now); break;
      case REGISTER_B: this.#writeB(value, now); break;
      case REGISTER_C: case REGISTER_D: break;
      default: this.#cmos[this.#index] = value;
    }
    this.#settle();
  }

  #writeA(value: number, now: GuestTime): void {
    const held = this.#dividerHeld;
    this.#cmos[REGISTER_A] = value & ~A_UIP;
    if (!held || this.#dividerHeld) return;
    this.#divider = now;
    this.#second = now + RESTART - SECOND;
  }

  #writeB(value: number, now: GuestTime): void {
    const wasSet = (this.#cmos[REGISTER_B]! & B_SET) !== 0, set = (value & B_SET) !== 0;
    this.#cmos[REGISTER_B] = set ? value & ~B_UIE : value;
    // The divider counted on meanwhile: updates go on in the same phase, from the time that was set.
    if (wasSet && !set && now > this.#second) this.#second += Math.floor((now - this.#second) / SECOND) * SECOND;
  }

  get #format(): Format {
    const b = this.#cmos[REGISTER_B]!;
    return { binary: (b & B_DM) !== 0, hours24: (b & B_24) !== 0 };
  }

  get #dividerHeld(): boolean { return (this.#cmos[REGISTER_A]! & A_DV_RESET) === A_DV_RESET; }
  get #counting(): boolean { return !this.#dividerHeld && (this.#cmos[REGISTER_B]! & B_SET) === 0; }

  #updating(now: GuestTime): boolean { return this.#counting && now - this.#second >= SECOND - UIP_LEAD; }

  /** Brings the time registers and register C up to now. */
  #update(now: GuestTime): void {
    const seconds = this.#counting ? Math.floor((now - this.#second) / SECOND) : 0;
    let flags = 0;
    if (seconds > 0) {
      flags |= C_UF;
      if (secondsToAlarm(this.#cmos, this.#format) <= seconds) flags |= C_AF;
      advanceCalendar(this.#cmos, seconds, this.#format);
      this.#second += seconds * SECOND;
    }
    const period = this.#period;
    if (period !== 0 && this.#ticks(now, period) > this.#ticks(this.#collected, period)) flags |= C_PF;
    this.#cmos[REGISTER_C]! |= flags;
    this.#collected = now;
  }

  /** Divider ticks of 1/32768 s between periodic interrupts, or 0. */
  get #period(): number {
    const rate = this.#cmos[REGISTER_A]! & A_RS;
    if (rate === 0 || this.#dividerHeld) return 0;
    return 1 << (rate <= 2 ? rate + 6 : rate - 1);
  }

  /** Whole periods since the divider began. */
  #ticks(time: GuestTime, period: number): number {
    const since = Math.max(0, time - this.#divider), whole = Math.floor(since / DIVIDER_NANOSECONDS);
    const ticks = whole * DIVIDER_TICKS + Math.floor(((since - whole * DIVIDER_NANOSECONDS) * DIVIDER_TICKS) / DIVIDER_NANOSECONDS);
    return Math.floor(ticks / period);
  }

  /** When the period of that number ends. */
  #tickTime(number: number, period: number): GuestTime {
    const ticks = number * period, whole = Math.floor(ticks / DIVIDER_TICKS);
    return this.#divider + whole * DIVIDER_NANOSECONDS + Math.ceil(((ticks - whole * DIVIDER_TICKS) * DIVIDER_NANOSECONDS) / DIVIDER_TICKS);
  }

  /** IRQF and the line from the flags, and the next event from the enables. */
  #settle(): void {
    const enabled = this.#cmos[REGISTER_B]! & (B_PIE | B_AIE | B_UIE);
    const asserted = (this.#cmos[REGISTER_C]! & enabled) !== 0; // flags and enables have the same bits
    this.#cmos[REGISTER_C] = (this.#cmos[REGISTER_C]! & ~C_IRQF) | (asserted ? C_IRQF : 0);
    this.#irq.set(asserted);
    this.#event = asserted ? Infinity : this.#nextInterrupt(enabled);
  }

  #nextInterrupt(enabled: number): GuestTime {
    let next = Infinity;
    const period = this.#period;
    if ((enabled & B_PIE) !== 0 && period !== 0) next = this.#tickTime(this.#ticks(this.#collected, period) + 1, period);
    if (!this.#counting) return next;
    if ((enabled & B_UIE) !== 0) next = Math.min(next, this.#second + SECOND);
    if ((enabled & B_AIE) !== 0) next = Math.min(next, this.#second + secondsToAlarm(this.#cmos, this.#format) * SECOND);
    return next;
  }

  nextEvent(): GuestTime { return this.#event; }

  advance(now: GuestTime): void {
    if (now < this.#event) return;
    this.#update(now);
    this.#settle();
  }

  save(): RtcState {
    return {
      cmos: this.#cmos.slice(), index: this.#index, nmiMasked: this.#nmiMasked,
      second: this.#second, divider: this.#divider, collected: this.#collected,
    };
  }

  restore(state: RtcState): void {
    this.#cmos.set(state.cmos);
    this.#index = state.index;
    this.#nmiMasked = state.nmiMasked;
    this.#second = state.second;
    this.#divider = state.divider;
    this.#collected = state.collected;
    this.#settle();
  }

  /** The reset line: interrupts off; time and RAM stay, as on battery. */
  reset(): void {
    this.#update(this.#clock.now());
    this.#cmos[REGISTER_B]! &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    this.#cmos[REGISTER_C] = 0;
    this.#nmiMasked = false;
    this.#settle();
  }
}
