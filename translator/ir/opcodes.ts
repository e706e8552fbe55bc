/**
 * The IR: one row an operation. Builder, verifier, printer and emitter derive from this table.
 *
 * An instruction's meaning is a list of nodes in guest order. A value is a node; `i32` values are int32 bit
 * patterns (8- and 16-bit quantities are zero-extended when read and cut when written), `bool` is a truth value.
 */

export type ValueType = "i32" | "bool" | "none";

/**
 * What an operation touches besides its arguments.
 * - pure: nothing
 * - reads: guest state (registers, slots, flags)
 * - writes: guest state
 * - memory: guest memory; may fault, so it keeps its place
 * - call: a plain runtime function that may read and write state and memory, and may fault
 * - monitor: a call into the monitor: needs the exact count, may change mode, mapping and interrupt state
 */
export type Effect = "pure" | "reads" | "writes" | "memory" | "call" | "monitor";

export interface OpRow {
  readonly result: ValueType;
  readonly args: readonly ValueType[];
  readonly effect: Effect;
  /** Takes any number of i32 arguments. */
  readonly variadic: boolean;
}

const op = (result: ValueType, args: readonly ValueType[], effect: Effect = "pure", variadic = false): OpRow => ({ result, args, effect, variadic });

const one = ["i32"] as const, two = ["i32", "i32"] as const, three = ["i32", "i32", "i32"] as const;
const unary = op("i32", one), binary = op("i32", two), compare = op("bool", two);

export const OPS = {
  /** The int32 `number`. */
  const: op("i32", []),
  /** The operand field `name` of the instruction, unknown until run time (interpreter) or instantiation (translator). */
  field: op("i32", []),

  /** Bytes of guest code that may change: of the immediate that stands at host address `number`. */
  code8: op("i32", [], "reads"), code16: op("i32", [], "reads"), code32: op("i32", [], "reads"),

  add: binary, sub: binary, mul: binary, and: binary, or: binary, xor: binary,
  /** Shift counts are taken modulo 32. */
  shl: binary, shr: binary, sar: binary,
  not: unary, neg: unary,
  zext8: unary, zext16: unary, sext8: unary, sext16: unary,
  /** Leading zero bits, 32 for 0. */
  clz: unary,
  eq: compare, ne: compare, ltu: compare, leu: compare, lts: compare, les: compare,
  bnot: op("bool", ["bool"]), band: op("bool", ["bool", "bool"]), bor: op("bool", ["bool", "bool"]), bxor: op("bool", ["bool", "bool"]),
  /** 1 or 0. */
  bit: op("i32", ["bool"]),
  /** Both sides are computed. */
  select: op("i32", ["bool", "i32", "i32"]),
  /** A pure runtime function by `name`. */
  compute: op("i32", [], "pure", true),

  /** General registers; the argument is the register number, for bytes the offset in the register file (AL 0, AH 1, CL 4 …). */
  reg8: op("i32", one, "reads"), reg16: op("i32", one, "reads"), reg32: op("i32", one, "reads"),
  setReg8: op("none", two, "writes"), setReg16: op("none", two, "writes"), setReg32: op("none", two, "writes"),
  /** A state slot by `name`; segment words take an index: base0 + argument. */
  slot: op("i32", [], "reads"), setSlot: op("none", one, "writes"),
  slotAt: op("i32", one, "reads"),
  /** Offset in CS of the following instruction. */
  nextEip: op("i32", [], "reads"),
  /** Offset in CS of this instruction. */
  thisEip: op("i32", [], "reads"),

  /** flags := kind `number` (see runtime/flags.ts) of A, B. Keeps flagCarry where the kind does not use it. */
  setFlags: op("none", two, "writes"),
  /** The same with the third argument in flagCarry. */
  setFlagsCarry: op("none", three, "writes"),
  /** setFlags, only where the condition holds. */
  setFlagsIf: op("none", ["bool", "i32", "i32"], "writes"),
  /** CF := the argument, 0 or 1; the other flags stay. */
  setCarry: op("none", one, "writes"),
  /** CF and OF := the arguments, 0 or 1; the other flags stay. */
  setCarryOverflow: op("none", two, "writes"),
  /** setCarryOverflow, only where the condition holds. */
  setCarryOverflowIf: op("none", ["bool", "i32", "i32"], "writes"),
  /** The arithmetic flags explicitly, as EFLAGS bits. */
  putFlags: op("none", one, "writes"),
  /** Condition code `number` 0–15. */
  condition: op("bool", [], "reads"),
  carry: op("i32", [], "reads"),
  /** The six arithmetic flags as EFLAGS bits. */
  flags: op("i32", [], "reads"),

  load8: op("i32", one, "memory"), load16: op("i32", one, "memory"), load32: op("i32", one, "memory"),
  store8: op("none", two, "memory"), store16: op("none", two, "memory"), store32: op("none", two, "memory"),
  /** The read of a read-modify-write: checked as a write first. */
  modify8: op("i32", one, "memory"), modify16: op("i32", one, "memory"), modify32: op("i32", one, "memory"),
  /** The write that ends it: the modify node and the value. Cannot fault. */
  commit8: op("none", two, "memory"), commit16: op("none", two, "memory"), commit32: op("none", two, "memory"),

  /**
   * Looks once whether several accesses may be fast: those that name it. The address is the group's lowest, `number` its length in bytes, the second
   * argument says what they are (`PROBE`), `name` tells it from others of its block. Neither fills nor faults.
   */
  probe: op("i32", two, "memory"),
  /** The access `number` bytes above the address of a probe, which may stand in an earlier instruction. */
  nearLoad8: op("i32", one, "memory"), nearLoad16: op("i32", one, "memory"), nearLoad32: op("i32", one, "memory"),
  nearStore8: op("none", two, "memory"), nearStore16: op("none", two, "memory"), nearStore32: op("none", two, "memory"),
  nearModify8: op("i32", one, "memory"), nearModify16: op("i32", one, "memory"), nearModify32: op("i32", one, "memory"),

  /**
   * The linear address of an offset in segment register `number`, for an access of so many bytes that reads (0) or writes (1): no limit
   * is met where the segment is 4 GiB of writable data, elsewhere the runtime function `name` checks.
   */
  linear: op("i32", three, "memory"),
  /** A runtime check by `name`: raises a guest fault or does nothing; sees its arguments only. */
  guard: op("none", [], "memory", true),
  /** A runtime function by `name`. */
  call: op("i32", [], "call", true),
  /** A monitor function by `name`. */
  monitor: op("i32", [], "monitor", true),
} as const satisfies Record<string, OpRow>;

