/**
 * Runs of x87 instructions as float64 arithmetic in the region itself.
 *
 * The idea: an extended number of ordinary size is h + l exactly, h being it rounded to a float64 and l the rest. FLD m64 is then a load of h, FST m64 a
 * store of h, and sums and products are error-free transformations (D. E. Knuth, The Art of Computer Programming, volume 2, 4.2.2; T. J. Dekker, A
 * floating-point technique for extending the available precision, Numerische Mathematik 18, 1971) whose error is rounded to the 64 bits of the result. What rounding
 * takes away is known exactly, and with it PE and C1.
 *
 * A run is a stretch of a block in which nothing can fault. At its beginning the control word, TOP's tags and the form of the registers are tested once; then each
 * register is a pair of locals, by its distance from TOP as it was there. Where an instruction finds no ordinary case (other sizes, NaNs, memory beyond the
 * fast path) it has done nothing: the registers are put down as they are before it, and the region is left for the interpreter to execute it. Where that
 * happens often, the region is made anew without runs (runtime/region-runner.ts).
 *
 * Invariant: h is the value rounded to nearest even, and 0 or of a size between 2^-400 and 2^400;so is what lies in `F` for the registers of the mask
 * `pairs`, by physical number (runtime/fpu/pairs.ts). The mask, which x87 instruction was last and its data pointer are locals of the region until something wants to
 * see them (`settle`).
 */
import type { Expression, Statement } from "estree";
import { C0, C3, CF, FLIPS_DESTINATION, FLIPS_SOURCE, NO_SELECTOR, PAIR_ONE, PAIR_ZERO, POPS, REVERSED, SECOND_POP, SLOT, ZF, type SlotName } from "../../runtime/abi.ts";
import type { BlockInstruction } from "../region/block.ts";
import { derived, type Node } from "../ir/opcodes.ts";
import { assign, block, call, expression, identifier, number, type Bindings } from "./estree.ts";
import { InstructionEmitter, type Place } from "./lowering.ts";
import { planOf } from "./plan.ts";
import { COMPUTED, CONTROL_WORD, CONVERSIONS, ROUNDED, STORES } from "./x87-templates.ts";
import { COMPARED, DONE, ENTRY, REGISTERS, SIMPLE, STATE, TABLE, TEST } from "./x87-frame.ts";

/** Sums and products that are written out in a region; more would make it too large for the host's compilers, which take their time, and are calls. */
export const MOST_ROUNDED = 16;

type Template = (bindings: Bindings) => Statement[];

/** A register of the run: its locals, and what is known of its value. */
interface Known {
  /** l is 0. */
  readonly isDouble: boolean;
  /** h has no more significant bits than this. */
  readonly bits: number;
}
const ANYTHING: Known = { isDouble: false, bits: 64 };
const doubleOf = (bits: number): Known => ({ isDouble: true, bits });

/** An operand of arithmetic: expressions without effect. */
interface Value extends Known {
  readonly h: Expression;
  readonly l: Expression;
}

