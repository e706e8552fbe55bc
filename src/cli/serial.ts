/** Where the guest's serial output goes. */
import { createHash } from "node:crypto";
import { fileError, PendingFile } from "./files.ts";
import type { SerialSink } from "./options.ts";

/** True once nobody reads stdout any more (`| head`). */
let stdoutClosed = false;

/** Takes note of a closed stdout, instead of the error that it is by default. */
export function watchStdout(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "EIO") throw fileError(error, "stdout");
    stdoutClosed = true;
  });
}

export const isStdoutClosed = (): boolean => stdoutClosed;

/** Resolves when all that was written to stdout is on its way. */
export function drainStdout(): Promise<void> {
  return new Promise((resolve) => { if (stdoutClosed) resolve(); else process.stdout.write("", () => resolve()); });
}

const BUFFER = 1 << 16, LINE_FEED = 10;

/** Gathers what the guest sends and hands it on unchanged at every flush. */
export class SerialOutput {
  readonly #buffer = new Uint8Array(BUFFER);
  readonly #file: PendingFile | undefined;
  readonly #stdout: boolean;
  readonly #hash = createHash("sha256");
  #used = 0;
  /** What was handed on ends with a line's end, or there was nothing yet. */
  atLineStart = true;
  /** Bytes sent so far. */
  total = 0;

  /** Throws `CalqueError` where the file cannot be made. */
  constructor(sink: SerialSink) {
    this.#stdout = sink.kind === "stdio";
    if (sink.kind === "file") this.#file = new PendingFile(sink.path);
  }

  readonly byte = (byte: number): void => {
    this.#buffer[this.#used++] = byte;
    if (this.#used === BUFFER) this.flush();
  };

  readonly flush = (): void => {
    if (this.#used === 0) return;
    const bytes = this.#buffer.slice(0, this.#used);
    this.#used = 0;
    this.total += bytes.length;
    this.atLineStart = bytes.at(-1) === LINE_FEED;
    this.#hash.update(bytes);
    this.#file?.write(bytes);
    if (this.#stdout && !stdoutClosed) process.stdout.write(bytes);
  };

  /** Something waits for the next flush. */
  get pending(): boolean { return this.#used > 0; }

  /** It goes to a terminal. */
  get toTerminal(): boolean { return this.#stdout && process.stdout.isTTY; }

  close(): void {
    this.flush();
    this.#file?.commit();
  }

  /** Identifies the whole output. */
  digest(): string { return this.#hash.copy().digest("hex"); }
}
