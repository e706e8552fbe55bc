/** The gate of address line 20, which the keyboard controller and port 92h share; the one that acts last decides. */
import type { Device } from "./device.ts";

export class A20Gate implements Device<boolean> {
  readonly #onChange: (open: boolean) => void;
  #open = true;

  constructor(onChange: (open: boolean) => void) { this.#onChange = onChange; }

  get open(): boolean { return this.#open; }

  set(open: boolean): void {
    if (open === this.#open) return;
    this.#open = open;
    this.#onChange(open);
  }

  save(): boolean { return this.#open; }
  restore(state: boolean): void { this.set(state); }
  reset(): void { this.set(true); }
}
