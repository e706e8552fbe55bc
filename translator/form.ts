/**
 * An instruction *form*: everything about an instruction but the values of its operands.
 *
 * All instructions of one form share one interpreter handler and one IR. The operand values stand in named fields:
 * registers in `d` and `s`, memory in `b` (base) `x` (index) `c` (scale) `p` (displacement), immediates in `m` and `k`;
 * a relative branch has its displacement in `k`.
 */
import { DS, ES, SS, type Instruction, type Operand } from "./decode/instruction.ts";
import type { Row } from "./isa/row.ts";

/** The parts of the processor's mode that change what an instruction means. */
export interface Mode {
  /** Default operand and address size. */
  readonly bits: 16 | 32;
  /** CS, DS, ES and SS are flat 32-bit segments: offsets are linear addresses and no limit can be passed. */
  readonly flat: boolean;
  /** CPL = 3. */
  readonly user: boolean;
  /** Misaligned accesses fault: CPL = 3, CR0.AM and EFLAGS.AC. Absent: they do not. */
  readonly aligned?: boolean;
}

/** Absent base and index registers name the register that is always zero. */
export const ZERO_REGISTER = 8;

export type FieldName = "d" | "s" | "b" | "x" | "c" | "p" | "m" | "k";
export type Fields = Record<FieldName, number>;

export type Shape =
  | { readonly kind: "reg"; readonly size: 1 | 2 | 4; readonly field: "d" | "s" }
  | { readonly kind: "mem"; readonly size: number; readonly segment: number; readonly index: boolean }
  | { readonly kind: "imm"; readonly size: 1 | 2 | 4; readonly field: "m" | "k" }
  | { readonly kind: "rel" }
  | { readonly kind: "far" }
  /** A third register operand: only SHLD and SHRD have one, and it is always CL. */
  | { readonly kind: "cl" }
  | { readonly kind: "number"; readonly of: "sreg" | "creg" | "dreg" | "st"; readonly field: "d" | "s" };

export interface Form {
  readonly key: string;
  readonly semantics: string;
  readonly mnemonic: string;
  readonly condition: number;
  readonly operands: readonly Shape[];
  readonly operandSize: 2 | 4;
  readonly addressSize: 2 | 4;
  readonly rep: "" | "rep" | "repne";
  /** Segment of a string instruction's source. */
  readonly segment: number;
  readonly mode: Mode;
}

/** Byte offset of an encoded byte register in the register file: AL 0, CL 4, …, AH 1, CH 5 … */
export function byteRegister(index: number): number {
  return ((index & 3) << 2) | (index >> 2);
}

/** Kinds of operand in a form's number; to those of general registers and immediates log2 of the size is added. */
const GENERAL = 1, IMMEDIATE = 4, RELATIVE = 7, FAR = 8, MEMORY = 9, CL_ONLY = 10;
const NUMBERED = { sreg: 11, creg: 12, dreg: 13, st: 14 } as const;
const OPERAND_BITS = 4, MOST_OPERANDS = 3;
const REP_NUMBER = { "": 0, rep: 1, repne: 2 } as const;

/**
 * Fills `fields` from the operands. Returns a number that tells the form from the others of the same row in the same mode: 4 bits for
 * each operand, 8 of the memory operand (there is one at most), then sizes, repetition and segment.
 */
function takeOperands({ row, operands, operandSize, addressSize, rep, segment }: Instruction, mode: Mode, fields: Fields): number {
  fields.d = fields.s = fields.c = fields.p = fields.m = fields.k = 0;
  fields.b = fields.x = ZERO_REGISTER;
  let registers = 0, immediates = 0, memory = 0, kinds = 0;
  for (const operand of operands) {
    let kind: number;
    switch (operand.kind) {
      case "reg":
        kind = registers === 2 ? CL_ONLY : GENERAL + (operand.size >> 1);
        if (registers === 0) fields.d = registerNumber(operand);
        else if (registers === 1) fields.s = registerNumber(operand);
        registers++;
        break;
      case "mem":
        kind = MEMORY;
        if (operand.base >= 0) fields.b = operand.base;
        if (operand.index >= 0) fields.x = operand.index;
        fields.c = operand.scale;
        fields.p = operand.disp;
        memory = operand.size | (effectiveSegment(operand.segment, mode) << 4) | (operand.index >= 0 ? 1 << 7 : 0);
        break;
      case "imm":
        kind = IMMEDIATE + (operand.size >> 1);
        if (immediates++ === 0) fields.m = operand.value;
        else fields.k = operand.value;
        break;
      case "rel":
        kind = RELATIVE;
        fields.k = operand.value;
        break;
      case "far":
        kind = FAR;
        fields.m = operand.offset;
        fields.k = operand.selector;
        break;
      case "sreg": case "creg": case "dreg": case "st":
        kind = NUMBERED[operand.kind];
        if (registers++ === 0) fields.d = operand.index;
        else fields.s = operand.index;
        break;
    }
    kinds = (kinds << OPERAND_BITS) | kind;
  }
  const repeated = row.rep === "none" ? 0 : REP_NUMBER[rep];
  return kinds | (((((memory << 3 | effectiveSegment(segment, mode)) << 2 | repeated) << 1 | operandSize >> 2) << 1 | addressSize >> 2) << (OPERAND_BITS * MOST_OPERANDS));
}

