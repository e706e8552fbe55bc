/**
 * The I/O address space: 65,536 byte ports, to which devices are attached by ranges.
 *
 * Invariant: an access of 2 or 4 bytes goes whole to a device that was attached for that width at that very port; otherwise
 * it falls into its halves, low half first, as on the ISA bus. A port that nobody answers reads all ones and swallows writes.
 */
import type { PortSpace } from "../runtime/monitor/context.ts";
import type { PortDevice } from "./devices/device.ts";

export type PortWidth = 1 | 2 | 4;

/** Accesses that nobody answered, by bytes. */
export interface UnknownPort {
  reads: number;
  writes: number;
}

interface Range {
  readonly base: number;
  readonly end: number;
  readonly device: PortDevice;
  /** An access may change when it wants to be called next. */
  readonly timed: boolean;
}

const PORTS = 0x10000;
const MASKS: Readonly<Record<PortWidth, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffffffff };

/** The ranges of one access width. */
class Ports {
  readonly width: PortWidth;
  readonly #ranges: Range[] = [];
  /** For each port, 1 + the index of its range, or 0. */
  readonly #index = new Uint8Array(PORTS);

  constructor(width: PortWidth) { this.width = width; }

  add(range: Range): void {
    for (let port = range.base; port < range.end; port++) {
      const other = this.at(port);
      if (other !== undefined) throw new Error(`I/O ports overlap at ${hex(port)}: ${describe(range)} and ${describe(other)}`);
    }
    if (this.#ranges.push(range) > 255) throw new Error("more than 255 ranges of I/O ports");
    this.#index.fill(this.#ranges.length, range.base, range.end);
  }

  at(port: number): Range | undefined {
    const index = this.#index[port]!;
    return index === 0 ? undefined : this.#ranges[index - 1];
  }
}

const hex = (port: number): string => `${port.toString(16).toUpperCase()}h`;
const describe = (range: Range): string => `${hex(range.base)}-${hex(range.end - 1)}`;

export class PortBus implements PortSpace {
  readonly #bytes = new Ports(1);
  readonly #words = new Ports(2);
  readonly #doublewords = new Ports(4);
  readonly #unknown = new Map<number, UnknownPort>();

  /**
   * Lets a device answer at `length` ports from `base` on, for accesses of `width` bytes (1 where it is absent). The same
   * ports may be attached once for each width. `timed`: accesses change when the board's next event is. Throws an Error where ranges of one width overlap or leave the space.
   */
  attach(base: number, length: number, device: PortDevice, options: { readonly width?: PortWidth; readonly timed?: boolean } = {}): void {
    const range = { base, end: base + length, device, timed: options.timed ?? false };
    if (base < 0 || length < 1 || range.end > PORTS) throw new Error(`I/O ports ${describe(range)} are not in 0-FFFFh`);
    this.#ports(options.width ?? 1).add(range);
  }

  read(port: number, size: PortWidth): number {
    if (size === 1) return this.#readByte(port);
    const range = (size === 2 ? this.#words : this.#doublewords).at(port);
    if (range !== undefined) return (this.#device(range).readPort(port - range.base) & MASKS[size]) >>> 0;
    const half = size === 4 ? 2 : 1;
    const low = this.read(port, half);
    return (low | (this.read((port + half) & 0xffff, half) << (8 * half))) >>> 0;
  }

  #readByte(port: number): number {
    const range = this.#bytes.at(port);
    if (range !== undefined) return this.#device(range).readPort(port - range.base) & 0xff;
    this.#count(port).reads++;
    return 0xff;
  }

  write(port: number, size: PortWidth, value: number): void {
    const range = (size === 1 ? this.#bytes : size === 2 ? this.#words : this.#doublewords).at(port);
    if (range !== undefined) this.#device(range).writePort(port - range.base, size === 1 ? value & 0xff : (value & MASKS[size]) >>> 0);
    else if (size === 1) this.#count(port).writes++;
    else this.#writeHalves(port, size === 4 ? 2 : 1, value);
  }

  #writeHalves(port: number, half: 1 | 2, value: number): void {
    this.write(port, half, value & MASKS[half]);
    this.write((port + half) & 0xffff, half, (value >>> (8 * half)) & MASKS[half]);
  }

  #device({ device, timed }: Range): PortDevice {
    if (timed) this.moveEvent();
    return device;
  }

  /** `nextEvent` of a timed device may have changed since `takeMoved` was called last; and since the board asked last. */
  #moved = true;
  isStale = true;

  moveEvent(): void { this.#moved = this.isStale = true; }

  takeMoved(): boolean {
    const moved = this.#moved;
    this.#moved = false;
    return moved;
  }

  /** Byte accesses to ports without a device, by port; a diagnosis, no part of the machine's state. */
  get unknown(): ReadonlyMap<number, Readonly<UnknownPort>> { return this.#unknown; }

  #ports(width: PortWidth): Ports {
    return width === 1 ? this.#bytes : width === 2 ? this.#words : this.#doublewords;
  }

  #count(port: number): UnknownPort {
    let count = this.#unknown.get(port);
    if (count === undefined) this.#unknown.set(port, count = { reads: 0, writes: 0 });
    return count;
  }
}
