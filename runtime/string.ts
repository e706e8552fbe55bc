/**
 * Repeated string instructions, a stretch at a time.
 *
 * A stretch ends at the end of a page of either operand or at the end of the count, and retires one instruction.
 * In flat segments the pages are looked up once and the bytes are moved in bulk; MMIO, other segments, DF = 1 and elements
 * that straddle a page or whose alignment is checked go one by one through the general paths.
 *
 * Invariant: registers always describe what has been done so far, so a fault in the middle of a stretch restarts there.
 */
import { copyUp, compare, element, fill, scan } from "./bulk.ts";
import * as flagKinds from "./flag-kinds.ts";
import type { GuestMemory, Ring } from "./memory.ts";
import * as state from "./state.ts";
import type { Stretches, Width } from "./stretches.ts";
import * as tlb from "./tlb-entry.ts";
import type { Monitor } from "./monitor/context.ts";
import { linearAddress, segmentUnlimited } from "./monitor/segments.ts";
import { checkPort, portIn, portOut } from "./monitor/io-permission.ts";

const { KIND } = flagKinds;
const { AC, DF, SLOT, TF } = state;
const { MMIO } = tlb;

/** 0: not repeated; 1: REP, REPE; 2: REPNE. */
type Repeat = number;

const ES = 0;
const ESI = 6, EDI = 7, ECX = 1, EAX = 0;
const WIDTH_CODE = { 1: 0, 2: 1, 4: 2 } as const;

/** Estimated host ns of a stretch, of a byte moved in bulk, and of an element that goes through the general paths. */
const STRETCH_COST = 100, BYTE_COST = 1, ELEMENT_COST = 50;

/** One repeated instruction being executed. */
export class StringUnit {
  readonly #m: Monitor;
  readonly #memory: GuestMemory;
  readonly #words: Int32Array;
  readonly #stretches: Stretches;

  constructor(m: Monitor, memory: GuestMemory, stretches: Stretches) {
    this.#m = m;
    this.#stretches = stretches;
    this.#memory = memory;
    this.#words = m.cpu.words;
  }

  // --- Registers of the address size ---------------------------------------------------------------------

