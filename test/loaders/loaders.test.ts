import { describe, expect, it } from "vitest";
import { GuestMemory } from "../../runtime/memory.ts";
import { CpuState, SLOT } from "../../runtime/state.ts";
import { CalqueError } from "../../src/error.ts";
import { boot, checkMemorySize, recognize, type BootOptions } from "../../src/loaders/recognize.ts";
import { CS, DS, SS } from "../../translator/decode/instruction.ts";
import { bzImage, elf, joined, multibootHeader, multibootKernel } from "../images/build.ts";

const MIB = 1 << 20;
const named = (bytes: Uint8Array, name = "kernel.bin"): { readonly name: string; readonly bytes: Uint8Array } => ({ name, bytes });

function load(options: BootOptions, memory = 32 * MIB): { cpu: CpuState; memory: GuestMemory; view: DataView } {
  const cpu = new CpuState();
  const target = { cpu, memory: new GuestMemory(memory, cpu) };
  boot(target, options);
  return { ...target, view: new DataView(target.memory.ram.buffer) };
}

function text(memory: GuestMemory, address: number): string {
  return new TextDecoder().decode(memory.ram.subarray(address, memory.ram.indexOf(0, address)));
}

/** With a little-endian number of `size` bytes put in. */
function patched(bytes: Uint8Array, at: number, value: number, size: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let k = 0; k < size; k++) copy[at + k] = value >>> 8 * k;
  return copy;
}

describe("recognition", () => {
  it("goes by content", () => {
    expect(recognize(named(bzImage()))).toBe("bzimage");
    expect(recognize(named(multibootKernel([0xf4])))).toBe("multiboot");
    expect(recognize(named(Uint8Array.of(0xf4)))).toBe("flat");
  });

  it.each([
    ["an empty file", new Uint8Array(0), /kernel\.bin: the file is empty/],
    ["another machine's ELF", elf(0, [{ linear: 0, address: 0, bytes: Uint8Array.of(1) }], 62), /x86-64, not for the Intel 386/],
    ["a program", elf(0x100000, [{ linear: 0x100000, address: 0x100000, bytes: Uint8Array.of(0xf4) }]), /without a multiboot header/],
    ["a gzip file", Uint8Array.of(0x1f, 0x8b, 8, 0), /gzip/],
    ["flat bytes without an address", Uint8Array.of(0x90), /--load-at/],
    ["a cut ELF header", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46), /truncated ELF file/],
    ["an old bzImage", bzImage({ version: 0x205 }), /2\.05 is older than 2\.06/],
    ["a zImage", bzImage({ loadflags: 0 }), /zImage/],
    ["a cut bzImage", bzImage().subarray(0, 1040), /truncated bzImage/],
    ["a multiboot kernel with foreign demands", multibootKernel([0xf4], 8), /requires features 8h/],
    ["a cut multiboot kernel", multibootKernel([0xf4]).subarray(0, 96), /truncated ELF file/],
    ["program headers too small to be any", patched(multibootKernel([0xf4]), 42, 0, 2), /program headers of 0 bytes, not 32/],
    ["a segment that ends beyond 4 GiB", patched(multibootKernel([0xf4]), 52 + 20, 0xffffffff, 4), /needs [0-9A-F]+h–1000[0-9A-F]{5}h, the machine has/],
  ])("refuses %s in one line", (_, bytes, message) => {
    let thrown: unknown;
    try { load({ kernel: named(bytes) }); } catch (error) { thrown = error; }
    expect(thrown).toBeInstanceOf(CalqueError);
    expect((thrown as CalqueError).message).toMatch(message);
    expect((thrown as CalqueError).message).not.toContain("\n");
  });

  it("knows which memory sizes are possible", () => {
    expect(checkMemorySize(48 * MIB)).toBe(48 * MIB);
    expect(checkMemorySize(4 * MIB + 1)).toBe(4 * MIB + 4096);
    expect(() => checkMemorySize(2 ** 31)).toThrow(CalqueError);
    expect(() => checkMemorySize(4096)).toThrow(CalqueError);
  });
});

