/** What a region's text is, and what the engine and tools are told of it. */
import type { FunctionExpression } from "estree";
import type { Instruction } from "../decode/instruction.ts";
import type { InstructionClass } from "../isa/row.ts";
import type { LineOwner } from "./source-lines.ts";

/** Parameters of every region's function; in JavaScript those alone that it needs, from the first on. */
export const PARAMETERS = ["left", "entry", "delta"] as const;

/** Where an operation that can fault or is executed by the interpreter stands. */
export interface Site {
  readonly eip: number;
  /** Of the following instruction. */
  readonly next: number;
  /** Instructions of its block from this one to the end, that `left` was already charged for. */
  readonly rest: number;
  /** Its block's number in the order of emission. */
  readonly block: number;
}

/** An instruction of a counted region. */
export interface CountedInstruction {
  readonly address: number;
  readonly instruction: Instruction;
  /** As it stands in the region; the row's class says what it could be at best. */
  readonly class: InstructionClass;
  /** The monitor or the interpreter executes it, at its exact count. */
  readonly stepped: boolean;
}

/** What the words of `COUNT` count: executions of each block, then ways out behind each block's branch that were taken. */
export interface CountedBlock {
  readonly id: number;
  readonly instructions: readonly CountedInstruction[];
  /** Edges of its last instruction that stay in the region. */
  readonly links: number;
}

export interface RegionText {
  /** The JavaScript function. */
  readonly tree: FunctionExpression;
  /** The same as text. */
  readonly print: () => string;
  readonly functions: readonly string[];
  readonly sites: readonly Site[];
  /** The budget must be at least this at entry. */
  readonly length: number;
  /** Linear pages whose EXEC entries the code compares; `PAGE0` and so on in the source. A mobile region compares host pages. */
  readonly pages: readonly number[];
  readonly instructions: number;
  readonly blocks: number;
  /** Where it may be entered, and the number that its function is called with for it. */
  readonly entries: ReadonlyMap<number, number>;
  /** Of its instructions; without those of functions that were copied in. */
  readonly addresses: readonly number[];
  /** Addresses that it leaves to because they seemed cold. */
  readonly cold: ReadonlySet<number>;
  /** By number of block; empty where nothing is counted. `COUNT` has two words for each, then two for each site of a REP: stretches behind the first, and ways out between them. */
  readonly counted: readonly CountedBlock[];
  /** What runs of x87 instructions tell where they stop (x87-run.ts); `RUNS` in the source. */
  readonly runs: readonly number[];
  /** Which instruction each line of the source is of, undefined where it is the region's own; empty where nobody asked. */
  readonly lines: ReadonlyArray<LineOwner | undefined>;
}

export interface RegionOptions {
  readonly passesOff?: ReadonlySet<string>;
  /** The code may run at any distance of whole pages from where it was found; the function's third argument is that distance. */
  readonly isMobile?: boolean;
  /** Generated code counts executions of blocks and ways out in `COUNT`. */
  readonly counters?: boolean;
  /** `lines` is filled; the source is the same. */
  readonly lines?: boolean;
}
