/** Text without end to stdout or a file, never held in memory: who writes waits until it has gone. */
import { once } from "node:events";
import { PendingFile } from "./files.ts";
import { isStdoutClosed } from "./serial.ts";

/** Gathered before it is handed on, in characters. */
const CHUNK = 1 << 16;

export class TextOutput {
  readonly #file: PendingFile | undefined;
  #text = "";

  /** `path` "-" is stdout. Throws `CalqueError` where the file cannot be made. */
  constructor(path: string) {
    if (path !== "-") this.#file = new PendingFile(path);
  }

  readonly write = (text: string): void => {
    this.#text += text;
    if (this.#text.length >= CHUNK) this.flush();
  };

  readonly flush = (): void => {
    if (this.#text === "") return;
    if (this.#file !== undefined) this.#file.write(this.#text);
    else if (!isStdoutClosed()) process.stdout.write(this.#text);
    this.#text = "";
  };

  /** Resolves when more may be written. */
  readonly ready = async (): Promise<void> => {
    if (this.#file !== undefined || !process.stdout.writableNeedDrain || isStdoutClosed()) return;
    // A reader that goes away ends the wait too: "close" follows its error.
    const stop = new AbortController(), { signal } = stop;
    await Promise.race([once(process.stdout, "drain", { signal }), once(process.stdout, "close", { signal })]).catch(() => {});
    stop.abort();
  };

  /** The file gets its name. */
  close(): void {
    this.flush();
    this.#file?.commit();
  }
}