describe("multiboot", () => {
  it("enters with the magic number, flat segments and no interrupts", () => {
    const { cpu, view } = load({ kernel: named(multibootKernel([0xf4])) });
    expect(cpu.eax >>> 0).toBe(0x2badb002);
    expect(cpu.eip).toBe(0x10000c);
    expect(view.getUint8(cpu.eip)).toBe(0xf4);
    expect(cpu.cr0 & 0x80000001).toBe(1);
    for (const segment of [CS, DS, SS]) {
      expect(cpu.words[SLOT.base0 + segment]).toBe(0);
      expect(cpu.words[SLOT.limit0 + segment]).toBe(-1);
    }
    expect(cpu.eflags & 0x20200).toBe(0);
  });

  it("says memory, command line, map and loader", () => {
    const { cpu, memory, view } = load({ kernel: named(multibootKernel([0xf4])), commandLine: "one two" });
    const info = cpu.ebx;
    expect(view.getUint32(info, true) & 0x245).toBe(0x245);
    expect(view.getUint32(info + 4, true)).toBe(639);
    expect(view.getUint32(info + 8, true)).toBe(31 * 1024);
    expect(text(memory, view.getUint32(info + 16, true))).toBe("one two");
    expect(text(memory, view.getUint32(info + 64, true))).toBe("calque");
    const ranges: Array<readonly [bigint, bigint, number]> = [];
    const start = view.getUint32(info + 48, true), end = start + view.getUint32(info + 44, true);
    for (let at = start; at < end; at += view.getUint32(at, true) + 4) ranges.push([view.getBigUint64(at + 4, true), view.getBigUint64(at + 12, true), view.getUint32(at + 20, true)]);
    expect(ranges).toContainEqual([0x100000n, 31n * 1024n * 1024n, 1]);
    expect(ranges[0]).toEqual([0n, 0x9fc00n, 1]);
  });

  it("places modules on pages behind the kernel and its zeroed end", () => {
    const header = multibootHeader(3);
    const kernel = elf(0xc010000c, [{ linear: 0xc0100000, address: 0x100000, bytes: joined(header, [0xf4]), size: 0x2345 }]);
    const { cpu, memory, view } = load({ kernel: named(kernel), initrd: named(Uint8Array.of(1, 2, 3), "some/module.img") });
    expect(cpu.eip).toBe(0x10000c);
    expect(view.getUint32(cpu.ebx + 20, true)).toBe(1);
    const table = view.getUint32(cpu.ebx + 24, true);
    const [start, end, name] = [0, 4, 8].map((offset) => view.getUint32(table + offset, true)) as [number, number, number];
    expect([start, end]).toEqual([0x103000, 0x103003]);
    expect([...memory.ram.subarray(start, end)]).toEqual([1, 2, 3]);
    expect(text(memory, name)).toBe("module.img");
  });

  it("follows the addresses of an a.out kludge header", () => {
    const header = multibootHeader(0x10000, [0x200010, 0x200000, 0x200038, 0x201000, 0x200030]);
    const file = joined(new Uint8Array(16), header, [0xf4, 1, 2, 3, 4, 5, 6, 7]);
    const { cpu, memory } = load({ kernel: named(file) });
    expect(cpu.eip).toBe(0x200030);
    expect([...memory.ram.subarray(0x200030, 0x200039)]).toEqual([0xf4, 1, 2, 3, 4, 5, 6, 7, 0]);
  });

  it("needs the memory that the kernel names", () => {
    const kernel = elf(0x2000000, [{ linear: 0x2000000, address: 0x2000000, bytes: multibootHeader(0) }]);
    expect(() => load({ kernel: named(kernel) })).toThrow(/too little memory: the kernel needs 2000000h/);
  });
});

