/** The PC's board: which devices there are, at which ports, on which interrupt lines. */
import { PortBus } from "./bus.ts";
import { A20Gate } from "./devices/a20-gate.ts";
import { CoprocessorError } from "./devices/coprocessor-error.ts";
import { DebugExit } from "./devices/debug-exit.ts";
import type { Device, PortDevice, TimedDevice } from "./devices/device.ts";
import { KeyboardController } from "./devices/keyboard.ts";
import { PciConfiguration, hostBridge } from "./devices/pci.ts";
import { InterruptController } from "./devices/pic.ts";
import { Pit } from "./devices/pit.ts";
import { PowerOff } from "./devices/power-off.ts";
import { Rtc } from "./devices/rtc.ts";
import { PostCode, ResetControl, SystemControlA, SystemControlB } from "./devices/system-ports.ts";
import { Uart } from "./devices/uart.ts";
import { VgaText } from "./devices/vga-text.ts";
import { CalqueError } from "./error.ts";
import type { MmioSpace } from "../runtime/memory.ts";
import type { Board, BoardHooks, BoardOptions } from "./machine.ts";

const PIC_MASTER = 0x20, PIT = 0x40, KEYBOARD_DATA = 0x60, SYSTEM_CONTROL_B = 0x61, KEYBOARD_COMMAND = 0x64, RTC = 0x70, POST = 0x80;
const SYSTEM_CONTROL_A = 0x92, PIC_SLAVE = 0xa0, COPROCESSOR_ERROR = 0xf0, VGA = 0x3b0, VGA_PORTS = 0x30, COM1 = 0x3f8, ELCR = 0x4d0, PM1_CONTROL = 0x604;
const PCI_ADDRESS = 0xcf8, RESET_CONTROL = 0xcf9, PCI_DATA = 0xcfc;
const UART_LCR = 3, EIGHT_BITS = 0x03;
const IRQ_TIMER = 0, IRQ_KEYBOARD = 1, IRQ_COM1 = 4, IRQ_RTC = 8, IRQ_MOUSE = 12, IRQ_COPROCESSOR = 13;

/** The same device, `first` ports further on. */
const from = (device: PortDevice, first: number): PortDevice => ({
  readPort: (offset) => device.readPort(offset + first),
  writePort: (offset, value) => device.writePort(offset + first, value),
});

function createDevices({ clock, setA20, stop, transmitted }: BoardHooks, { rtc: epoch, memory }: BoardOptions) {
  const resets = (source: string) => (): void => stop({ reason: "reset", source });
  const pic = new InterruptController();
  const a20 = new A20Gate(setA20);
  const pit = new Pit(clock, pic.line(IRQ_TIMER));
  const uart = new Uart(clock, pic.line(IRQ_COM1));
  uart.onTransmit = transmitted;
  uart.writePort(UART_LCR, EIGHT_BITS); // as firmware leaves it
  const pci = new PciConfiguration();
  pci.add(0, 0, 0, hostBridge());
  return {
    a20, pit, uart, pci,
    rtc: new Rtc(clock, pic.line(IRQ_RTC), { epoch, memory }),
    keyboard: new KeyboardController({
      keyboard: pic.line(IRQ_KEYBOARD), mouse: pic.line(IRQ_MOUSE), a20, reset: resets("keyboard controller"),
    }),
    systemControlA: new SystemControlA(a20, resets("port 92h")),
    systemControlB: new SystemControlB(clock, pit),
    resetControl: new ResetControl(resets("port CF9h")),
    postCode: new PostCode(),
    coprocessorError: new CoprocessorError(pic.line(IRQ_COPROCESSOR)),
    powerOff: new PowerOff(() => stop({ reason: "power-off" })),
    vga: new VgaText(clock),
    // Last: the lines are restored as they were, after every device has set its own.
    pic,
  };
}

type Devices = ReturnType<typeof createDevices>;

function attachAll(bus: PortBus, devices: Devices): void {
  const { pic, pit, rtc, uart, keyboard, pci } = devices;
  bus.attach(PIC_MASTER, 2, pic.master);
  bus.attach(PIC_SLAVE, 2, pic.slave);
  bus.attach(ELCR, 2, pic.elcr);
  bus.attach(PIT, 4, pit, { timed: true });
  bus.attach(KEYBOARD_DATA, 1, keyboard);
  bus.attach(KEYBOARD_COMMAND, 1, from(keyboard, 1));
  bus.attach(SYSTEM_CONTROL_B, 1, devices.systemControlB, { timed: true });
  bus.attach(RTC, 2, rtc, { timed: true });
  bus.attach(POST, 1, devices.postCode);
  bus.attach(COPROCESSOR_ERROR, 1, devices.coprocessorError);
  bus.attach(SYSTEM_CONTROL_A, 1, devices.systemControlA);
  bus.attach(VGA, VGA_PORTS, devices.vga);
  bus.attach(COM1, 8, uart, { timed: true });
  bus.attach(PM1_CONTROL, 1, devices.powerOff, { width: 2 });
  bus.attach(PCI_ADDRESS, 1, pci.address, { width: 4 });
  bus.attach(RESET_CONTROL, 1, devices.resetControl);
  for (const width of [1, 2, 4] as const) bus.attach(PCI_DATA, 4, pci.data(width), { width });
}

function attachDebugExit(bus: PortBus, port: number, hooks: BoardHooks): void {
  try {
    bus.attach(port, 1, new DebugExit((value) => hooks.stop({ reason: "debug-exit", value })));
  } catch {
    throw new CalqueError(`port ${port.toString(16).toUpperCase()}h belongs to another device`, "--debug-exit");
  }
}

/** Physical addresses without RAM read all ones. */
const NO_MMIO: MmioSpace = { read: (_physical, size) => (size === 4 ? -1 : size === 2 ? 0xffff : 0xff), write: () => {} };

/** Builds the board. Throws `CalqueError` where the debug-exit port is taken. */
export function createBoard(hooks: BoardHooks, options: BoardOptions): Board {
  const devices = createDevices(hooks, options), bus = new PortBus();
  attachAll(bus, devices);
  if (options.debugExit !== undefined) attachDebugExit(bus, options.debugExit, hooks);
  const timed: readonly TimedDevice[] = [devices.pit, devices.rtc, devices.uart];
  const all: ReadonlyArray<readonly [string, Device]> = Object.entries(devices);
  let next = Infinity;
  return {
    ports: bus,
    mmio: NO_MMIO,
    serial: {
      get receiverEmpty() { return devices.uart.receiverEmpty; },
      receive(byte) {
        bus.moveEvent();
        return devices.uart.receive(byte);
      },
    },
    nextEvent() {
      if (!bus.isStale) return next;
      bus.isStale = false;
      return next = Math.min(devices.pit.nextEvent(), devices.rtc.nextEvent(), devices.uart.nextEvent());
    },
    eventMoved: () => bus.takeMoved(),
    advance(now) {
      bus.moveEvent();
      for (const device of timed) device.advance(now);
    },
    interruptRequested: () => devices.pic.requested(),
    acknowledgeInterrupt: () => devices.pic.acknowledge(),
    floatingPointError: () => devices.coprocessorError.assert(),
    floatingPointErrorCleared: () => devices.coprocessorError.negate(),
    save: () => Object.fromEntries(all.map(([name, device]) => [name, device.save()])),
    restore: (state) => {
      const saved = state as Readonly<Record<string, unknown>>;
      bus.moveEvent();
      for (const [name, device] of all) device.restore(saved[name]);
    },
  };
}
