/**
 * Heads on their way to baseline code. A module takes the host as long as interpreting some ten thousand instructions, whatever it holds: what few instructions belong
 * to waits until it is worth that, and several heads wait for one another.
 */
import { baselineCode, leadBackTo } from "./baseline.ts";
import type { CodePage, CodeSpace } from "./code-cache.ts";
import type { Insn } from "./insn.ts";
import type { GuestMemory } from "./memory.ts";
import type { RegionFunction, RegionFunctions } from "./region-function.ts";
import type { RegionRows } from "./region-row.ts";
import type { BaselineInstruction, BaselineText, Templates } from "../translator/translate.ts";

/** So many heads are made together; one that comes to be executed so much more meanwhile does not wait for the others. */
const TOGETHER = 12, AGAIN = 60;
/** So many instructions are worth their making at once; in a loop, which the interpreter does quickly, it goes by the square. */
const SMALL = 60, SMALL_LOOP = 63;
/** Estimated host ns that making baseline code takes, and a template. */
const BASELINE_COST = 300_000, TEMPLATE_COST = 100_000;

/** A piece of baseline code. */
export interface BaselinePiece extends Place {
  readonly instructions: readonly BaselineInstruction[];
  readonly templates: Templates;
  /** Its own branches or calls lead to its head. */
  readonly isLoop: boolean;
  readonly text: BaselineText;
  readonly run: RegionFunction;
}

/** A head, and where it was. */
interface Place {
  readonly head: Insn;
  readonly linear: number;
  readonly page: CodePage;
}

export interface BaselineHeadsOptions {
  /** Executions after which a head is asked for. */
  readonly lukewarm: number;
  /** Immediates that the guest changes are read each time. */
  readonly isPatchable: boolean;
  /** Makes a head an ordinary instruction again, that is asked for after so many more executions. */
  release(head: Insn, executions: number): void;
}

/** There is nothing that baseline code could be made of; it is not worth its making yet. */
export const NOTHING_THERE = "nothing there", WAITS = "waits";

export class BaselineHeads {
  readonly #memory: GuestMemory;
  readonly #code: RegionFunctions;
  readonly #options: BaselineHeadsOptions;
  /** By mode. */
  readonly #waiting = new Map<CodeSpace, Map<Insn, Place>>();

  constructor(memory: GuestMemory, code: RegionFunctions, options: BaselineHeadsOptions) {
    this.#memory = memory;
    this.#code = code;
    this.#options = options;
  }

  /**
   * Pieces of baseline code for a head that was executed often enough, and for those that wait with it. `isLeft`: a region was left to it each time, which takes
   * as long as many instructions. Undefined where the mode has none.
   */
  at(head: Insn, linear: number, space: CodeSpace, isLeft: boolean, rows: RegionRows): readonly BaselinePiece[] | typeof NOTHING_THERE | typeof WAITS | undefined {
    const templates = this.#code.templatesOf(space), { page } = space.decodedAt(linear) ?? {};
    if (templates === undefined) return undefined;
    if (page === undefined) return NOTHING_THERE;
    let waiting = this.#waiting.get(space);
    if (waiting === undefined) this.#waiting.set(space, (waiting = new Map()));
    if (!waiting.has(head)) {
      const { lukewarm } = this.#options;
      if (lukewarm > 1 && !head.hasWaited && !isLeft) {
        const instructions = this.#found(space, page, templates, linear);
        if (instructions.length === 0) return NOTHING_THERE;
        if (this.#isSmall(head, linear, instructions, templates)) return WAITS;
      }
      waiting.set(head, { head, linear, page });
      if (lukewarm > 1 && waiting.size < TOGETHER) {
        this.#options.release(head, Math.min(AGAIN, lukewarm));
        return WAITS;
      }
    }
    this.#waiting.delete(space);
    return this.#make([...waiting.values()], space, templates, rows);
  }

  /** The instruction goes for good; its object may become another. */
  forget(head: Insn): void { for (const waiting of this.#waiting.values()) waiting.delete(head); }

  /** Whether a head that few instructions belong to is to wait for more executions. It does so once. */
  #isSmall(head: Insn, linear: number, instructions: readonly BaselineInstruction[], templates: Templates): boolean {
    const { lukewarm } = this.#options, { length } = instructions, share = leadBackTo(linear, instructions, templates) ? (SMALL_LOOP / length) ** 2 : SMALL / length;
    const more = Math.floor(lukewarm * share) - lukewarm;
    if (more < lukewarm) return false;
    head.hasWaited = true;
    this.#options.release(head, more);
    return true;
  }

  /** What can be entered in one piece is not made in another. */
  #make(places: readonly Place[], space: CodeSpace, templates: Templates, rows: RegionRows): readonly BaselinePiece[] {
    const module = this.#code.baselineModule(space, templates), before = templates.made, taken = new Set<Insn>(), pieces: Array<Omit<BaselinePiece, "run">> = [];
    for (const place of places) {
      const { head, linear, page } = place;
      if (head.r !== undefined || taken.has(head) || space.pages[page.frame] !== page || page.isResting) continue;
      const instructions = this.#found(space, page, templates, linear, taken);
      if (instructions.length === 0) continue;
      const text = module.add(instructions, linear);
      for (const address of text.entries.keys()) taken.add(page.at(address & 0xfff));
      pieces.push({ ...place, instructions, templates, isLoop: leadBackTo(linear, instructions, templates), text });
    }
    if (pieces.length === 0) return [];
    this.#memory.patience -= pieces.length * BASELINE_COST + (templates.made - before) * TEMPLATE_COST;
    const functions = this.#code.baselineFunctions(module, space, rows);
    return pieces.map((piece, k) => ({ ...piece, run: functions[k]! }));
  }

  #found(space: CodeSpace, page: CodePage, templates: Templates, linear: number, taken?: ReadonlySet<Insn>): BaselineInstruction[] {
    return baselineCode(this.#memory, { space, page, templates, isPatchable: this.#options.isPatchable, taken }, linear);
  }
}
