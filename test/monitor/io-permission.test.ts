import { describe, expect, it } from "vitest";
import { writeEflags } from "../../runtime/flags.ts";
import { TR } from "../../runtime/monitor/descriptors.ts";
import { checkPort, portIn, portOut } from "../../runtime/monitor/io-permission.ts";
import { faultOf, Machine, protectedMachine, realMachine, TSS, TSS_SELECTOR } from "./fixture.ts";

/** Ring 3 with a map for ports 0–63 that begins at byte 68h, all ports open, and the closing byte of ones. */
function mapMachine(): Machine {
  const m = protectedMachine();
  m.segment(TR, TSS_SELECTOR, TSS, 0x70, 0x8b);
  m.set16(TSS + 0x66, 0x68);
  m.memory.view.setUint8(TSS + 0x70, 0xff);
  m.ring(3);
  return m;
}

describe("port access", () => {
  it("is free in real mode and where CPL ≤ IOPL", () => {
    const m = realMachine();
    expect(portIn(m, 0x3f8, 1)).toBe(0x5a);
    portOut(m, 0x13f8, 2, -1);
    portOut(m, 0x80, 4, -1);
    portOut(m, 0x80, 1, 0x1234);
    expect(m.ports.log).toEqual(["in 3f8 1", "out 13f8 2 ffff", "out 80 4 ffffffff", "out 80 1 34"]);
    const user = protectedMachine();
    user.segment(TR, 0, 0, 0, 0);
    user.ring(3);
    writeEflags(user.cpu.words, 0x3002);
    expect(faultOf(user, () => checkPort(user, 0x3f8, 1))).toBe("none");
  });
  it("asks the map for every byte of the port, across the map's bytes too", () => {
    const m = mapMachine();
    m.memory.view.setUint8(TSS + 0x69, 0x01);
    const denied = (port: number, size: 1 | 2 | 4): boolean => faultOf(m, () => checkPort(m, port, size)) === "GP(0)";
    expect([denied(7, 1), denied(8, 1), denied(9, 1)]).toEqual([false, true, false]);
    expect([denied(6, 2), denied(7, 2), denied(8, 2)]).toEqual([false, true, true]);
    expect([denied(4, 4), denied(5, 4), denied(9, 4)]).toEqual([false, true, false]);
    expect([denied(63, 1), denied(63, 2), denied(64, 1), denied(0xffff, 4)]).toEqual([false, true, true, true]);
  });
  it("asks the map in virtual-8086 mode whatever IOPL", () => {
    const m = mapMachine();
    m.memory.view.setUint8(TSS + 0x68, 0x02);
    m.virtual8086(3);
    expect([faultOf(m, () => checkPort(m, 0, 1)), faultOf(m, () => checkPort(m, 1, 1))]).toEqual(["none", "GP(0)"]);
  });
  it("never touches a port that it may not", () => {
    const m = mapMachine();
    expect(faultOf(m, () => portIn(m, 0x40, 1))).toBe("GP(0)");
    expect(faultOf(m, () => portOut(m, 0x40, 1, 0))).toBe("GP(0)");
    expect(m.ports.log).toEqual([]);
  });
  it("needs a 32-bit TSS with a map", () => {
    const m = mapMachine();
    m.segment(TR, TSS_SELECTOR, TSS, 0x70, 0x83);
    expect(faultOf(m, () => checkPort(m, 0, 1))).toBe("GP(0)");
    m.segment(TR, TSS_SELECTOR, TSS, 0x66, 0x8b);
    expect(faultOf(m, () => checkPort(m, 0, 1))).toBe("GP(0)");
    m.segment(TR, TSS_SELECTOR, TSS, 0x68, 0x8b);
    expect(faultOf(m, () => checkPort(m, 0, 1))).toBe("GP(0)");
  });
});
