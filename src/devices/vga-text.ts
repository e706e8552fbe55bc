/**
 * A VGA in text mode 3, as far as programs that write text need one: its registers (IBM VGA hardware reference, "PS/2
 * Hardware Interface Technical Reference, Video Subsystem"), a retrace that follows guest time, and the screen's text.
 * The text memory itself is ordinary RAM of the machine.
 */
import type { Clock, Device, PortDevice } from "./device.ts";
import { glyph } from "./code-page-437.ts";

const TEXT_MEMORY = 0xb8000, TEXT_MEMORY_SIZE = 0x8000;
export const COLUMNS = 80, ROWS = 25;

/** The 25 rows of 80 characters that memory shows from cell `start` on, of which `pitch` make a row. */
export function textScreen(memory: Uint8Array, start = 0, pitch = COLUMNS): string[] {
  return Array.from({ length: ROWS }, (_row, row) => {
    let text = "";
    for (let column = 0; column < COLUMNS; column++) {
      text += glyph(memory[TEXT_MEMORY + ((2 * (start + row * pitch + column)) & (TEXT_MEMORY_SIZE - 1))] ?? 0);
    }
    return text;
  });
}

// Offsets from 3B0h, the first of 48 ports.
const ATTRIBUTE = 0x10, ATTRIBUTE_READ = 0x11, MISC_WRITE = 0x12, SEQUENCER_INDEX = 0x14, SEQUENCER_DATA = 0x15;
const DAC_MASK = 0x16, DAC_READ_INDEX = 0x17, DAC_WRITE_INDEX = 0x18, DAC_DATA = 0x19, FEATURE_READ = 0x1a, MISC_READ = 0x1c;
const GRAPHICS_INDEX = 0x1e, GRAPHICS_DATA = 0x1f;
const MONOCHROME_END = 0x10, COLOUR_FROM = 0x20;
// Offsets from 3B0h or 3D0h, of which the I/O address bit of the miscellaneous output register chooses one.
const CRTC_INDEX = 0x4, CRTC_DATA = 0x5, INPUT_STATUS_1 = 0xa;

const MISC_COLOUR = 0x01;
const ATTRIBUTE_ENABLE = 0x20; // video on, palette closed
const PALETTE_END = 0x10;
const STATUS_DISPLAY_OFF = 0x01, STATUS_VERTICAL_RETRACE = 0x08;
const SWITCH_SENSE = 0x10; // input status 0: a colour display
const DAC_STATE_READ = 0x03;

const CRTC_OVERFLOW = 0x07, OVERFLOW_LINE_COMPARE = 0x10, START_HIGH = 0x0c, CURSOR_HIGH = 0x0e, VERTICAL_RETRACE_END = 0x11, PITCH = 0x13;
const CURSOR_START = 0x0a, CURSOR_OFF = 0x20;
const CRTC_PROTECT = 0x80;

// Mode 3: 720 of 900 dots at 28.322 MHz, 400 of 449 lines, retrace on lines 412 and 413.
const LINE = 31_778, LINE_VISIBLE = 25_422; // ns
const LINES = 449, LINES_VISIBLE = 400, RETRACE_FROM = 412, RETRACE_END = 414;

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.split(" "), (digits) => Number.parseInt(digits, 16));
const MODE_3 = {
  misc: 0x67,
  sequencer: bytes("03 00 03 00 02"),
  crtc: bytes("5f 4f 50 82 55 81 bf 1f 00 4f 0d 0e 00 00 00 00 9c 8e 8f 28 1f 96 b9 a3 ff"),
  graphics: bytes("00 00 00 00 00 10 0e 00 ff"),
  attribute: bytes("00 01 02 03 04 05 14 07 38 39 3a 3b 3c 3d 3e 3f 0c 00 0f 08 00"),
} as const;

/** The 64 colours of an EGA, of which the attribute controller's palette takes 16: bits rgbRGB. */
function defaultDac(): Uint8Array {
  const dac = new Uint8Array(768);
  for (let colour = 0; colour < 64; colour++) {
    for (let k = 0; k < 3; k++) dac[3 * colour + k] = ((colour >> (2 - k)) & 1) * 42 + ((colour >> (5 - k)) & 1) * 21;
  }
  return dac;
}

interface Registers {
  readonly crtc: Uint8Array;
  readonly sequencer: Uint8Array;
  readonly graphics: Uint8Array;
  readonly attribute: Uint8Array;
  readonly dac: Uint8Array;
}

interface Indices {
  crtcIndex: number;
  sequencerIndex: number;
  graphicsIndex: number;
  attributeIndex: number;
  /** The attribute controller's port takes data next. */
  attributeData: boolean;
  misc: number;
  dacMask: number;
  dacReading: boolean;
  /** Three times the colour, and which of its parts comes next. */
  dacPosition: number;
}

export type VgaTextState = Registers & Readonly<Indices>;

const initial = (): Registers & Indices => ({
  crtc: MODE_3.crtc.slice(), sequencer: MODE_3.sequencer.slice(), graphics: MODE_3.graphics.slice(), attribute: MODE_3.attribute.slice(),
  dac: defaultDac(), crtcIndex: 0, sequencerIndex: 0, graphicsIndex: 0, attributeIndex: ATTRIBUTE_ENABLE, attributeData: false,
  misc: MODE_3.misc, dacMask: 0xff, dacReading: false, dacPosition: 0,
});

export class VgaText implements Device<VgaTextState>, PortDevice {
  readonly #clock: Clock;
  #state = initial();

