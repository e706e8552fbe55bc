/**
 * Guest-physical memory and the virtual TLB.
 *
 * Linear page → host offset, in flat tables of 2^20 int32 entries: read, write and execute, for supervisor
 * and for user. An entry is `hostPage XOR linearPage`; its low bits say why the fast path may not be taken.
 * Generated code does one test and one access:
 *
 *     t = READ[a >>> 12];  v = ((a | t) & 3) === 0 ? MEM32[(a ^ t) >>> 2] : load32(a, id, left)
 *
 * Invariants:
 * - The TLB is machine state: an entry is filled by the access that needs it, in both engines at the same
 *   instruction, and goes only when the guest flushes it. A stale entry decides faults as on real hardware.
 * - A write entry is filled by a write only, so that a filled one proves the dirty bit.
 * - A *watched* frame (it holds decoded or translated bytes, or its next write is to be noticed) has no fast write entry.
 * - A slow access that throws has changed nothing but TLB entries and accessed bits.
 */
import { AlignedRing, alignmentChecked } from "./alignment.ts";
import * as state from "./state.ts";
import type { CpuState } from "./state.ts";
import { currentFault, noteFault, RETRY } from "./faults.ts";
import * as tlb from "./tlb-entry.ts";
import { HostMemory } from "./host-memory.ts";

const { CR0_WP, CR4_PGE, CR4_PSE, SLOT } = state;
const { leave: LEAVE } = SLOT;
const { FAULTS, MMIO, SLOW, UNFILLED, WATCHED } = tlb;

const PTE_PRESENT = 1, PTE_WRITE = 2, PTE_USER = 4, PTE_ACCESSED = 32, PTE_DIRTY = 64, PDE_LARGE = 128, PTE_GLOBAL = 256;
/** Bits of a 4 MiB PDE that must be zero without PSE-36 (SDM volume 3, 4.3). */
const LARGE_RESERVED = 0x3fe000;

const PAGE_FAULT = 14;

/** Estimated host ns. */
const FILL_COST = 300;

const LISTED = 1, LISTED_GLOBAL = 2, LISTED_LARGE = 4;

/** Told of every store into a frame that holds code. */
export interface CodeWatcher {
  /** `size` bytes at host address `host`, inside one page, are about to change. May throw RETRY. */
  storing(host: number, size: number): void;
}

/** Memory-mapped devices; absent ones read all ones. */
export interface MmioSpace {
  read(physical: number, size: 1 | 2 | 4): number;
  write(physical: number, size: 1 | 2 | 4, value: number): void;
}

const ABSENT: MmioSpace = {
  read: (_physical, size) => (size === 1 ? 0xff : size === 2 ? 0xffff : -1),
  write: () => {},
};

type Width = 1 | 2 | 4;

/** What `GuestMemory.save` returns; structured-cloneable. */
export interface MemoryState {
  readonly a20: boolean;
  /** Non-zero pages only: page number and content. */
  readonly pages: ReadonlyArray<readonly [number, Uint8Array]>;
  /** Filled TLB entries: linear page, list flags, then the six entries. */
  readonly tlb: Int32Array;
}

export class GuestMemory {
  readonly host: HostMemory;
  readonly size: number;
  /** Guest-physical RAM from address 0. */
  readonly ram: Uint8Array;
  readonly ram16: Uint16Array;
  readonly ram32: Int32Array;
  /** The same, for what is not aligned. */
  readonly view: DataView;
  /** As float32s and float64s; no NaN is to pass through here, for the host may change it. */
  readonly singles: Float32Array;
  readonly doubles: Float64Array;
  /** Supervisor and user views of the TLB. */
  readonly rings: readonly [PagingRing, PagingRing];
  #aligned: AlignedRing | undefined;
  mmio: MmioSpace = ABSENT;
  watcher: CodeWatcher | undefined;
  /** Linear pages with a data breakpoint: their accesses all take the slow path, which tells `accessed`. */
  #breakpointPages: ReadonlySet<number> = new Set();
  accessed: ((linear: number, size: number, write: boolean) => void) | undefined;
  /** True while exactly one instruction runs at an exact count: MMIO is allowed. */
  exact = true;
  /** Estimated host ns until the virtual CPU is to ask whether its owner wants it back. */
  patience = 0;
  /** By host page: 1 where decoded or translated bytes lie. */
  readonly codePages: Uint8Array;
  /** By host byte, a bit each: something was decoded or translated from it. The watcher's. */
  readonly codeBytes: Int32Array;
  /** By host page: 1 when written since `takeDirtyPages`. */
  readonly dirty: Uint8Array;
  /** `flushes` of all kinds: of everything, of all but global pages, of one page. `besideCode`: stores into watched frames that hit nothing, but for those of regions that are WebAssembly. */
  readonly stats = { fills: 0, besideCode: 0, flushes: 0, flushesAll: 0, flushesNonGlobal: 0, flushesPage: 0 };

