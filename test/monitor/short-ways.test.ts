/**
 * The short ways against the general functions, which QEMU is compared with: on random descriptors, stacks and states both leave the
 * same registers and memory or raise the same fault, and a short way that declines has done nothing.
 */
import { describe, expect, it } from "vitest";
import { GuestFault } from "../../runtime/faults.ts";
import { writeEflags } from "../../runtime/flags.ts";
import { linearMemory } from "../../runtime/linear-memory.ts";
import { GuestMemory } from "../../runtime/memory.ts";
import type { Monitor, ShortTransfers } from "../../runtime/monitor/context.ts";
import { ACCESS, CS, ES, fetchDescriptor, GS, installSegment, LIMIT, SELECTOR, BASE, SS, TR } from "../../runtime/monitor/descriptors.ts";
import { deliverFault, deliverInterrupt, softwareInterrupt } from "../../runtime/monitor/interrupt.ts";
import { loadSegment } from "../../runtime/monitor/segments.ts";
import { ShortWays } from "../../runtime/monitor/short-ways.ts";
import { callFar, interruptReturn, jumpFar, returnFar } from "../../runtime/monitor/transfer.ts";
import { CpuState, CR0_AM, CR0_ET, CR0_PE } from "../../runtime/state.ts";

const RAM = 0x10000, GDT = 0x1000, IDT = 0x2000, TSS = 0x3000, STACK = 0x8000, INNER = 0xa000, CASES = 3000;
const FLAT_BIG = 0xc, SELECTORS = [0x08, 0x10, 0x1b, 0x23, 0x29, 0x31, 0x38, 0x40, 0x0b, 0x13, 0x18, 0x20, 0, 3, 0x0c, 0x48, 0xfff8];
/** Access bytes of the descriptors from 8 on: code and data of rings 0, 3, 1; conforming code; 16-bit-like and read-only data. */
const ACCESSES = [0x9b, 0x93, 0xfb, 0xf3, 0xbb, 0xb3, 0x9f, 0x91, 0xfa];

/** Numbers that are the same in every run (Numerical Recipes' generator). */
class Random {
  #state: number;
  constructor(seed: number) { this.#state = seed; }
  below(limit: number): number {
    this.#state = Math.imul(this.#state, 1664525) + 1013904223 | 0;
    return (this.#state >>> 8) % limit;
  }
  of<T>(list: readonly T[]): T { return list[this.below(list.length)]!; }
  often(yes: number, no: number): number { return this.below(24) === 0 ? no : yes; }
}

/** A processor over RAM whose TLB is filled, with all that `random` chose. */
class Subject implements Monitor {
  readonly cpu = new CpuState();
  readonly ram = new GuestMemory(RAM, this.cpu);
  readonly memory = linearMemory(this.ram);
  readonly ports = { read: () => 0, write: () => {} };
  readonly short?: ShortTransfers;

  constructor(isShort: boolean) { if (isShort) this.short = new ShortWays(this.cpu, this.ram); }
  now(): number { return 0; }

  arrange(random: Random): void {
    const { cpu, ram: { ram32 } } = this;
    cpu.words.fill(0);
    for (let k = 0; k < 9; k++) cpu.words[k] = random.below(1 << 24);
    ram32.fill(0);
    this.ram.flushAll();
    this.#tables(random);
    cpu.cr0 = random.often(CR0_PE | CR0_ET, CR0_ET) | random.often(0, CR0_AM);
    const ring = random.of([0, 0, 3, 3, 1]), data = [0x10, 0x31, 0, 0x23][ring]!, code = [0x08, 0x29, 0, 0x1b][ring]!;
    for (let segment = ES; segment <= GS; segment++) this.#take(segment, random.often(data, random.of(SELECTORS)));
    this.#take(SS, data);
    this.#take(CS, code);
    cpu.cpl = ring;
    cpu.eip = random.below(1 << 16);
    cpu.esp = STACK + random.often(4 * random.below(64), random.below(0x1000));
    writeEflags(cpu.words, 2 | random.below(1 << 15) & ~random.often(1 << 14, 0) | random.often(0, 1 << 18) | random.often(0, 1 << 16));
    for (let page = 0; page < RAM; page += 4096) {
      for (const view of this.ram.rings) {
        if (random.below(60) !== 0) view.readEntry(page);
        if (random.below(60) !== 0) view.writeEntry(page);
      }
    }
  }

  /** As a selector's descriptor says, whatever it is. */
  #take(segment: number, selector: number): void {
    const descriptor = (selector & 4) === 0 && (selector & 0xfff8) !== 0 ? fetchDescriptor(this, selector) : undefined;
    if (descriptor !== undefined) installSegment(this.cpu, segment, selector, descriptor);
  }

  #tables(random: Random): void {
    const { cpu, ram: { ram32 } } = this;
    cpu.gdtBase = GDT + random.often(0, 4);
    cpu.gdtLimit = random.often(0xff, 0x27);
    cpu.idtBase = IDT;
    cpu.idtLimit = random.often(0xff, 0x1f);
    ACCESSES.forEach((access, k) => {
      const at = (cpu.gdtBase >>> 2) + 2 * (k + 1), flags = random.often(FLAT_BIG, random.below(16));
      ram32[at] = random.often(0xffff, random.below(1 << 16));
      ram32[at + 1] = flags << 20 | random.often(0xf0000, 0) | random.often(access, access ^ 1 << random.below(8)) << 8 | random.often(0, 1 << random.below(8));
    });
    for (let vector = 0; vector < 32; vector++) {
      const offset = random.below(1 << 20), access = random.often(random.of([0x8e, 0x8f, 0xee, 0xef]), random.below(256));
      ram32[(IDT >>> 2) + 2 * vector] = random.of(SELECTORS) << 16 | offset & 0xffff;
      ram32[(IDT >>> 2) + 2 * vector + 1] = offset & 0xffff0000 | access << 8;
    }
    cpu.words[SELECTOR + TR] = 0x50;
    cpu.words[BASE + TR] = TSS + random.often(0, 2);
    cpu.words[LIMIT + TR] = random.often(0x67, 6);
    cpu.words[ACCESS + TR] = random.often(0x8b, 0x83);
    for (let ring = 0; ring < 3; ring++) {
      ram32[(TSS >>> 2) + 1 + 2 * ring] = INNER + random.often(0x100, random.below(0x1000));
      ram32[(TSS >>> 2) + 2 + 2 * ring] = random.often(ring === 0 ? 0x10 : 0x31, random.of(SELECTORS));
    }
    for (let at = STACK; at < STACK + 0x1000; at += 4) ram32[at >>> 2] = random.of([...SELECTORS, random.below(1 << 16), 0x202, 0x20202 | random.below(4) << 12]);
  }
}

