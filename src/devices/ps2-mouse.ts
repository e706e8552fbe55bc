/** A PS/2 mouse with three buttons (IBM PS/2 Technical Reference, "Mouse"; Synaptics "PS/2 TouchPad Interfacing Guide", 510-000080). */
import type { Device } from "./device.ts";
import type { Ps2Device } from "./ps2-keyboard.ts";

const SCALING_1_TO_1 = 0xe6, SCALING_2_TO_1 = 0xe7, SET_RESOLUTION = 0xe8, STATUS_REQUEST = 0xe9, STREAM_MODE = 0xea, READ_DATA = 0xeb;
const LEAVE_WRAP_MODE = 0xec, WRAP_MODE = 0xee, REMOTE_MODE = 0xf0, IDENTIFY = 0xf2, SET_SAMPLE_RATE = 0xf3, ENABLE = 0xf4;
const DISABLE = 0xf5, SET_DEFAULTS = 0xf6, RESEND = 0xfe, RESET = 0xff;
const ACKNOWLEDGE = 0xfa, ERROR = 0xfc, TEST_PASSED = 0xaa, STANDARD_MOUSE = 0x00;

const PACKET_ALWAYS = 0x08, PACKET_X_NEGATIVE = 0x10, PACKET_Y_NEGATIVE = 0x20, PACKET_X_OVERFLOW = 0x40, PACKET_Y_OVERFLOW = 0x80;
const BUTTONS = 0x07;
const BUFFER_SIZE = 16;

export interface Ps2MouseState {
  readonly reporting: boolean;
  readonly remote: boolean;
  readonly wrap: boolean;
  readonly scaling2: boolean;
  readonly resolution: number;
  readonly sampleRate: number;
  /** Bit 0: left, 1: right, 2: middle. */
  readonly buttons: number;
  /** Movement since the last packet. */
  readonly dx: number;
  readonly dy: number;
  readonly command: number | null;
  readonly output: readonly number[];
  readonly lastReply: readonly number[];
}

const INITIAL: Ps2MouseState = {
  reporting: false, remote: false, wrap: false, scaling2: false, resolution: 2, sampleRate: 100,
  buttons: 0, dx: 0, dy: 0, command: null, output: [], lastReply: [],
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly number[] ? number[] : T[K] };

export class Ps2Mouse implements Ps2Device, Device<Ps2MouseState> {
  #state: Mutable<Ps2MouseState> = { ...INITIAL, output: [], lastReply: [] };

  /** Movement to the right and up in counts, and the buttons held: bit 0 left, 1 right, 2 middle. */
  move(dx: number, dy: number, buttons: number): void {
    const state = this.#state;
    state.dx += dx;
    state.dy += dy;
    state.buttons = buttons & BUTTONS;
    if (state.reporting && !state.remote && !state.wrap && state.output.length + 3 <= BUFFER_SIZE) state.output.push(...this.#packet());
  }

  #packet(): number[] {
    const state = this.#state, { dx, dy, buttons } = state;
    const x = Math.max(-256, Math.min(255, dx)), y = Math.max(-256, Math.min(255, dy));
    state.dx = 0;
    state.dy = 0;
    const flags = PACKET_ALWAYS | buttons | (x < 0 ? PACKET_X_NEGATIVE : 0) | (y < 0 ? PACKET_Y_NEGATIVE : 0)
      | (x === dx ? 0 : PACKET_X_OVERFLOW) | (y === dy ? 0 : PACKET_Y_OVERFLOW);
    return [flags, x & 0xff, y & 0xff];
  }

  take(): number | undefined { return this.#state.output.shift(); }

  write(byte: number): void {
    const state = this.#state, { command } = state;
    state.command = null;
    if (state.wrap && byte !== RESET && byte !== LEAVE_WRAP_MODE) return void state.output.push(byte);
    if (command !== null) {
      if (command === SET_RESOLUTION) state.resolution = byte & 3;
      else state.sampleRate = byte;
      return this.#reply(ACKNOWLEDGE);
    }
    this.#execute(byte);
  }

  #execute(command: number): void {
    const state = this.#state;
    switch (command) {
      case SCALING_1_TO_1: case SCALING_2_TO_1: state.scaling2 = command === SCALING_2_TO_1; break;
      case SET_RESOLUTION: case SET_SAMPLE_RATE: state.command = command; break;
      case STATUS_REQUEST: return this.#reply(ACKNOWLEDGE, this.#status(), state.resolution, state.sampleRate);
      case STREAM_MODE: case REMOTE_MODE: state.remote = command === REMOTE_MODE; break;
      case READ_DATA: return this.#reply(ACKNOWLEDGE, ...this.#packet());
      case WRAP_MODE: case LEAVE_WRAP_MODE: state.wrap = command === WRAP_MODE; break;
      case IDENTIFY: return this.#reply(ACKNOWLEDGE, STANDARD_MOUSE);
      case ENABLE: case DISABLE: state.reporting = command === ENABLE; break;
      case SET_DEFAULTS: this.reset(); break;
      case RESEND: return void state.output.push(...state.lastReply);
      case RESET:
        this.reset();
        return this.#reply(ACKNOWLEDGE, TEST_PASSED, STANDARD_MOUSE);
      default: return this.#reply(ERROR);
    }
    this.#reply(ACKNOWLEDGE);
  }

  #status(): number {
    const { remote, reporting, scaling2, buttons } = this.#state;
    const inOrder = ((buttons & 1) << 2) | ((buttons & 4) >> 1) | ((buttons & 2) >> 1); // left, middle, right
    return (remote ? 0x40 : 0) | (reporting ? 0x20 : 0) | (scaling2 ? 0x10 : 0) | inOrder;
  }

  /** An answer takes the place of movement not yet fetched. */
  #reply(...bytes: readonly number[]): void {
    this.#state.output = [...bytes];
    this.#state.lastReply = [...bytes];
  }

  save(): Ps2MouseState { return structuredClone(this.#state); }
  restore(state: Ps2MouseState): void { this.#state = { ...state, output: [...state.output], lastReply: [...state.lastReply] }; }
  reset(): void { this.#state = { ...INITIAL, output: [], lastReply: [] }; }
}
