/**
 * The register by which a guest switches the machine off: PM1 control as chip sets with ACPI have it (ACPI specification,
 * 4.8.3.2.1), at port 604h, where QEMU's is. There are no ACPI tables; small kernels write 2000h.
 */
import type { Device, PortDevice } from "./device.ts";

const SLP_EN = 0x2000;

export class PowerOff implements Device<null>, PortDevice {
  readonly #onPowerOff: () => void;

  /** `onPowerOff` is called when the guest enables the sleep state, whichever it is. */
  constructor(onPowerOff: () => void) { this.#onPowerOff = onPowerOff; }

  readPort(): number { return 0; }

  writePort(_offset: number, value: number): void {
    if ((value & SLP_EN) !== 0) this.#onPowerOff();
  }

  save(): null { return null; }
  restore(): void {}
  reset(): void {}
}
