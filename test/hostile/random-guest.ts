/** Random code that loops: blocks of random instructions that count themselves down, call each other and run into each other. */
import { Random } from "../oracle/integer/random.ts";
import { dword } from "./assembler.ts";
import { randomInstruction } from "./instructions.ts";
import { CODE, CODE_BYTES, DATA, DATA_BYTES, setUp } from "./playground.ts";
import type { Machine } from "../../src/machine.ts";

const BLOCKS = 16;
/** One loop counter in memory for each block, behind the data that random code likes to hit. */
const COUNTERS = DATA + DATA_BYTES;

interface Laid {
  readonly code: Uint8Array;
  readonly starts: readonly number[];
}

function loopBack(random: Random, at: number, start: number, counter: number): number[] {
  if (random.once(3)) {
    const body = [0x49]; // dec ecx
    return [...body, 0x0f, 0x85, ...dword(start - (at + body.length + 6))];
  }
  const body = [0xff, 0x0d, ...dword(counter)]; // dec dword [counter]
  return [...body, 0x0f, 0x85, ...dword(start - (at + body.length + 6))];
}

/** `mov dword [counter], n` or `mov ecx, n`: what the block's loop counts. */
function prologue(random: Random, counter: number): number[] {
  const turns = 4 + random.below(60);
  return [0xc7, 0x05, ...dword(counter), ...dword(turns), 0xb9, ...dword(turns), ...(random.once(2) ? [0xbe, ...dword(DATA + random.below(DATA_BYTES - 256))] : [])];
}

function layOut(random: Random, wild: number): Laid {
  const code: number[] = [], starts: number[] = [], heads: number[] = [];
  const leaves: number[] = [];
  for (let k = 0; k < 4; k++) {
    leaves.push(CODE + code.length);
    for (let n = random.below(5); n >= 0; n--) code.push(...randomInstruction(random));
    code.push(...(random.once(4) ? [0xc2, 0, 0] : [0xc3]));
  }
  for (let k = 0; k < BLOCKS; k++) {
    if (random.once(3)) while ((code.length & 0xfff) < 0xff0 - 40 && random.below(3) > 0 && code.length < (k + 1) * (CODE_BYTES - 0x400) / BLOCKS) code.push(0x90);
    starts.push(CODE + code.length);
    const counter = COUNTERS + 4 * k;
    code.push(...prologue(random, counter));
    const head = CODE + code.length;
    heads.push(head);
    for (let n = 2 + random.below(random.once(4) ? 40 : 12); n > 0; n--) {
      const at = CODE + code.length;
      if (random.once(12)) code.push(0xe8, ...dword(random.pick(leaves) - at - 5));
      else if (random.once(12)) { const skipped = randomInstruction(random, wild); code.push(0x70 + random.below(16), random.once(20) ? random.below(256) : skipped.length, ...skipped); }
      else if (random.once(60)) code.push(0xe9, ...dword(random.pick(heads) - at - 5));
      else code.push(...randomInstruction(random, wild));
    }
    code.push(...loopBack(random, CODE + code.length, head, counter));
  }
  code.push(0xe9, ...dword(starts[0]! - (CODE + code.length) - 5));
  return { code: Uint8Array.from(code.slice(0, CODE_BYTES)), starts };
}

export interface Recipe {
  readonly seed: number;
  readonly timer: number;
  readonly paging: boolean;
  readonly wild: number;
}

export function recipeFor(seed: number): Recipe {
  const random = new Random(seed);
  return { seed, paging: !random.once(4), timer: random.once(2) ? random.pick([2, 3, 5, 9, 20]) : 0, wild: random.pick([1, 1, 4, 12, 30]) };
}

/** Puts the guest of a seed into a machine after power-on. */
export function loadRandomGuest(machine: Machine, recipe: Recipe): void {
  const random = new Random(recipe.seed ^ 0x5bd1e995);
  const { code, starts } = layOut(random, recipe.wild);
  setUp(machine, random, code, starts, recipe);
}