/** Bits of a probe's second argument: what its accesses do, and their sizes. */
export const PROBE = { reads: 1, writes: 2, bytes: 4, halves: 8, words: 16 } as const;

export type Op = keyof typeof OPS;

export interface Node {
  readonly op: Op;
  readonly args: readonly Node[];
  /** const: the value; code: the host address; setFlags: the kind word; condition: the code; linear: the segment register. */
  readonly number: number;
  /** field, slot, linear, compute, call, monitor: which. */
  readonly name: string;
}

/** How an instruction hands on control: a closed union. */
export type End =
  /** To the following instruction. */
  | { readonly kind: "next" }
  /** To the direct target (field `t`). */
  | { readonly kind: "jump" }
  /** The same, having pushed a return address. */
  | { readonly kind: "call" }
  /** To the direct target where the condition holds, else on. */
  | { readonly kind: "branch"; readonly condition: Node }
  /** To the offset in CS. */
  | { readonly kind: "indirect"; readonly to: Node; readonly how: "jump" | "call" | "return" }
  /** Executes again while the node is not 0: a REP stretch. */
  | { readonly kind: "repeat"; readonly again: Node }
  /** The monitor has set EIP. */
  | { readonly kind: "transferred" };

/** The value that an end needs. */
export function endValue(end: End): Node | undefined {
  switch (end.kind) {
    case "branch": return end.condition;
    case "indirect": return end.to;
    case "repeat": return end.again;
    case "next": case "jump": case "call": case "transferred": return undefined;
  }
  return end satisfies never;
}

/** What one instruction does. */
export interface Meaning {
  readonly nodes: readonly Node[];
  readonly end: End;
  /** What `derived` functions made of it, where equal instructions share it. */
  readonly memo?: unknown[];
}

let derivations = 0;

/** A function of what an instruction means; where equal instructions share that, it is computed once. */
export function derived<Result>(compute: (meaning: Meaning) => Result): (meaning: Meaning) => Result {
  const slot = derivations++;
  return (meaning) => {
    const { memo } = meaning;
    if (memo === undefined) return compute(meaning);
    return (memo[slot] ??= compute(meaning)) as Result;
  };
}
