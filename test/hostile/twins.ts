/** The same guest in both engines, and in what they part. */
import type { TrialLengths } from "../../runtime/trial.ts";
import { Vcpu, type Engine, type VcpuOptions } from "../../runtime/vcpu.ts";
import { createBoard } from "../../src/board.ts";
import { Machine, type MachineExit, type MachineOptions } from "../../src/machine.ts";
import { architecturalDifferences, boardDifferences, ramDifferences } from "../../src/state-difference.ts";
import { checkCode } from "../../translator/translate.ts";

/** Backward branches taken before a loop is translated: low, so that short runs see translated code. */
const HOT = 3;
const SHORT_TRIAL = { stretches: 1, instructions: 20 };
/** So few instructions of baseline code that short runs see it and regions. */
export const SOON = 500;
/** What translates: regions at once, baseline code before them, baseline code alone. */
export const TRANSLATIONS: ReadonlyArray<readonly [name: string, options: Pick<TwinOptions, "promotion">]> = [
  ["regions", {}], ["baseline code and regions", { promotion: SOON }], ["baseline code", { promotion: 1e9 }],
];

export interface TwinOptions extends Pick<MachineOptions, "memory" | "debugExit" | "off"> {
  readonly hotThreshold?: number;
  /** There is baseline code, and a region in its place after so many instructions. */
  readonly promotion?: number;
  readonly trial?: TrialLengths;
  readonly rest?: number;
  /** What code the machines, of `twins` the translated one, keep although it is not used. */
  readonly keep?: VcpuOptions["keep"];
}

/** A machine whose regions are made early and checked. */
export function hotMachine(engine: Engine, { hotThreshold = HOT, promotion, trial = SHORT_TRIAL, keep, rest, ...options }: TwinOptions = {}): Machine {
  return new Machine({ memory: 1 << 20, ...options, engine }, {
    createVcpu: ({ verifyCode: _, ...parts }) => new Vcpu({ ...parts, hotThreshold, trial, verifyCode: checkCode, ...promotion === undefined ? {} : { promotion }, ...keep === undefined ? {} : { keep }, ...rest === undefined ? {} : { rest } }),
    createBoard,
  });
}

export interface Twins {
  readonly translated: Machine;
  readonly interpreted: Machine;
}

export function twins({ keep, ...options }: TwinOptions = {}): Twins {
  return { translated: hotMachine("translate", keep === undefined ? options : { ...options, keep }), interpreted: hotMachine("interpret", options) };
}

/** Events that end a machine's run but not the guest: the run goes on behind them, so many times; not so often where it only sleeps. */
const MOST_STOPS = 5000, MOST_SLEEPS = 10;

/** Runs to an instruction count; resets and power-offs are gone on behind. Answers all exits in order. */
export function runTo(machine: Machine, count: number): MachineExit[] {
  const exits: MachineExit[] = [];
  for (let sleeps = 0; machine.instructions < count && exits.length < MOST_STOPS && sleeps < MOST_SLEEPS;) {
    const exit = machine.run({ maxInstructions: count - machine.instructions });
    exits.push(exit);
    if (exit.reason === "asleep") sleeps++;
    if (exit.reason === "halted" || exit.reason === "shutdown" || exit.reason === "idle") break;
  }
  return exits;
}

/** What is different between the twins now; empty where nothing is. */
export function differences({ translated, interpreted }: Twins): string[] {
  if (translated.stateHash() === interpreted.stateHash()) return [];
  const counts = translated.instructions === interpreted.instructions && translated.time === interpreted.time ? []
    : [`count and time: ${translated.instructions}, ${translated.time} | ${interpreted.instructions}, ${interpreted.time}`];
  return [
    ...counts, ...architecturalDifferences(translated.cpu, interpreted.cpu), ...boardDifferences(translated, interpreted), ...ramDifferences(translated, interpreted),
  ];
}

export interface Parting {
  /** Checked last where both were equal. */
  readonly equalAt: number;
  readonly differentAt: number;
  readonly lines: readonly string[];
}

/** Runs both, comparing after every `every` instructions up to `budget`. Answers where they part, or undefined; throws where an engine fails. */
export function runTwins(pair: Twins, budget: number, every: number): Parting | undefined {
  const start = pair.interpreted.instructions;
  for (let equalAt = start; equalAt < start + budget;) {
    const next = Math.min(start + budget, equalAt + every);
    const a = runTo(pair.translated, next), b = runTo(pair.interpreted, next);
    const lines = JSON.stringify(a) === JSON.stringify(b) ? differences(pair) : [`exits: ${JSON.stringify(a)} | ${JSON.stringify(b)}`, ...differences(pair)];
    if (lines.length > 0) return { equalAt, differentAt: next, lines };
    if (pair.interpreted.instructions < next) return undefined; // the guest has ended
    equalAt = next;
  }
  return undefined;
}