  #a20 = true;
  #cpu: CpuState;
  readonly #listed = new Uint8Array(1 << 20);
  /** By 4 MiB region: 1 where pieces of a large page may be listed. */
  readonly #largeListed = new Uint8Array(1 << 10);
  #local: number[] = [];
  #global: number[] = [];
  /** By host page: linear pages whose write entry maps it; may hold stale ones. */
  readonly #writers: Array<number[] | undefined>;

  /** `size` in bytes, a multiple of 4096, at most 2 GiB - 4 KiB. */
  constructor(size: number, cpu: CpuState, host = new HostMemory(size)) {
    this.size = size;
    this.host = host;
    const { buffer } = host, at = host.take(size);
    this.ram = new Uint8Array(buffer, at, size);
    this.ram16 = new Uint16Array(buffer, at, size >>> 1);
    this.ram32 = new Int32Array(buffer, at, size >>> 2);
    this.view = new DataView(buffer, at, size);
    this.singles = new Float32Array(buffer, at, size >>> 2);
    this.doubles = new Float64Array(buffer, at, size >>> 3);
    this.codePages = new Uint8Array(buffer, host.take(size >>> 12), size >>> 12);
    this.codeBytes = new Int32Array(buffer, host.take(size >>> 3), size >>> 5);
    this.dirty = new Uint8Array(buffer, host.take(size >>> 12), size >>> 12).fill(1);
    this.#writers = Array.from<number[] | undefined>({ length: size >>> 12 });
    this.#cpu = cpu;
    this.rings = [new PagingRing(this, 0, host), new PagingRing(this, PTE_USER, host)];
  }