/** The rest of a float64: no small integer, so that all rests are of one type. */
const NOTHING: Expression = { type: "UnaryExpression", operator: "-", prefix: true, argument: { type: "Literal", value: 0 } };
const ADDRESS = identifier("address");
const ONE = expression(`F[${PAIR_ONE}]`)({}), ZERO = expression(`F[${PAIR_ZERO}]`)({});
const INTEGERS: Readonly<Record<string, readonly [name: string, variant: number]>> = {
  fiadd: ["fsum", 0], fisub: ["fsum", FLIPS_SOURCE], fisubr: ["fsum", FLIPS_DESTINATION], fimul: ["fproduct", 0], fidiv: ["fquotient", 0], fidivr: ["fquotient", REVERSED],
};
/** Those that a run can hold, by the name of their runtime function. */
const HELD = new Set([
  "x87_fsum", "x87_fsum_4", "x87_fsum_8", "x87_fproduct", "x87_fproduct_4", "x87_fproduct_8", "x87_fquotient", "x87_fquotient_4", "x87_fquotient_8",
  ...Object.keys(INTEGERS).flatMap((name) => [`x87_${name}_2`, `x87_${name}_4`]),
  "x87_fcom", "x87_fcom_4", "x87_fcom_8", "x87_ficom_2", "x87_ficom_4", "x87_ficomp_2", "x87_ficomp_4", "x87_fcomi", "x87_ftst",
  "x87_fldcw_2", "x87_fnstcw_2", "x87_fld_4", "x87_fld_8", "x87_fld_10", "x87_fild_2", "x87_fild_4", "x87_fild_8", "x87_fld", "x87_fld1", "x87_fldz",
  "x87_fst", "x87_fst_4", "x87_fst_8", "x87_fst_10", "x87_fist_2", "x87_fist_4", "x87_fist_8",
  "x87_fxch", "x87_fabs", "x87_fchs", "x87_fsqrt", "x87_frndint", "x87_fscale",
  "x87_fsin", "x87_fcos", "x87_fptan", "x87_fpatan", "x87_f2xm1", "x87_fyl2x", "x87_fyl2xp1",
]);

const isCall = ({ op }: Node): boolean => op === "call";

const callOf = derived(({ nodes }): Node | undefined => {
  const calls = nodes.filter(isCall);
  return calls.length === 1 ? calls[0] : undefined;
});
function calledBy({ meaning }: BlockInstruction): Node | undefined { return callOf(meaning); }

const READS = new Set<Node["op"]>(["const", "reg32", "slot", "add", "shl", "and", "zext16", "thisEip", "field", "call"]);

/** Whether a run may hold this x87 instruction. */
export function isHeld(one: BlockInstruction): boolean {
  if (!one.plain) return false;
  return callsHeld(one.meaning) || isStatusToAx(one);
}

const callsHeld = derived((meaning): boolean => {
  const called = callOf(meaning);
  return called !== undefined && HELD.has(called.name) && meaning.nodes.every(({ op }) => READS.has(op));
});

/** FNSTSW AX. */
function isStatusToAx({ form, meaning }: BlockInstruction): boolean {
  return form.mnemonic === "fnstsw" && meaning.nodes.some(({ op }) => op === "setReg16");
}

/** What an instruction was, for the instruction pointers that a later one leaves. */
interface Executed {
  readonly address: number;
  readonly opcode: number;
}

/** A place that knows where the code runs. */
export interface RunPlace extends Place {
  /** Notes that the code assigns to these locals. */
  assign(locals: Iterable<"eax" | "flagKind" | "flagA" | "flagB" | "flagCarry">): void;
  /** An address in guest code, from where it was found. */
  address(found: number): Expression;
  moved(found: Expression): Expression;
}

/** Collects the instructions of a run one by one; each that is taken is emitted. */
export class X87Run {
  readonly functions = new Set<string>(["x87Open", "x87Settle", "x87Stopped"]);
  /** Sums and products among what was taken. */
  rounded = 0;
  /** The flags were set as a whole. */
  setsFlags = false;
  readonly #place: RunPlace;
  /** Sums and products that may be written out. */
  readonly #room: number;
  readonly #body: Statement[] = [];
  readonly #label: string;
  /** TOP's distance from where it was at the beginning. */
  #delta = 0;
  #touched = 0;
  /** Of the touched ones, by bits: in use at the beginning, in use now; read before they were written; written. */
  #wasUsed = 0;
  #isUsed = 0;
  #read = 0;
  #written = 0;
  readonly #known: Known[] = Array.from({ length: 8 }, () => ANYTHING);
  /** The control word at the beginning is to be as FNINIT sets it. */
  #usual = false;
  /** What is known of it now: what was tested at the beginning; since an FLDCW, nothing; or that it is the usual one. */
  #rounding: "entry" | "any" | "usual" = "entry";
  #last: Executed | undefined;
  #selector = NO_SELECTOR;
  /** How many were taken. */
  count = 0;
  /** Six words for each instruction: what `x87Stopped` is told (runtime/fpu/pairs.ts). */
  readonly #table: number[] = [];

