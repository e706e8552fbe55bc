/** A PS/2 keyboard behind its two wires (IBM PS/2 Technical Reference, "101- and 102-key keyboards"). */
import type { Device } from "./device.ts";
import { set2Bytes } from "./scancodes.ts";

const SET_LEDS = 0xed, ECHO = 0xee, SCANCODE_SET = 0xf0, IDENTIFY = 0xf2, TYPEMATIC = 0xf3, ENABLE = 0xf4;
const DISABLE = 0xf5, SET_DEFAULTS = 0xf6, KEY_TYPES_FIRST = 0xf7, KEY_TYPES_LAST = 0xfd, RESEND = 0xfe, RESET = 0xff;
const ACKNOWLEDGE = 0xfa, TEST_PASSED = 0xaa;
const IDENTIFICATION = [0xab, 0x83] as const;
const OVERRUN = 0x00; // in set 2
const OVERRUN_SET_1 = 0xff;
const BUFFER_SIZE = 16;

export interface Ps2KeyboardState {
  readonly scanning: boolean;
  readonly set: 1 | 2;
  readonly leds: number;
  readonly typematic: number;
  /** The command whose argument comes next. */
  readonly command: number | null;
  /** Answers to commands, which go before key codes. */
  readonly replies: readonly number[];
  readonly keys: readonly number[];
  readonly lastSent: number;
}

const DEFAULT_TYPEMATIC = 0x2b; // 10.9 codes a second after 500 ms

/** A device on one of the 8042's two serial interfaces. */
export interface Ps2Device extends Device {
  /** A byte from the controller. */
  write(byte: number): void;
  /** The next byte for the controller, taken out; undefined where there is none. */
  take(): number | undefined;
}

export class Ps2Keyboard implements Ps2Device, Device<Ps2KeyboardState> {
  #scanning = true;
  #set: 1 | 2 = 2;
  #leds = 0;
  #typematic = DEFAULT_TYPEMATIC;
  #command: number | null = null;
  #replies: number[] = [];
  #keys: number[] = [];
  #lastSent = 0;

  /** Bit 0: scroll lock, 1: num lock, 2: caps lock. */
  get leds(): number { return this.#leds; }

  /** A key goes down or up: one byte of its code in set 1. Repetition is up to the caller. */
  press(byte: number): void {
    if (!this.#scanning) return;
    const codes = this.#set === 1 ? [byte] : set2Bytes(byte);
    if (this.#keys.length + codes.length < BUFFER_SIZE) this.#keys.push(...codes);
    else if (this.#keys.length < BUFFER_SIZE) {
      const overrun = this.#set === 1 ? OVERRUN_SET_1 : OVERRUN;
      if (this.#keys.at(-1) !== overrun) this.#keys.push(overrun);
    }
  }

  take(): number | undefined {
    const byte = this.#replies.shift() ?? this.#keys.shift();
    if (byte !== undefined) this.#lastSent = byte;
    return byte;
  }

  write(byte: number): void {
    const command = this.#command;
    this.#command = null;
    if (command !== null && byte < SET_LEDS) this.#argument(command, byte);
    else this.#execute(byte);
  }

  #execute(command: number): void {
    switch (command) {
      case SET_LEDS: case SCANCODE_SET: case TYPEMATIC:
        this.#command = command;
        return this.#reply(ACKNOWLEDGE);
      case ECHO: return this.#reply(ECHO);
      case IDENTIFY: return this.#reply(ACKNOWLEDGE, ...IDENTIFICATION);
      case ENABLE: case DISABLE:
        this.#keys = [];
        if (command === DISABLE) this.#setDefaults();
        this.#scanning = command === ENABLE;
        return this.#reply(ACKNOWLEDGE);
      case SET_DEFAULTS:
        this.#setDefaults();
        return this.#reply(ACKNOWLEDGE);
      case RESEND: return this.#reply(this.#lastSent);
      case RESET:
        this.reset();
        return this.#reply(ACKNOWLEDGE, TEST_PASSED);
      default:
        // Those choose the behaviour of keys in set 3, which this keyboard does not have.
        this.#reply(command >= KEY_TYPES_FIRST && command <= KEY_TYPES_LAST ? ACKNOWLEDGE : RESEND);
    }
  }

  #argument(command: number, value: number): void {
    switch (command) {
      case SET_LEDS: this.#leds = value & 7; break;
      case TYPEMATIC: this.#typematic = value & 0x7f; break;
      default: return this.#chooseSet(value);
    }
    this.#reply(ACKNOWLEDGE);
  }

  /** 0 asks for the set in use. */
  #chooseSet(value: number): void {
    if (value === 0) return this.#reply(ACKNOWLEDGE, this.#set);
    if (value !== 1 && value !== 2) return this.#reply(RESEND);
    this.#set = value;
    this.#keys = [];
    this.#reply(ACKNOWLEDGE);
  }

  #reply(...bytes: readonly number[]): void { this.#replies.push(...bytes); }

  #setDefaults(): void {
    this.#set = 2;
    this.#typematic = DEFAULT_TYPEMATIC;
    this.#keys = [];
  }

  save(): Ps2KeyboardState {
    return {
      scanning: this.#scanning, set: this.#set, leds: this.#leds, typematic: this.#typematic, command: this.#command,
      replies: [...this.#replies], keys: [...this.#keys], lastSent: this.#lastSent,
    };
  }

  restore(state: Ps2KeyboardState): void {
    this.#scanning = state.scanning;
    this.#set = state.set;
    this.#leds = state.leds;
    this.#typematic = state.typematic;
    this.#command = state.command;
    this.#replies = [...state.replies];
    this.#keys = [...state.keys];
    this.#lastSent = state.lastSent;
  }

  reset(): void {
    this.#setDefaults();
    this.#scanning = true;
    this.#leds = 0;
    this.#command = null;
    this.#replies = [];
    this.#lastSent = 0;
  }
}
