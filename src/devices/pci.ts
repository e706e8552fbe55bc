/** PCI configuration space by mechanism 1 (PCI Local Bus Specification 2.1, 3.7.4.1), and the host bridge behind it. */
import type { Device, PortDevice } from "./device.ts";

export const VENDOR_ID = 0x00, DEVICE_ID = 0x02, COMMAND = 0x04, STATUS = 0x06, REVISION_ID = 0x08, CLASS_CODE = 0x09;
export const LATENCY_TIMER = 0x0d, HEADER_TYPE = 0x0e;

const ADDRESS_ENABLE = 0x80000000, ADDRESS_BITS = 0x80fffffc;
const CONFIGURATION_SIZE = 256;

/** One function's configuration space. */
export class PciFunction {
  readonly bytes = new Uint8Array(CONFIGURATION_SIZE);
  /** The bits that the guest can change. */
  readonly writable = new Uint8Array(CONFIGURATION_SIZE);

  constructor(vendor: number, device: number, classCode: number, revision: number) {
    this.set(VENDOR_ID, 2, vendor);
    this.set(DEVICE_ID, 2, device);
    this.set(REVISION_ID, 1, revision);
    this.set(CLASS_CODE, 3, classCode);
  }

  /** Sets a little-endian register, as the function's maker does. */
  set(register: number, size: number, value: number): void {
    for (let k = 0; k < size; k++) this.bytes[register + k] = value >>> (8 * k);
  }

  write(register: number, byte: number): void {
    const writable = this.writable[register]!;
    this.bytes[register] = (this.bytes[register]! & ~writable) | (byte & writable);
  }
}

/** The 82441FX host bridge (Intel 440FX datasheet, 290549). */
export function hostBridge(): PciFunction {
  const bridge = new PciFunction(0x8086, 0x1237, 0x060000, 0x02);
  bridge.set(COMMAND, 2, 0x0006); // memory and bus master: hard-wired
  bridge.set(STATUS, 2, 0x0280); // fast back to back; medium DEVSEL# timing
  bridge.set(0x72, 1, 0x02); // SMRAM
  bridge.writable[LATENCY_TIMER] = 0xf8;
  bridge.writable.fill(0xff, 0x50, 0x98); // memory: what is shadowed and how much there is
  return bridge;
}

export interface PciState {
  readonly address: number;
  /** The configuration space of each function, in the order in which they were added. */
  readonly functions: readonly Uint8Array[];
}

export class PciConfiguration implements Device<PciState> {
  #address = 0;
  /** By bus, device and function as in the address register. */
  readonly #functions = new Map<number, PciFunction>();
  readonly #initial: Uint8Array[] = [];
  /** CONFIG_ADDRESS: one register of 32 bits, for accesses of that width only. */
  readonly address: PortDevice = {
    readPort: () => this.#address,
    writePort: (_offset, value) => { this.#address = (value & ADDRESS_BITS) >>> 0; },
  };

  /** Puts a function into its slot. Throws an Error where there is one. */
  add(bus: number, device: number, fn: number, pciFunction: PciFunction): void {
    const key = (bus << 8) | (device << 3) | fn;
    if (this.#functions.has(key)) throw new Error(`PCI slot ${bus}:${device}.${fn} is taken`);
    this.#functions.set(key, pciFunction);
    this.#initial.push(pciFunction.bytes.slice());
  }

  /** CONFIG_DATA, four ports, for accesses of `width` bytes. Empty slots read all ones. */
  data(width: 1 | 2 | 4): PortDevice {
    return {
      readPort: (offset) => {
        const selected = this.#selected(), from = (this.#address & 0xfc) + offset;
        let value = 0;
        for (let k = width - 1; k >= 0; k--) value = (value << 8) | (selected?.bytes[from + k] ?? 0xff);
        return value >>> 0;
      },
      writePort: (offset, value) => {
        const selected = this.#selected(), from = (this.#address & 0xfc) + offset;
        for (let k = 0; k < width; k++) if (from + k < CONFIGURATION_SIZE) selected?.write(from + k, (value >>> (8 * k)) & 0xff);
      },
    };
  }

  #selected(): PciFunction | undefined {
    return (this.#address & ADDRESS_ENABLE) === 0 ? undefined : this.#functions.get((this.#address >>> 8) & 0xffff);
  }

  save(): PciState {
    return { address: this.#address, functions: [...this.#functions.values()].map(({ bytes }) => bytes.slice()) };
  }

  restore(state: PciState): void {
    this.#address = state.address;
    [...this.#functions.values()].forEach(({ bytes }, k) => bytes.set(state.functions[k]!));
  }

  reset(): void { this.restore({ address: 0, functions: this.#initial }); }
}
