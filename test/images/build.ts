/** Small kernels made by hand, for tests of loaders and machine. */

const ascii = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0));

export function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

export function joined(...parts: ReadonlyArray<Uint8Array | readonly number[]>): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A multiboot header with its checksum. */
export function multibootHeader(flags: number, addresses: readonly number[] = []): Uint8Array {
  return words(0x1badb002, flags, -(0x1badb002 + flags), ...addresses);
}

export interface ElfSegment { readonly linear: number; readonly address: number; readonly bytes: Uint8Array; readonly size?: number }

/** An ELF32 executable; `patch` changes its bytes. */
export function elf(entry: number, segments: readonly ElfSegment[], machine = 3): Uint8Array {
  const headers = new DataView(new ArrayBuffer(52 + 32 * segments.length));
  const set16 = (at: number, value: number): void => headers.setUint16(at, value, true);
  const set32 = (at: number, value: number): void => headers.setUint32(at, value, true);
  [0x7f, ...ascii("ELF"), 1, 1, 1].forEach((byte, k) => headers.setUint8(k, byte));
  set16(16, 2); set16(18, machine); set32(20, 1); set32(24, entry); set32(28, 52);
  set16(40, 52); set16(42, 32); set16(44, segments.length);
  let offset = headers.byteLength;
  segments.forEach((segment, k) => {
    [1, offset, segment.linear, segment.address, segment.bytes.length, segment.size ?? segment.bytes.length, 7, 4].forEach((value, n) => set32(52 + 32 * k + 4 * n, value));
    offset += segment.bytes.length;
  });
  return joined(new Uint8Array(headers.buffer), ...segments.map((segment) => segment.bytes));
}

/** A multiboot ELF kernel at 1 MiB whose code follows its header. */
export function multibootKernel(code: readonly number[], flags = 3): Uint8Array {
  const header = multibootHeader(flags);
  return elf(0x100000 + header.length, [{ linear: 0x100000, address: 0x100000, bytes: joined(header, code) }]);
}

export interface BzImageParts {
  readonly version?: number;
  readonly loadflags?: number;
  readonly code?: Uint8Array;
  readonly initrdMax?: number;
  readonly initSize?: number;
  readonly cmdlineSize?: number;
}

/** A bzImage with one setup sector. */
export function bzImage(parts: BzImageParts = {}): Uint8Array {
  const code = parts.code ?? Uint8Array.from([0xf4, ...new Uint8Array(31)]);
  const setup = new DataView(new ArrayBuffer(1024));
  setup.setUint8(0x1f1, 1);
  setup.setUint32(0x1f4, code.length / 16, true);
  setup.setUint16(0x1fe, 0xaa55, true);
  setup.setUint16(0x200, 0x66eb, true);
  ascii("HdrS").forEach((byte, k) => setup.setUint8(0x202 + k, byte));
  setup.setUint16(0x206, parts.version ?? 0x20f, true);
  setup.setUint8(0x211, parts.loadflags ?? 1);
  setup.setUint32(0x214, 0x100000, true);
  setup.setUint32(0x22c, parts.initrdMax ?? 0x7fffffff, true);
  setup.setUint32(0x238, parts.cmdlineSize ?? 255, true);
  setup.setUint32(0x258, 0x1000000, true);
  setup.setUint32(0x260, parts.initSize ?? 0x100000, true);
  return joined(new Uint8Array(setup.buffer), code);
}
