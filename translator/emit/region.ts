/**
 * A region as one JavaScript function: `function (left, entry, delta) { … }`. `entry` says where to begin, in regions that have several
 * entries; `delta` how far from the addresses at which it was found the code is mapped, in regions that can run anywhere.
 *
 * Guest registers and flags are function-level locals, assigned in guest order, so that the one `catch` can write back what they are
 * at any fault. `left` is the budget: each block takes its exact length off at its beginning; it is tested on every back edge against the
 * region's whole length, which no way to the next test exceeds. Everything leaves through one write-back at the end.
 */
import { generate } from "astring";
import type { Expression, FunctionExpression, Identifier, Statement } from "estree";
import { CHANGED } from "../../runtime/abi.ts";
import { answersWhetherToLeave, calledExactly, transfers } from "../ir/calls.ts";
import type { Meaning, Node } from "../ir/opcodes.ts";
import { CARRY_LOCAL, runPasses, X87_RUNS } from "../passes/index.ts";
import { secondPage, successors, type Block, type BlockEnd, type BlockInstruction, type Edge, type RegionBlocks, type Target } from "../region/block.ts";
import { structure, type Structure } from "../region/structure.ts";
import { carriesIn } from "../region/carry.ts";
import { assign, block, declare, identifier, number } from "./estree.ts";
import { functionName, InstructionEmitter, word, type Place } from "./lowering.ts";
import { planFor } from "./plan.ts";
import { ARRAY_SOURCES } from "./check.ts";
import { factsOf, type InstructionFacts } from "./instruction-facts.ts";
import { commonStretch } from "./repeat.ts";
import { SourceLines, type LineOwner } from "./source-lines.ts";
import { DECLARATIONS, NO_POINTERS, settle } from "./x87-frame.ts";
import { isHeld, MOST_ROUNDED, X87Run } from "./x87-run.ts";
import { PARAMETERS, type CountedBlock, type CountedInstruction, type RegionOptions, type RegionText, type Site } from "./region-facts.ts";
import { EXPLICIT, FLAGS, LOCALS, RegionPlace, UNKNOWN } from "./region-place.ts";
import { FLOW, FLOW_TEST, FRAME, RUN_ARRAYS } from "./region-templates.ts";

/** Up to so many targets are compared one after the other, more of them by halves. */
const SEARCHED_IN_ORDER = 4;

const NO_FOLLOWS: readonly number[] = [];
const IDENTIFIERS = PARAMETERS.map(identifier);

class RegionEmitter {
  readonly sites: Site[] = [];
  readonly pages: number[] = [];
  readonly functions = new Set<string>();
  readonly #structure: Structure;
  readonly #place: RegionPlace;
  readonly #counters: boolean;
  readonly #isMobile: boolean;
  readonly counted: CountedBlock[] = [];
  readonly cold = new Set<number>();
  readonly length: number;
  /** Blocks that expect CF in `carry`. */
  readonly #carriesIn: ReadonlySet<number>;
  instructions = 0;
  #blocks = 0;

  readonly #found: RegionBlocks;
  readonly #lines: SourceLines | undefined;
  /** The instruction that is being emitted, where lines are wanted. */
  #owner: LineOwner | undefined = undefined;

