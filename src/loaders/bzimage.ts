/**
 * Linux kernels by the x86 boot protocol, 2.06 or later (Linux: Documentation/arch/x86/boot.rst and zero-page.rst). The
 * real-mode setup code is not run: the protected-mode kernel is entered directly by the 32-bit protocol.
 */
import { CalqueError } from "../error.ts";
import { enterFlatProtected } from "./entry.ts";
import { memoryMap, writeBiosDataArea } from "./firmware.ts";
import { Fields, HIGH_MEMORY, KIB, PAGE, alignDown, cString, hex, place, type LoadTarget, type NamedBytes } from "./image.ts";

export interface BzImageOptions {
  readonly commandLine: string;
  readonly initrd?: NamedBytes;
}

// Offsets into the setup header, which stand at the same place in file and zero page.
const HEADER = 0x1f1, SETUP_SECTS = 0x1f1, SYSSIZE = 0x1f4, VID_MODE = 0x1fa, BOOT_FLAG = 0x1fe, HEADER_LENGTH = 0x201, MAGIC = 0x202;
const VERSION = 0x206, TYPE_OF_LOADER = 0x210, LOADFLAGS = 0x211, CODE32_START = 0x214, RAMDISK_IMAGE = 0x218, RAMDISK_SIZE = 0x21c;
const CMD_LINE_PTR = 0x228, INITRD_ADDR_MAX = 0x22c, CMDLINE_SIZE = 0x238, PREF_ADDRESS = 0x258, INIT_SIZE = 0x260;
const LOADED_HIGH = 1;
const UNDEFINED_LOADER = 0xff, VIDEO_NORMAL = 0xffff;
// Fields of the zero page outside the header.
const EXT_MEM_K = 0x002, VIDEO_MODE = 0x006, VIDEO_COLS = 0x007, VIDEO_EGA_BX = 0x00a, VIDEO_LINES = 0x00e, VIDEO_IS_VGA = 0x00f, VIDEO_POINTS = 0x010;
const ALT_MEM_K = 0x1e0, E820_ENTRIES = 0x1e8, E820_TABLE = 0x2d0, E820_ENTRY = 20;

const GDT = 0x1000, ZERO_PAGE = 0x10000, COMMAND_LINE = 0x20000;

export function isBzImage(bytes: Uint8Array): boolean {
  return bytes[BOOT_FLAG] === 0x55 && bytes[BOOT_FLAG + 1] === 0xaa
    && bytes[MAGIC] === 0x48 && bytes[MAGIC + 1] === 0x64 && bytes[MAGIC + 2] === 0x72 && bytes[MAGIC + 3] === 0x53;
}

interface Kernel {
  readonly fields: Fields;
  readonly code: Uint8Array;
  /** Where the protected-mode code goes, which is also its entry. */
  readonly start: number;
  /** The end of the memory that the kernel needs before it reads the memory map. */
  readonly end: number;
}

function readKernel(image: NamedBytes): Kernel {
  const fields = new Fields(image, "bzImage");
  const version = fields.u16(VERSION);
  if (version < 0x206) throw new CalqueError(`boot protocol ${version >> 8}.${String(version & 255).padStart(2, "0")} is older than 2.06`, image.name);
  if ((fields.u8(LOADFLAGS) & LOADED_HIGH) === 0) throw new CalqueError("a zImage, which loads low; only bzImages load", image.name);
  const setupSize = ((fields.u8(SETUP_SECTS) || 4) + 1) * 512;
  const code = fields.slice(setupSize, fields.u32(SYSSIZE) * 16);
  const start = fields.u32(CODE32_START);
  let end = start + code.length;
  if (version >= 0x20a) end = Math.max(end, Math.max(start, fields.u32(PREF_ADDRESS)) + fields.u32(INIT_SIZE));
  return { fields, code, start, end };
}

