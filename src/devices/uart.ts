/**
 * The 16550A serial port (National Semiconductor PC16550D datasheet, TL/C/8652).
 *
 * Transmission takes no guest time: a byte is handed on as it is written, and the transmitter is empty again. Received
 * bytes come whenever `receive` is called. The one event is the receiver's timeout, four characters after the last byte
 * came or was read, and only while the guest has its interrupt enabled.
 */
import type { Clock, Device, GuestTime, IrqLine, PortDevice, TimedDevice } from "./device.ts";

// Offsets; the first two are the divisor latch while LCR_DLAB is set.
const RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7;
const DLL = 0, DLM = 1;

const IER_RECEIVED = 0x01, IER_THR_EMPTY = 0x02, IER_LINE_STATUS = 0x04, IER_MODEM_STATUS = 0x08, IER_ALL = 0x0f;

const IIR_NONE = 0x01, IIR_MODEM_STATUS = 0x00, IIR_THR_EMPTY = 0x02, IIR_RECEIVED = 0x04, IIR_LINE_STATUS = 0x06, IIR_TIMEOUT = 0x0c;
const IIR_FIFOS = 0xc0;

const FCR_ENABLE = 0x01, FCR_CLEAR_RECEIVER = 0x02, FCR_DMA = 0x08, FCR_TRIGGER = 0xc0;
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;

const LCR_WORD_LENGTH = 0x03, LCR_STOP = 0x04, LCR_PARITY = 0x08, LCR_DLAB = 0x80;

const MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10, MCR_ALL = 0x1f;

const LSR_DATA_READY = 0x01, LSR_OVERRUN = 0x02, LSR_BREAK = 0x10, LSR_THR_EMPTY = 0x20;
const LSR_TRANSMITTER_EMPTY = 0x40, LSR_FIFO_ERROR = 0x80;
const LSR_ERRORS = LSR_OVERRUN | LSR_BREAK;

const MSR_DELTAS = 0x0f, MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80;
const MSR_TRAILING_EDGE_RI = 0x04;
/** A terminal is connected and ready. */
const TERMINAL_READY = MSR_CTS | MSR_DSR | MSR_DCD;

const FIFO_SIZE = 16;
/** 1.8432 MHz through 16: at divisor 1, bits take 1/115200 s. */
const BIT_RATE = 115_200;
const TIMEOUT_CHARACTERS = 4;
/** In a FIFO entry, beside the byte: it came as a break. */
const BREAK = 0x100;

export interface UartState {
  readonly ier: number;
  readonly fcr: number;
  readonly lcr: number;
  readonly mcr: number;
  readonly msr: number;
  readonly scr: number;
  readonly divisor: number;
  readonly overrun: boolean;
  /** Received and not yet read; the byte, and 100h for a break. */
  readonly received: readonly number[];
  /** What the receiver register holds while nothing is there to be read. */
  readonly last: number;
  /** The transmitter became empty and the guest has not been told. */
  readonly thrPending: boolean;
  /** The break condition at the FIFO's head has not been read from the line status. */
  readonly breakPending: boolean;
  /** When the receiver times out; null where it has or nothing waits. */
  readonly timeoutAt: GuestTime | null;
  readonly timedOut: boolean;
}

const INITIAL: UartState = {
  ier: 0, fcr: 0, lcr: 0, mcr: 0, msr: TERMINAL_READY, scr: 0, divisor: 12, overrun: false, received: [], last: 0,
  thrPending: false, breakPending: false, timeoutAt: null, timedOut: false,
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly number[] ? number[] : T[K] };

export class Uart implements Device<UartState>, PortDevice, TimedDevice {
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  #state: Mutable<UartState> = { ...INITIAL, received: [] };
  /** Gets each byte that the guest sends. */
  onTransmit: (byte: number) => void = () => {};

  constructor(clock: Clock, irq: IrqLine) {
    this.#clock = clock;
    this.#irq = irq;
  }

