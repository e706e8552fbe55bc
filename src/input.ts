/**
 * Serial input: when bytes reach the guest, and the script of expected and sent text that decides it.
 *
 * Invariant: what enters the receiver, and at which guest time, follows from the queue and the guest alone. So a run whose
 * queued (time, bytes) pairs were recorded repeats when they are queued again.
 */
import type { GuestTime, TimedDevice } from "./devices/device.ts";
import { CalqueError } from "./error.ts";

/** Bytes enter the receiver at least this many ns of guest time apart. */
export const BYTE_INTERVAL = 10_000;

export interface InputEvent {
  /** Guest time in ns from which on the bytes may enter. */
  readonly time: GuestTime;
  readonly bytes: Uint8Array;
}

/** The receiving half of a serial port. */
export interface Receiver {
  /** No received byte waits to be read. */
  readonly receiverEmpty: boolean;
  receive(byte: number): void;
}

export interface InputQueueState {
  readonly events: readonly InputEvent[];
  /** Bytes of the first event that have entered. */
  readonly offset: number;
  readonly lastEntry: number;
}

/** Feeds queued bytes to a receiver one by one, each when the one before was read. */
export class InputQueue implements TimedDevice {
  readonly #receiver: Receiver;
  #events: InputEvent[] = [];
  #offset = 0;
  #lastEntry = -BYTE_INTERVAL;
  /** Told of everything that is queued, before it enters. */
  onQueued: (event: InputEvent) => void = () => {};

  constructor(receiver: Receiver) { this.#receiver = receiver; }

  /** Queues bytes behind all that has the same time or an earlier one. */
  queue(event: InputEvent): void {
    if (event.bytes.length === 0) return;
    let at = this.#events.length;
    const first = this.#offset > 0 ? 1 : 0;
    while (at > first && this.#events[at - 1]!.time > event.time) at--;
    this.#events.splice(at, 0, event);
    this.onQueued(event);
  }

  nextEvent(): GuestTime {
    const first = this.#events[0];
    if (first === undefined || !this.#receiver.receiverEmpty) return Infinity;
    return Math.max(first.time, this.#lastEntry + BYTE_INTERVAL);
  }

  advance(now: GuestTime): void {
    if (this.nextEvent() > now) return;
    const first = this.#events[0]!;
    this.#lastEntry = now;
    const byte = first.bytes[this.#offset++]!;
    if (this.#offset === first.bytes.length) {
      this.#events.shift();
      this.#offset = 0;
    }
    this.#receiver.receive(byte);
  }

  save(): InputQueueState {
    return { events: this.#events.map(({ time, bytes }) => ({ time, bytes: bytes.slice() })), offset: this.#offset, lastEntry: this.#lastEntry };
  }

  restore(state: InputQueueState): void {
    this.#events = [...state.events];
    this.#offset = state.offset;
    this.#lastEntry = state.lastEntry;
  }
}

export type ScriptStep =
  /** Wait until the guest has sent this text, beginning after the text that matched before. */
  | { readonly kind: "expect"; readonly text: Uint8Array }
  /** Type this text as soon as the step before is done. */
  | { readonly kind: "send"; readonly bytes: Uint8Array };

export interface ScriptState {
  readonly step: number;
  /** Bytes of the expected text that the end of the output matches. */
  readonly matched: number;
}

/** The lengths of the longest proper prefixes that are also suffixes (Knuth, Morris and Pratt 1977). */
function borders(text: Uint8Array): Uint32Array {
  const table = new Uint32Array(text.length);
  let length = 0;
  for (let k = 1; k < text.length; k++) {
    while (length > 0 && text[k] !== text[length]) length = table[length - 1]!;
    if (text[k] === text[length]) length++;
    table[k] = length;
  }
  return table;
}

/** Follows the guest's output through the steps. */
export class Script {
  readonly #steps: readonly ScriptStep[];
  readonly #borders: ReadonlyArray<Uint32Array | undefined>;
  readonly #hasExpectations: boolean;
  #step = 0;
  #matched = 0;
  /** Called with what is to be typed now. */
  onSend: (bytes: Uint8Array) => void = () => {};

  constructor(steps: readonly ScriptStep[] = []) {
    for (const step of steps) if (step.kind === "expect" && step.text.length === 0) throw new CalqueError("the expected text is empty", "--expect");
    this.#steps = steps;
    this.#borders = steps.map((step) => (step.kind === "expect" ? borders(step.text) : undefined));
    this.#hasExpectations = steps.some((step) => step.kind === "expect");
  }

  /** Sends what comes before the first expectation. */
  start(): void { this.#sendPending(); }

  /** True when there were expectations and the last of them was met. */
  get satisfied(): boolean {
    return this.#hasExpectations && this.missing === undefined;
  }

  /** The first text that has not been seen, if any. */
  get missing(): Uint8Array | undefined {
    for (let k = this.#step; k < this.#steps.length; k++) {
      const step = this.#steps[k]!;
      if (step.kind === "expect") return step.text;
    }
    return undefined;
  }

  /** A byte that the guest sent. */
  transmitted(byte: number): void {
    const step = this.#steps[this.#step];
    if (step?.kind !== "expect") return;
    const { text } = step, table = this.#borders[this.#step]!;
    while (this.#matched > 0 && text[this.#matched] !== byte) this.#matched = table[this.#matched - 1]!;
    if (text[this.#matched] === byte) this.#matched++;
    if (this.#matched < text.length) return;
    this.#matched = 0;
    this.#step++;
    this.#sendPending();
  }

  #sendPending(): void {
    for (let step = this.#steps[this.#step]; step?.kind === "send"; step = this.#steps[this.#step]) {
      this.#step++;
      this.onSend(step.bytes);
    }
  }

  save(): ScriptState { return { step: this.#step, matched: this.#matched }; }

  restore(state: ScriptState): void {
    this.#step = state.step;
    this.#matched = state.matched;
  }
}

/** The bytes that a `--send` text stands for: UTF-8, with \n \r \t \\ and \xHH. Throws `CalqueError` for other escapes. */
export function parseSendText(text: string): Uint8Array {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  const pattern = /\\x([0-9a-fA-F]{2})|\\([nrt\\])|(\\)|([^\\]+)/g;
  const SIMPLE: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, "\\": 92 };
  for (const [, code, simple, stray, plain] of text.matchAll(pattern)) {
    if (code !== undefined) bytes.push(Number.parseInt(code, 16));
    else if (simple !== undefined) bytes.push(SIMPLE[simple]!);
    else if (stray !== undefined) throw new CalqueError(`unknown escape in ${JSON.stringify(text)}; there are \\n \\r \\t \\\\ and \\xHH`, "--send");
    else for (const byte of encoder.encode(plain)) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
