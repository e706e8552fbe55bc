/**
 * Two 8259A interrupt controllers, the slave's output on IR2 of the master, and the edge/level control registers of the
 * PCI-ISA bridge (Intel 8259A datasheet, 231468; 82371SB datasheet, 2.5.11 for ELCR).
 *
 * Invariant: a request is a latched rising edge for as long as its line stays high, or the line itself where the input is
 * level triggered. A line that drops before it is acknowledged takes its request back.
 */
import type { Device, IrqLine, PortDevice } from "./device.ts";

const COMMAND = 0; // A0 = 0; the other port, A0 = 1, is data

const ICW1_INIT = 0b0001_0000;
const ICW1_LTIM = 0b0000_1000; // level triggered mode
const ICW1_SNGL = 0b0000_0010; // no cascade: no ICW3
const ICW1_IC4 = 0b0000_0001; // ICW4 follows
const ICW2_VECTOR = 0b1111_1000;
const ICW4_SFNM = 0b0001_0000; // special fully nested mode
const ICW4_AEOI = 0b0000_0010; // automatic end of interrupt

const OCW2_ROTATE = 0b1000_0000;
const OCW2_SPECIFIC = 0b0100_0000;
const OCW2_EOI = 0b0010_0000;
const OCW2_LEVEL = 0b0000_0111;

const OCW3 = 0b0000_1000;
const OCW3_ESMM = 0b0100_0000; // bit SMM counts
const OCW3_SMM = 0b0010_0000; // special mask mode
const OCW3_POLL = 0b0000_0100;
const OCW3_RR = 0b0000_0010; // bit RIS counts
const OCW3_RIS = 0b0000_0001; // reads show the ISR, else the IRR

const POLL_REQUEST = 0b1000_0000;
const SPURIOUS = 7;
const CASCADE = 2;

/** The inputs that can be made level triggered: not timer, keyboard, cascade; not RTC and coprocessor. */
const ELCR_MASTER = 0b1111_1000, ELCR_SLAVE = 0b1101_1110;

/** Which initialization command word the data port takes next; 0: none, it is the mask. */
type IcwStep = 0 | 2 | 3 | 4;

export interface Pic8259State {
  /** Levels of the eight inputs. */
  lines: number;
  /** Rising edges not yet acknowledged. */
  edges: number;
  imr: number;
  isr: number;
  icw1: number;
  icw2: number;
  icw3: number;
  icw4: number;
  step: IcwStep;
  elcr: number;
  /** The input with the lowest priority; the one after it has the highest. */
  lowest: number;
  rotateOnAutoEoi: boolean;
  specialMask: boolean;
  readIsr: boolean;
  poll: boolean;
}

/** As the firmware of a PC leaves it, but with all inputs masked until the guest decides. */
const initial = (vector: number, icw3: number): Pic8259State => ({
  lines: 0, edges: 0, imr: 0xff, isr: 0, icw1: ICW1_IC4, icw2: vector, icw3, icw4: 1, step: 0, elcr: 0,
  lowest: 7, rotateOnAutoEoi: false, specialMask: false, readIsr: false, poll: false,
});

class Pic8259 {
  state: Pic8259State;
  /** The INT output. */
  output = false;

  constructor(state: Pic8259State) { this.state = state; }

  get irr(): number {
    const { lines, edges, icw1, elcr } = this.state;
    const level = (icw1 & ICW1_LTIM) !== 0 ? 0xff : elcr;
    return (edges & ~level) | (lines & level);
  }

  line(input: number, level: boolean): void {
    const { state } = this, bit = 1 << input;
    if (level === ((state.lines & bit) !== 0)) return;
    if (level) {
      state.lines |= bit;
      state.edges |= bit;
    } else {
      state.lines &= ~bit;
      state.edges &= ~bit;
    }
    this.resolve();
  }