  constructor(found: RegionBlocks, shape: Structure, { passesOff = new Set(), isMobile = false, counters = false, lines = false }: RegionOptions) {
    this.#found = found;
    this.#lines = lines ? new SourceLines() : undefined;
    this.#structure = { ...shape, blocks: shape.blocks.map((block) => ({ ...block, instructions: runPasses(block.instructions, passesOff) })) };
    this.#counters = counters;
    this.#carriesIn = passesOff.has(CARRY_LOCAL) ? new Set() : carriesIn(this.#structure.blocks, shape.order);
    this.#place = new RegionPlace(counters, isMobile);
    this.#isMobile = isMobile;
    this.#hasRuns = !passesOff.has(X87_RUNS) && this.#structure.blocks.some(({ instructions }) => instructions.some(isHeld));
    this.#place.hasRuns = this.#hasRuns;
    if (this.#hasRuns) this.functions.add("x87Settle");
    this.length = shape.order.reduce((sum, id) => sum + shape.blocks[id]!.instructions.length, 0);
  }

  run(): FunctionExpression {
    const body: Statement[] = [];
    this.#tree(this.#structure.root, body);
    const guarded: Statement = {
      type: "TryStatement", block: { type: "BlockStatement", body },
      handler: { type: "CatchClause", param: identifier("error"), body: { type: "BlockStatement", body: this.#unowned(FRAME.caught({})) } }, finalizer: null,
    };
    const leave: Statement = { type: "LabeledStatement", label: identifier("leave"), body: block([guarded]) };
    return {
      type: "FunctionExpression", id: identifier(`region_${hex(this.#structure.blocks[0]!.address)}`), params: this.#parameters(),
      body: {
        type: "BlockStatement",
        body: [...this.#arrays(), ...(this.#hasRuns ? DECLARATIONS({}) : []), ...this.#open(), leave, ...this.#unowned([...(this.#hasRuns ? settle((found) => this.#place.moved(found)) : []), ...this.#close()])],
      },
    };
  }

  /** Registers and flags into the locals that the code names. */
  #open(): Statement[] {
    const isEnteredWithCarry = this.#carriesIn.has(this.#structure.root), [all] = FRAME.open({}), { named } = this.#place;
    if (all?.type !== "VariableDeclaration") throw new Error("template of the locals");
    if (isEnteredWithCarry) this.#place.name(FLAGS);
    const declarations = all.declarations.filter((_one, k) => k >= LOCALS.length || named.has(LOCALS[k]!));
    const int32 = this.#parameters().flatMap((parameter) => FRAME.int32({ name: parameter }));
    return [...int32, { ...all, declarations }, ...(this.#carriesIn.size === 0 ? [] : isEnteredWithCarry ? FRAME.openCarry({}) : FRAME.carry({}))];
  }

  /** What may have changed goes back, on every way out. */
  #close(): Statement[] {
    const { assigned } = this.#place;
    return [...LOCALS.filter((name) => assigned.has(name)).flatMap((name) => FRAME.writeBack.get(name)!), ...FRAME.close({})];
  }

  /**
   * The ABI's arrays as constants of the function. V8 reads outer variables through the current context, which in nested loops it does not know to
   * be the same all the time until after it has decided how to access what they hold.
   */
  #arrays(): Statement[] {
    const used = new Set(["S", ...(this.pages.length === 0 ? [] : ["EXEC"]), ...(this.#hasRuns ? RUN_ARRAYS : [])]);
    let last: readonly string[] = [];
    for (const id of this.#structure.order) {
      const { instructions } = this.#structure.blocks[id]!;
      for (let k = 0; k < instructions.length; k++) {
        const { arrays } = factsOf(instructions[k]!.meaning);
        if (arrays === last) continue;
        last = arrays;
        for (let j = 0; j < arrays.length; j++) used.add(arrays[j]!);
      }
    }
    return Object.entries(ARRAY_SOURCES).flatMap(([name, source]) => (used.has(name) ? FRAME.array({ name: identifier(name), source: identifier(source) }) : []));
  }

  #parameters(): Identifier[] {
    if (this.#isMobile) return IDENTIFIERS;
    return IDENTIFIERS.slice(0, this.#structure.blocks.length > this.#found.blocks.length ? 2 : 1);
  }

  /** The text, and the owners of its lines where they are wanted. */
  print(tree: FunctionExpression): { source: string; lines: RegionText["lines"] } {
    return this.#lines?.print(tree) ?? { source: generate(tree), lines: [] };
  }

  #owned(body: Statement[]): Statement[] { return this.#lines?.mark(body, this.#owner) ?? body; }
  /** The same of statements from one on. */
  #ownFrom(body: Statement[], from: number): void {
    if (this.#lines !== undefined) body.push(...this.#lines.mark(body.splice(from), this.#owner));
  }
  /** What is emitted now is of a block's instruction. */
  #own({ id, instructions }: Block, index: number): void {
    if (this.#lines !== undefined) this.#owner = { block: id, index, address: instructions[index]!.address, calls: new Set() };
  }
  #unowned(body: Statement[]): Statement[] { return this.#lines?.mark(body, undefined) ?? body; }

  /** The number of the block that is being emitted; those of all before by their place in the structure. */
  #number = 0;
  readonly #numbers = new Map<number, number>();

  /** Appends a block with all that it dominates. */
  #tree(id: number, body: Statement[]): void {
    const { loops, follows } = this.#structure, behind = follows.get(id) ?? NO_FOLLOWS;
    if (!loops.has(id)) { this.#within(id, behind, behind.length, body); return; }
    this.#place.known = UNKNOWN;
    const inner: Statement[] = [];
    this.#within(id, behind, behind.length, inner);
    body.push({
      type: "LabeledStatement", label: identifier(`loop${id}`),
      body: { type: "ForStatement", init: null, test: null, update: null, body: block(inner) },
    });
  }

  /** The block itself inside the labelled blocks that its first `count` follows need: the last follow outermost. */
  #within(id: number, follows: readonly number[], count: number, body: Statement[]): void {
    if (count === 0) { this.#block(this.#structure.blocks[id]!, body); return; }
    const inside: Statement[] = [], last = follows[count - 1]!;
    this.#within(id, follows, count - 1, inside);
    body.push({ type: "LabeledStatement", label: identifier(`to${last}`), body: block(inside) });
    this.#place.known = UNKNOWN;
    this.#tree(last, body);
  }

  #block(source: Block, body: Statement[]): void {
    const { instructions } = source;
    this.#owner = undefined;
    if (this.#carriesIn.has(source.id)) this.#place.known = { ...this.#place.known, inCarry: true };
    if (instructions.length === 0) { this.#end(source, undefined, body); return; } // a dispatch block
    this.#number = this.#blocks++;
    this.#numbers.set(source.id, this.#number);
    this.instructions += instructions.length;
    body.push(...this.#unowned(this.#secondPageGuard(instructions[0]!)));
    if (this.#counters) {
      body.push(...this.#unowned(FLOW.count({ k: number(2 * this.#number) })));
      this.counted.push({ id: source.id, instructions: instructions.map(countedInstruction), links: successors(source).length });
    }
    body.push(...this.#unowned(FLOW.charge({ n: number(instructions.length) })));
    let value: Expression | undefined;
    for (let k = 0; k < instructions.length; k++) {
      const run = this.#runAt(source, k);
      if (run !== undefined) {
        body.push(...run.body);
        k += run.taken - 1;
        value = undefined;
        continue;
      }
      const instruction = instructions[k]!;
      this.#own(source, k);
      const from = body.length;
      value = this.#instruction(instruction, instructions.length - k, k === instructions.length - 1, instructions[k + 1], body);
      this.#ownFrom(body, from);
    }
    const from = body.length;
    this.#end(source, value, body);
    this.#ownFrom(body, from);
  }

  // --- Runs of x87 instructions -----------------------------------------------------------------------------------

  /** `RUNS` in the source. */
  readonly runs: number[] = [...NO_POINTERS];
  #runs = 0;
  #rounded = 0;
  readonly #hasRuns: boolean;

  /** The run of x87 instructions that begins at instruction `k` of a block, and how many it has; undefined where none begins. */
  #runAt(source: Block, k: number): { body: Statement[]; taken: number } | undefined {
    const { instructions } = source;
    const length = this.#hasRuns && !this.#shadowed ? runLength(instructions, k) : 0;
    if (length === 0) return undefined;
    const place = this.#place, run = new X87Run(place, this.#runs++, MOST_ROUNDED - this.#rounded), site = this.sites.length;
    for (const one of instructions.slice(k, k + length)) {
      this.#own(source, k + run.count);
      place.thisEip = one.address;
      place.nextEip = one.address + one.instruction.length | 0;
      if (!isHeld(one)) run.plain(one);
      else if (!run.take(one)) break;
      if (run.setsFlags) place.known = { kind: EXPLICIT, inCarry: false };
      run.setsFlags = false;
      run.mark((body) => this.#owned(body));
      this.sites.push({ eip: place.thisEip, next: place.nextEip, rest: instructions.length - k - run.count + 1, block: this.#number });
    }
    if (run.count === 0) return undefined;
    for (const name of run.functions) this.functions.add(name);
    this.#rounded += run.rounded;
    this.#own(source, k);
    return { body: this.#owned([run.finish(this.runs, site)]), taken: run.count };
  }

  /** Appends an instruction; what its end needs. */
  #instruction(instruction: BlockInstruction, rest: number, isLast: boolean, next: BlockInstruction | undefined, body: Statement[]): Expression | undefined {
    const place = this.#place;
    place.id = this.sites.length;
    place.thisEip = instruction.address;
    place.rest = rest;
    place.nextEip = instruction.address + instruction.instruction.length | 0;
    const shadowed = this.#shadowed;
    this.#shadowed = false;
    const special = shadowed && !standsInShadow(instruction) ? this.#step(rest) : this.#special(instruction, rest, isLast, next);
    if (special !== undefined) {
      body.push(...special);
      return undefined;
    }
    const emitter = new InstructionEmitter(place, body), pending = shadowed ? this.#pending : undefined;
    place.answer = undefined;
    place.code = number(CHANGED);
    const facts = factsOf(instruction.meaning);
    for (let k = 0; k < facts.functions.length; k++) this.functions.add(facts.functions[k]!);
    const value = emitter.run(planFor(instruction.meaning));
    if (facts.mayFault || pending !== undefined) this.sites.push({ eip: place.thisEip, next: place.nextEip, rest, block: this.#number });
    if (facts.callsMonitor) body.push(...this.#behindMonitor(facts, rest));
    if (shadowed) body.push(...FLOW.endShadow({}));
    if (pending !== undefined) body.push(...this.#interrupted(pending, place.id, place.nextEip, rest));
    return value;
  }

  /** What stands in a region in a way of its own. */
  #special({ form, plain, meaning }: BlockInstruction, rest: number, isLast: boolean, next: BlockInstruction | undefined): Statement[] | undefined {
    if (form.semantics === "sti" && !isLast) return this.#enableInterrupts(rest, next);
    if (form.semantics === "rdtsc") return this.#timestamp(rest);
    if (!plain) return this.#step(rest);
    return meaning.end.kind === "repeat" ? this.#repeat(meaning, meaning.end.again, rest) : undefined;
  }

  /** Whether a region must be left behind a call of the monitor. */
  #behindMonitor({ callsExactly }: InstructionFacts, rest: number): Statement[] {
    const { id, nextEip, answer } = this.#place, after = { rest: number(rest - 1), e: this.#place.address(nextEip) };
    if (callsExactly) return FLOW.calledOut({ ...after, i: number(id) });
    return answer === undefined ? [] : FLOW.changed({ ...after, t: answer });
  }

  /** The instruction before was an STI that stands in the region: this one is in its shadow. */
  #shadowed = false;

  /** What STI answered, where an interrupt that waits is to be taken behind its shadow. */
  #pending: Expression | undefined;

  #enableInterrupts(rest: number, next: BlockInstruction | undefined): Statement[] {
    const { known, nextEip, id } = this.#place, t = identifier(this.#place.temporary()), step = block(this.#step(rest));
    this.#place.known = known;
    this.#shadowed = true;
    const isFollowed = next !== undefined && standsInShadow(next) && next.meaning.end.kind === "next";
    this.#pending = isFollowed ? t : undefined;
    const [answer, test] = FLOW.enableInterrupts({ t }), isStepped = next !== undefined && !standsInShadow(next); // and polls behind that
    if (test?.type !== "IfStatement") throw new Error("template of STI");
    return [answer!, { ...test, consequent: step }, ...(isFollowed || isStepped ? [] : this.#interrupted(t, id, nextEip, rest))];
  }

  #interrupted(t: Expression, id: number, next: number, rest: number): Statement[] {
    return FLOW.interrupted({ t, i: number(id), rest: number(rest - 1), e: this.#place.address(next) });
  }

  /** Stretch after stretch in a loop of its own: each after the first takes one more off the budget. */
  #repeat(meaning: Meaning, again: Node, rest: number): Statement[] {
    const place = this.#place, emitter = new InstructionEmitter(place);
    for (const name of factsOf(meaning).called) this.functions.add(name);
    const common = commonStretch(again), value = emitter.run(planFor(meaning))!;
    if (common !== undefined) this.functions.add(common.name);
    const stretch = common === undefined ? emitter.body : common.body(place.temporary(), emitter.body, value);
    this.sites.push({ eip: place.thisEip, next: place.nextEip, rest, block: this.#number });
    const word = 2 * this.#structure.order.length + 2 * place.id;
    const [leave] = FLOW.leaveAgain({ n: number(this.length), rest: number(rest), e: place.address(place.thisEip) });
    if (leave?.type !== "IfStatement") throw new Error("template of REP");
    const counted = (k: number, way: Statement): Statement => this.#counters ? block([...FLOW.count({ k: number(word + k) }), way]) : way;
    const test = [...FLOW.again({ again: common?.again ?? value }), { ...leave, consequent: counted(1, leave.consequent) }, ...(this.#counters ? FLOW.count({ k: number(word) }) : [])];
    return [{ type: "ForStatement", init: null, test: null, update: null, body: block([...stretch, ...test]) }];
  }

  /** Lets the interpreter execute one instruction on the written-back state. */
  #step(rest: number): Statement[] {
    this.#place.known = UNKNOWN;
    this.#place.assign(LOCALS);
    const settled = this.#hasRuns ? settle((found) => this.#place.moved(found)) : [];
    const id = number(this.sites.length);
    this.sites.push({ eip: this.#place.thisEip, next: this.#place.nextEip, rest, block: this.#number });
    return [...settled, ...FLOW.step({ i: id, c: identifier(this.#place.temporary()) })];
  }

  /** Guests wait in loops around RDTSC: it changes two registers and is not worth a step. */
  #timestamp(rest: number): Statement[] {
    const { known } = this.#place, id = number(this.sites.length);
    const step = block(this.#step(rest));
    this.#place.known = known;
    const [test] = FLOW.timestamp({ i: id, rest: number(rest) });
    if (test?.type !== "IfStatement") throw new Error("timestamp template");
    return [{ ...test, alternate: step }];
  }

  // --- Ends -----------------------------------------------------------------------------------------------------

  #end(source: Block, value: Expression | undefined, body: Statement[]): void {
    const { end } = source;
    switch (end.kind) {
      case "jump": this.#edge(source, end.to, body); return;
      case "branch": {
        const { known } = this.#place, taken: Statement[] = [];
        this.#edge(source, end.taken, taken);
        this.#place.known = known;
        body.push({ type: "IfStatement", test: value!, consequent: block(taken), alternate: null });
        this.#edge(source, end.next, body);
        return;
      }
      case "indirect": {
        if (end.targets.length === 0) { body.push(...this.#away(source, FLOW.leave({ e: value! }))); return; }
        const to = named(value!, this.#place);
        body.push(...to.body, ...this.#search(source, to.value, end.targets), ...this.#away(source, FLOW.leave({ e: to.value })));
        return;
      }
      case "dispatch": this.#dispatch(source, end.cases, body); return;
      case "transferred": body.push(...this.#away(source, source.instructions.at(-1)?.plain === true ? FLOW.transferred({ c: this.#place.code }) : FLOW.leave({ e: word("eip") }))); return;
    }
    end satisfies never;
  }

  /** Goes to the target that `value` is; falls through where it is none. */
  #search(source: Block, value: Expression, targets: readonly Target[]): Statement[] {
    const { known } = this.#place;
    if (targets.length <= SEARCHED_IN_ORDER) {
      return this.#owned(targets.map(({ address, edge }): Statement => {
        this.#place.known = known;
        return { type: "IfStatement", test: FLOW_TEST.is({ v: value, a: this.#place.address(address) }), consequent: block(this.#edge(source, edge, [])), alternate: null };
      }));
    }
    const sorted = [...targets].sort((a, b) => a.address - b.address), middle = sorted.length >> 1;
    const below = block(this.#search(source, value, sorted.slice(0, middle)));
    this.#place.known = known;
    const above = block(this.#search(source, value, sorted.slice(middle)));
    return [{ type: "IfStatement", test: FLOW_TEST.isBelow({ v: value, a: this.#place.address(sorted[middle]!.address) }), consequent: below, alternate: above }];
  }

  /** Goes to the block that `entry` names, which is one of these. */
  #dispatch(source: Block, cases: Extract<BlockEnd, { kind: "dispatch" }>["cases"], body: Statement[]): void {
    cases.forEach(({ entry, edge }, k) => {
      this.#place.known = UNKNOWN;
      if (k === cases.length - 1) this.#edge(source, edge, body);
      else body.push({ type: "IfStatement", test: FLOW_TEST.is({ v: identifier("entry"), a: number(entry) }), consequent: block(this.#edge(source, edge, [])), alternate: null });
    });
  }

  /** A way out of the region behind a block, counted where that is wanted. */
  #away(source: Block, leave: Statement[]): Statement[] {
    if (!this.#counters) return leave;
    const count = FLOW.count({ k: number(2 * this.#numbers.get(source.id)! + 1) }), [only] = leave;
    if (only?.type !== "IfStatement") return [...count, ...leave];
    return [{ ...only, consequent: block([...count, only.consequent]) }];
  }

  /** Appends the way along an edge to `body`, and returns that. Its statements are of the branch, those of blocks in them of their own instructions. */
  #edge(source: Block, edge: Edge, body: Statement[]): Statement[] {
    const owner = this.#owner, from = body.length;
    this.#way(source, edge, body);
    this.#owner = owner;
    this.#ownFrom(body, from);
    return body;
  }

  #way(source: Block, edge: Edge, body: Statement[]): void {
    if ("leave" in edge && edge.cold) this.cold.add(edge.leave);
    if ("leave" in edge) { body.push(...this.#away(source, FLOW.leave({ e: this.#place.address(edge.leave) }))); return; }
    const meant = edge.entry ?? edge.block, target = this.#structure.blocks[meant]!;
    body.push(...this.#pageGuard(source, target), ...this.#carryTo(edge.block));
    if (edge.entry !== undefined) body.push(...FLOW.name({ n: number(edge.entry) }));
    switch (this.#structure.jump(source.id, edge.block)) {
      case "continue": {
        const test = FLOW.leaveIfSpent({ n: number(this.length), e: this.#place.address(target.address) });
        body.push(...test, { type: "ContinueStatement", label: identifier(`loop${edge.block}`) });
        return;
      }
      case "break": body.push({ type: "BreakStatement", label: identifier(`to${edge.block}`) }); return;
      case "inline": this.#tree(edge.block, body);
    }
  }

  /** Puts CF where the block expects it. */
  #carryTo(id: number): Statement[] {
    const { known, carry } = this.#place;
    return !this.#carriesIn.has(id) || known.inCarry ? [] : [assign("carry", carry)];
  }

  /** Another page may be mapped otherwise by now, or not be fetched from since the last flush: leave by its address. */
  #pageGuard(source: Block, target: Block): Statement[] {
    const last = source.instructions.at(-1);
    if (last === undefined || last.address >>> 12 === target.address >>> 12) return [];
    return this.#away(source, this.#unlessMapped(target.address, target.address));
  }

  /** An instruction that lies on two pages begins its block. Where the second one is not what it was, the interpreter fetches it. */
  #secondPageGuard(first: BlockInstruction): Statement[] {
    const second = secondPage(first);
    return second === undefined ? [] : this.#unlessMapped(second, first.address);
  }

  /** Leaves by the address `eip` where the page of `address` is not fetched from as it was when the region was made. */
  #unlessMapped(address: number, eip: number): Statement[] {
    const page = address >>> 12, at = this.pages.indexOf(page), k = at < 0 ? this.pages.push(page) - 1 : at;
    const p = identifier(`PAGE${k}`), e = this.#place.address(eip);
    return this.#isMobile ? FLOW.leaveIfElsewhere({ p, e, a: this.#place.address(address) }) : FLOW.leaveIfRemapped({ k: number(page), p, e });
  }
}

/** A value that is looked at twice. */
function named(value: Expression, place: Place): { body: Statement[]; value: Expression } {
  if (value.type === "Identifier") return { body: [], value };
  const name = place.temporary();
  return { body: [declare(name, value)], value: identifier(name) };
}

/** What an instruction counts as where it stands in a region. */
function countedInstruction(one: BlockInstruction): CountedInstruction {
  const { address, instruction, plain, meaning, form } = one;
  const { row } = instruction, sensitive = row.class === "inline" || row.class === "callout";
  const called = meaning.nodes.some((node) => calledExactly(node) || answersWhetherToLeave(node) || transfers(node)), inline = plain && !called || form.semantics === "sti";
  return { address, instruction, class: sensitive ? (inline ? "inline" : "callout") : row.class, stepped: called || !plain && form.semantics !== "sti" };
}

/** An instruction between those of a run: it neither faults nor leaves the region. */
function standsInRun(one: BlockInstruction): boolean {
  const { plain, meaning, form } = one;
  return plain && meaning.end.kind === "next" && form.semantics !== "sti" && form.semantics !== "rdtsc" && !factsOf(meaning).callsMonitor && !factsOf(meaning).mayFault;
}

/** How many instructions from `k` on are a run of x87 instructions; it begins and ends with one. */
function runLength(instructions: readonly BlockInstruction[], k: number): number {
  if (!isHeld(instructions[k]!)) return 0;
  let length = 0;
  for (let next = k; next < instructions.length; next++) {
    if (isHeld(instructions[next]!)) length = next - k + 1;
    else if (!standsInRun(instructions[next]!)) break;
  }
  return length;
}

/** In the shadow of STI an instruction may stand that neither polls nor leaves the region. */
function standsInShadow({ form, plain, meaning }: BlockInstruction): boolean {
  return plain && form.semantics !== "sti" && meaning.end.kind !== "repeat" && !factsOf(meaning).callsMonitor;
}

function hex(address: number): string { return (address >>> 0).toString(16); }

/** The JavaScript of a region in a flat 32-bit mode. */
export function regionText(found: RegionBlocks, options: RegionOptions = {}): RegionText {
  const shape = structure(found);
  const emitter = new RegionEmitter(found, shape, options);
  const tree = emitter.run(), printed = options.lines === true ? emitter.print(tree) : undefined;
  return {
    tree, print: () => printed?.source ?? generate(tree), lines: printed?.lines ?? [], functions: [...emitter.functions].map(functionName), sites: emitter.sites, length: emitter.length, pages: emitter.pages,
    instructions: emitter.instructions, blocks: shape.order.length, entries: new Map(found.entries.map((id) => [found.blocks[id]!.address, id])),
    addresses: found.blocks.filter(({ isRoot }) => isRoot).flatMap(({ instructions }) => instructions.map(({ address }) => address)),
    counted: emitter.counted, cold: emitter.cold, runs: emitter.runs,
  };
}
