/**
 * Which blocks make a region.
 *
 * From the head, direct jumps, branches and calls are followed, what is hottest first, and only into code that is hot. A called
 * function is copied into its caller's context, so that its return has one predicted target and control flow stays structured;
 * recursion and depth end that. The number of instructions is bounded: V8 optimises mid-sized functions.
 */
import { isPlain } from "../emit/handler.ts";
import type { Fields, Form } from "../form.ts";
import type { Instruction } from "../decode/instruction.ts";
import { instantiate, type PatchedImmediate } from "../ir/instantiate.ts";
import type { Meaning } from "../ir/opcodes.ts";
import { meaningOf } from "../semantics/index.ts";
import { secondPage, type Block, type BlockEnd, type BlockInstruction, type Edge, type RegionBlocks, type Target } from "./block.ts";

/** What discovery may see of guest code; nothing is filled and nothing faults. */
export interface CodeView {
  /** Where the indirect transfer at a linear address was seen to go, most often first. */
  targets?(address: number): readonly number[];
  /** Whether this address is better left to another region. */
  elsewhere?(address: number): boolean;
  /**
   * The instruction at a linear address if it is hot and may stand in a region; of two, the one of larger `weight` is hotter. Neither it nor its `fields` may
   * change afterwards; equal instructions may share them.
   */
  executed(address: number): { readonly instruction: Instruction; readonly form: Form; readonly fields: Fields; readonly weight?: number; readonly patched?: PatchedImmediate | undefined } | undefined;
}

export interface RegionLimits {
  readonly instructions: number;
  /** With so many instructions no more of called functions is copied in; absent: the same. */
  readonly copied?: number;
  readonly depth: number;
  /** No limit where it is absent. */
  readonly blocks?: number;
}

/** A call that was copied in: where it returns to. */
interface Context {
  /** By address: which block begins there. */
  readonly starts: Map<number, number>;
  /** By return address and callee: where the callee's code was put, and the copies of it that were made. */
  readonly calls: Map<number, Map<number, Context>>;
  readonly copies: Context[];
  readonly parent: Context | undefined;
  readonly returnTo: number;
  readonly callee: number;
  readonly depth: number;
}

interface Walked {
  readonly context: Context;
  readonly address: number;
  readonly weight: number;
  readonly instructions: BlockInstruction[];
}

const generals = new Map<string, General>();

/** What a form means, and whether it may stand in a region as JavaScript. */
interface General {
  readonly meaning: Meaning;
  readonly plain: boolean;
}

function generalOf(form: Form): General {
  let general = generals.get(form.key);
  if (general === undefined) {
    const meaning = meaningOf(form);
    generals.set(form.key, (general = { meaning, plain: isPlain(meaning) }));
  }
  return general;
}

/** What instructions with these values mean. */
const instances = new WeakMap<Fields, Meaning>();

function meaningWith(general: Meaning, fields: Fields): Meaning {
  let meaning = instances.get(fields);
  if (meaning === undefined) instances.set(fields, (meaning = { ...instantiate(general, fields), memo: [] }));
  return meaning;
}

/** Jump tables beyond this are followed in part; an indirect call is copied in for so many callees. */
const MOST_JUMP_TARGETS = 32, MOST_CALLEES = 4;
/** So many instructions without a branch are straight-line code that is worth going on with. */
const STRAIGHT = 64;

/**
 * The blocks of the region at `head`, which may be entered at `entries` too. Undefined where nothing can be translated at the head.
 */
export function discover(head: number, code: CodeView, limits: RegionLimits, entries: readonly number[] = []): RegionBlocks | undefined {
  return new Discovery(code, limits).run(head, entries);
}

class Discovery {
  readonly #code: CodeView;
  readonly #limits: RegionLimits;
  readonly #queue: Walked[] = [];
  readonly #waiting = new Set<Walked>();
  /** The addresses that calls of functions which are not copied in return to. */
  readonly #returns = new Set<number>();
  readonly #continued = new Set<number>();
  readonly #root: Context = { starts: new Map(), calls: new Map(), copies: [], parent: undefined, returnTo: 0, callee: -1, depth: 0 };
  #instructions = 0;
  constructor(code: CodeView, limits: RegionLimits) {
    this.#code = code;
    this.#limits = limits;
  }

