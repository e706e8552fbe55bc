/** Delivery of interrupts and faults from the virtual CPU's loop. */
import type { Execution } from "./execution.ts";
import { FREEZE, GuestFault, NO_ERROR_CODE, VECTOR_NAMES } from "./faults.ts";
import { deliverFault, deliverInterrupt } from "./monitor/interrupt.ts";

/** A handler whose first instruction faults, and again: no instruction retires and no time passes, so nothing would ever end it. */
const MOST_BARREN_FAULTS = 100_000;

/** Watches what the loop delivers between instructions. The processor's state is the one before a delivery, then the one behind it. */
export interface DeliveryObserver {
  /** An interrupt, or the exception that the instruction at CS:EIP raised; `errorCode` is NO_ERROR_CODE where none is pushed. */
  delivering(cause: "interrupt" | "exception", vector: number, errorCode: number): void;
  /** Not called where the delivery ended in shutdown. */
  delivered(): void;
}

export class Deliveries {
  /** For tools; watching changes nothing. */
  observer: DeliveryObserver | undefined;
  readonly #x: Execution;

  constructor(execution: Execution) { this.#x = execution; }

  /** Takes the interrupt that is requested. */
  interrupt(): void {
    this.#x.cpu.halted = 0;
    this.#x.stats.interrupts++;
    this.#x.modeStale = true;
    const vector = this.#x.host.acknowledgeInterrupt(), eip = this.#x.cpu.eip;
    this.observer?.delivering("interrupt", vector, NO_ERROR_CODE);
    try {
      const { monitor, measurement } = this.#x;
      if (measurement === undefined) deliverInterrupt(monitor, vector);
      else measurement.watch.time(measurement.eventTimer("interrupt"), () => { deliverInterrupt(monitor, vector); });
      this.observer?.delivered();
    } catch (event) {
      this.#x.cpu.eip = eip;
      this.shutdown ||= this.faulted(event) === "shutdown";
    }
  }

  /** A triple fault happened. */
  shutdown = false;

  /** The count at the last fault, and how many faults in a row happened at it. */
  #faultCount = -1;
  #barrenFaults = 0;

  /** Delivers a guest fault at `eip`. Anything else is a fault of ours and is thrown on. A processor that only faults has hung: shutdown. */
  faulted(event: unknown): "delivered" | "shutdown" {
    this.#x.memory.exact = true;
    this.#x.modeStale = true;
    if (event === FREEZE) return "delivered";
    if (!(event instanceof GuestFault)) throw event;
    this.#x.stats.faults++;
    if (this.#x.count !== this.#faultCount) this.#barrenFaults = 0;
    this.#faultCount = this.#x.count;
    if (++this.#barrenFaults > MOST_BARREN_FAULTS) return "shutdown";
    this.observer?.delivering("exception", event.vector, event.errorCode);
    const { monitor, measurement } = this.#x, { vector, errorCode } = event;
    const outcome = measurement === undefined ? deliverFault(monitor, vector, errorCode)
      : measurement.watch.time(measurement.eventTimer(`#${VECTOR_NAMES[vector] ?? vector}`), () => deliverFault(monitor, vector, errorCode));
    if (outcome === "delivered") this.observer?.delivered();
    return outcome;
  }

  /** Forgets how often a fault was repeated: the state is another one. */
  reset(): void { this.#faultCount = -1; }
}
