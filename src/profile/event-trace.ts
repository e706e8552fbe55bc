/**
 * What happened when, in the Trace Event Format that chrome://tracing and Perfetto read: interrupts and exceptions as they are delivered, and
 * regions from their making to their drop. Its clock is the guest's; the format counts in µs.
 */
import { Measurement } from "../../runtime/measure/measurement.ts";
import type { Region } from "../../runtime/region.ts";
import { NO_ERROR_CODE, VECTOR, VECTOR_NAMES } from "../../runtime/faults.ts";
import type { DeliveryObserver } from "../../runtime/vcpu.ts";
import type { Machine } from "../machine.ts";
import type { SymbolTable } from "../symbols.ts";
import { hex32, placeOf, placeText } from "../trace/place.ts";

type DropCause = Parameters<Measurement["regionDropped"]>[1];

/** A measurement that tells of regions as they come and go. */
export class RegionWatch extends Measurement {
  onMade: (region: Region) => void = () => {};
  onDropped: (region: Region, cause: DropCause) => void = () => {};

  override regionMade(region: Region): void {
    super.regionMade(region);
    this.onMade(region);
  }

  override regionDropped(region: Region, cause: DropCause): void {
    super.regionDropped(region, cause);
    this.onDropped(region, cause);
  }
}

/** Rows of the trace, by their thread number. */
const ROWS = { interrupt: 1, exception: 2, region: 3 } as const;
const ROW_NAMES: Readonly<Record<number, string>> = { 1: "interrupts", 2: "exceptions", 3: "regions" };
const NO_PLACE = "shutdown or another exception";

interface Event { readonly name: string; readonly cat: keyof typeof ROWS; readonly ph: "i" | "b" | "e"; readonly [more: string]: unknown }

export class EventTrace implements DeliveryObserver {
  readonly #machine: Machine;
  readonly #symbols: SymbolTable;
  readonly #write: (text: string) => void;
  readonly #regions = new Map<Region, number>();
  #made = 0;
  /** A delivery that has begun. */
  #delivery: { readonly event: Event; readonly args: Readonly<Record<string, unknown>>; readonly ts: number } | undefined;

  /** Begins the trace. `watch` is the machine's measurement. */
  constructor(machine: Machine, watch: RegionWatch, symbols: SymbolTable, write: (text: string) => void) {
    this.#machine = machine;
    this.#symbols = symbols;
    this.#write = write;
    machine.vcpu.observer = this;
    watch.onMade = (region) => this.#regionMade(region);
    watch.onDropped = (region, cause) => this.#regionDropped(region, cause);
    const names = Object.entries(ROW_NAMES).map(([tid, name]) => JSON.stringify({ name: "thread_name", ph: "M", pid: 1, tid: Number(tid), args: { name } }));
    write(`{"displayTimeUnit":"ns","traceEvents":[\n${names.join(",\n")}`);
  }

  /** Ends the trace. */
  close(): void {
    this.#emitDelivery(NO_PLACE);
    this.#write("\n]}\n");
    this.#machine.vcpu.observer = undefined;
  }

  delivering(cause: "interrupt" | "exception", vector: number, errorCode: number): void {
    this.#emitDelivery(NO_PLACE);
    const name = cause === "exception" ? `#${VECTOR_NAMES[vector] ?? vector}` : `interrupt ${vector.toString(16)}h`;
    const { cpu, instructions } = this.#machine, place = placeOf(cpu), pageFault = cause === "exception" && vector === VECTOR.PF;
    const args = {
      from: placeText(place, this.#symbols), ring: place.cpl, vector, instructions,
      ...(errorCode === NO_ERROR_CODE ? {} : { errorCode }), ...(pageFault ? { cr2: hex32(cpu.cr2) } : {}),
    };
    this.#delivery = { event: { name, cat: cause, ph: "i", s: "t" }, args, ts: this.#now() };
  }

  delivered(): void { this.#emitDelivery(placeText(placeOf(this.#machine.cpu), this.#symbols)); }

  #emitDelivery(to: string): void {
    if (this.#delivery === undefined) return;
    const { event, args, ts } = this.#delivery;
    this.#delivery = undefined;
    this.#emit({ ...event, args: { ...args, to } }, ts);
  }

  #regionMade(region: Region): void {
    const id = ++this.#made, { instructions, blocks } = region.text;
    this.#regions.set(region, id);
    this.#emit({ name: this.#nameOf(region), cat: "region", ph: "b", id, args: { instructions, blocks } });
  }

  #regionDropped(region: Region, cause: DropCause): void {
    const id = this.#regions.get(region);
    if (id === undefined) return;
    this.#regions.delete(region);
    this.#emit({ name: this.#nameOf(region), cat: "region", ph: "e", id, args: { cause } });
  }

  #nameOf({ linear }: Region): string { return this.#symbols.describe(linear) ?? hex32(linear); }

  #now(): number { return this.#machine.time / 1000; }

  #emit(event: Event, ts: number = this.#now()): void {
    this.#write(`,\n${JSON.stringify({ ...event, ts, pid: 1, tid: ROWS[event.cat] })}`);
  }
}