  run(head: number, entries: readonly number[]): RegionBlocks | undefined {
    for (const address of [head, ...entries]) this.#start(this.#root, address, true);
    for (let next = this.#hottest(); next !== undefined; next = this.#hottest()) this.#walk(next);
    const blocks = this.#queue.map((walked, id) => this.#block(walked, id));
    if (blocks[0] === undefined || blocks[0].address !== head || blocks[0].instructions.length === 0) return undefined;
    const entered = [head, ...entries].flatMap((address) => {
      const edge = this.#edge(this.#root, address);
      return "block" in edge ? [edge.block] : [];
    });
    return { blocks, entries: [...new Set(entered)], continued: [...this.#continued] };
  }

  /** The heaviest block that was not read yet; the first among equals. */
  #hottest(): Walked | undefined {
    let best: Walked | undefined;
    for (const planned of this.#waiting) if (best === undefined || planned.weight > best.weight) best = planned;
    if (best !== undefined) this.#waiting.delete(best);
    return best;
  }

  /** The head's own code may be longer than what is copied in. */
  #isFull(context: Context): boolean { return this.#instructions >= (context === this.#root ? this.#limits.instructions : this.#limits.copied ?? this.#limits.instructions); }

  /** Plans a block at an address. */
  #start(context: Context, address: number, isEntry = false): void {
    if (context.starts.has(address) || this.#isFull(context) || this.#queue.length >= (this.#limits.blocks ?? Infinity)) return;
    if (!isEntry && context === this.#root && this.#code.elsewhere?.(address) === true) return;
    const seen = this.#code.executed(address);
    if (seen === undefined) return;
    context.starts.set(address, this.#queue.length);
    const planned: Walked = { context, address, weight: seen.weight ?? 0, instructions: [] };
    this.#queue.push(planned);
    this.#waiting.add(planned);
  }

  /** Reads instructions up to the end of the block and plans what follows. Blocks may overlap yet; `#block` cuts them. */
  #walk(walked: Walked): void {
    const { context } = walked;
    for (let address = walked.address; ;) {
      if (this.#isFull(context)) {
        if (context === this.#root && walked.instructions.length >= STRAIGHT) this.#continued.add(address);
        return;
      }
      const last = walked.instructions.at(-1), shadowed = isShadowedBy(last);
      if (last !== undefined && !shadowed && context.starts.has(address)) return;
      if (last !== undefined && !shadowed && context === this.#root && this.#code.elsewhere?.(address) === true) return;
      if (((address ^ walked.address) & ~0xfff) !== 0) { this.#start(context, address); return; } // its edge is guarded
      const found = this.#read(address);
      if (found === undefined) return;
      if (last !== undefined && secondPage(found) !== undefined) { this.#start(context, address); return; } // its second page is guarded
      walked.instructions.push(found);
      this.#instructions++;
      if (handsOver(found)) return;
      const after = address + found.instruction.length | 0, target = directTarget(found, after);
      switch (found.meaning.end.kind) {
        case "next": case "repeat":
          if (shadowed) { this.#start(context, after); return; } // it may begin a block too
          address = after;
          continue;
        case "jump": this.#start(context, target); return;
        case "branch": this.#start(context, after); this.#start(context, target); return;
        case "call": this.#startCall(context, target, after); return;
        case "indirect": this.#startTargets(context, found.meaning.end.how, address, after); return;
        case "transferred": return;
      }
      found.meaning.end satisfies never;
    }
  }

  #read(address: number): BlockInstruction | undefined {
    const seen = this.#code.executed(address);
    if (seen === undefined) return undefined;
    const { meaning: general, plain } = generalOf(seen.form);
    const meaning = seen.patched === undefined ? meaningWith(general, seen.fields) : instantiate(general, seen.fields, seen.patched);
    return { address, instruction: seen.instruction, form: seen.form, meaning, plain };
  }

  #startTargets(context: Context, how: "jump" | "call" | "return", address: number, after: number): void {
    if (how === "return") {
      if (context.parent !== undefined) this.#start(context.parent, context.returnTo);
    } else if (how === "jump") for (const target of this.#jumpTargets(address)) this.#start(context, target);
    else for (const target of this.#callees(address)) this.#startCall(context, target, after);
  }

  #jumpTargets(address: number): readonly number[] { return this.#code.targets?.(address).slice(0, MOST_JUMP_TARGETS) ?? []; }
  #callees(address: number): readonly number[] { return this.#code.targets?.(address).slice(0, MOST_CALLEES) ?? []; }

  /** The context that a called function's code is in: a copy of its own, or, where calls are too deep or recursive, the region's. */
  #callContext(context: Context, target: number, returnTo: number): Context {
    if (context.depth >= this.#limits.depth || this.#root.starts.has(target)) return this.#root;
    for (let outer: Context | undefined = context; outer !== undefined; outer = outer.parent) if (outer.callee === target) return this.#root;
    let inner = context.copies.find((copy) => copy.returnTo === returnTo && copy.callee === target);
    if (inner === undefined) {
      inner = { starts: new Map(), calls: new Map(), copies: [], parent: context, returnTo, callee: target, depth: context.depth + 1 };
      context.copies.push(inner);
    }
    return inner;
  }

  #startCall(context: Context, target: number, returnTo: number): void {
    const inner = this.#callContext(context, target, returnTo);
    const calls = context.calls.get(returnTo);
    if (calls === undefined) context.calls.set(returnTo, new Map([[target, inner]]));
    else calls.set(target, inner);
    this.#start(inner, target);
    if (inner !== this.#root) return;
    this.#returns.add(returnTo);
    this.#start(this.#root, returnTo);
  }

  // --- Cutting into blocks -----------------------------------------------------------------------------------

  #edge(context: Context, address: number): Edge {
    const id = context.starts.get(address);
    return id === undefined || this.#queue[id]!.instructions.length === 0 ? { leave: address, cold: this.#code.executed(address) === undefined } : { block: id };
  }

  #block(walked: Walked, id: number): Block {
    const { context } = walked;
    const cut = walked.instructions.findIndex(({ address }, k) => k > 0 && !isShadowedBy(walked.instructions[k - 1]) && context.starts.has(address) && "block" in this.#edge(context, address));
    const instructions = cut < 0 ? walked.instructions : walked.instructions.slice(0, cut);
    return { id, address: walked.address, instructions, end: this.#end(context, instructions), isRoot: context === this.#root };
  }

  #end(context: Context, instructions: readonly BlockInstruction[]): BlockEnd {
    const last = instructions.at(-1);
    if (last === undefined || handsOver(last)) return { kind: "transferred" };
    const after = last.address + last.instruction.length | 0, target = directTarget(last, after), { end } = last.meaning;
    switch (end.kind) {
      case "next": case "repeat": return { kind: "jump", to: this.#edge(context, after) };
      case "jump": return { kind: "jump", to: this.#edge(context, target) };
      case "branch": return { kind: "branch", condition: end.condition, taken: this.#edge(context, target), next: this.#edge(context, after) };
      case "call": return { kind: "jump", to: this.#callEdge(context, target, after) };
      case "indirect": return { kind: "indirect", to: end.to, targets: this.#targets(context, end.how, last.address, after) };
      case "transferred": return { kind: "transferred" };
    }
    return end satisfies never;
  }

  #callEdge(context: Context, target: number, after: number): Edge {
    const inner = context.calls.get(after)?.get(target);
    return inner === undefined ? { leave: target, cold: false } : this.#edge(inner, target);
  }

  /** The targets of an indirect transfer that are in the region. */
  #targets(context: Context, how: "jump" | "call" | "return", address: number, after: number): Target[] {
    const inside = (targets: readonly Target[]): Target[] => targets.filter(({ edge }) => "block" in edge);
    if (how === "jump") return inside(this.#jumpTargets(address).map((target) => ({ address: target, edge: this.#edge(context, target) })));
    if (how === "call") return inside(this.#callees(address).map((target) => ({ address: target, edge: this.#callEdge(context, target, after) })));
    const { parent } = context;
    if (parent !== undefined) return [{ address: context.returnTo, edge: this.#edge(parent, context.returnTo) }];
    return inside([...this.#returns].map((target) => ({ address: target, edge: this.#edge(this.#root, target) })));
  }
}

/** Whether what follows an instruction is in its shadow (STI), and so stays in its block whatever else leads there. */
function isShadowedBy(before: BlockInstruction | undefined): boolean { return before?.form.semantics === "sti"; }

/** A transfer that the interpreter executes in the region's place (its target lies behind a segment check, say): EIP says where it went. */
function handsOver({ plain, meaning }: BlockInstruction): boolean {
  return !plain && meaning.end.kind !== "next" && meaning.end.kind !== "repeat";
}

function directTarget({ instruction }: BlockInstruction, after: number): number {
  const last = instruction.operands.at(-1);
  return last?.kind === "rel" ? after + last.value | 0 : 0;
}