/** Flat segments are alike, but that nothing may be written through CS: code that uses fewer forms uses less of the host's caches. */
function effectiveSegment(segment: number, { flat }: Mode): number { return flat && (segment === ES || segment === SS) ? DS : segment; }

function registerNumber(operand: { readonly size: number; readonly index: number }): number {
  return operand.size === 1 ? byteRegister(operand.index) : operand.index;
}

/** What stands where, without the values. */
function shapesOf(operands: readonly Operand[], mode: Mode): Shape[] {
  let registers = 0, immediates = 0;
  return operands.map((operand): Shape => {
    switch (operand.kind) {
      case "reg": return registers === 2 ? { kind: "cl" } : { kind: "reg", size: operand.size, field: registers++ === 0 ? "d" : "s" };
      case "mem": return { kind: "mem", size: operand.size, segment: effectiveSegment(operand.segment, mode), index: operand.index >= 0 };
      case "imm": return { kind: "imm", size: operand.size, field: immediates++ === 0 ? "m" : "k" };
      case "rel": return { kind: "rel" };
      case "far": return { kind: "far" };
      case "sreg": case "creg": case "dreg": case "st": return { kind: "number", of: operand.kind, field: registers++ === 0 ? "d" : "s" };
    }
    return operand satisfies never;
  });
}

function newForm({ row, operands, operandSize, addressSize, ...instruction }: Instruction, mode: Mode): Form {
  const shapes = shapesOf(operands, mode), segment = effectiveSegment(instruction.segment, mode), rep = row.rep === "none" ? "" : instruction.rep;
  const key = formKey(row.semantics, row.mnemonic, row.condition, shapes, operandSize, addressSize, rep, segment, mode);
  return { key, semantics: row.semantics, mnemonic: row.mnemonic, condition: row.condition, operands: shapes, operandSize, addressSize, rep, segment, mode };
}

/** Fills `fields` from the operands and returns the form. */
export function formOf(instruction: Instruction, mode: Mode, fields: Fields): Form {
  takeOperands(instruction, mode, fields);
  return newForm(instruction, mode);
}

/** The forms of one mode, each made once: the same form is the same object. */
export class Forms {
  readonly mode: Mode;
  readonly #byRow = new Map<Row, Map<number, Form>>();
  /** Rows that differ in their encoding alone have forms in common. */
  readonly #byKey = new Map<string, Form>();

  constructor(mode: Mode) { this.mode = mode; }

  /** As `formOf`. */
  of(instruction: Instruction, fields: Fields): Form {
    const { row } = instruction, number = takeOperands(instruction, this.mode, fields);
    let forms = this.#byRow.get(row);
    if (forms === undefined) this.#byRow.set(row, (forms = new Map()));
    let form = forms.get(number);
    if (form === undefined) forms.set(number, (form = this.#form(newForm(instruction, this.mode))));
    return form;
  }

  #form(made: Form): Form {
    const known = this.#byKey.get(made.key);
    if (known === undefined) this.#byKey.set(made.key, made);
    return known ?? made;
  }
}

function shapeKey(shape: Shape): string {
  switch (shape.kind) {
    case "reg": return `r${shape.size}`;
    case "mem": return `m${shape.size}${"ecsdfg"[shape.segment]}${shape.index ? "x" : ""}`;
    case "imm": return `i${shape.size}`;
    case "rel": return "rel";
    case "far": return "far";
    case "cl": return "cl";
    case "number": return shape.of;
  }
  return shape satisfies never;
}

function formKey(semantics: string, mnemonic: string, condition: number, shapes: readonly Shape[], operandSize: number, addressSize: number, rep: string, segment: number, mode: Mode): string {
  const name = semantics === mnemonic || condition >= 0 ? semantics : `${semantics}/${mnemonic}`;
  const flags = `${mode.bits === 32 ? "w" : "h"}${mode.flat ? "f" : ""}${mode.user ? "u" : ""}${mode.aligned === true ? "a" : ""}`;
  return `${name}${condition < 0 ? "" : `_${condition}`} ${shapes.map(shapeKey).join(",")} o${operandSize}a${addressSize}${rep}s${segment} ${flags}`;
}

/** What the field `m` of an x87 instruction is: FOP, the low 3 bits of the first opcode byte, then the ModRM byte (SDM volume 1, 8.1.9). */
export function x87Opcode(bytes: Uint8Array, at: number): number {
  let opcode = at;
  while ((bytes[opcode]! & 0xf8) !== 0xd8 && opcode < at + LONGEST) opcode++;
  return ((bytes[opcode]! & 7) << 8) | bytes[opcode + 1]!;
}

const LONGEST = 15;
