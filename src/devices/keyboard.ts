/**
 * The 8042 keyboard controller with its keyboard and, where there is one, its mouse (IBM PS/2 Technical Reference,
 * "Keyboard and auxiliary device controller").
 *
 * Invariant: the output buffer holds at most one byte; it is filled at once when it is empty and the controller has an
 * answer, or an interface that is not disabled has a byte. Serial transfer takes no guest time, so there are no events.
 */
import type { A20Gate } from "./a20-gate.ts";
import type { Device, IrqLine, PortDevice } from "./device.ts";
import { Ps2Keyboard, type Ps2KeyboardState } from "./ps2-keyboard.ts";
import { Ps2Mouse, type Ps2MouseState } from "./ps2-mouse.ts";
import { BREAK_PREFIX, translateToSet1 } from "./scancodes.ts";

const STATUS_OUTPUT_FULL = 0x01, STATUS_SYSTEM = 0x04, STATUS_COMMAND = 0x08, STATUS_UNLOCKED = 0x10;
const STATUS_AUX_OUTPUT_FULL = 0x20, STATUS_TIMEOUT = 0x40;

const CB_KEYBOARD_INTERRUPT = 0x01, CB_AUX_INTERRUPT = 0x02, CB_SYSTEM = 0x04;
const CB_KEYBOARD_DISABLED = 0x10, CB_AUX_DISABLED = 0x20, CB_TRANSLATE = 0x40;

const READ_RAM = 0x20, READ_RAM_LAST = 0x3f, WRITE_RAM = 0x60, WRITE_RAM_LAST = 0x7f;
const TEST_PASSWORD = 0xa4, DISABLE_AUX = 0xa7, ENABLE_AUX = 0xa8, TEST_AUX = 0xa9, SELF_TEST = 0xaa, TEST_KEYBOARD = 0xab;
const DISABLE_KEYBOARD = 0xad, ENABLE_KEYBOARD = 0xae, READ_INPUT_PORT = 0xc0, READ_OUTPUT_PORT = 0xd0, WRITE_OUTPUT_PORT = 0xd1;
const WRITE_KEYBOARD_OUTPUT = 0xd2, WRITE_AUX_OUTPUT = 0xd3, WRITE_AUX = 0xd4, DISABLE_A20 = 0xdd, ENABLE_A20 = 0xdf, PULSE_OUTPUT = 0xf0;

const NO_PASSWORD = 0xf1, SELF_TEST_PASSED = 0x55, INTERFACE_PASSED = 0x00;
const INPUT_UNLOCKED = 0x80;
const OUTPUT_NOT_RESET = 0x01, OUTPUT_A20 = 0x02, OUTPUT_KEYBOARD_FULL = 0x10, OUTPUT_AUX_FULL = 0x20;
const OUTPUT_LINES = 0xcc; // clock and data of both interfaces, idle
/** What the controller answers for a device that does not. */
const RESEND = 0xfe;

const DATA = 0; // port 60h; the other, port 64h, is status and command

/** In the output buffer, beside the byte. */
const FROM_AUX = 0x100, TIMED_OUT = 0x200;

export interface KeyboardControllerState {
  /** 32 bytes, the first of which is the command byte. */
  readonly ram: readonly number[];
  /** The output buffer; its byte stays readable when it is no longer full. */
  readonly output: number;
  readonly outputFull: boolean;
  readonly replies: readonly number[];
  /** The command whose argument comes next. */
  readonly command: number | null;
  /** The last write went to the command port. */
  readonly commandWritten: boolean;
  /** The translator has seen a break prefix. */
  readonly broken: boolean;
  readonly keyboard: Ps2KeyboardState;
  readonly mouse: Ps2MouseState | null;
}

export interface KeyboardControllerLines {
  readonly keyboard: IrqLine;
  readonly mouse: IrqLine;
  readonly a20: A20Gate;
  /** The reset line to the processor is pulled. */
  reset(): void;
}

export class KeyboardController implements Device<KeyboardControllerState>, PortDevice {
  readonly #lines: KeyboardControllerLines;
  readonly #keyboard = new Ps2Keyboard();
  readonly #mouse: Ps2Mouse | undefined;
  #ram!: number[];
  #output = 0;
  #outputFull = false;
  #replies: number[] = [];
  #command: number | null = null;
  #commandWritten = false;
  #broken = false;