  constructor(clock: Clock) { this.#clock = clock; }

  /** The screen's text; `memory` is all of RAM. */
  screen(memory: Uint8Array): string[] {
    return textScreen(memory, this.#crtcWord(START_HIGH), 2 * this.#state.crtc[PITCH]!);
  }

  /** Where the cursor is on the screen; undefined where it is off or outside. */
  get cursor(): { readonly row: number; readonly column: number } | undefined {
    const position = this.#crtcWord(CURSOR_HIGH) - this.#crtcWord(START_HIGH), pitch = 2 * this.#state.crtc[PITCH]!;
    const row = Math.floor(position / pitch), column = position % pitch;
    const on = (this.#state.crtc[CURSOR_START]! & CURSOR_OFF) === 0;
    return on && row >= 0 && row < ROWS && column < COLUMNS ? { row, column } : undefined;
  }

  #crtcWord(index: number): number { return (this.#state.crtc[index]! << 8) | this.#state.crtc[index + 1]!; }

  /** The offset where the CRT controller listens now, or undefined for a port of the other adapter. */
  #crtcOffset(offset: number): number | undefined {
    const colour = (this.#state.misc & MISC_COLOUR) !== 0;
    if (offset >= COLOUR_FROM) return colour ? offset - COLOUR_FROM : undefined;
    return colour || offset >= MONOCHROME_END ? undefined : offset;
  }

  readPort(offset: number): number {
    const state = this.#state;
    switch (offset) {
      case ATTRIBUTE: return state.attributeIndex;
      case ATTRIBUTE_READ: return state.attribute[state.attributeIndex & 0x1f] ?? 0;
      case MISC_WRITE: return SWITCH_SENSE;
      case SEQUENCER_INDEX: return state.sequencerIndex;
      case SEQUENCER_DATA: return state.sequencer[state.sequencerIndex] ?? 0;
      case DAC_MASK: return state.dacMask;
      case DAC_READ_INDEX: return state.dacReading ? DAC_STATE_READ : 0;
      case DAC_WRITE_INDEX: return Math.floor(state.dacPosition / 3);
      case DAC_DATA: return this.#nextDac((at) => state.dac[at]!);
      case FEATURE_READ: return 0;
      case MISC_READ: return state.misc;
      case GRAPHICS_INDEX: return state.graphicsIndex;
      case GRAPHICS_DATA: return state.graphics[state.graphicsIndex] ?? 0;
      default: return this.#readCrtc(this.#crtcOffset(offset));
    }
  }

  #readCrtc(offset: number | undefined): number {
    const state = this.#state;
    switch (offset) {
      case CRTC_INDEX: return state.crtcIndex;
      case CRTC_DATA: return state.crtc[state.crtcIndex] ?? 0;
      case INPUT_STATUS_1:
        state.attributeData = false;
        return this.#inputStatus();
      default: return 0xff;
    }
  }

  #inputStatus(): number {
    const time = this.#clock.now() % (LINE * LINES), line = Math.floor(time / LINE);
    const off = line >= LINES_VISIBLE || time - line * LINE >= LINE_VISIBLE;
    return (off ? STATUS_DISPLAY_OFF : 0) | (line >= RETRACE_FROM && line < RETRACE_END ? STATUS_VERTICAL_RETRACE : 0);
  }

  #nextDac<T>(access: (at: number) => T): T {
    const at = this.#state.dacPosition;
    this.#state.dacPosition = (at + 1) % 768;
    return access(at);
  }

  writePort(offset: number, value: number): void {
    const state = this.#state;
    switch (offset) {
      case ATTRIBUTE: return this.#writeAttribute(value);
      case MISC_WRITE: state.misc = value; return;
      case SEQUENCER_INDEX: state.sequencerIndex = value & 0x07; return;
      case SEQUENCER_DATA: return set(state.sequencer, state.sequencerIndex, value);
      case DAC_MASK: state.dacMask = value; return;
      case DAC_READ_INDEX: case DAC_WRITE_INDEX:
        state.dacReading = offset === DAC_READ_INDEX;
        state.dacPosition = 3 * value;
        return;
      case DAC_DATA: return this.#nextDac((at) => set(state.dac, at, value & 0x3f));
      case GRAPHICS_INDEX: state.graphicsIndex = value & 0x0f; return;
      case GRAPHICS_DATA: return set(state.graphics, state.graphicsIndex, value);
      default: return this.#writeCrtc(this.#crtcOffset(offset), value);
    }
  }

  /** Index and data in turn; reading input status 1 makes the next one an index. */
  #writeAttribute(value: number): void {
    const state = this.#state, index = state.attributeIndex & 0x1f;
    if (!state.attributeData) state.attributeIndex = value & 0x3f;
    else if (index >= PALETTE_END) set(state.attribute, index, value);
    else if ((state.attributeIndex & ATTRIBUTE_ENABLE) === 0) set(state.attribute, index, value & 0x3f);
    state.attributeData = !state.attributeData;
  }

  #writeCrtc(offset: number | undefined, value: number): void {
    const { crtc, crtcIndex } = this.#state;
    if (offset === CRTC_INDEX) this.#state.crtcIndex = value & 0x3f;
    if (offset !== CRTC_DATA) return;
    const isProtected = crtcIndex <= CRTC_OVERFLOW && (crtc[VERTICAL_RETRACE_END]! & CRTC_PROTECT) !== 0;
    if (!isProtected) set(crtc, crtcIndex, value);
    else if (crtcIndex === CRTC_OVERFLOW) crtc[crtcIndex] = (crtc[crtcIndex]! & ~OVERFLOW_LINE_COMPARE) | (value & OVERFLOW_LINE_COMPARE);
  }

  save(): VgaTextState { return structuredClone(this.#state); }
  restore(state: VgaTextState): void { this.#state = structuredClone(state); }
  reset(): void { this.#state = initial(); }
}

/** Registers that are not there take no writes. */
function set(registers: Uint8Array, index: number, value: number): void {
  if (index < registers.length) registers[index] = value;
}
