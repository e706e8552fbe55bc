/** A virtual CPU that has nothing but an FPU and flat memory, for tests. */
import { CpuState, SLOT } from "../../runtime/state.ts";
import type { LinearMemory } from "../../runtime/monitor/context.ts";
import { Fpu } from "../../runtime/fpu/fpu.ts";
import type { X87Host } from "../../runtime/fpu/execute.ts";

export const MEMORY_BYTES = 0x4000;

/** Flat memory; an access that touches a byte at or above `limit` throws `FAULT` before anything is written. */
export class FlatMemory implements LinearMemory {
  readonly bytes = new Uint8Array(MEMORY_BYTES);
  private readonly view = new DataView(this.bytes.buffer);
  limit = MEMORY_BYTES;

  probe(linear: number, size: number): void {
    if (linear + size > this.limit) throw FAULT;
  }

  requireAligned(): void { /* nothing is checked */ }
  requireExact(): void { /* there are no regions */ }
  read8(linear: number): number { this.probe(linear, 1); return this.view.getUint8(linear); }
  read16(linear: number): number { this.probe(linear, 2); return this.view.getUint16(linear, true); }
  read32(linear: number): number { this.probe(linear, 4); return this.view.getInt32(linear, true); }
  write8(linear: number, value: number): void { this.probe(linear, 1); this.view.setUint8(linear, value); }
  write16(linear: number, value: number): void { this.probe(linear, 2); this.view.setUint16(linear, value, true); }
  write32(linear: number, value: number): void { this.probe(linear, 4); this.view.setInt32(linear, value, true); }
  readSystem8(linear: number): number { return this.read8(linear); }
  readSystem16(linear: number): number { return this.read16(linear); }
  readSystem32(linear: number): number { return this.read32(linear); }
  writeSystem8(linear: number, value: number): void { this.write8(linear, value); }
  writeSystem16(linear: number, value: number): void { this.write16(linear, value); }
  writeSystem32(linear: number, value: number): void { this.write32(linear, value); }
  flushAll(): void { /* nothing cached */ }
  flushNonGlobal(): void { /* nothing cached */ }
  flushPage(): void { /* nothing cached */ }
}

export const FAULT = new Error("page fault");

export class TestHost implements X87Host {
  readonly cpu = new CpuState();
  readonly fpu = new Fpu(this.cpu);
  readonly memory = new FlatMemory();
  x87Offset = 0;
  x87Opcode = 0;
  x87DataOffset = 0;
  x87DataSelector = 0;

  constructor() {
    this.cpu.cr0 = 0x21; // PE, NE
    this.cpu.words[SLOT.cpl] = 3;
    this.fpu.initialize();
  }
}