  /** Without `mouse` the auxiliary interface is there, but nothing is plugged in. */
  constructor(lines: KeyboardControllerLines, options: { readonly mouse?: boolean } = {}) {
    this.#lines = lines;
    this.#mouse = options.mouse === true ? new Ps2Mouse() : undefined;
    this.#initialize();
  }

  /** Keys go down and up: bytes of scan code set 1, as after translation. */
  press(codes: Iterable<number>): void {
    for (const code of codes) {
      this.#keyboard.press(code);
      this.#fill();
    }
  }

  /** Moves the mouse, right and up, and sets its buttons (bit 0 left, 1 right, 2 middle); nothing where there is none. */
  moveMouse(dx: number, dy: number, buttons: number): void {
    this.#mouse?.move(dx, dy, buttons);
    this.#fill();
  }

  /** Bit 0: scroll lock, 1: num lock, 2: caps lock. */
  get leds(): number { return this.#keyboard.leds; }

  get #commandByte(): number { return this.#ram[0]!; }
  set #commandByte(value: number) { this.#ram[0] = value; }

  readPort(offset: number): number {
    if (offset !== DATA) return this.#status();
    const byte = this.#output & 0xff;
    this.#outputFull = false;
    this.#pullLines();
    this.#fill();
    return byte;
  }

  #status(): number {
    const full = this.#outputFull;
    return STATUS_UNLOCKED | (full ? STATUS_OUTPUT_FULL : 0) | ((this.#commandByte & CB_SYSTEM) === 0 ? 0 : STATUS_SYSTEM)
      | (this.#commandWritten ? STATUS_COMMAND : 0) | (full && (this.#output & FROM_AUX) !== 0 ? STATUS_AUX_OUTPUT_FULL : 0)
      | (full && (this.#output & TIMED_OUT) !== 0 ? STATUS_TIMEOUT : 0);
  }

  writePort(offset: number, value: number): void {
    this.#commandWritten = offset !== DATA;
    const command = this.#command;
    this.#command = null;
    if (offset !== DATA) this.#execute(value);
    else if (command !== null) this.#argument(command, value);
    else {
      // Talking to the keyboard switches its interface on.
      this.#commandByte &= ~CB_KEYBOARD_DISABLED;
      this.#keyboard.write(value);
    }
    this.#pullLines();
    this.#fill();
  }

  #execute(command: number): void {
    if (command >= READ_RAM && command <= READ_RAM_LAST) return this.#reply(this.#ram[command - READ_RAM]!);
    if (command >= WRITE_RAM && command <= WRITE_RAM_LAST) return void (this.#command = command);
    if (command >= PULSE_OUTPUT) {
      if ((command & OUTPUT_NOT_RESET) === 0) this.#lines.reset();
      return;
    }
    switch (command) {
      case TEST_PASSWORD: return this.#reply(NO_PASSWORD);
      case DISABLE_AUX: this.#commandByte |= CB_AUX_DISABLED; break;
      case ENABLE_AUX: this.#commandByte &= ~CB_AUX_DISABLED; break;
      case TEST_AUX: case TEST_KEYBOARD: return this.#reply(INTERFACE_PASSED);
      case SELF_TEST:
        this.#commandByte |= CB_SYSTEM;
        return this.#reply(SELF_TEST_PASSED);
      case DISABLE_KEYBOARD: this.#commandByte |= CB_KEYBOARD_DISABLED; break;
      case ENABLE_KEYBOARD: this.#commandByte &= ~CB_KEYBOARD_DISABLED; break;
      case READ_INPUT_PORT: return this.#reply(INPUT_UNLOCKED);
      case READ_OUTPUT_PORT: return this.#reply(this.#outputPort());
      case WRITE_OUTPUT_PORT: case WRITE_KEYBOARD_OUTPUT: case WRITE_AUX_OUTPUT: case WRITE_AUX: this.#command = command; break;
      case DISABLE_A20: case ENABLE_A20: this.#lines.a20.set(command === ENABLE_A20); break;
      default: break; // the 8042's firmware passes over what it does not know
    }
  }

  #argument(command: number, value: number): void {
    switch (command) {
      case WRITE_OUTPUT_PORT:
        this.#lines.a20.set((value & OUTPUT_A20) !== 0);
        if ((value & OUTPUT_NOT_RESET) === 0) this.#lines.reset();
        break;
      case WRITE_KEYBOARD_OUTPUT: return this.#reply(value);
      case WRITE_AUX_OUTPUT: return this.#reply(value | FROM_AUX);
      case WRITE_AUX:
        this.#commandByte &= ~CB_AUX_DISABLED;
        if (this.#mouse === undefined) return this.#reply(RESEND | FROM_AUX | TIMED_OUT);
        return this.#mouse.write(value);
      default: this.#ram[command - WRITE_RAM] = value;
    }
  }

  #outputPort(): number {
    const full = !this.#outputFull ? 0 : (this.#output & FROM_AUX) === 0 ? OUTPUT_KEYBOARD_FULL : OUTPUT_AUX_FULL;
    return OUTPUT_LINES | OUTPUT_NOT_RESET | (this.#lines.a20.open ? OUTPUT_A20 : 0) | full;
  }

  #reply(entry: number): void { this.#replies.push(entry); }

  /** Puts the next byte into the output buffer where it is empty: answers first, then keyboard, then mouse. */
  #fill(): void {
    if (this.#outputFull) return;
    const next = this.#replies.shift() ?? this.#fromKeyboard() ?? this.#fromMouse();
    if (next === undefined) return;
    this.#output = next;
    this.#outputFull = true;
    this.#pullLines();
  }

  #fromKeyboard(): number | undefined {
    if ((this.#commandByte & CB_KEYBOARD_DISABLED) !== 0) return undefined;
    const byte = this.#keyboard.take();
    if (byte === undefined || (this.#commandByte & CB_TRANSLATE) === 0) return byte;
    if (byte === BREAK_PREFIX) {
      this.#broken = true;
      return this.#fromKeyboard();
    }
    const translated = translateToSet1(byte, this.#broken);
    this.#broken = false;
    return translated;
  }

  #fromMouse(): number | undefined {
    if (this.#mouse === undefined || (this.#commandByte & CB_AUX_DISABLED) !== 0) return undefined;
    const byte = this.#mouse.take();
    return byte === undefined ? undefined : byte | FROM_AUX;
  }

  #pullLines(): void {
    const aux = (this.#output & FROM_AUX) !== 0, command = this.#commandByte;
    this.#lines.keyboard.set(this.#outputFull && !aux && (command & CB_KEYBOARD_INTERRUPT) !== 0);
    this.#lines.mouse.set(this.#outputFull && aux && (command & CB_AUX_INTERRUPT) !== 0);
  }

  save(): KeyboardControllerState {
    return {
      ram: [...this.#ram], output: this.#output, outputFull: this.#outputFull, replies: [...this.#replies], command: this.#command,
      commandWritten: this.#commandWritten, broken: this.#broken,
      keyboard: this.#keyboard.save(), mouse: this.#mouse?.save() ?? null,
    };
  }

  restore(state: KeyboardControllerState): void {
    this.#ram = [...state.ram];
    this.#output = state.output;
    this.#outputFull = state.outputFull;
    this.#replies = [...state.replies];
    this.#command = state.command;
    this.#commandWritten = state.commandWritten;
    this.#broken = state.broken;
    this.#keyboard.restore(state.keyboard);
    if (state.mouse !== null) this.#mouse?.restore(state.mouse);
    this.#pullLines();
  }

  /** As a PC's firmware leaves it: tested, keyboard on with interrupt and translation, auxiliary interface off. */
  reset(): void {
    this.#keyboard.reset();
    this.#mouse?.reset();
    this.#initialize();
    this.#pullLines();
  }

  #initialize(): void {
    this.#ram = Array.from({ length: 32 }, () => 0);
    this.#commandByte = CB_KEYBOARD_INTERRUPT | CB_SYSTEM | CB_AUX_DISABLED | CB_TRANSLATE;
    this.#output = 0;
    this.#outputFull = false;
    this.#replies = [];
    this.#command = null;
    this.#commandWritten = false;
    this.#broken = false;
  }
}