describe("bzImage", () => {
  const ZERO_PAGE_HEADER = 0x1f1;

  it("enters by the 32-bit boot protocol", () => {
    const { cpu, view } = load({ kernel: named(bzImage()), commandLine: "console=ttyS0" });
    expect(cpu.words[SLOT.selector0 + CS]).toBe(0x10);
    expect(cpu.words[SLOT.selector0 + DS]).toBe(0x18);
    expect([cpu.ebp, cpu.edi, cpu.ebx, cpu.eflags & 0x200]).toEqual([0, 0, 0, 0]);
    expect(cpu.eip).toBe(0x100000);
    expect(view.getUint8(0x100000)).toBe(0xf4);
    expect(view.getBigUint64(cpu.gdtBase + 0x10, true)).toBe(0x00cf9b000000ffffn);
    expect(view.getBigUint64(cpu.gdtBase + 0x18, true)).toBe(0x00cf93000000ffffn);
  });

  it("fills the zero page", () => {
    const image = bzImage();
    const { cpu, memory, view } = load({ kernel: named(image), commandLine: "console=ttyS0" });
    const page = cpu.esi;
    expect(view.getUint32(page + 0x202, true)).toBe(0x53726448);
    expect([...memory.ram.subarray(page + ZERO_PAGE_HEADER, page + 0x1fa)]).toEqual([...image.subarray(ZERO_PAGE_HEADER, 0x1fa)]);
    expect(view.getUint8(page + 0x210)).toBe(0xff);
    expect(text(memory, view.getUint32(page + 0x228, true))).toBe("console=ttyS0");
    expect(view.getUint32(page + 0x1e0, true)).toBe(31 * 1024);
    expect([view.getUint8(page + 6), view.getUint8(page + 7), view.getUint8(page + 14), view.getUint8(page + 15)]).toEqual([3, 80, 25, 1]);
    const count = view.getUint8(page + 0x1e8);
    const last = page + 0x2d0 + 20 * (count - 1);
    expect([view.getBigUint64(last, true), view.getBigUint64(last + 8, true), view.getUint32(last + 16, true)]).toEqual([0x100000n, 31n * 1024n * 1024n, 1]);
  });

  it("puts the initrd as high as memory and the kernel's limit allow", () => {
    const initrd = named(new Uint8Array(5000).fill(7), "initrd");
    const high = load({ kernel: named(bzImage()), initrd });
    expect(high.view.getUint32(high.cpu.esi + 0x218, true)).toBe(32 * MIB - 8192);
    expect(high.view.getUint32(high.cpu.esi + 0x21c, true)).toBe(5000);
    expect(high.memory.ram[32 * MIB - 8192]).toBe(7);
    const limited = load({ kernel: named(bzImage({ initrdMax: 0x17fffff })), initrd });
    expect(limited.view.getUint32(limited.cpu.esi + 0x218, true)).toBe(0x1800000 - 8192);
  });

  it("says where memory is too little", () => {
    const initrd = named(new Uint8Array(16 * MIB), "initrd.gz");
    expect(() => load({ kernel: named(bzImage()), initrd })).toThrow(/^initrd\.gz: too little memory for the initrd/);
    expect(() => load({ kernel: named(bzImage()) }, 8 * MIB)).toThrow(/too little memory: the kernel needs/);
    expect(() => load({ kernel: named(bzImage({ cmdlineSize: 4 })), commandLine: "12345" })).toThrow(/--append: the command line is longer/);
  });
});

describe("flat images", () => {
  const image = named(Uint8Array.of(0xf4, 1, 2));

  it("start in real mode at CS:IP", () => {
    const low = load({ kernel: image, loadAt: 0x7c00, bits: 16 });
    expect([low.cpu.words[SLOT.selector0 + CS], low.cpu.eip, low.cpu.cr0 & 1]).toEqual([0, 0x7c00, 0]);
    expect(low.memory.ram[0x7c00]).toBe(0xf4);
    const high = load({ kernel: image, loadAt: 0x23458, bits: 16 });
    expect([high.cpu.words[SLOT.selector0 + CS], high.cpu.words[SLOT.base0 + CS], high.cpu.eip]).toEqual([0x2345, 0x23450, 8]);
  });

  it("start in flat protected mode", () => {
    const { cpu, memory } = load({ kernel: image, loadAt: 0x1000, bits: 32 });
    expect([cpu.eip, cpu.cr0 & 1, cpu.words[SLOT.limit0 + CS]]).toEqual([0x1000, 1, -1]);
    expect([...memory.ram.subarray(0x1000, 0x1003)]).toEqual([0xf4, 1, 2]);
    expect(cpu.gdtBase).not.toBe(0x1000);
  });

  it.each([
    [{ loadAt: 0x100000, bits: 16 as const }, /below 1 MiB/],
    [{ loadAt: 0xa0000, bits: 32 as const }, /adapter area/],
    [{ loadAt: 0x1ffffff, bits: 32 as const }, /too little memory/],
  ])("refuse %o", (place, message) => {
    expect(() => load({ kernel: image, ...place })).toThrow(message);
  });

  it("have their options refused for other images", () => {
    expect(() => load({ kernel: named(bzImage()), bits: 16 })).toThrow(/--bits is for flat images; this is a bzImage/);
  });
});
