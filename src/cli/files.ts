/** Files of the user: read whole, written under a temporary name and then renamed. */
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, realpathSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { CalqueError } from "../error.ts";
import type { NamedBytes } from "../loaders/image.ts";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file", EACCES: "permission denied", EISDIR: "is a folder", ENOTDIR: "part of the path is no folder", ENOSPC: "no space left", EROFS: "read-only",
  EEXIST: "is there already and no folder",
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

/** A folder with all above it. Throws `CalqueError`. */
export function makeFolder(path: string): void {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
    const above = dirname(path);
    if (!existsSync(above)) makeFolder(above);
    mkdirSync(path); // not "recursive": that never comes back where the system refuses new folders, as in /proc
  } catch (error) {
    throw error instanceof CalqueError ? error : fileError(error, path);
  }
}

/**
 * Where what is written to a path goes: a device or pipe is written to and never replaced, and a link stays, for what it leads to is replaced.
 * Throws where it is a folder.
 */
function destinationOf(path: string): { readonly target: string; readonly isSpecial: boolean } {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) throw Object.assign(new Error("folder"), { code: "EISDIR" });
  return found?.isFile() === true ? { target: realpathSync(path), isSpecial: false } : { target: path, isSpecial: found !== undefined };
}

/** A file that appears under its name when it is complete. */
export class PendingFile {
  readonly path: string;
  /** The file itself, where `path` is a link. */
  readonly #target: string;
  readonly #temporary: string;
  #descriptor: number | undefined;
  readonly #atExit: () => void;

  /** What is written when the process ends early is given up, or kept where `kept`. Throws `CalqueError` where the file cannot be made. */
  constructor(path: string, kept = false) {
    this.path = path;
    this.#atExit = () => { if (kept) this.commit(); else this.discard(); };
    try {
      const { target, isSpecial } = destinationOf(path);
      this.#target = target;
      this.#temporary = isSpecial ? target : `${target}.${process.pid}.tmp`;
      this.#descriptor = openSync(this.#temporary, "w");
    } catch (error) {
      throw fileError(error, path);
    }
    process.once("exit", this.#atExit);
  }

  /** Throws `CalqueError`; the file is then given up. */
  write(data: Uint8Array | string): void {
    if (this.#descriptor === undefined) return;
    try {
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
      for (let at = 0; at < bytes.length;) at += writeSync(this.#descriptor, bytes, at);
    } catch (error) {
      this.discard();
      throw fileError(error, this.path);
    }
  }

  /** Gives the file its name; later calls do nothing. Throws `CalqueError`. */
  commit(): void {
    if (!this.#close()) return;
    if (this.#temporary === this.#target) return;
    try {
      renameSync(this.#temporary, this.#target);
    } catch (error) {
      rmSync(this.#temporary, { force: true });
      throw fileError(error, this.path);
    }
  }

  /** Removes what is not complete. */
  discard(): void {
    if (this.#close() && this.#temporary !== this.#target) rmSync(this.#temporary, { force: true });
  }

  /** False where it was closed before. */
  #close(): boolean {
    process.removeListener("exit", this.#atExit);
    if (this.#descriptor === undefined) return false;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    return true;
  }
}

/** Writes a whole file. Throws `CalqueError`. */
export function writeWhole(path: string, text: string): void {
  const file = new PendingFile(path);
  file.write(text);
  file.commit();
}