/** As high as the kernel's limit and memory allow. */
function initrdAddress(kernel: Kernel, initrd: NamedBytes, memorySize: number): number {
  const top = Math.min(kernel.fields.u32(INITRD_ADDR_MAX) + 1, memorySize);
  const address = alignDown(top - initrd.bytes.length, PAGE);
  if (address < kernel.end) {
    throw new CalqueError(
      `too little memory for the initrd: its ${initrd.bytes.length} bytes must lie between ${hex(kernel.end)} (end of the kernel) and ${hex(top)}`, initrd.name);
  }
  return address;
}

function writeScreenInfo(page: DataView, memorySize: number): void {
  page.setUint16(EXT_MEM_K, Math.min(0xfc00, (memorySize - HIGH_MEMORY) / KIB), true);
  page.setUint8(VIDEO_MODE, 3);
  page.setUint8(VIDEO_COLS, 80);
  page.setUint16(VIDEO_EGA_BX, 3, true); // 256 KiB of video memory
  page.setUint8(VIDEO_LINES, 25);
  page.setUint8(VIDEO_IS_VGA, 1);
  page.setUint16(VIDEO_POINTS, 16, true);
}

function writeMemoryMap(page: DataView, memorySize: number): void {
  const ranges = memoryMap(memorySize);
  page.setUint32(ALT_MEM_K, (memorySize - HIGH_MEMORY) / KIB, true);
  page.setUint8(E820_ENTRIES, ranges.length);
  ranges.forEach((range, k) => {
    const at = E820_TABLE + k * E820_ENTRY;
    page.setBigUint64(at, BigInt(range.base), true);
    page.setBigUint64(at + 8, BigInt(range.size), true);
    page.setUint32(at + 16, range.type, true);
  });
}

/**
 * Loads a bzImage and enters it by the 32-bit boot protocol: flat segments, interrupts off, ESI = the zero page, EBP =
 * EDI = EBX = 0. Throws `CalqueError` for an image that is too old or truncated and for too little memory.
 */
export function loadBzImage(target: LoadTarget, image: NamedBytes, options: BzImageOptions): void {
  const kernel = readKernel(image);
  const memorySize = target.memory.size;
  if (memorySize < kernel.end) throw new CalqueError(`too little memory: the kernel needs ${Math.ceil(kernel.end / KIB)} KiB`, image.name);
  writeBiosDataArea(target);
  place(target, kernel.start, kernel.code, "the kernel", image.name);

  const page = new DataView(new ArrayBuffer(PAGE));
  const header = kernel.fields.slice(HEADER, MAGIC + kernel.fields.u8(HEADER_LENGTH) - HEADER);
  new Uint8Array(page.buffer).set(header, HEADER);
  page.setUint8(TYPE_OF_LOADER, UNDEFINED_LOADER);
  page.setUint16(VID_MODE, VIDEO_NORMAL, true);
  writeScreenInfo(page, memorySize);
  writeMemoryMap(page, memorySize);

  const commandLine = cString(options.commandLine);
  if (commandLine.length - 1 > kernel.fields.u32(CMDLINE_SIZE)) {
    throw new CalqueError(`the command line is longer than the kernel's limit of ${kernel.fields.u32(CMDLINE_SIZE)} bytes`, "--append");
  }
  place(target, COMMAND_LINE, commandLine, "the command line", image.name);
  page.setUint32(CMD_LINE_PTR, COMMAND_LINE, true);

  if (options.initrd !== undefined && options.initrd.bytes.length > 0) {
    const address = initrdAddress(kernel, options.initrd, memorySize);
    place(target, address, options.initrd.bytes, "the initrd", options.initrd.name);
    page.setUint32(RAMDISK_IMAGE, address, true);
    page.setUint32(RAMDISK_SIZE, options.initrd.bytes.length, true);
  }
  place(target, ZERO_PAGE, new Uint8Array(page.buffer), "the zero page", image.name);
  enterFlatProtected(target, kernel.start, GDT);
  target.cpu.esi = ZERO_PAGE;
}