  constructor(place: RunPlace, id: number, room: number) {
    this.#place = place;
    this.#room = room;
    this.#label = `run${id}`;
  }

  #marked = 0;

  /** `mark` is given what was emitted since the last time. */
  mark(mark: (body: Statement[]) => Statement[]): void {
    this.#body.push(...mark(this.#body.splice(this.#marked)));
    this.#marked = this.#body.length;
  }

  /** An instruction that is no x87 instruction and cannot fault. */
  plain({ meaning }: BlockInstruction): void {
    this.#table.push(...this.#facts());
    const emitter = new InstructionEmitter(this.#place);
    emitter.run(planOf(meaning.nodes, []));
    this.#body.push(...emitter.body);
    this.count++;
  }

  /** Takes an x87 instruction; false where the stack's tags cannot be as it needs them, and nothing was done. */
  take(one: BlockInstruction): boolean {
    const facts = this.#facts();
    if (isStatusToAx(one)) {
      this.#table.push(...facts);
      this.#place.assign(["eax"]);
      this.#body.push(...STATE.status({ delta: number(this.#delta) }));
      this.count++;
      return true;
    }
    const node = calledBy(one)!, [, name, size] = /^x87_([a-z0-9]+?)(?:_(\d+))?$/.exec(node.name)!, [a, b, , variant, , opcode] = node.args.map((arg) => arg.number);
    if (name === "fldcw" || name === "fnstcw") {
      this.#control(one, node, name);
      this.#table.push(...facts);
      this.count++;
      return true;
    }
    if (!this.#operation(one, node, name!, Number(size ?? 0), a!, b!, variant!)) return false;
    this.#table.push(...facts);
    this.#last = { address: one.address, opcode: opcode! };
    this.count++;
    return true;
  }

  // --- Registers --------------------------------------------------------------------------------------------------

  #register(i: number): number { return i + this.#delta & 7; }

  /** Whether ST(i) is in use, or can be required to be. */
  #canRead(i: number): boolean {
    const bit = 1 << this.#register(i);
    return (this.#touched & bit) === 0 || (this.#isUsed & bit) !== 0;
  }

  #canPush(): boolean {
    const bit = 1 << this.#register(7);
    return (this.#touched & bit) === 0 || (this.#isUsed & bit) === 0;
  }

  #value(i: number): Value {
    const r = this.#register(i), bit = 1 << r;
    if ((this.#touched & bit) === 0) {
      this.#touched |= bit;
      this.#wasUsed |= bit;
      this.#isUsed |= bit;
    }
    if ((this.#written & bit) === 0) this.#read |= bit;
    const known = this.#known[r]!;
    return { h: identifier(`h${r}`), l: known.isDouble ? NOTHING : identifier(`l${r}`), ...known };
  }

  /** The locals of ST(i), which is written. */
  #target(i: number, known: Known): { h: Expression; l: Expression } {
    const r = this.#register(i), bit = 1 << r;
    this.#touched |= bit;
    this.#isUsed |= bit;
    this.#written |= bit;
    this.#known[r] = { isDouble: known.isDouble, bits: known.bits };
    return { h: identifier(`h${r}`), l: identifier(`l${r}`) };
  }

  #set(i: number, value: Value): void {
    this.#body.push(...SIMPLE.set({ ...this.#target(i, value), 0: value.h, 1: value.l }));
  }

  #push(value: Value): void {
    this.#delta = this.#delta + 7 & 7;
    this.#set(0, value);
  }

  #pop(): void {
    this.#isUsed &= ~(1 << this.#register(0));
    this.#delta = this.#delta + 1 & 7;
  }

