import { describe, expect, it } from "vitest";
import { PortBus } from "../../src/bus.ts";
import { DebugExit } from "../../src/devices/debug-exit.ts";
import { PciConfiguration, hostBridge } from "../../src/devices/pci.ts";
import { ResetControl } from "../../src/devices/system-ports.ts";
import type { PortDevice } from "../../src/devices/device.ts";

class Scratch implements PortDevice {
  readonly bytes: number[] = [0x11, 0x22, 0x33, 0x44];
  readonly log: string[] = [];
  readPort(offset: number): number {
    this.log.push(`r${offset}`);
    return this.bytes[offset]!;
  }
  writePort(offset: number, value: number): void {
    this.log.push(`w${offset}=${value.toString(16)}`);
    this.bytes[offset] = value;
  }
}

describe("the port bus", () => {
  it("splits wide accesses into bytes, low first, and offsets count from the base", () => {
    const bus = new PortBus(), device = new Scratch();
    bus.attach(0x300, 4, device);
    expect(bus.read(0x300, 4)).toBe(0x44332211);
    expect(bus.read(0x301, 2)).toBe(0x3322);
    bus.write(0x300, 4, 0x80fe_dcba | 0);
    expect(device.log).toEqual(["r0", "r1", "r2", "r3", "r1", "r2", "w0=ba", "w1=dc", "w2=fe", "w3=80"]);
    expect(bus.read(0x300, 4)).toBe(0x80fedcba);
  });

  it("reads all ones where nobody answers, and counts", () => {
    const bus = new PortBus();
    bus.attach(0x301, 1, new Scratch());
    expect(bus.read(0x300, 2)).toBe(0x11ff);
    expect(bus.read(0x400, 4)).toBe(0xffffffff);
    bus.write(0x400, 1, 3);
    expect(bus.unknown.get(0x300)).toEqual({ reads: 1, writes: 0 });
    expect(bus.unknown.get(0x400)).toEqual({ reads: 1, writes: 1 });
    expect(bus.unknown.has(0x301)).toBe(false);
  });

  it("wraps around at the end of the space", () => {
    const bus = new PortBus(), device = new Scratch();
    bus.attach(0, 1, device);
    expect(bus.read(0xffff, 2)).toBe(0x11ff);
  });

  it("gives whole accesses to devices of that width, at their ports only", () => {
    const bus = new PortBus(), wide = new Scratch(), narrow = new Scratch();
    wide.bytes[0] = 0xdeadbeef;
    bus.attach(0x500, 1, wide, { width: 4 });
    bus.attach(0x500, 4, narrow);
    expect(bus.read(0x500, 4)).toBe(0xdeadbeef);
    expect(bus.read(0x500, 2)).toBe(0x2211);
    expect(bus.read(0x501, 4)).toBe(0xff443322);
  });

  it("refuses ranges that overlap or leave the space", () => {
    const bus = new PortBus();
    bus.attach(0x3f8, 8, new Scratch());
    expect(() => bus.attach(0x3ff, 2, new Scratch())).toThrow("I/O ports overlap at 3FFh: 3FFh-400h and 3F8h-3FFh");
    expect(() => bus.attach(0xffff, 2, new Scratch())).toThrow(/not in 0-FFFFh/);
    bus.attach(0x3f8, 1, new Scratch(), { width: 2 });
  });
});

describe("PCI configuration mechanism 1", () => {
  function board(): { bus: PortBus; pci: PciConfiguration; resets: number[] } {
    const bus = new PortBus(), pci = new PciConfiguration(), resets: number[] = [];
    pci.add(0, 0, 0, hostBridge());
    bus.attach(0xcf8, 1, pci.address, { width: 4 });
    for (const width of [1, 2, 4] as const) bus.attach(0xcfc, 4, pci.data(width), { width });
    bus.attach(0xcf9, 1, new ResetControl(() => resets.push(1)));
    return { bus, pci, resets };
  }
  const select = (bus: PortBus, bus_: number, device: number, fn: number, register: number): void =>
    bus.write(0xcf8, 4, (0x80000000 | (bus_ << 16) | (device << 11) | (fn << 8) | register) >>> 0);

  it("passes Linux's probe and sanity check (arch/x86/pci/direct.c)", () => {
    const { bus } = board();
    bus.write(0xcfb, 1, 0x01);
    const before = bus.read(0xcf8, 4);
    bus.write(0xcf8, 4, 0x80000000);
    expect(bus.read(0xcf8, 4)).toBe(0x80000000);
    bus.write(0xcf8, 4, before);
    select(bus, 0, 0, 0, 0x08);
    expect(bus.read(0xcfe, 2)).toBe(0x0600); // PCI_CLASS_BRIDGE_HOST
    select(bus, 0, 0, 0, 0x00);
    expect(bus.read(0xcfc, 4)).toBe(0x12378086);
    expect(bus.read(0xcfe, 1)).toBe(0x37);
  });

  it("has nothing in other slots and nothing while disabled", () => {
    const { bus } = board();
    for (const [b, d, f] of [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 31, 7]] as const) {
      select(bus, b, d, f, 0);
      expect(bus.read(0xcfc, 4)).toBe(0xffffffff);
      bus.write(0xcfc, 4, 0);
    }
    bus.write(0xcf8, 4, 0);
    expect(bus.read(0xcfc, 2)).toBe(0xffff);
  });

  it("lets the guest change only what is writable, and remembers it over save and restore", () => {
    const { bus, pci } = board();
    select(bus, 0, 0, 0, 0);
    bus.write(0xcfc, 4, 0);
    expect(bus.read(0xcfc, 4)).toBe(0x12378086);
    select(bus, 0, 0, 0, 0x58);
    bus.write(0xcfd, 1, 0x30); // PAM0
    const other = board();
    other.pci.restore(structuredClone(pci.save()));
    expect(other.bus.read(0xcfc, 4)).toBe(0x3000);
    expect(other.pci.save()).toEqual(pci.save());
    pci.reset();
    select(bus, 0, 0, 0, 0x58);
    expect(bus.read(0xcfc, 4)).toBe(0);
    expect(() => pci.add(0, 0, 0, hostBridge())).toThrow(/taken/);
  });

  it("leaves the byte port CF9h to reset control, which resets on a rising bit 2", () => {
    const { bus, resets } = board();
    bus.write(0xcf9, 1, 0x02);
    expect([bus.read(0xcf9, 1), resets.length]).toEqual([0x02, 0]);
    bus.write(0xcf9, 1, 0x06);
    bus.write(0xcf9, 1, 0x06);
    expect(resets.length).toBe(1);
    bus.write(0xcf8, 4, 0xffffffff);
    expect(resets.length).toBe(1);
  });
});

describe("the debug exit", () => {
  it("reports the value and its exit code, once for a wide write", () => {
    const reports: number[][] = [], bus = new PortBus();
    bus.attach(0xf4, 4, new DebugExit((value, code) => reports.push([value, code])));
    bus.write(0xf4, 1, 0x10);
    bus.write(0xf4, 4, 0xff);
    expect(reports).toEqual([[0x10, 0x21], [0xff, 0xff]]);
  });
});