  /** The A20 gate: address bit 20 is forced to 0 while it is closed. */
  get a20(): boolean { return this.#a20; }
  set a20(open: boolean) {
    if (open === this.#a20) return;
    this.#a20 = open;
    this.flushAll();
  }

  /** The view of the current privilege level, with alignment checks where they are on. */
  get current(): Ring { return this.alignmentChecked ? this.aligned : this.unaligned; }

  /** The same without alignment checks. */
  get unaligned(): Ring { return this.rings[this.#cpu.cpl === 3 ? 1 : 0]; }

  /** Whether misaligned accesses raise #AC now. */
  get alignmentChecked(): boolean { return alignmentChecked(this.#cpu); }

  /** The user's view with alignment checks. */
  get aligned(): AlignedRing { return (this.#aligned ??= new AlignedRing(this.rings[1], new Int32Array(1 << 20).fill(UNFILLED))); }

  // --- Loaders and DMA -------------------------------------------------------------------------------

  /** Copies into RAM as a device does: code on those bytes is forgotten. Throws RangeError beyond the end of RAM. */
  writePhysical(address: number, bytes: Uint8Array): void {
    if (address < 0 || address + bytes.length > this.size) throw new RangeError(`physical range ${address.toString(16)}h + ${bytes.length} is outside RAM`);
    for (let at = address; at < address + bytes.length;) {
      const end = Math.min(address + bytes.length, (at | 0xfff) + 1);
      this.storing(at, end - at);
      this.ram.set(bytes.subarray(at - address, end - address), at);
      at = end;
    }
  }

  // --- The walk ---------------------------------------------------------------------------------------

  /** The physical address of a 32-bit physical word, or -1 where no RAM is. */
  #physicalWord(physical: number): number {
    const address = (this.#a20 ? physical : physical & ~0x100000) >>> 0;
    return address < this.size ? address >>> 2 : -1;
  }

  /** Notes a page fault; 0, which no walk finds. */
  #pageFault(linear: number, present: number, write: boolean, user: number): number {
    this.#cpu.cr2 = linear;
    noteFault(PAGE_FAULT, present | (write ? 2 : 0) | user);
    return 0;
  }

  #setBits(word: number, value: number): void {
    this.storing(word << 2, 4);
    this.ram32[word] = value;
  }

  /** Walks the guest's page tables (SDM volume 3, 4.3), sets accessed and dirty bits, returns the physical page | list flags; 0 for a page fault. */
  #walk(linear: number, write: boolean, user: number): number {
    const cpu = this.#cpu;
    if (cpu.cr0 >= 0) return (linear & ~0xfff) | LISTED; // CR0.PG is the sign bit
    const directoryWord = this.#physicalWord((cpu.cr3 & ~0xfff) + ((linear >>> 22) << 2));
    const pde = directoryWord < 0 ? 0 : this.ram32[directoryWord]!;
    if ((pde & PTE_PRESENT) === 0) return this.#pageFault(linear, 0, write, user);
    const writable = PTE_WRITE, protect = (cpu.cr0 & CR0_WP) !== 0 || user !== 0;
    if ((pde & PDE_LARGE) !== 0 && (cpu.cr4 & CR4_PSE) !== 0) {
      if ((pde & LARGE_RESERVED) !== 0) return this.#pageFault(linear, 9, write, user);
      if (user !== 0 && (pde & PTE_USER) === 0 || write && protect && (pde & writable) === 0) return this.#pageFault(linear, 1, write, user);
      const updated = pde | PTE_ACCESSED | (write ? PTE_DIRTY : 0);
      if (updated !== pde) this.#setBits(directoryWord, updated);
      return ((pde & 0xffc00000) | (linear & 0x3ff000)) | LISTED | LISTED_LARGE | this.#globalFlag(pde);
    }
    const tableWord = this.#physicalWord((pde & ~0xfff) + (((linear >>> 12) & 0x3ff) << 2));
    const pte = tableWord < 0 ? 0 : this.ram32[tableWord]!;
    if ((pte & PTE_PRESENT) === 0) return this.#pageFault(linear, 0, write, user);
    const both = pde & pte;
    if (user !== 0 && (both & PTE_USER) === 0 || write && protect && (both & writable) === 0) return this.#pageFault(linear, 1, write, user);
    if ((pde & PTE_ACCESSED) === 0) this.#setBits(directoryWord, pde | PTE_ACCESSED);
    const updated = pte | PTE_ACCESSED | (write ? PTE_DIRTY : 0);
    if (updated !== pte) this.#setBits(tableWord, updated);
    return (pte & ~0xfff) | LISTED | this.#globalFlag(pte);
  }

  #globalFlag(entry: number): number {
    return (entry & PTE_GLOBAL) !== 0 && (this.#cpu.cr4 & CR4_PGE) !== 0 ? LISTED_GLOBAL : 0;
  }

  /** Walks and returns the entry that it has stored: fast, watched or MMIO. FAULTS for a page fault: throwing it is the caller's, near to what catches it. */
  fill(linear: number, table: Int32Array, write: boolean, user: number): number {
    const walked = this.#walk(linear, write, user);
    if (walked === 0) return FAULTS;
    this.stats.fills++;
    this.took(FILL_COST);
    const page = linear >>> 12;
    this.#list(page, walked & 7);
    const physical = (this.#a20 ? walked & ~0xfff : walked & ~0x100fff) >>> 0;
    let entry = (physical ^ linear) & ~0xfff;
    if (physical >= this.size) entry |= SLOW | MMIO;
    else if (write) {
      this.#addWriter(physical >>> 12, page);
      if (this.codePages[physical >>> 12] !== 0) entry |= SLOW | WATCHED;
      else this.dirty[physical >>> 12] = 1;
    }
    if (this.#breakpointPages.has(page)) entry |= SLOW | WATCHED;
    table[page] = entry;
    return entry;
  }

  /** Data accesses to these linear pages are reported to `accessed` from now on. */
  set breakpointPages(pages: ReadonlySet<number>) {
    this.#breakpointPages = pages;
    for (const page of pages) {
      for (const { read, write } of this.rings) {
        if (read[page] !== UNFILLED) read[page] = read[page]! | SLOW | WATCHED;
        if (write[page] !== UNFILLED) write[page] = write[page]! | SLOW | WATCHED;
      }
    }
  }

  #list(page: number, flags: number): void {
    const before = this.#listed[page]!;
    if ((flags & LISTED_LARGE) !== 0) this.#largeListed[page >>> 10] = 1;
    if (before === 0) (flags & LISTED_GLOBAL ? this.#global : this.#local).push(page);
    else if ((before & LISTED_GLOBAL) !== 0 && (flags & LISTED_GLOBAL) === 0) this.#local.push(page);
    this.#listed[page] = before === 0 ? flags : (before & flags & LISTED_GLOBAL) | ((before | flags) & LISTED_LARGE) | LISTED;
  }

  #addWriter(frame: number, page: number): void {
    const list = (this.#writers[frame] ??= []);
    if (list.length >= 16 && (list.length & (list.length - 1)) === 0) {
      const live = [...new Set(list)].filter((p) => this.#mapsForWriting(p, frame));
      this.#writers[frame] = live;
      live.push(page);
    } else list.push(page);
  }

  #mapsForWriting(page: number, frame: number): boolean {
    return this.rings.some((ring) => {
      const entry = ring.write[page]!;
      return entry !== UNFILLED && (entry & MMIO) === 0 && ((entry >>> 12) ^ page) === frame;
    });
  }

  // --- Watching ---------------------------------------------------------------------------------------

  /** Takes the fast path away from every filled write entry of this frame. */
  #downgrade(frame: number): void {
    const list = this.#writers[frame];
    if (list === undefined) return;
    const live = [...new Set(list)].filter((page) => this.#mapsForWriting(page, frame));
    for (const page of live) {
      for (const ring of this.rings) {
        const entry = ring.write[page]!;
        if (entry !== UNFILLED && (entry & MMIO) === 0 && ((entry >>> 12) ^ page) === frame) ring.write[page] = entry | SLOW | WATCHED;
      }
    }
    this.#writers[frame] = live;
  }

  /** From now on stores into this frame go to the watcher. */
  watchCode(frame: number): void {
    if (this.codePages[frame] !== 0) return;
    this.codePages[frame] = 1;
    this.#downgrade(frame);
  }

  /** No code is left on this frame: entries become fast again at their next store. */
  unwatchCode(frame: number): void {
    this.codePages[frame] = 0;
  }

  /** Before `size` bytes at `host` change, inside one page. May throw RETRY. */
  /** @internal */
  storing(host: number, size: number): void {
    const frame = host >>> 12;
    if (this.codePages[frame] !== 0) this.watcher?.storing(host, size);
    this.dirty[frame] = 1;
  }

  /** The pages written since the last call, in order; notes the next write to each again. */
  takeDirtyPages(): number[] {
    const pages: number[] = [];
    for (let frame = 0; frame < this.dirty.length; frame++) {
      if (this.dirty[frame] === 0) continue;
      pages.push(frame);
      this.dirty[frame] = 0;
      this.#downgrade(frame);
    }
    return pages;
  }

  // --- Flushing ---------------------------------------------------------------------------------------

  #drop(page: number): void {
    for (const ring of this.rings) {
      ring.read[page] = UNFILLED;
      ring.write[page] = UNFILLED;
      ring.exec[page] = UNFILLED;
    }
    this.#listed[page] = 0;
  }

  flushNonGlobal(): void {
    this.stats.flushes++;
    this.stats.flushesNonGlobal++;
    const keep: number[] = [];
    for (const page of this.#local) {
      if ((this.#listed[page]! & LISTED_GLOBAL) === 0) this.#drop(page);
      else keep.push(page);
    }
    this.#local = keep;
  }

  flushAll(): void {
    this.stats.flushes++;
    this.stats.flushesAll++;
    for (const page of this.#local) this.#drop(page);
    for (const page of this.#global) this.#drop(page);
    this.#local = [];
    this.#global = [];
  }

  flushPage(linear: number): void {
    this.stats.flushes++;
    this.stats.flushesPage++;
    const page = linear >>> 12;
    this.#forget(page);
    if (this.#largeListed[page >>> 10] === 0) return;
    const first = page & ~0x3ff;
    for (let p = first; p < first + 1024; p++) if ((this.#listed[p]! & LISTED_LARGE) !== 0) this.#forget(p);
    this.#largeListed[page >>> 10] = 0;
  }

  /** As #drop, but the page stays in its list, so that it is not listed twice. */
  #forget(page: number): void {
    const listed = this.#listed[page]!;
    this.#drop(page);
    this.#listed[page] = listed & ~LISTED_LARGE;
  }

  /** The EXEC entry of `linear` at the current privilege level. */
  fetched(linear: number): number { return this.unaligned.exec[linear >>> 12]!; }

  /** The EXEC entry of `linear`, filled as the fetch of the next instruction does; UNFILLED where that will fault. */
  fetchAhead(linear: number): number {
    const { exec } = this.unaligned, entry = exec[linear >>> 12]!;
    if (entry !== UNFILLED) return entry;
    const { cr2, cpl } = this.#cpu, filled = this.fill(linear, exec, false, cpl === 3 ? PTE_USER : 0);
    if (filled !== FAULTS) return filled;
    this.#cpu.cr2 = cr2;
    return UNFILLED;
  }

  /** Behind a flush: whether the EXEC entry of `linear`, filled as the fetch of the next instruction does, is `before`, which can be used by the fast path. */
  fetchesAgain(linear: number, before: number): boolean { return this.fetchAhead(linear) === before && (before & SLOW) === 0; }

  // --- Snapshots --------------------------------------------------------------------------------------

  save(): MemoryState {
    const pages: Array<readonly [number, Uint8Array]> = [];
    for (let frame = 0; frame < this.size >>> 12; frame++) {
      if (!this.isZero(frame)) pages.push([frame, this.ram.slice(frame << 12, (frame + 1) << 12)]);
    }
    const listed = [...new Set([...this.#local, ...this.#global])].filter((page) => this.#listed[page] !== 0);
    const tlb = new Int32Array(listed.length * 8);
    listed.forEach((page, k) => {
      tlb.set([page, this.#listed[page]!], k * 8);
      this.rings.forEach((ring, r) => tlb.set([ring.read[page]!, ring.write[page]!, ring.exec[page]!], k * 8 + 2 + r * 3));
    });
    return { a20: this.#a20, pages, tlb };
  }

  /** Takes a saved state back. The owner forgets its code caches first, so no frame is watched. */
  restore(state: MemoryState): void {
    this.flushAll();
    this.#a20 = state.a20;
    this.ram.fill(0);
    for (const [frame, bytes] of state.pages) this.ram.set(bytes, frame << 12);
    this.dirty.fill(1);
    this.codePages.fill(0);
    for (let k = 0; k < state.tlb.length; k += 8) {
      const page = state.tlb[k]!, flags = state.tlb[k + 1]!;
      this.#list(page, flags);
      this.rings.forEach((ring, r) => {
        const [read, write, exec] = [state.tlb[k + 2 + r * 3]!, state.tlb[k + 3 + r * 3]!, state.tlb[k + 4 + r * 3]!];
        ring.read[page] = read;
        ring.exec[page] = exec;
        // What was watched for its code need not be any more: the store finds out.
        ring.write[page] = write;
        if (write !== UNFILLED && (write & MMIO) === 0) this.#addWriter((write >>> 12) ^ page, page);
      });
    }
  }

  /** Whether a page of RAM is all zero. */
  isZero(frame: number): boolean {
    const end = (frame + 1) << 10;
    for (let word = frame << 10; word < end; word++) if (this.ram32[word] !== 0) return false;
    return true;
  }

  // --- Physical access behind an entry ------------------------------------------------------------------

  /** @internal Host-side read of `size` bytes inside one page. */
  readHost(host: number, size: Width): number {
    if (size === 1) return this.ram[host]!;
    if (size === 4 && (host & 3) === 0) return this.ram32[host >>> 2]!;
    const low = this.ram[host]! | (this.ram[host + 1]! << 8);
    return size === 2 ? low : low | (this.ram[host + 2]! << 16) | (this.ram[host + 3]! << 24);
  }

  /** @internal Host-side write inside one page of a frame that may be watched; `table[page]` gets its fast path back where nothing is left to watch. */
  writeHost(host: number, size: Width, value: number, table: Int32Array, page: number): void {
    const frame = host >>> 12;
    this.storing(host, size);
    if (this.codePages[frame] === 0 && !this.#breakpointPages.has(page)) table[page] = table[page]! & ~0xfff;
    this.writeBeside(host, size, value);
  }

  /** @internal The same where there is nothing to watch. */
  writeBeside(host: number, size: Width, value: number): void {
    this.dirty[host >>> 12] = 1;
    if (size === 4 && (host & 3) === 0) { this.ram32[host >>> 2] = value; return; }
    this.ram[host] = value;
    if (size === 1) return;
    this.ram[host + 1] = value >> 8;
    if (size === 2) return;
    this.ram[host + 2] = value >> 16;
    this.ram[host + 3] = value >> 24;
  }

  /** Something took about `cost` ns of host time. Where patience is at its end, regions do not follow one another any longer. */
  took(cost: number): void {
    this.patience -= cost;
    if (this.patience < 0) this.#cpu.words[LEAVE] = 1;
  }

  /** An instruction is about to take about `cost` ns of host time. Throws RETRY where patience is at its end, so that the loop polls. */
  spend(cost: number): void {
    this.patience -= cost;
    if (this.patience < 0) this.requireExact();
  }

  /** @internal */
  requireExact(): void {
    if (!this.exact) throw RETRY; // oxlint-disable-line typescript/only-throw-error -- a guest event, not an Error
  }
}

/**
 * One privilege's view: its three tables and the slow paths that generated code calls.
 *
 * `id` and `left` say where in a region the access stands (see region code); the interpreter passes zeros.
 */
class PagingRing {
  readonly read: Int32Array;
  readonly write: Int32Array;
  readonly exec: Int32Array;
  readonly #memory: GuestMemory;
  readonly #user: number;

  constructor(memory: GuestMemory, user: number, host: HostMemory) {
    const table = (): Int32Array => new Int32Array(host.buffer, host.take(4 << 20), 1 << 20).fill(UNFILLED);
    this.read = table();
    this.write = table();
    this.exec = table();
    this.#memory = memory;
    this.#user = user;
  }

  /** The entry for a read, filled by now, or FAULTS. */
  #toRead(linear: number): number {
    const entry = this.read[linear >>> 12]!;
    return entry === UNFILLED ? this.#memory.fill(linear, this.read, false, this.#user) : entry;
  }

  #toWrite(linear: number): number {
    const entry = this.write[linear >>> 12]!;
    return entry === UNFILLED ? this.#memory.fill(linear, this.write, true, this.#user) : entry;
  }

  /** Throws the page fault, as all that is called below does. */
  readEntry(linear: number): number {
    const entry = this.#toRead(linear);
    if (entry === FAULTS) throw currentFault; // oxlint-disable-line typescript/only-throw-error -- a guest event, not an Error
    return entry;
  }

  writeEntry(linear: number): number {
    const entry = this.#toWrite(linear);
    if (entry === FAULTS) throw currentFault; // oxlint-disable-line typescript/only-throw-error -- a guest event, not an Error
    return entry;
  }

  /** Fills the execute entry of this address as an instruction fetch does. */
  execEntry(linear: number): number {
    let entry = this.exec[linear >>> 12]!;
    if (entry === UNFILLED) entry = this.#memory.fill(linear, this.exec, false, this.#user);
    if (entry === FAULTS) throw currentFault; // oxlint-disable-line typescript/only-throw-error -- a guest event, not an Error
    return entry;
  }

  /** Any read that the fast path does not take. */
  load(linear: number, size: Width): number {
    this.#memory.accessed?.(linear, size, false);
    if ((linear & 0xfff) + size > 0x1000) return this.#loadAcross(linear, size);
    const entry = this.#toRead(linear);
    if (entry === FAULTS) throw currentFault; // oxlint-disable-line typescript/only-throw-error -- a guest event, not an Error
    return this.#loadInside(linear, size, entry);
  }

  /**
   * Data on a page with code: the host address where bytes that are not marked may change with no more ado. -1 where it is for the long way to
   * find out: everywhere else, and at marks and bytes that two words of them stand for. Regions that are WebAssembly have the same in
   * translator/wasm/library.ts.
   */
  #besideCode(linear: number, size: number): number {
    const memory = this.#memory, entry = this.write[linear >>> 12]!, host = (linear ^ entry) & ~0xfff | linear & 0xfff, bit = host & 31;
    if ((entry & (SLOW | WATCHED | MMIO)) !== (SLOW | WATCHED) || memory.accessed !== undefined || bit + size > 32) return -1;
    if (memory.codePages[host >>> 12] === 0 || (memory.codeBytes[host >>> 5]! & ((1 << size) - 1 << bit)) !== 0) return -1;
    memory.stats.besideCode++;
    return host;
  }

  #loadInside(linear: number, size: Width, entry: number): number {
    const address = (linear ^ entry) & ~0xfff | linear & 0xfff;
    if ((entry & MMIO) === 0) return this.#memory.readHost(address, size);
    this.#memory.requireExact();
    return this.#memory.mmio.read(address >>> 0, size);
  }

  #loadAcross(linear: number, size: Width): number {
    this.readEntry(linear);
    this.readEntry((linear & ~0xfff) + 0x1000 | 0);
    let value = 0;
    for (let k = 0; k < size; k++) value |= this.#loadInside(linear + k | 0, 1, this.readEntry(linear + k | 0)) << (8 * k);
    return value;
  }

  /** Any write that the fast path does not take. */
  store(linear: number, size: Width, value: number): void {
    const beside = this.#besideCode(linear, size);
    if (beside >= 0) {
      this.#memory.writeBeside(beside, size, value);
      return;
    }
    this.#memory.accessed?.(linear, size, true);
    if ((linear & 0xfff) + size > 0x1000) { this.#storeAcross(linear, size, value); return; }
    const entry = this.#toWrite(linear);
    if (entry === FAULTS) throw currentFault; // oxlint-disable-line typescript/only-throw-error -- a guest event, not an Error
    this.#storeInside(linear, size, value, entry);
  }

  #storeInside(linear: number, size: Width, value: number, entry: number): void {
    const address = (linear ^ entry) & ~0xfff | linear & 0xfff;
    if ((entry & MMIO) === 0) this.#memory.writeHost(address, size, value, this.write, linear >>> 12);
    else {
      this.#memory.requireExact();
      this.#memory.mmio.write(address >>> 0, size, size === 1 ? value & 0xff : size === 2 ? value & 0xffff : value);
    }
  }

  #storeAcross(linear: number, size: Width, value: number): void {
    this.checkWrite(linear, size);
    for (let k = 0; k < size; k++) this.#storeInside(linear + k | 0, 1, (value >> (8 * k)) & 0xff, this.writeEntry(linear + k | 0));
  }

  /** Faults as a write of `size` bytes would, and asks for the exact count where it would be MMIO or hit running code; writes nothing. */
  checkWrite(linear: number, size: number): void {
    const last = linear + size - 1 | 0;
    this.#checkOne(linear, Math.min(size, 0x1000 - (linear & 0xfff)));
    if ((linear ^ last) & ~0xfff) this.#checkOne(last & ~0xfff, (last & 0xfff) + 1);
  }

  #checkOne(linear: number, size: number): void {
    const entry = this.writeEntry(linear);
    if ((entry & MMIO) !== 0) { this.#memory.requireExact(); return; }
    const host = (linear ^ entry) & ~0xfff | linear & 0xfff;
    if ((entry & WATCHED) !== 0 && this.#memory.codePages[host >>> 12] !== 0) this.#memory.watcher?.storing(host, size);
  }

  /** The read of a read-modify-write: checked as a write first. */
  loadToModify(linear: number, size: Width): number {
    const beside = this.#besideCode(linear, size);
    if (beside >= 0) return this.#memory.readHost(beside, size);
    this.checkWrite(linear, size);
    if ((linear & 0xfff) + size <= 0x1000) return this.#loadInside(linear, size, this.writeEntry(linear));
    let value = 0;
    for (let k = 0; k < size; k++) value |= this.#loadInside(linear + k | 0, 1, this.writeEntry(linear + k | 0)) << (8 * k);
    return value;
  }
}

/** A privilege's view of memory. */
export type Ring = Pick<PagingRing, keyof PagingRing>;