  /** No received byte waits to be read. */
  get receiverEmpty(): boolean { return this.#state.received.length === 0; }

  /** A byte comes over the line. False where the receiver was full, and the byte is lost as an overrun. */
  receive(byte: number): boolean {
    // The line is cut off in loopback mode.
    if ((this.#state.mcr & MCR_LOOP) !== 0) return false;
    return this.#receive(byte & 0xff);
  }

  /** The line is held at space for longer than a character. */
  receiveBreak(): boolean {
    return (this.#state.mcr & MCR_LOOP) === 0 && this.#receive(BREAK);
  }

  #receive(entry: number): boolean {
    const state = this.#state, { received } = state;
    const fits = received.length < (this.#fifos ? FIFO_SIZE : 1);
    if (!fits) {
      state.overrun = true;
      // Without FIFOs the new byte takes the place of the old one; with them it is the one lost.
      if (!this.#fifos) received.pop();
    }
    if (fits || !this.#fifos) received.push(entry);
    if (received.length === 1) state.breakPending = (received[0]! & BREAK) !== 0;
    this.#restartTimeout();
    this.#update();
    return fits;
  }

  get #fifos(): boolean { return (this.#state.fcr & FCR_ENABLE) !== 0; }
  get #divisorAccess(): boolean { return (this.#state.lcr & LCR_DLAB) !== 0; }

  readPort(offset: number): number {
    const state = this.#state;
    switch (offset) {
      case RBR_THR: return this.#divisorAccess ? state.divisor & 0xff : this.#readReceiver();
      case IER: return this.#divisorAccess ? state.divisor >> 8 : state.ier;
      case IIR_FCR: return this.#readIdentification();
      case LCR: return state.lcr;
      case MCR: return state.mcr;
      case LSR: return this.#readLineStatus();
      case MSR: return this.#readModemStatus();
      case SCR: return state.scr;
      default: return 0xff;
    }
  }

  writePort(offset: number, value: number): void {
    const state = this.#state;
    if (this.#divisorAccess && offset <= DLM) {
      state.divisor = offset === DLL ? (state.divisor & 0xff00) | value : (state.divisor & 0xff) | (value << 8);
      return;
    }
    switch (offset) {
      case RBR_THR: this.#transmit(value); break;
      case IER: this.#writeEnable(value); break;
      case IIR_FCR: this.#writeFifoControl(value); break;
      case LCR: state.lcr = value; break;
      case MCR: this.#writeModemControl(value); break;
      case SCR: state.scr = value; break;
      default: break; // LSR and MSR take writes in the factory only
    }
    this.#update();
  }

  #readReceiver(): number {
    const state = this.#state, entry = state.received.shift();
    if (entry === undefined) return state.last;
    state.last = entry & 0xff;
    state.breakPending = ((state.received[0] ?? 0) & BREAK) !== 0;
    this.#restartTimeout();
    this.#update();
    return state.last;
  }

  #transmit(byte: number): void {
    const state = this.#state, { lcr, mcr } = state;
    const sent = byte & (0xff >> (3 - (lcr & LCR_WORD_LENGTH)));
    // Full for a moment: the interrupt goes and comes back, which makes a new edge.
    state.thrPending = false;
    this.#update();
    state.thrPending = true;
    if ((mcr & MCR_LOOP) === 0) this.onTransmit(sent);
    else this.#receive(sent);
  }

  /** Enabling the interrupt of an empty transmitter raises it, however often. */
  #writeEnable(value: number): void {
    const state = this.#state;
    if ((value & ~state.ier & IER_THR_EMPTY) !== 0) state.thrPending = true;
    state.ier = value & IER_ALL;
  }

  #writeFifoControl(value: number): void {
    const state = this.#state, switched = ((value ^ state.fcr) & FCR_ENABLE) !== 0;
    if (switched || (value & FCR_CLEAR_RECEIVER) !== 0) {
      state.received = [];
      state.breakPending = false;
      this.#restartTimeout();
    }
    // The other bits count only together with the enable bit.
    state.fcr = (value & FCR_ENABLE) === 0 ? 0 : value & (FCR_ENABLE | FCR_DMA | FCR_TRIGGER);
  }

  #writeModemControl(value: number): void {
    const state = this.#state;
    state.mcr = value & MCR_ALL;
    this.#setModemInputs((value & MCR_LOOP) === 0 ? TERMINAL_READY
      : ((value & MCR_RTS) === 0 ? 0 : MSR_CTS) | ((value & MCR_DTR) === 0 ? 0 : MSR_DSR)
        | ((value & MCR_OUT1) === 0 ? 0 : MSR_RI) | ((value & MCR_OUT2) === 0 ? 0 : MSR_DCD));
  }

