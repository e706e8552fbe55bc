/** Which loader an image is for, by its content. */
import { CalqueError } from "../error.ts";
import { isBzImage, loadBzImage } from "./bzimage.ts";
import { isElf, readElf } from "./elf.ts";
import { loadFlat } from "./flat.ts";
import { alignUp, type LoadTarget, type NamedBytes } from "./image.ts";
import { findMultibootHeader, loadMultiboot } from "./multiboot.ts";

export type ImageKind = "bzimage" | "multiboot" | "flat";

/** What to load, as a user asks for it. */
export interface BootOptions {
  readonly kernel: NamedBytes;
  readonly initrd?: NamedBytes;
  /** The kernel command line. */
  readonly commandLine?: string;
  /** Flat images only: physical address of the first byte. */
  readonly loadAt?: number;
  /** Flat images only; 32 where it is not given. */
  readonly bits?: 16 | 32;
}

/** Throws `CalqueError` for an ELF file that is no multiboot kernel and for files that are packed. */
export function recognize(image: NamedBytes): ImageKind {
  const { bytes, name } = image;
  if (bytes.length === 0) throw new CalqueError("the file is empty", name);
  if (isBzImage(bytes)) return "bzimage";
  if (findMultibootHeader(bytes) >= 0) return "multiboot";
  if (isElf(bytes)) {
    readElf(image);
    throw new CalqueError("an ELF executable without a multiboot header: calque runs kernels, not programs", name);
  }
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) throw new CalqueError("a gzip file; unpack it first", name);
  return "flat";
}

/** Loads an image by what it is; `loadAt` makes it a flat one whatever it contains. Throws `CalqueError`. */
export function boot(target: LoadTarget, options: BootOptions): ImageKind {
  const { kernel, initrd, loadAt } = options;
  const commandLine = options.commandLine ?? "";
  if (loadAt !== undefined) {
    loadFlat(target, kernel, { loadAt, bits: options.bits ?? 32 });
    return "flat";
  }
  const kind = recognize(kernel);
  if (options.bits !== undefined && kind !== "flat") throw new CalqueError(`--bits is for flat images; this is ${kind === "bzimage" ? "a bzImage" : "a multiboot kernel"}`, kernel.name);
  switch (kind) {
    case "bzimage":
      loadBzImage(target, kernel, { commandLine, ...(initrd === undefined ? {} : { initrd }) });
      break;
    case "multiboot":
      loadMultiboot(target, kernel, { commandLine, modules: initrd === undefined ? [] : [{ ...initrd, text: initrd.name.split("/").at(-1) ?? "" }] });
      break;
    case "flat":
      throw new CalqueError("neither a bzImage nor a multiboot kernel; a flat image needs --load-at ADDRESS (and --bits 16 for real mode)", kernel.name);
    default: kind satisfies never;
  }
  return kind;
}

/** RAM size rounded up to whole pages; throws `CalqueError` outside 1 MiB to 2 GiB - 4 KiB. */
export function checkMemorySize(bytes: number): number {
  const size = alignUp(bytes, 4096);
  if (!(size >= 1 << 20) || size > 0x7ffff000) throw new CalqueError(`${bytes} bytes of memory; from 1M to 2047M will do`, "--memory");
  return size;
}