  // --- Declining --------------------------------------------------------------------------------------------------

  /** Goes on at this instruction in the other form. */
  #decline(): Statement {
    const leave: Statement = { type: "BreakStatement", label: identifier(this.#label) };
    return this.count === 0 ? leave : { type: "BlockStatement", body: [...STATE.decline({ k: number(this.count) }), leave] };
  }

  /** What `x87Stopped` is told where the run stops before the next instruction. */
  #facts(): readonly number[] {
    const { address, opcode } = this.#last ?? { address: 0, opcode: -1 };
    return [this.#delta, this.#written, spread(this.#touched) << 16 | spread(this.#touched & ~this.#isUsed), address, opcode, this.#selector];
  }

  // --- Operations -------------------------------------------------------------------------------------------------

  /** FLDCW and FNSTCW, which leave the pointers as they are. */
  #control(one: BlockInstruction, node: Node, name: string): void {
    this.#address(one, node);
    this.#body.push(...CONTROL_WORD[name]!({ decline: this.#decline() }));
    if (name === "fldcw") this.#rounding = "any";
  }

  /** What follows rounds to nearest and to 64 bits. */
  #needsUsual(): void {
    if (this.#rounding === "entry") this.#usual = true;
    if (this.#rounding === "any") this.#body.push({ type: "IfStatement", test: TEST.unusual({}), consequent: this.#decline(), alternate: null });
    if (this.#rounding === "any") this.#rounding = "usual";
  }

  #operation(one: BlockInstruction, node: Node, name: string, size: number, a: number, b: number, variant: number): boolean {
    const integer = INTEGERS[name];
    if (integer !== undefined) return this.#withMemory(one, node, "fild", size, (value) => { this.#arithmetic(integer[0], 0, value, integer[1]); });
    switch (name) {
      case "fsum": case "fproduct": case "fquotient": {
        if (size !== 0) return this.#withMemory(one, node, "fld", size, (value) => { this.#arithmetic(name, 0, value, variant); });
        if (!this.#canRead(a) || !this.#canRead(b)) return false;
        this.#arithmetic(name, a, this.#value(b), variant);
        break;
      }
      case "fcom": case "ftst": case "ficom": case "ficomp": {
        const pops = name === "ficomp" || (name === "fcom" && (variant & POPS) !== 0);
        if (size !== 0) {
          const taken = this.#withMemory(one, node, name === "fcom" ? "fld" : "fild", size, (value) => { this.#compare(value); });
          if (taken && pops) this.#pop();
          return taken;
        }
        const twice = name === "fcom" && (variant & SECOND_POP) !== 0, i = name === "ftst" ? 0 : twice ? 1 : a | b;
        if (!this.#canRead(0) || !this.#canRead(i)) return false;
        this.#compare(name === "ftst" ? { h: ZERO, l: NOTHING, ...doubleOf(0) } : this.#value(i));
        if (pops) this.#pop();
        if (twice) this.#pop();
        return true;
      }
      case "fcomi": {
        const i = a | b;
        if (!this.#canRead(0) || !this.#canRead(i)) return false;
        this.#body.push(...COMPARED.flags([this.#order(this.#value(i), ZF, CF)]));
        this.#place.assign(["flagKind", "flagA", "flagB", "flagCarry"]);
        this.setsFlags = true;
        break;
      }
      case "fld": case "fild":
        if (!this.#canPush()) return false;
        if (size !== 0) return this.#load(one, node, name, size);
        if (!this.#canRead(a)) return false;
        this.#push(this.#value(a));
        this.#body.push(...SIMPLE.exact({}));
        return true;
      case "fld1": case "fldz":
        if (!this.#canPush()) return false;
        this.#push({ h: name === "fld1" ? ONE : ZERO, l: NOTHING, ...doubleOf(1) });
        this.#body.push(...SIMPLE.exact({}));
        return true;
      case "fst": case "fist":
        if (!this.#canRead(0)) return false;
        if (size !== 0) {
          this.#store(one, node, name, size);
          break;
        }
        if (a !== 0) this.#set(a, this.#value(0));
        else this.#value(0);
        this.#body.push(...SIMPLE.exact({}));
        break;
      case "fxch": return this.#exchange(a | b);
      case "fabs": case "fchs": {
        if (!this.#canRead(0)) return false;
        const value = this.#value(0), target = this.#target(0, value);
        this.#body.push(...(name === "fabs" ? SIMPLE.absolute(target) : SIMPLE.set({ ...target, 0: negated(value).h, 1: negated(value).l })), ...SIMPLE.exact({}));
        return true;
      }
      case "fsqrt": case "frndint": case "fsin": case "fcos": case "f2xm1":
        if (!this.#canRead(0)) return false;
        this.#compute(name, 0, this.#value(0));
        return true;
      case "fptan":
        if (!this.#canRead(0) || !this.#canPush()) return false;
        this.#compute(name, 0, this.#value(0));
        this.#push({ h: ONE, l: NOTHING, ...doubleOf(1) });
        return true;
      case "fscale": case "fpatan": case "fyl2x": case "fyl2xp1":
        if (!this.#canRead(0) || !this.#canRead(1)) return false;
        this.#compute(name, name === "fscale" ? 0 : 1, this.#value(0), this.#value(1));
        if (name !== "fscale") this.#pop();
        return true;
      default: return false;
    }
    if ((variant & POPS) !== 0) this.#pop();
    return true;
  }

  #exchange(i: number): boolean {
    if (!this.#canRead(0) || !this.#canRead(i)) return false;
    const x = this.#value(0), y = this.#value(i), to = this.#target(0, y), from = this.#target(i, x);
    this.#body.push(...SIMPLE.swap({ ...to, 0: from.h, 1: from.l }), ...SIMPLE.exact({}));
    return true;
  }

  /** ST(destination) := ST(destination) op value. */
  #arithmetic(name: string, destination: number, source: Value, variant: number): void {
    this.#needsUsual();
    const x = this.#value(destination);
    if (name === "fquotient") this.#compute(name, destination, ...((variant & REVERSED) === 0 ? [x, source] as const : [source, x] as const));
    else if (name === "fproduct") this.#product(destination, x, source);
    else this.#sum(destination, (variant & FLIPS_DESTINATION) === 0 ? x : negated(x), (variant & FLIPS_SOURCE) === 0 ? source : negated(source));
  }

  #sum(to: number, a: Value, b: Value): void {
    if (this.rounded++ >= this.#room) { this.#compute("fsum", to, a, b); return; }
    this.functions.add("x87Sum");
    this.#round(to, a, b, a.isDouble && b.isDouble ? ROUNDED.sumOfDoubles : a.isDouble || b.isDouble ? ROUNDED.sumWithDouble : ROUNDED.sum, a.isDouble ? b.l : a.l);
  }

  #product(to: number, a: Value, b: Value): void {
    if (a.bits + b.bits <= 53) {
      this.#body.push(...ROUNDED.exactProduct({ ah: a.h, bh: b.h, ...renamed(this.#target(to, doubleOf(a.bits + b.bits))) }));
      return;
    }
    if (this.rounded++ >= this.#room) { this.#compute("fproduct", to, a, b); return; }
    this.functions.add("x87Product");
    const [x, y] = b.isDouble ? [b, a] : [a, b];
    if (isSame(a, b)) this.#round(to, a, b, a.isDouble ? ROUNDED.squareOfDouble : ROUNDED.square, NOTHING);
    else this.#round(to, x, y, x.isDouble && y.isDouble ? ROUNDED.productOfDoubles : x.isDouble ? ROUNDED.productWithDouble : ROUNDED.product, NOTHING);
  }

  #round(to: number, a: Value, b: Value, template: Template, low: Expression): void {
    const decline = this.#decline();
    this.#body.push(...template({
      low, ah: a.h, al: a.l, bh: b.h, bl: b.l, ...renamed(this.#target(to, ANYTHING)), decline,
    }));
  }

  /** What a function computes; of one operand where that is all it has. */
  #compute(name: string, to: number, a: Value, b: Value = a): void {
    const { called, template } = COMPUTED[name]!;
    this.functions.add(called);
    this.#needsUsual();
    this.#body.push(...template({ ah: a.h, al: a.l, bh: b.h, bl: b.l, decline: this.#decline(), ...renamed(this.#target(to, ANYTHING)) }));
  }

  #order(b: Value, same: number, less: number): Expression {
    const a = this.#value(0), bindings = { ah: a.h, al: a.l, bh: b.h, bl: b.l, same: number(same), less: number(less) };
    return a.isDouble && b.isDouble ? COMPARED.doubles(bindings) : COMPARED.pairs(bindings);
  }

  #compare(b: Value): void {
    const codes = this.#order(b, C3, C0);
    this.#body.push(...COMPARED.codes([codes]));
  }

  // --- Memory -----------------------------------------------------------------------------------------------------

  /** Puts the operand's address into `address`; its offset in the segment, for the data pointer. */
  #address(one: BlockInstruction, node: Node): Expression {
    const emitter = new InstructionEmitter(this.#place);
    const [linear, offset] = emitter.values(one.meaning.nodes.filter((each) => !isCall(each)), [node.args[2]!, node.args[6]!]);
    this.#body.push(...emitter.body, ...SIMPLE.address([linear!]));
    return JSON.stringify(linear) === JSON.stringify(offset) ? ADDRESS : offset!;
  }

  /** The instruction's operand is read: it declines no more. */
  #recordData(node: Node, offset: Expression): void {
    const selector = node.args[7]!;
    this.#selector = SLOT[selector.name as SlotName];
    this.#body.push(...SIMPLE.offset({ o: offset }));
  }

  #operand(one: BlockInstruction, node: Node, name: string, size: number): { value: Value; offset: Expression } {
    const offset = this.#address(one, node), conversion = CONVERSIONS[`${name}_${size}`]!, h = identifier("operand"), l = identifier("rest");
    this.#body.push(...conversion.template({ h, l, decline: this.#decline() }));
    for (const called of conversion.functions) this.functions.add(called);
    const known = conversion.bits === 64 ? ANYTHING : doubleOf(conversion.bits);
    return { value: { h, l: known.isDouble ? NOTHING : l, ...known }, offset };
  }

  /** An operation on ST(0) and an operand in memory; it may still decline. */
  #withMemory(one: BlockInstruction, node: Node, name: string, size: number, operation: (value: Value) => void): boolean {
    if (!this.#canRead(0)) return false;
    const { value, offset } = this.#operand(one, node, name, size);
    operation(value);
    this.#recordData(node, offset);
    return true;
  }

  #load(one: BlockInstruction, node: Node, name: string, size: number): boolean {
    const { value, offset } = this.#operand(one, node, name, size);
    this.#push(value);
    this.#recordData(node, offset);
    this.#body.push(...SIMPLE.exact({}));
    return true;
  }

  #store(one: BlockInstruction, node: Node, name: string, size: number): void {
    const store = STORES[`${name}_${size}`]!;
    if (store.isRounded) this.#needsUsual();
    const offset = this.#address(one, node), { h, l } = this.#value(0);
    for (const called of store.functions) this.functions.add(called);
    this.#body.push(...store.template({ h, low: l, decline: this.#decline() }));
    this.#recordData(node, offset);
  }

  // --- The whole --------------------------------------------------------------------------------------------------

  /** The run; `table` is the region's, where the run's words are added, `site` the first of those of its instructions. */
  finish(table: number[], site: number): Statement {
    const at0 = table.length, base = number(at0), label = this.#label, registers = REGISTERS.filter((r) => (this.#touched >> r & 1) !== 0);
    table.push(...this.#table, ...this.#facts());
    const local = (r: number): Record<string, Expression> => ({ i: identifier(`i${r}`), h: identifier(`h${r}`), l: identifier(`l${r}`), r: number(r) });
    const saved = (all: readonly number[]): Statement[] => all.flatMap((r) => ENTRY.save(local(r)));
    const leaveIf = (test: Expression): Statement => ({ type: "IfStatement", test, consequent: { type: "BreakStatement", label: identifier(label) }, alternate: null });
    const tags = TEST.tags({ t: number(spread(this.#touched)), v: number(spread(this.#touched & ~this.#wasUsed)) });
    const body: Statement[] = [
      leaveIf(TEST.either([(this.#usual ? TEST.usual : TEST.masked)({}), tags])),
      ...(this.#read === 0 ? [] : [leaveIf(TEST.pairs({ n: number(this.#read) }))]),
      ...registers.filter((r) => (this.#read >> r & 1) !== 0).flatMap((r) => ENTRY.load(local(r))), ...this.#body,
      ...saved(registers.filter((r) => (this.#written >> r & 1) !== 0)), ...this.#finalState(at0),
    ];
    const values = registers.flatMap((r) => [identifier(`h${r}`), identifier(`l${r}`)]), at = identifier("at");
    const stop = call("x87Stopped", [identifier("pairs"), TABLE({ at, k: number(0) }), TABLE({ at, k: number(1) }), TABLE({ at, k: number(2) }), number(this.#touched), ...values]);
    const isStopped: Statement = { type: "IfStatement", test: TEST.isStarted({ base }), consequent: block([...STATE.stopped({}), assign("pairs", stop)]), alternate: null };
    return block([
      ...ENTRY.open({}), ...registers.flatMap((r) => ENTRY.index(local(r))),
      { type: "LabeledStatement", label: identifier(label), body: block(body) },
      { type: "IfStatement", test: TEST.isDone({ k: number(DONE) }), consequent: block([...STATE.site({ site: number(site), base }), isStopped, ...STATE.leave({})]), alternate: null },
    ]);
  }

  #finalState(base: number): Statement[] {
    const last = this.#last, changed = this.#wasUsed ^ this.#isUsed;
    return [
      ...STATE.done({ delta: number(this.#delta), k: number(DONE) }),
      ...(last === undefined ? [] : STATE.pointers({ last: number(base + 6 * this.count + 3) })),
      ...(this.#written === 0 ? [] : STATE.pairs({ w: number(this.#written * 257) })),
      ...(changed === 0 ? [] : STATE.tags({ t: number(twice(changed)), e: number(twice(changed & ~this.#isUsed)) })),
      ...(this.#selector === NO_SELECTOR ? [] : STATE.data({ s: number(this.#selector) })),
    ];
  }
}

/** The tag bits of registers given by bits. */
function spread(registers: number): number {
  let tags = 0;
  for (let r = 0; r < 8; r++) if ((registers >> r & 1) !== 0) tags |= 3 << 2 * r;
  return tags;
}

/** The same in both halves of a word, to be rotated. */
function twice(registers: number): number {
  const tags = spread(registers);
  return tags | tags << 16;
}

function isSame(a: Value, b: Value): boolean {
  return a.h.type === "Identifier" && b.h.type === "Identifier" && a.h.name === b.h.name;
}

function negated({ h, l, ...known }: Value): Value {
  return { h: SIMPLE.negate([h]), l: known.isDouble ? l : SIMPLE.negate([l]), ...known };
}

function renamed({ h, l }: { h: Expression; l: Expression }): { oh: Expression; ol: Expression } { return { oh: h, ol: l }; }