  /** Changes set the delta bits; of the ring indicator only its end counts. */
  #setModemInputs(inputs: number): void {
    const state = this.#state;
    const changed = ((inputs ^ state.msr) >> 4) & MSR_DELTAS;
    const rising = (inputs >> 4) & MSR_TRAILING_EDGE_RI;
    state.msr = inputs | (state.msr & MSR_DELTAS) | (changed & ~rising);
  }

  #readLineStatus(): number {
    const state = this.#state, value = this.#lineStatus;
    state.overrun = false;
    state.breakPending = false;
    this.#update();
    return value;
  }

  get #lineStatus(): number {
    const { received, overrun, breakPending } = this.#state;
    return LSR_THR_EMPTY | LSR_TRANSMITTER_EMPTY | (received.length > 0 ? LSR_DATA_READY : 0) | (overrun ? LSR_OVERRUN : 0)
      | (breakPending ? LSR_BREAK : 0) | (this.#fifos && received.some((entry) => (entry & BREAK) !== 0) ? LSR_FIFO_ERROR : 0);
  }

  #readModemStatus(): number {
    const state = this.#state, value = state.msr;
    state.msr &= ~MSR_DELTAS;
    this.#update();
    return value;
  }

  /** The interrupt of highest priority that is enabled and pending. */
  get #interrupt(): number {
    const { ier, received, timedOut, thrPending, msr, fcr } = this.#state;
    if ((ier & IER_LINE_STATUS) !== 0 && (this.#lineStatus & LSR_ERRORS) !== 0) return IIR_LINE_STATUS;
    if ((ier & IER_RECEIVED) !== 0) {
      const trigger = this.#fifos ? TRIGGER_LEVELS[fcr >> 6]! : 1;
      if (received.length >= trigger) return IIR_RECEIVED;
      if (timedOut) return IIR_TIMEOUT;
    }
    if ((ier & IER_THR_EMPTY) !== 0 && thrPending) return IIR_THR_EMPTY;
    if ((ier & IER_MODEM_STATUS) !== 0 && (msr & MSR_DELTAS) !== 0) return IIR_MODEM_STATUS;
    return IIR_NONE;
  }

  #readIdentification(): number {
    const interrupt = this.#interrupt;
    if (interrupt === IIR_THR_EMPTY) {
      this.#state.thrPending = false;
      this.#update();
    }
    return interrupt | (this.#fifos ? IIR_FIFOS : 0);
  }

  /** The line: an interrupt pending, and OUT2, which gates it on a PC and is off in loopback. */
  #update(): void {
    const gate = (this.#state.mcr & (MCR_OUT2 | MCR_LOOP)) === MCR_OUT2;
    this.#irq.set(gate && this.#interrupt !== IIR_NONE);
  }

  #restartTimeout(): void {
    const state = this.#state;
    state.timedOut = false;
    state.timeoutAt = this.#fifos && state.received.length > 0 ? this.#clock.now() + this.#timeout : null;
  }

  get #timeout(): number {
    const { lcr, divisor } = this.#state;
    const bits = 1 + 5 + (lcr & LCR_WORD_LENGTH) + ((lcr & LCR_PARITY) === 0 ? 0 : 1) + ((lcr & LCR_STOP) === 0 ? 1 : 2);
    return Math.ceil((TIMEOUT_CHARACTERS * bits * (divisor || 0x10000) * 1e9) / BIT_RATE);
  }

  nextEvent(): GuestTime {
    const { timeoutAt, ier } = this.#state;
    return timeoutAt !== null && (ier & IER_RECEIVED) !== 0 ? timeoutAt : Infinity;
  }

  advance(now: GuestTime): void {
    const state = this.#state;
    if (now < this.nextEvent()) return;
    state.timeoutAt = null;
    state.timedOut = true;
    this.#update();
  }

  save(): UartState { return structuredClone(this.#state); }

  restore(state: UartState): void {
    this.#state = { ...state, received: [...state.received] };
    this.#update();
  }

  reset(): void {
    // The divisor and the scratch register survive; there is nothing that resets them.
    const { divisor, scr, last } = this.#state;
    this.#state = { ...INITIAL, received: [], divisor, scr, last };
    this.#update();
  }
}
