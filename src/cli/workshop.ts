/** Regions made by a thread of their own, while the guest runs in this one. */
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import type { RegionOrder, RegionParts, Workshop } from "../../runtime/region-order.ts";
import { DONE, UP, type WorkshopData } from "./workshop-thread.ts";

/** So many orders wait at most; a guest with more of them makes its regions itself. */
const MOST_WAITING = 64;

class ThreadWorkshop implements Workshop {
  readonly #words = new Int32Array(new SharedArrayBuffer(8));
  readonly #port: MessagePort;
  #ordered = 0;
  #taken = 0;
  #isBroken = false;

  constructor() {
    const { port1, port2 } = new MessageChannel(), data: WorkshopData = { port: port2, words: this.#words };
    this.#port = port1;
    const worker = new Worker(new URL(import.meta.url.endsWith(".ts") ? "./workshop-thread.ts" : "./workshop-thread.js", import.meta.url), { workerData: data, transferList: [port2], resourceLimits: { maxYoungGenerationSizeMb: Number(process.env["WY"] ?? 8), maxOldGenerationSizeMb: Number(process.env["WO"] ?? 64) } });
    worker.on("error", () => { this.#isBroken = true; });
    worker.unref();
    port1.unref();
  }

  get takesOrders(): boolean { return !this.#isBroken && Atomics.load(this.#words, UP) === 1 && this.#ordered - this.#taken < MOST_WAITING; }
  get hasParts(): boolean { return Atomics.load(this.#words, DONE) !== this.#taken; }

  order(number: number, order: RegionOrder): void {
    this.#ordered++;
    this.#port.postMessage({ number, order });
  }

  take(): Array<readonly [number, RegionParts | undefined]> {
    const made: Array<readonly [number, RegionParts | undefined]> = [];
    for (let received = receiveMessageOnPort(this.#port); received !== undefined; received = receiveMessageOnPort(this.#port)) {
      made.push(received.message as [number, RegionParts | undefined]);
      this.#taken++;
    }
    return made;
  }
}

/** Undefined where the host has no processor to spare. */
export function openWorkshop(): Workshop | undefined {
  if (availableParallelism() < 2) return undefined;
  setFlagsFromString("--no-wasm-lazy-compilation"); // or this thread compiles what that one has made
  return new ThreadWorkshop();
}