type Act = (m: Monitor, choice: Random) => unknown;

const OPERATIONS: Readonly<Record<string, Act>> = {
  "segment loads": (m, choice) => { loadSegment(m, choice.of([ES, 3, 4, GS, SS, CS]), choice.of(SELECTORS)); },
  INT: (m, choice) => { softwareInterrupt(m, choice.below(36)); },
  interrupts: (m, choice) => { deliverInterrupt(m, choice.below(36)); },
  faults: (m, choice) => deliverFault(m, choice.of([0, 6, 13, 14, 1]), choice.of([-1, 0, 4, 0x18])),
  IRETD: (m) => { interruptReturn(m, 4); },
  "far jumps": (m, choice) => { jumpFar(m, choice.of(SELECTORS), choice.below(1 << 21), 4); },
  "far calls": (m, choice) => { callFar(m, choice.of(SELECTORS), choice.below(1 << 21), 4); },
  RETF: (m, choice) => { returnFar(m, 4, choice.of([0, 8])); },
};
const WAYS: Readonly<Record<string, (short: ShortTransfers, choice: Random) => boolean>> = {
  "segment loads": (short, choice) => short.loadData(choice.of([ES, 3, 4, GS, SS, CS]), choice.of(SELECTORS)),
  INT: (short, choice) => short.interrupt(choice.below(36), -1, 0x202, true),
  interrupts: (short, choice) => short.interrupt(choice.below(36), -1, 0x202, false),
  faults: (short, choice) => short.interrupt(choice.of([0, 6, 13, 14, 1]), choice.of([-1, 0, 4, 0x18]), 0x10202, false),
  IRETD: (short) => short.interruptReturn(),
  "far jumps": (short, choice) => short.jumpFar(choice.of(SELECTORS), choice.below(1 << 21)),
  "far calls": (short, choice) => short.callFar(choice.of(SELECTORS), choice.below(1 << 21)),
  RETF: (short, choice) => short.returnFar(choice.of([0, 8])),
};

/** What an operation raised or answered. */
function outcome(act: () => unknown): string {
  try {
    return `${String(act())}`;
  } catch (event) {
    if (!(event instanceof GuestFault)) throw event;
    return `#${event.vector} ${event.errorCode}`;
  }
}

const general = new Subject(false), short = new Subject(true);

function isSame(): boolean {
  return Buffer.compare(short.ram.ram, general.ram.ram) === 0 && short.cpu.words.every((word, k) => word === general.cpu.words[k]);
}

describe.each(Object.keys(OPERATIONS))("short ways: %s", (name) => {
  const act = OPERATIONS[name]!, way = WAYS[name]!;

  it("do what the general functions do", () => {
    for (let seed = 1; seed <= CASES; seed++) {
      general.arrange(new Random(seed));
      short.arrange(new Random(seed));
      const wanted = outcome(() => act(general, new Random(-seed))), got = outcome(() => act(short, new Random(-seed)));
      if (got !== wanted || !isSame()) expect({ seed, got, words: short.cpu.words, ram: short.ram.ram }).toEqual({ seed, got: wanted, words: general.cpu.words, ram: general.ram.ram });
    }
  });

  it("are often taken, and do nothing where they are not", () => {
    let taken = 0;
    for (let seed = 1; seed <= CASES; seed++) {
      general.arrange(new Random(seed));
      short.arrange(new Random(seed));
      if (way(short.short!, new Random(-seed))) taken++;
      else expect([seed, isSame()]).toEqual([seed, true]);
    }
    expect(taken).toBeGreaterThan(CASES / 40);
    expect(taken).toBeLessThan(CASES);
  });
});