  /** The bit set in `inputs` that comes first in priority, or -1. */
  #first(inputs: number): number {
    if (inputs === 0) return -1;
    const highest = this.state.lowest + 1, turned = (inputs | inputs << 8) >> (highest & 7);
    return 31 - Math.clz32(turned & -turned) + highest & 7;
  }

  #rank(input: number): number { return input < 0 ? 8 : (input - this.state.lowest - 1) & 7; }

  /** The input to be served now, or -1. */
  request(): number {
    const { state } = this;
    const pending = this.irr & ~state.imr;
    if (pending === 0) return -1;
    let serving = state.isr;
    if (state.specialMask) serving &= ~state.imr;
    const first = this.#first(pending);
    if (serving === 0) return first;
    // A slave in service may be interrupted by its own requests of higher priority.
    if ((state.icw4 & ICW4_SFNM) !== 0 && (state.icw3 & (1 << first)) !== 0) serving &= ~(1 << first);
    return this.#rank(first) < this.#rank(this.#first(serving)) ? first : -1;
  }

  resolve(): void { this.output = this.request() >= 0; }

  /** The acknowledge cycle: the input served, 7 where the request has gone. */
  acknowledge(): number {
    const input = this.request();
    if (input < 0) return SPURIOUS;
    const { state } = this, bit = 1 << input;
    state.edges &= ~bit;
    if ((state.icw4 & ICW4_AEOI) === 0) state.isr |= bit;
    else if (state.rotateOnAutoEoi) state.lowest = input;
    this.resolve();
    return input;
  }

  vector(input: number): number { return this.state.icw2 | input; }

  read(offset: number): number {
    const { state } = this;
    if (state.poll) {
      state.poll = false;
      return this.request() < 0 ? 0 : POLL_REQUEST | this.acknowledge();
    }
    if (offset !== COMMAND) return state.imr;
    return state.readIsr ? state.isr : this.irr;
  }

  write(offset: number, value: number): void {
    if (offset !== COMMAND) this.#writeData(value);
    else if ((value & ICW1_INIT) !== 0) this.#initialize(value);
    else if ((value & OCW3) !== 0) this.#control(value);
    else this.#endOfInterrupt(value);
    this.resolve();
  }

  #initialize(value: number): void {
    const { lines, icw2, icw3, elcr } = this.state;
    this.state = { ...initial(icw2, icw3), lines, elcr, icw1: value, imr: 0, icw4: 0, step: 2 };
  }

  #writeData(value: number): void {
    const { state } = this;
    switch (state.step) {
      case 0:
        state.imr = value;
        break;
      case 2:
        state.icw2 = value & ICW2_VECTOR;
        state.step = (state.icw1 & ICW1_SNGL) === 0 ? 3 : this.#stepAfter3();
        break;
      case 3:
        state.icw3 = value;
        state.step = this.#stepAfter3();
        break;
      case 4:
        state.icw4 = value;
        state.step = 0;
        break;
      default: state.step satisfies never;
    }
  }

  #stepAfter3(): IcwStep { return (this.state.icw1 & ICW1_IC4) === 0 ? 0 : 4; }

  #endOfInterrupt(value: number): void {
    const { state } = this;
    const rotate = (value & OCW2_ROTATE) !== 0, specific = (value & OCW2_SPECIFIC) !== 0, level = value & OCW2_LEVEL;
    if ((value & OCW2_EOI) === 0) {
      if (!specific) state.rotateOnAutoEoi = rotate;
      else if (rotate) state.lowest = level;
      return;
    }
    // In special mask mode a masked input stays in service until it is named.
    const input = specific ? level : this.#first(state.specialMask ? state.isr & ~state.imr : state.isr);
    if (input < 0) return;
    state.isr &= ~(1 << input);
    if (rotate) state.lowest = input;
  }

  #control(value: number): void {
    const { state } = this;
    if ((value & OCW3_ESMM) !== 0) state.specialMask = (value & OCW3_SMM) !== 0;
    if ((value & OCW3_POLL) !== 0) state.poll = true;
    else if ((value & OCW3_RR) !== 0) state.readIsr = (value & OCW3_RIS) !== 0;
  }
}

export interface InterruptControllerState {
  readonly master: Pic8259State;
  readonly slave: Pic8259State;
}

export class InterruptController implements Device<InterruptControllerState> {
  readonly #master = new Pic8259(initial(0x08, 1 << CASCADE));
  readonly #slave = new Pic8259(initial(0x70, CASCADE));
  /** Two ports each: command and data; the pair of edge/level control registers. */
  readonly master: PortDevice;
  readonly slave: PortDevice;
  readonly elcr: PortDevice;

  constructor() {
    this.master = this.#ports(this.#master);
    this.slave = this.#ports(this.#slave);
    this.elcr = {
      readPort: (offset) => (offset === 0 ? this.#master : this.#slave).state.elcr,
      writePort: (offset, value) => {
        const chip = offset === 0 ? this.#master : this.#slave;
        chip.state.elcr = value & (offset === 0 ? ELCR_MASTER : ELCR_SLAVE);
        chip.resolve();
        this.#cascade();
      },
    };
  }

  #ports(chip: Pic8259): PortDevice {
    return {
      readPort: (offset) => {
        const value = chip.read(offset);
        this.#cascade();
        return value;
      },
      writePort: (offset, value) => {
        chip.write(offset, value);
        this.#cascade();
      },
    };
  }

  #cascade(): void {
    if (this.#slave.output !== ((this.#master.state.lines & 1 << CASCADE) !== 0)) this.#master.line(CASCADE, this.#slave.output);
  }

  /** Input `irq`, 0-15 but 2, as a line to pull. Throws RangeError for others. */
  line(irq: number): IrqLine {
    if (!Number.isInteger(irq) || irq < 0 || irq > 15 || irq === CASCADE) throw new RangeError(`there is no interrupt request ${irq}`);
    if (irq < 8) return { set: (level) => this.#master.line(irq, level) };
    return {
      set: (level) => {
        this.#slave.line(irq - 8, level);
        this.#cascade();
      },
    };
  }

  /** The level of the INT line to the processor. */
  requested(): boolean { return this.#master.output; }

  /** The acknowledge cycle: the vector. That of IRQ 7 or 15 where the request has gone meanwhile. */
  acknowledge(): number {
    const input = this.#master.acknowledge();
    if (input !== CASCADE) return this.#master.vector(input);
    const vector = this.#slave.vector(this.#slave.acknowledge());
    // The slave's output falls during the cycle, so that what is still pending there makes a new edge.
    this.#master.line(CASCADE, false);
    this.#cascade();
    return vector;
  }

  save(): InterruptControllerState { return { master: { ...this.#master.state }, slave: { ...this.#slave.state } }; }

  restore(state: InterruptControllerState): void {
    this.#master.state = { ...state.master };
    this.#slave.state = { ...state.slave };
    this.#master.resolve();
    this.#slave.resolve();
  }

  /** The lines stay where the devices hold them. */
  reset(): void {
    this.#master.state = { ...initial(0x08, 1 << CASCADE), lines: this.#master.state.lines };
    this.#slave.state = { ...initial(0x70, CASCADE), lines: this.#slave.state.lines };
    this.#master.resolve();
    this.#slave.resolve();
    this.#cascade();
  }
}
