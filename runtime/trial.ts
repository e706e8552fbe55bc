/**
 * Trials: before a region is made at a head, the interpreter watches what runs from there, so that the region holds what is hot and
 * nothing else. V8 compiles small functions sooner, and code that it has seen run does not make it start over.
 *
 * A trial is some stretches of instructions, each from an execution of the head on. It has a number; decoded instructions
 * that were executed in it carry that number and a count (`Insn.seen`), so that no trial has to clear what the one before left.
 */
import type { Insn } from "./insn.ts";

const MOST_TARGETS = 100;
/** Executions alone that are counted; the others, of which there are at most 2^14 - 1, come on top. */
const COUNT_BITS = 14, MOST_TRIALS = 1 << (30 - COUNT_BITS);

export interface TrialLengths {
  /** How many stretches a trial has; 0: there are no trials, and all that was ever executed counts as hot. */
  readonly stretches: number;
  /** Instructions of one stretch. All stretches together are at most 2^14 - 1. */
  readonly instructions: number;
}

/** What was seen at one head so far. */
export interface Trial {
  /** An instruction with `seen` beyond this ran in the trial. */
  readonly base: number;
  stretches: number;
  /** How often a region at this head was made anew because its ways out had become hot. */
  readonly remade: number;
  /** Where the region is to be entered beside its head: distances from it. */
  readonly entries: readonly number[];
}

const MOST_EXECUTIONS = (1 << COUNT_BITS) - 1;

/** How often an instruction ran in the last trial that saw it; what is beyond the count's width is not counted. */
export function executions(insn: Insn): number { return insn.seen & MOST_EXECUTIONS; }

/** An instruction ran in the trial of this base, or of a later one. */
export function saw(insn: Insn, base: number): void {
  if (insn.seen < base) insn.seen = base + 1;
  else if ((insn.seen & MOST_EXECUTIONS) !== MOST_EXECUTIONS) insn.seen++;
}

export class Trials {
  readonly #lengths: TrialLengths;
  readonly #open = new Map<Insn, Trial>();
  #numbers = 0;
  /** By indirect transfer: how far from its own address it went in trials, and how often. */
  readonly #targets = new Map<Insn, Map<number, number>>();
  /** The stretch that runs now: what is left of it. */
  left = 0;
  base = 0;

  constructor(lengths: TrialLengths) { this.#lengths = lengths; }

  /** Whether a stretch runs. */
  get running(): boolean { return this.left > 0; }

  /** Before a region is made at a head: begins a stretch and returns undefined, or returns the trial that is complete. */
  at(head: Insn): Trial | undefined {
    let trial = this.#open.get(head);
    if (trial === undefined) this.#open.set(head, (trial = this.#new(0)));
    if (trial.stretches < this.#lengths.stretches) {
      trial.stretches++;
      this.left = this.#lengths.instructions;
      this.base = trial.base;
      return undefined;
    }
    this.#open.delete(head);
    return trial;
  }

  /** The region that came from this trial is to be made anew: what was seen still counts, and a stretch begins where execution is now. */
  again(head: Insn, { base, remade }: Trial, entries: readonly number[]): void {
    this.#open.set(head, { base, stretches: 0, remade: remade + 1, entries });
    if (this.#lengths.stretches === 0) return;
    this.left = this.#lengths.instructions;
    this.base = base;
  }

  /** An indirect transfer went to an address at this distance. */
  readonly went = (insn: Insn, distance: number): void => {
    let targets = this.#targets.get(insn);
    if (targets === undefined) this.#targets.set(insn, (targets = new Map()));
    if (targets.size < MOST_TARGETS || targets.has(distance)) targets.set(distance, (targets.get(distance) ?? 0) + 1);
  };

  /** Where an indirect transfer, now at `linear`, went, most often first. */
  targets(insn: Insn, linear: number): number[] {
    return [...(this.#targets.get(insn) ?? [])].sort((a, b) => b[1] - a[1]).map(([distance]) => linear + distance | 0);
  }

  /** A decoded instruction goes for good. */
  forget(insn: Insn): void {
    if (insn.seen !== 0) this.#targets.delete(insn);
    if (this.#open.size > 0) this.#open.delete(insn);
  }

  /** Every decoded instruction is forgotten. */
  clear(): void {
    this.#targets.clear();
    this.#open.clear();
    this.left = 0;
  }

  #new(remade: number, entries: readonly number[] = []): Trial {
    if (this.#lengths.stretches === 0) return { base: -1, stretches: 0, remade, entries };
    this.#numbers = this.#numbers % (MOST_TRIALS - 1) + 1;
    return { base: this.#numbers << COUNT_BITS, stretches: 0, remade, entries };
  }
}