  #get(register: number, addressSize: number): number {
    const value = this.#words[register]!;
    return addressSize === 2 ? value & 0xffff : value;
  }

  #add(register: number, addressSize: number, delta: number): void {
    const value = this.#words[register]!;
    this.#words[register] = addressSize === 2 ? (value & ~0xffff) | ((value + delta) & 0xffff) : value + delta;
  }

  #linear(segment: number, register: number, addressSize: number, size: number, write: boolean): number {
    return linearAddress(this.#m, segment, this.#get(register, addressSize), size, write);
  }

  /** Single-stepping and data breakpoints see every element. */
  #oneByOne(): boolean { return (this.#m.cpu.eflags & TF) !== 0 || this.#memory.accessed !== undefined; }

  /** How many elements, of at most `count`, lie before the end of the page in the direction of the move; 1 for one that straddles. */
  #elements(linear: number, size: number, down: boolean, count: number): number {
    if (this.#oneByOne()) return 1;
    const offset = linear & 0xfff;
    const room = down ? (offset + size <= 0x1000 ? Math.floor(offset / size) + 1 : 1) : Math.floor((0x1000 - offset) / size);
    const elements = Math.max(1, Math.min(room, count));
    this.#memory.spend(STRETCH_COST + elements * (down || this.#memory.alignmentChecked ? ELEMENT_COST : size * BYTE_COST));
    return elements;
  }

  #count(addressSize: number): number { return this.#get(ECX, addressSize) >>> 0; }

  /** Where a stretch of bytes lies in host memory, or -1 where it must go element by element. */
  #host(linear: number, bytes: number, entry: number): number {
    if ((entry & MMIO) !== 0 || (linear & 0xfff) + bytes > 0x1000) return -1;
    return ((linear ^ entry) & ~0xfff) | (linear & 0xfff);
  }

  /** A write of a whole stretch is possible only where every offset of it lies in the segment. */
  #bulkAllowed(segment: number, register: number, addressSize: number, bytes: number, write: boolean): boolean {
    if (this.#oneByOne() || this.#memory.alignmentChecked) return false;
    const first = this.#get(register, addressSize);
    if (addressSize === 2 && first + bytes > 0x10000) return false;
    linearAddress(this.#m, segment, first, 1, write);
    return this.#m.cpu.words[SLOT.limit0 + segment]! === -1 || bytes <= (this.#words[SLOT.limit0 + segment]! >>> 0) - (first >>> 0);
  }

  /** Where a stretch to be read lies in host memory, all of it inside its segment; -1 where it must go element by element. */
  #readable(segment: number, register: number, addressSize: number, linear: number, bytes: number): number {
    if (!this.#bulkAllowed(segment, register, addressSize, bytes, false)) return -1;
    return this.#host(linear, bytes, this.#memory.current.readEntry(linear));
  }

  // --- The common case: 32-bit addresses in unlimited segments, inside pages that the fast path reaches ------------------

  #common(addressSize: number): boolean {
    return addressSize === 4 && (this.#m.cpu.eflags & (TF | AC)) === 0 && this.#memory.accessed === undefined;
  }

  /** The linear address in a segment where no access can fail; -1 where one may. */
  #commonLinear(segment: number, register: number): number {
    return segmentUnlimited(this.#m, segment) ? (this.#words[SLOT.base0 + segment]! + this.#words[register]!) >>> 0 : -1;
  }

  /** A whole stretch of MOVS at once; false where it must go the general way. */
  #moveCommon(size: Width, segment: number): boolean {
    const S = this.#words, source = this.#commonLinear(segment, ESI), destination = this.#commonLinear(ES, EDI);
    if (source < 0 || destination < 0) return false;
    const { read, write } = this.#memory.unaligned;
    const done = this.#stretches.move(size, source, destination, S[ECX]!, read[source >>> 12]!, write[destination >>> 12]!);
    S[ESI] = S[ESI]! + done * size;
    S[EDI] = S[EDI]! + done * size;
    S[ECX] = S[ECX]! - Math.abs(done);
    return done !== 0;
  }

  #storeCommon(size: Width): boolean {
    const S = this.#words, destination = this.#commonLinear(ES, EDI);
    if (destination < 0) return false;
    const done = this.#stretches.store(size, destination, S[ECX]!, this.#memory.unaligned.write[destination >>> 12]!, S[EAX]!);
    S[EDI] = S[EDI]! + done * size;
    S[ECX] = S[ECX]! - Math.abs(done);
    return done !== 0;
  }

  #scanCommon(size: Width, repeat: Repeat): boolean {
    const S = this.#words, destination = this.#commonLinear(ES, EDI);
    if (destination < 0) return false;
    const done = this.#stretches.scan(size, destination, S[ECX]!, this.#memory.unaligned.read[destination >>> 12]!, S[EAX]!, Number(repeat === 1));
    S[EDI] = S[EDI]! + done * size;
    S[ECX] = S[ECX]! - done;
    return done !== 0;
  }

  #compareCommon(size: Width, segment: number, repeat: Repeat): boolean {
    const S = this.#words, source = this.#commonLinear(segment, ESI), destination = this.#commonLinear(ES, EDI);
    if (source < 0 || destination < 0) return false;
    const { read } = this.#memory.unaligned;
    const done = this.#stretches.compare(size, source, destination, S[ECX]!, read[source >>> 12]!, read[destination >>> 12]!, Number(repeat === 1));
    S[ESI] = S[ESI]! + done * size;
    S[EDI] = S[EDI]! + done * size;
    S[ECX] = S[ECX]! - done;
    return done !== 0;
  }

  /** The count left behind a stretch of SCAS or CMPS, 0 where its last comparison ended the repetition. */
  #countBehind(repeat: Repeat): number {
    const S = this.#words;
    return (S[SLOT.flagA] === S[SLOT.flagB]) === (repeat === 1) ? S[ECX]! >>> 0 : 0;
  }

  // --- MOVS ------------------------------------------------------------------------------------------------

  movs(size: Width, addressSize: number, segment: number): number {
    const count = this.#count(addressSize);
    if (count === 0) return 0;
    if (this.#common(addressSize) && this.#moveCommon(size, segment)) return this.#count(addressSize);
    const down = (this.#m.cpu.eflags & DF) !== 0, delta = down ? -size : size;
    const source = this.#linear(segment, ESI, addressSize, size, false), destination = this.#linear(ES, EDI, addressSize, size, true);
    let left = Math.min(this.#elements(source, size, down, count), this.#elements(destination, size, down, count));
    const ring = this.#memory.current, bytes = left * size;
    if (!down && this.#bulkAllowed(segment, ESI, addressSize, bytes, false) && this.#bulkAllowed(ES, EDI, addressSize, bytes, true)) {
      const from = this.#host(source, bytes, ring.readEntry(source)), to = this.#host(destination, bytes, ring.writeEntry(destination));
      if (from >= 0 && to >= 0) {
        this.#memory.storing(to, bytes);
        copyUp(this.#memory, from, to, bytes, size);
        this.#add(ESI, addressSize, bytes);
        this.#add(EDI, addressSize, bytes);
        this.#add(ECX, addressSize, -left);
        return this.#count(addressSize);
      }
    }
    for (; left > 0; left--) {
      const value = ring.load(this.#linear(segment, ESI, addressSize, size, false), size);
      ring.store(this.#linear(ES, EDI, addressSize, size, true), size, value);
      this.#add(ESI, addressSize, delta);
      this.#add(EDI, addressSize, delta);
      this.#add(ECX, addressSize, -1);
    }
    return this.#count(addressSize);
  }

  // --- STOS, LODS --------------------------------------------------------------------------------------------

  stos(size: Width, addressSize: number): number {
    const count = this.#count(addressSize);
    if (count === 0) return 0;
    if (this.#common(addressSize) && this.#storeCommon(size)) return this.#count(addressSize);
    const down = (this.#m.cpu.eflags & DF) !== 0, delta = down ? -size : size;
    const destination = this.#linear(ES, EDI, addressSize, size, true);
    let left = this.#elements(destination, size, down, count);
    const ring = this.#memory.current, bytes = left * size, value = this.#words[EAX]!;
    if (!down && this.#bulkAllowed(ES, EDI, addressSize, bytes, true)) {
      const to = this.#host(destination, bytes, ring.writeEntry(destination));
      if (to >= 0) {
        this.#memory.storing(to, bytes);
        fill(this.#memory, to, bytes, size, value);
        this.#add(EDI, addressSize, bytes);
        this.#add(ECX, addressSize, -left);
        return this.#count(addressSize);
      }
    }
    for (; left > 0; left--) {
      ring.store(this.#linear(ES, EDI, addressSize, size, true), size, value);
      this.#add(EDI, addressSize, delta);
      this.#add(ECX, addressSize, -1);
    }
    return this.#count(addressSize);
  }

  lods(size: Width, addressSize: number, segment: number): number {
    const count = this.#count(addressSize);
    if (count === 0) return 0;
    const down = (this.#m.cpu.eflags & DF) !== 0, delta = down ? -size : size, ring = this.#memory.current;
    for (let left = this.#elements(this.#linear(segment, ESI, addressSize, size, false), size, down, count); left > 0; left--) {
      this.#setAccumulator(size, ring.load(this.#linear(segment, ESI, addressSize, size, false), size));
      this.#add(ESI, addressSize, delta);
      this.#add(ECX, addressSize, -1);
    }
    return this.#count(addressSize);
  }

  /** As `element` gives one. */
  #accumulator(size: Width): number {
    const value = this.#words[EAX]!;
    return size === 4 ? value : value & (size === 2 ? 0xffff : 0xff);
  }

  #setAccumulator(size: Width, value: number): void {
    const before = this.#words[EAX]!;
    this.#words[EAX] = size === 4 ? value : size === 2 ? (before & ~0xffff) | value : (before & ~0xff) | value;
  }

  // --- SCAS, CMPS: flags of the last comparison -------------------------------------------------------------------

  scas(size: Width, addressSize: number, repeat: Repeat): number {
    const count = this.#count(addressSize);
    if (count === 0) return 0;
    if (this.#common(addressSize) && this.#scanCommon(size, repeat)) return this.#countBehind(repeat);
    const down = (this.#m.cpu.eflags & DF) !== 0, ring = this.#memory.current;
    const up = 32 - 8 * size, wanted = this.#words[EAX]! << up, destination = this.#linear(ES, EDI, addressSize, size, false);
    let left = this.#elements(destination, size, down, count);
    const host = down ? -1 : this.#readable(ES, EDI, addressSize, destination, left * size);
    if (host >= 0) {
      const done = scan(this.#memory, host, left, size, this.#accumulator(size), repeat === 1), value = element(this.#memory, host + (done - 1) * size, size) << up;
      this.#compared(size, wanted, value);
      this.#add(EDI, addressSize, done * size);
      this.#add(ECX, addressSize, -done);
      return (wanted === value) === (repeat === 1) ? this.#count(addressSize) : 0;
    }
    for (; left > 0; left--) {
      const value = this.#load(ring, this.#linear(ES, EDI, addressSize, size, false), size) << up;
      this.#compared(size, wanted, value);
      this.#add(EDI, addressSize, down ? -size : size);
      this.#add(ECX, addressSize, -1);
      if ((wanted === value) !== (repeat === 1)) return 0;
    }
    return this.#count(addressSize);
  }

  cmps(size: Width, addressSize: number, segment: number, repeat: Repeat): number {
    const count = this.#count(addressSize);
    if (count === 0) return 0;
    if (this.#common(addressSize) && this.#compareCommon(size, segment, repeat)) return this.#countBehind(repeat);
    const down = (this.#m.cpu.eflags & DF) !== 0, delta = down ? -size : size, ring = this.#memory.current, up = 32 - 8 * size;
    const source = this.#linear(segment, ESI, addressSize, size, false), destination = this.#linear(ES, EDI, addressSize, size, false);
    let left = Math.min(this.#elements(source, size, down, count), this.#elements(destination, size, down, count));
    const from = down ? -1 : this.#readable(segment, ESI, addressSize, source, left * size);
    const to = from < 0 ? -1 : this.#readable(ES, EDI, addressSize, destination, left * size);
    if (to >= 0) {
      const done = compare(this.#memory, from, to, left, size, repeat === 1), last = (done - 1) * size;
      const a = element(this.#memory, from + last, size) << up, b = element(this.#memory, to + last, size) << up;
      this.#compared(size, a, b);
      this.#add(ESI, addressSize, done * size);
      this.#add(EDI, addressSize, done * size);
      this.#add(ECX, addressSize, -done);
      return (a === b) === (repeat === 1) ? this.#count(addressSize) : 0;
    }
    for (; left > 0; left--) {
      const a = this.#load(ring, this.#linear(segment, ESI, addressSize, size, false), size) << up;
      const b = this.#load(ring, this.#linear(ES, EDI, addressSize, size, false), size) << up;
      this.#compared(size, a, b);
      this.#add(ESI, addressSize, delta);
      this.#add(EDI, addressSize, delta);
      this.#add(ECX, addressSize, -1);
      if ((a === b) !== (repeat === 1)) return 0;
    }
    return this.#count(addressSize);
  }

  #load(ring: Ring, linear: number, size: Width): number {
    const entry = ring.read[linear >>> 12]!;
    if (size === 1 && (entry & 1) === 0) return this.#memory.ram[linear ^ entry]!;
    return ring.load(linear, size);
  }

  #compared(size: Width, a: number, b: number): void {
    this.#words[SLOT.flagKind] = KIND.sub * 4 + WIDTH_CODE[size];
    this.#words[SLOT.flagA] = a;
    this.#words[SLOT.flagB] = b;
  }

  // --- INS, OUTS ------------------------------------------------------------------------------------------------

  /** Elements to move in this stretch, 0 where a count has run out. */
  #portElements(linear: number, size: number, addressSize: number, repeat: Repeat): number {
    if (repeat === 0) return 1;
    return this.#elements(linear, size, (this.#m.cpu.eflags & DF) !== 0, this.#count(addressSize));
  }

  ins(size: Width, addressSize: number, repeat: Repeat): number {
    if (repeat !== 0 && this.#count(addressSize) === 0) return 0;
    const delta = (this.#m.cpu.eflags & DF) !== 0 ? -size : size, port = this.#words[2]! & 0xffff, ring = this.#memory.current;
    checkPort(this.#m, port, size);
    for (let left = this.#portElements(this.#linear(ES, EDI, addressSize, size, true), size, addressSize, repeat); left > 0; left--) {
      const linear = this.#linear(ES, EDI, addressSize, size, true);
      ring.checkWrite(linear, size);
      ring.store(linear, size, portIn(this.#m, port, size));
      this.#add(EDI, addressSize, delta);
      if (repeat !== 0) this.#add(ECX, addressSize, -1);
    }
    return repeat === 0 ? 0 : this.#count(addressSize);
  }

  outs(size: Width, addressSize: number, segment: number, repeat: Repeat): number {
    if (repeat !== 0 && this.#count(addressSize) === 0) return 0;
    const delta = (this.#m.cpu.eflags & DF) !== 0 ? -size : size, port = this.#words[2]! & 0xffff, ring = this.#memory.current;
    checkPort(this.#m, port, size);
    for (let left = this.#portElements(this.#linear(segment, ESI, addressSize, size, false), size, addressSize, repeat); left > 0; left--) {
      portOut(this.#m, port, size, ring.load(this.#linear(segment, ESI, addressSize, size, false), size));
      this.#add(ESI, addressSize, delta);
      if (repeat !== 0) this.#add(ECX, addressSize, -1);
    }
    return repeat === 0 ? 0 : this.#count(addressSize);
  }
}
