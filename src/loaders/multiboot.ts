/** Multiboot 1 kernels (Multiboot Specification 0.6.96). */
import { CalqueError } from "../error.ts";
import { isElf, readElf, type Executable } from "./elf.ts";
import { enterFlatProtected } from "./entry.ts";
import { memoryMap, writeBiosDataArea } from "./firmware.ts";
import {
  Fields, HIGH_MEMORY, KIB, LOW_MEMORY_END, PAGE, alignUp, cString, checkRange, hex, place, type LoadTarget, type NamedBytes,
} from "./image.ts";

const HEADER_MAGIC = 0x1badb002, LOADER_MAGIC = 0x2badb002;
/** The header lies in the first 8192 bytes, on a 4-byte boundary (3.1). */
const SEARCH = 8192;

const REQUIRED = 0xffff, ADDRESSES_VALID = 1 << 16;
/** Requirements that are met: page-aligned modules, memory information, video information. */
const UNDERSTOOD = 1 | 2 | 4;

const INFO_MEMORY = 1 << 0, INFO_CMDLINE = 1 << 2, INFO_MODULES = 1 << 3, INFO_MEMORY_MAP = 1 << 6, INFO_LOADER_NAME = 1 << 9, INFO_FRAMEBUFFER = 1 << 12;
const INFO_SIZE = 116, MMAP_ENTRY = 24, MODULE_ENTRY = 16;
const FRAMEBUFFER_EGA_TEXT = 2;

export interface MultibootModule extends NamedBytes {
  /** The string that goes with the module; its file name as a rule. */
  readonly text: string;
}

export interface MultibootOptions {
  readonly commandLine: string;
  readonly modules: readonly MultibootModule[];
}

/** The offset of the multiboot header, or -1. */
export function findMultibootHeader(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let offset = 0; offset + 12 <= Math.min(SEARCH, bytes.length); offset += 4) {
    if (view.getUint32(offset, true) !== HEADER_MAGIC) continue;
    if (((HEADER_MAGIC + view.getUint32(offset + 4, true) + view.getUint32(offset + 8, true)) | 0) === 0) return offset;
  }
  return -1;
}

/** The a.out kludge: the header says itself where the file goes (3.1.3). */
function readAddresses(image: NamedBytes, header: number): Executable {
  const fields = new Fields(image, "multiboot header");
  const headerAddress = fields.u32(header + 12), load = fields.u32(header + 16), loadEnd = fields.u32(header + 20), bssEnd = fields.u32(header + 24);
  const start = header - (headerAddress - load);
  if (start < 0 || load > headerAddress) throw new CalqueError(`the multiboot header's load address ${hex(load)} lies outside the file`, image.name);
  const size = loadEnd === 0 ? image.bytes.length - start : loadEnd - load;
  if (size <= 0) throw new CalqueError("the multiboot header's load addresses are out of order", image.name);
  return {
    entry: fields.u32(header + 28),
    segments: [{ address: load, bytes: fields.slice(start, size), size: Math.max(size, bssEnd === 0 ? 0 : bssEnd - load) }],
  };
}

function loadSegments(target: LoadTarget, executable: Executable, name: string): number {
  let end = HIGH_MEMORY;
  for (const segment of executable.segments) {
    checkRange(target, segment.address, segment.size, "the kernel", name);
    target.memory.writePhysical(segment.address, segment.bytes);
    const rest = segment.size - segment.bytes.length;
    if (rest > 0) target.memory.writePhysical(segment.address + segment.bytes.length, new Uint8Array(rest));
    end = Math.max(end, segment.address + segment.size);
  }
  return end;
}

/** Assembles strings and tables behind each other at a physical address. */
class Area {
  readonly #base: number;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(base: number) { this.#base = base; }

