/** Regions made by a thread of their own, while the guest runs in this one. */
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";
import type { RegionOrder, RegionParts, Workshop } from "../../runtime/region-order.ts";
import { DONE, UP, type WorkshopData } from "./workshop-thread.ts";

/** So many orders wait at most; a guest with more of them makes its regions itself. */
const MOST_WAITING = 64;
/** What V8 may take for the thread: it drops all that it makes. */
const LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 96 };

/** A workshop that is to be closed when its machine has ended. */
export interface OpenWorkshop extends Workshop {
  close(): void;
}

class ThreadWorkshop implements OpenWorkshop {
  readonly #words = new Int32Array(new SharedArrayBuffer(8));
  readonly #waiting = new Set<number>();
  /** From the first question on whether it takes orders: many guests have no region to make. */
  #port: MessagePort | undefined;
  #worker: Worker | undefined;
  #taken = 0;
  #isBroken = false;

  get takesOrders(): boolean {
    this.#port ??= this.#open();
    return !this.#isBroken && Atomics.load(this.#words, UP) === 1 && this.#waiting.size < MOST_WAITING;
  }

  get hasParts(): boolean { return Atomics.load(this.#words, DONE) !== this.#taken || this.#isBroken && this.#waiting.size > 0; }

  order(number: number, order: RegionOrder): void {
    this.#waiting.add(number);
    this.#port!.postMessage({ number, order });
  }

  take(): ReadonlyArray<readonly [number, RegionParts | undefined]> {
    const made: Array<readonly [number, RegionParts | undefined]> = [];
    for (let received = receiveMessageOnPort(this.#port!); received !== undefined; received = receiveMessageOnPort(this.#port!)) {
      const one = received.message as [number, RegionParts | undefined];
      this.#waiting.delete(one[0]);
      made.push(one);
      this.#taken++;
    }
    if (!this.#isBroken) return made;
    const lost = [...this.#waiting].map((number) => [number, undefined] as const);
    this.#waiting.clear();
    return [...made, ...lost];
  }

  close(): void { void this.#worker?.terminate(); }

  #open(): MessagePort {
    const { port1, port2 } = new MessageChannel(), data: WorkshopData = { port: port2, words: this.#words };
    const file = import.meta.url.endsWith(".ts") ? "./workshop-thread.ts" : "./workshop-thread.js";
    const worker = this.#worker = new Worker(new URL(file, import.meta.url), { workerData: data, transferList: [port2], resourceLimits: LIMITS });
    const broken = (): void => { this.#isBroken = true; };
    worker.on("error", broken).on("exit", broken).unref();
    port1.unref();
    return port1;
  }
}

/** Undefined where the host has no processor to spare. */
export function openWorkshop(): OpenWorkshop | undefined {
  if (availableParallelism() < 2) return undefined;
  setFlagsFromString("--no-wasm-lazy-compilation"); // or this thread compiles what that one has made
  return new ThreadWorkshop();
}
