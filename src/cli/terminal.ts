/**
 * The user's terminal as the guest's: raw while a session lasts, with Ctrl-A as the way out. It is put back whatever
 * happens: the `exit` event runs on every way out but SIGKILL.
 */
const CTRL_A = 0x01;

const KEYS = `
Ctrl-A x       leave
Ctrl-A h       these keys
Ctrl-A Ctrl-A  send Ctrl-A to the guest
Everything else, Ctrl-C too, goes to the guest.
`;

export type TerminalCommand = "leave" | "help";

/** Takes Ctrl-A sequences out of what is typed. */
export class EscapeFilter {
  #escaped = false;

  /** The bytes for the guest, and what was asked of calque; nothing after "leave" counts. */
  feed(bytes: Uint8Array): { readonly input: Uint8Array; readonly commands: readonly TerminalCommand[] } {
    const input: number[] = [], commands: TerminalCommand[] = [];
    for (const byte of bytes) {
      if (!this.#escaped) {
        if (byte === CTRL_A) this.#escaped = true;
        else input.push(byte);
        continue;
      }
      this.#escaped = false;
      if (byte === CTRL_A) input.push(byte);
      else if (byte === 0x78 || byte === 0x58) { commands.push("leave"); break; }
      else if (byte === 0x68 || byte === 0x48 || byte === 0x3f) commands.push("help");
    }
    return { input: Uint8Array.from(input), commands };
  }
}

/** stdin as a source of guest input; `leave` tells that the user wants to go. */
export class InputSource {
  readonly #interactive: boolean;
  readonly #filter = new EscapeFilter();
  readonly #pending: Uint8Array[] = [];
  #wake: () => void = () => {};
  #open = true;
  left = false;

  constructor(interactive: boolean) {
    this.#interactive = interactive;
    if (interactive) {
      process.stdin.setRawMode(true);
      process.once("exit", () => this.#restore());
    }
    process.stdin.on("data", this.#onData);
    process.stdin.once("end", this.#onEnd);
    process.stdin.once("error", this.#onEnd);
    process.stdin.resume();
  }

  /** More may come. */
  get open(): boolean { return this.#open; }

  get waiting(): boolean { return this.#pending.length > 0; }

  /** What was typed since the last call. */
  take(): Uint8Array[] { return this.#pending.splice(0); }

  /** Called when something was typed or the source ended. */
  onActivity(wake: () => void): void { this.#wake = wake; }

  close(): void {
    process.stdin.off("data", this.#onData);
    process.stdin.pause();
    process.stdin.unref();
    this.#restore();
  }

  readonly #onData = (chunk: Uint8Array): void => {
    const { input, commands } = this.#interactive ? this.#filter.feed(chunk) : { input: chunk, commands: [] };
    if (input.length > 0) this.#pending.push(input);
    for (const command of commands) {
      if (command === "leave") this.left = true;
      else process.stderr.write(KEYS); // raw mode still turns \n into \r\n
    }
    this.#wake();
  };

  readonly #onEnd = (): void => {
    this.#open = false;
    this.#wake();
  };

  #restore(): void {
    if (this.#interactive && process.stdin.isRaw) process.stdin.setRawMode(false);
  }
}
