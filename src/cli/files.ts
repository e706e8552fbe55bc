/** Files of the user: read whole, written under a temporary name and then renamed. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { CalqueError } from "../error.ts";
import type { NamedBytes } from "../loaders/image.ts";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file", EACCES: "permission denied", EISDIR: "is a folder", ENOTDIR: "part of the path is no folder", ENOSPC: "no space left", EROFS: "read-only",
  ERR_FS_FILE_TOO_LARGE: "too large",
};

export function fileError(error: unknown, path: string): CalqueError {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  return new CalqueError(REASONS[code] ?? code, path);
}

/** No machine has more memory to put an image into; devices and pipes need not end. */
const MOST_BYTES = 0x7ffff000, CHUNK = 1 << 20;

/** Throws `CalqueError`. */
export function readImage(path: string): NamedBytes {
  try {
    const descriptor = openSync(path, "r");
    try {
      return { name: path, bytes: fstatSync(descriptor).isFile() ? readFileSync(descriptor) : readStream(descriptor) };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fileError(error, path);
  }
}

/** All that a pipe or device gives. Throws where that is more than memory can hold. */
function readStream(descriptor: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (let total = 0; ;) {
    const chunk = new Uint8Array(CHUNK), read = readSync(descriptor, chunk);
    if (read === 0) return Buffer.concat(chunks);
    total += read;
    if (total > MOST_BYTES) throw Object.assign(new Error("too large"), { code: "ERR_FS_FILE_TOO_LARGE" });
    chunks.push(chunk.subarray(0, read));
  }
}

/** Throws `CalqueError`. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(error, path);
  }
}

/** A file that appears under its name when it is complete. */
export class PendingFile {
  readonly path: string;
  readonly #temporary: string;
  #descriptor: number | undefined;

  /** Throws `CalqueError` where the file cannot be made. */
  constructor(path: string) {
    this.path = path;
    this.#temporary = `${path}.${process.pid}.tmp`;
    try {
      this.#descriptor = openSync(this.#temporary, "w");
    } catch (error) {
      throw fileError(error, path);
    }
  }

  write(data: Uint8Array | string): void {
    if (this.#descriptor === undefined) return;
    try {
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
      for (let at = 0; at < bytes.length;) at += writeSync(this.#descriptor, bytes, at);
    } catch (error) {
      throw fileError(error, this.path);
    }
  }

  /** Gives the file its name; later calls do nothing. */
  commit(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    renameSync(this.#temporary, this.path);
  }

  /** Removes what is not complete. */
  discard(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    rmSync(this.#temporary, { force: true });
  }
}

/** Writes a whole file. Throws `CalqueError`. */
export function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw fileError(error, path);
  }
}
