/**
 * Coprocessor errors as the PC/AT reports them: FERR# becomes IRQ 13, a write to port F0h takes the request back and raises IGNNE#
 * (Intel 82371SB datasheet, 290550: coprocessor error register; SDM volume 1, 8.7.2 and appendix D).
 */
import type { Device, IrqLine, PortDevice } from "./device.ts";

export interface CoprocessorErrorState {
  /** FERR#, as the processor drives it. */
  readonly error: boolean;
  /** IGNNE#: set by the guest while there is an error, and until there is none. */
  readonly ignored: boolean;
  readonly requested: boolean;
}

export class CoprocessorError implements Device<CoprocessorErrorState>, PortDevice {
  readonly #line: IrqLine;
  #state: CoprocessorErrorState = { error: false, ignored: false, requested: false };

  constructor(line: IrqLine) { this.#line = line; }

  /** The processor asserts FERR#. True where IGNNE# lets it go on. */
  assert(): boolean {
    if (!this.#state.error) this.#change({ ...this.#state, error: true, requested: true });
    return this.#state.ignored;
  }

  /** The processor negates FERR#. A request stays until the guest takes it back. */
  negate(): void {
    if (this.#state.error) this.#change({ ...this.#state, error: false, ignored: false });
  }

  readPort(): number { return 0xff; }
  writePort(): void { this.#change({ ...this.#state, requested: false, ignored: this.#state.error }); }

  #change(state: CoprocessorErrorState): void {
    this.#state = state;
    this.#line.set(state.requested);
  }

  save(): CoprocessorErrorState { return this.#state; }
  restore(state: CoprocessorErrorState): void { this.#change(state); }
  reset(): void { this.#change({ error: false, ignored: false, requested: false }); }
}