  add(bytes: Uint8Array): number {
    const padding = (4 - (this.#size & 3)) & 3;
    this.#chunks.push(new Uint8Array(padding), bytes);
    this.#size += padding + bytes.length;
    return this.#base + this.#size - bytes.length;
  }

  get size(): number { return this.#size; }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) { all.set(chunk, at); at += chunk.length; }
    return all;
  }
}

function mapBytes(size: number): Uint8Array {
  const ranges = memoryMap(size);
  const view = new DataView(new ArrayBuffer(ranges.length * MMAP_ENTRY));
  ranges.forEach((range, k) => {
    const at = k * MMAP_ENTRY;
    view.setUint32(at, MMAP_ENTRY - 4, true); // the entry's size without this field
    view.setBigUint64(at + 4, BigInt(range.base), true);
    view.setBigUint64(at + 12, BigInt(range.size), true);
    view.setUint32(at + 20, range.type, true);
  });
  return new Uint8Array(view.buffer);
}

interface PlacedModule { readonly start: number; readonly end: number; readonly text: string }

/** The information structure and all that it points to (3.3). */
function buildInformation(base: number, memorySize: number, options: MultibootOptions, modules: readonly PlacedModule[]): Uint8Array {
  const area = new Area(base);
  const info = new DataView(new ArrayBuffer(INFO_SIZE));
  area.add(new Uint8Array(info.buffer));
  const map = mapBytes(memorySize);
  const moduleTable = new DataView(new ArrayBuffer(modules.length * MODULE_ENTRY));
  modules.forEach((module, k) => {
    moduleTable.setUint32(k * MODULE_ENTRY, module.start, true);
    moduleTable.setUint32(k * MODULE_ENTRY + 4, module.end, true);
    moduleTable.setUint32(k * MODULE_ENTRY + 8, area.add(cString(module.text)), true);
  });
  info.setUint32(0, INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MEMORY_MAP | INFO_LOADER_NAME | INFO_FRAMEBUFFER, true);
  info.setUint32(4, LOW_MEMORY_END / KIB, true);
  info.setUint32(8, Math.max(0, memorySize - HIGH_MEMORY) / KIB, true);
  info.setUint32(16, area.add(cString(options.commandLine)), true);
  info.setUint32(20, modules.length, true);
  info.setUint32(24, area.add(new Uint8Array(moduleTable.buffer)), true);
  info.setUint32(44, map.length, true);
  info.setUint32(48, area.add(map), true);
  info.setUint32(64, area.add(cString("calque")), true);
  info.setUint32(88, 0xb8000, true);
  info.setUint32(96, 160, true); // bytes of a row
  info.setUint32(100, 80, true);
  info.setUint32(104, 25, true);
  info.setUint8(108, 16); // bits of a character cell
  info.setUint8(109, FRAMEBUFFER_EGA_TEXT);
  const bytes = area.bytes();
  bytes.set(new Uint8Array(info.buffer), 0);
  return bytes;
}

/**
 * Loads a multiboot kernel, its modules behind it, and the information structure; enters as 3.2 says: EAX the magic
 * number, EBX the structure's address. Throws `CalqueError`.
 */
export function loadMultiboot(target: LoadTarget, image: NamedBytes, options: MultibootOptions): void {
  const header = findMultibootHeader(image.bytes);
  if (header < 0) throw new CalqueError("no multiboot header in the first 8192 bytes", image.name);
  const flags = new Fields(image, "multiboot header").u32(header + 4);
  const unknown = flags & REQUIRED & ~UNDERSTOOD;
  if (unknown !== 0) throw new CalqueError(`the multiboot header requires features ${hex(unknown)} that do not exist here`, image.name);
  if ((flags & ADDRESSES_VALID) === 0 && !isElf(image.bytes)) throw new CalqueError("a multiboot header without addresses in a file that is not ELF", image.name);
  const executable = (flags & ADDRESSES_VALID) !== 0 ? readAddresses(image, header) : readElf(image);

  writeBiosDataArea(target);
  let end = loadSegments(target, executable, image.name);
  const modules: PlacedModule[] = [];
  for (const module of options.modules) {
    const start = alignUp(end, PAGE);
    place(target, start, module.bytes, "the module", module.name);
    end = start + module.bytes.length;
    modules.push({ start, end, text: module.text });
  }

  const size = buildInformation(0, target.memory.size, options, modules).length;
  const base = informationBase(executable, size) ?? alignUp(end, PAGE);
  place(target, base, buildInformation(base, target.memory.size, options, modules), "the multiboot information", image.name);
  enterFlatProtected(target, executable.entry, base + alignUp(size, 16));
  target.cpu.eax = LOADER_MAGIC;
  target.cpu.ebx = base;
}

/** At the top of low memory, where kernels do not load; undefined where this one does. */
function informationBase(executable: Executable, size: number): number | undefined {
  const base = LOW_MEMORY_END - alignUp(size, PAGE) - PAGE;
  const clash = executable.segments.some((segment) => segment.address < LOW_MEMORY_END && segment.address + segment.size > base);
  return base < 0x10000 || clash ? undefined : base & ~0xfff;
}
