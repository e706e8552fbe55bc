/**
 * A shelter for hostile guests: flat protected mode with a handler behind every vector that puts stack and segments back and goes on at the
 * address that the guest left in ESCAPE, so that a guest may do anything and is still there afterwards.
 *
 * The random numbers of a guest are its own: `chance` is a linear congruential step into EAX.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "vitest";
import type { Machine, MachineExit } from "../../src/machine.ts";
import { Assembler, dword } from "./assembler.ts";
import { differences, runTo, type TwinOptions, type Twins, SOON, twins } from "./twins.ts";

export const ORIGIN = 0x100000, STACK = 0x90000, DATA = 0x40000;
const IDT = 0x2000, HANDLER = 0x3000, ESCAPE = 0x3ff0, SEED = 0x3ff4;
const CODE_SELECTOR = 0x10, DATA_SELECTOR = 0x18;
export const EAX = 0, ECX = 1, EDX = 2, EBX = 3, ESP = 4, EBP = 5, ESI = 6, EDI = 7;

/** mov dword [ESCAPE], here: faults and interrupts come back to this place. */
export function escapeHere(a: Assembler): Assembler {
  return a.bytes(0xc7, 0x05, ...dword(ESCAPE), ...dword(a.here + 10));
}

/** EAX = the next random number. */
export function chance(a: Assembler): Assembler {
  return a.bytes(0x69, 0x05, ...dword(SEED), ...dword(1664525), 0x05, ...dword(1013904223), 0xa3, ...dword(SEED), 0xc1, 0xc8, 16); // … ror eax, 16
}

/** The PICs at vectors 20h and 28h, nothing masked. */
export function programPics(a: Assembler): Assembler {
  for (const [port, value] of [[0x20, 0x11], [0xa0, 0x11], [0x21, 0x20], [0xa1, 0x28], [0x21, 4], [0xa1, 2], [0x21, 1], [0xa1, 1], [0x21, 0], [0xa1, 0]] as const) a.out(port, value);
  return a;
}

/** Acknowledges any interrupt, repairs segments and stack, jumps to where ESCAPE says. */
function handler(): Uint8Array {
  const a = new Assembler(HANDLER);
  a.bytes(0x66, 0xb8, DATA_SELECTOR, 0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xe0, 0x8e, 0xe8, 0x8e, 0xd0).with32([0xbc], STACK);
  a.out(0xa0, 0x20).out(0x20, 0x20).bytes(0xfc, 0xff, 0x25, ...dword(ESCAPE)); // cld; jmp [ESCAPE]
  return a.finish();
}

function write(machine: Machine, address: number, words: readonly number[]): void {
  machine.memory.writePhysical(address, new Uint8Array(Int32Array.from(words).buffer));
}

/** Loads code at ORIGIN and enters it. */
export function enter(machine: Machine, code: Uint8Array): void {
  machine.boot({ kernel: { name: "hostile", bytes: code }, loadAt: ORIGIN });
  machine.memory.writePhysical(HANDLER, handler());
  write(machine, IDT, Array.from({ length: 512 }, (_, k) => (k & 1) === 0 ? CODE_SELECTOR << 16 | HANDLER : 0x8e00));
  write(machine, ESCAPE, [ORIGIN, 12345]);
  machine.cpu.idtBase = IDT;
  machine.cpu.idtLimit = 0x7ff;
  machine.cpu.esp = STACK;
}

export interface Trial extends TwinOptions {
  readonly budget: number;
  readonly every?: number;
  /** How a guest may end before its budget is used up. */
  readonly ends?: ReadonlyArray<MachineExit["reason"]>;
  readonly prepare?: (machine: Machine) => void;
  /** It takes too long to be run with baseline code too. */
  readonly isLong?: boolean;
}

/** What the host may need beyond a machine's own memory for a guest that runs for a moment. */
const MOST_HOST_BYTES = 192 << 20;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Bytes that the host holds now, garbage apart. */
function hostBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * Runs a guest in both engines to its budget, with baseline code before, then without, which is the one that is answered. It holds that no engine throws, that states are equal at every check, that the guest lives as
 * long as it should, and that the host's memory stays bounded.
 */
export function survives(assemble: (a: Assembler) => void, trial: Trial): Twins {
  const a = new Assembler(ORIGIN);
  assemble(a);
  const code = a.finish();
  if (trial.promotion === undefined && trial.isLong !== true) runEqual(shelter(code, { ...trial, promotion: SOON }), trial);
  return runEqual(shelter(code, trial), trial);
}

function shelter(code: Uint8Array, trial: Trial): Twins {
  const pair = twins({ memory: 4 << 20, ...trial });
  for (const machine of [pair.translated, pair.interpreted]) {
    enter(machine, code);
    trial.prepare?.(machine);
  }
  return pair;
}

/** The second half of `survives`, for machines that are set up already. */
export function runEqual(pair: Twins, { budget, every = Math.ceil(budget / 7), ends = [] }: Trial): Twins {
  const before = hostBytes();
  for (let next = every, ended = false; !ended; next += every) {
    const to = Math.min(next, budget), exits = [runTo(pair.translated, to), runTo(pair.interpreted, to)] as const;
    expect(exits[0]).toEqual(exits[1]);
    expect(differences(pair)).toEqual([]);
    ended = to === budget || pair.interpreted.instructions < to;
    if (pair.interpreted.instructions < to) expect(ends).toContain(exits[1].at(-1)!.reason);
  }
  if (ends.length === 0) expect(pair.interpreted.instructions).toBe(budget);
  expect(hostBytes() - before).toBeLessThan(MOST_HOST_BYTES);
  return pair;
}
