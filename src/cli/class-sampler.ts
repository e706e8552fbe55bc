/**
 * What part of the executed instructions is of which class. The machine is stopped at pseudo-random places, and the instruction
 * to execute next is looked at: unlike counters in the engines this costs the run nothing.
 */
import { SLOT } from "../../runtime/state.ts";
import { CS, decode, type InstructionClass } from "../../translator/translate.ts";
import { readLinear } from "../inspect.ts";
import type { Machine } from "../machine.ts";
import { codeBits } from "./disaster.ts";

const LONGEST = 15;
/** The mean distance of two samples rises with the run, so that short guests are seen too. */
const FIRST_DISTANCE = 100, LARGEST_DISTANCE = 200_000, RISE = 1.01;

export class ClassSampler {
  readonly #machine: Machine;
  readonly #weights: Record<InstructionClass, number> = { ident: 0, inline: 0, callout: 0, branch: 0 };
  #distance = FIRST_DISTANCE;
  #seed = 1;
  #last = 0;

  constructor(machine: Machine) { this.#machine = machine; }

  /** Looks at the instruction to execute next; returns in how many instructions to look again. */
  readonly next = (): number => {
    this.#sample();
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    this.#distance = Math.min(LARGEST_DISTANCE, this.#distance * RISE);
    return 1 + Math.floor((this.#distance * 2 * this.#seed) / 2 ** 32);
  };

  #sample(): void {
    const { cpu, instructions } = this.#machine;
    const bytes = readLinear(this.#machine, (cpu.words[SLOT.base0 + CS]! + cpu.eip) | 0, LONGEST);
    const instruction = decode(bytes, 0, bytes.length, { bits: codeBits(this.#machine) });
    // A sample stands for the stretch since the one before.
    if (!("failure" in instruction)) this.#weights[instruction.row.class] += instructions - this.#last;
    this.#last = instructions;
  }

  /** "ident 71.00 %, …", of all that was sampled. */
  shares(): string {
    const total = Object.values(this.#weights).reduce((sum, weight) => sum + weight, 0);
    return Object.entries(this.#weights).map(([name, weight]) => `${name} ${(100 * weight / Math.max(total, 1)).toFixed(2)} %`).join(", ");
  }
}
