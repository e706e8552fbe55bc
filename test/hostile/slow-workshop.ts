/** A workshop whose regions come late, in the same thread: what is sent either way is copied as between threads. */
import { makeParts, type RegionOrder, type RegionParts, type Workshop } from "../../runtime/region-order.ts";

export class SlowWorkshop implements Workshop {
  readonly takesOrders = true;
  readonly #delay: () => number;
  #waiting: Array<{ readonly number: number; readonly order: RegionOrder; due: number }> = [];
  delivered = 0;

  /** `delay`: after so many looks whether there is anything an order is done. */
  constructor(delay: () => number) { this.#delay = delay; }

  order(number: number, order: RegionOrder): void { this.#waiting.push({ number, order: structuredClone(order), due: this.#delay() }); }

  get hasParts(): boolean {
    for (const each of this.#waiting) each.due--;
    return this.#waiting.some(({ due }) => due <= 0);
  }

  take(): ReadonlyArray<readonly [number, RegionParts | undefined]> {
    const due = this.#waiting.filter((each) => each.due <= 0);
    this.#waiting = this.#waiting.filter((each) => each.due > 0);
    this.delivered += due.length;
    return due.map(({ number, order }) => [number, makeParts(order)] as const);
  }
}
