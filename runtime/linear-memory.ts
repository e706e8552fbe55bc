/** Guest memory by linear address, as the monitor and the x87 unit use it. */
import type { GuestMemory, Ring } from "./memory.ts";
import type { LinearMemory } from "./monitor/context.ts";

/** `GuestMemory` as the monitor sees it: every access is checked for alignment by its own size where such checks are on. */
export function linearMemory(memory: GuestMemory): LinearMemory {
  return accessThrough(memory, () => memory.current);
}

/** As the x87 unit sees it: operands of several words are checked as a whole, by `requireAligned` alone. */
export function operandMemory(memory: GuestMemory): LinearMemory {
  return accessThrough(memory, () => memory.unaligned);
}

function accessThrough(memory: GuestMemory, view: () => Ring): LinearMemory {
  const system = memory.rings[0], { ram, ram16, ram32 } = memory, { read, write } = system;
  return {
    read8: (a) => view().load(a, 1),
    read16: (a) => view().load(a, 2),
    read32: (a) => {
      const ring = view(), t = ring.read[a >>> 12]!;
      return ((a | t) & 3) === 0 ? ram32[(a ^ t) >>> 2]! : ring.load(a, 4);
    },
    write8: (a, v) => view().store(a, 1, v),
    write16: (a, v) => view().store(a, 2, v),
    write32: (a, v) => {
      const ring = view(), t = ring.write[a >>> 12]!;
      if (((a | t) & 3) === 0) ram32[(a ^ t) >>> 2] = v;
      else ring.store(a, 4, v);
    },
    requireAligned(linear, alignment) {
      if (memory.alignmentChecked) memory.aligned.requireAligned(linear, alignment);
    },
    readSystem8: (a) => {
      const t = read[a >>> 12]!;
      return (t & 1) === 0 ? ram[a ^ t]! : system.load(a, 1);
    },
    readSystem16: (a) => {
      const t = read[a >>> 12]!;
      return ((a | t) & 1) === 0 ? ram16[(a ^ t) >>> 1]! : system.load(a, 2);
    },
    readSystem32: (a) => {
      const t = read[a >>> 12]!;
      return ((a | t) & 3) === 0 ? ram32[(a ^ t) >>> 2]! : system.load(a, 4);
    },
    writeSystem8: (a, v) => system.store(a, 1, v),
    writeSystem16: (a, v) => system.store(a, 2, v),
    writeSystem32: (a, v) => {
      const t = write[a >>> 12]!;
      if (((a | t) & 3) === 0) ram32[(a ^ t) >>> 2] = v;
      else system.store(a, 4, v);
    },
    requireExact: () => memory.requireExact(),
    probe(linear, size, write, user) {
      const ring = memory.rings[user ? 1 : 0];
      const last = linear + size - 1 | 0;
      for (const address of [linear, ((linear ^ last) & ~0xfff) === 0 ? linear : last & ~0xfff]) {
        if (write) ring.writeEntry(address);
        else ring.readEntry(address);
      }
    },
    flushAll: () => memory.flushAll(),
    flushNonGlobal: () => memory.flushNonGlobal(),
    flushPage: (linear) => memory.flushPage(linear),
  };
}
