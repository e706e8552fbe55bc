/** A port by which a guest ends its run with a value, as QEMU's isa-debug-exit does. */
import type { Device, PortDevice } from "./device.ts";

export class DebugExit implements Device<null>, PortDevice {
  readonly #onWrite: (value: number, code: number) => void;

  /** `onWrite` gets the byte v that the guest wrote, and the exit code that it stands for, `((v << 1) | 1) & 255`. */
  constructor(onWrite: (value: number, code: number) => void) { this.#onWrite = onWrite; }

  readPort(): number { return 0; }

  writePort(offset: number, value: number): void {
    if (offset === 0) this.#onWrite(value, ((value << 1) | 1) & 255);
  }

  save(): null { return null; }
  restore(): void {}
  reset(): void {}
}
