/** The thread that makes regions (workshop.ts). */
import { workerData, type MessagePort } from "node:worker_threads";
import { makeParts, type RegionOrder } from "../../runtime/region-order.ts";

/** What the thread is given: where orders come from, and the words that both threads see. */
export interface WorkshopData {
  readonly port: MessagePort;
  readonly words: Int32Array;
}

/** The words: 1 as soon as the thread is up; orders that it has done. */
export const UP = 0, DONE = 1;

/** The import by the other thread for its types and words has no data. */
const data = workerData as WorkshopData | null;

if (data !== null && "words" in data) {
  const { port, words } = data;
  port.on("message", ({ number, order }: { readonly number: number; readonly order: RegionOrder }) => {
    port.postMessage([number, makeParts(order)]);
    Atomics.add(words, DONE, 1);
  });
  Atomics.store(words, UP, 1);
}
