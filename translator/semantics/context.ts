/**
 * What a semantic function works with: the operands of one form, in the manual's words.
 *
 * A function reads, computes, writes and sets flags, and returns how control goes on. It never asks whether
 * an operand's value is known, so that both engines get one logic. Order matters where something may fault: all
 * that can fault comes before the first change of a register or flag.
 */
import { KIND, WIDTH16, WIDTH32, WIDTH8 } from "../../runtime/abi.ts";
import { Builder } from "../ir/builder.ts";
import type { End, Node } from "../ir/opcodes.ts";
import { CS, FS, SS } from "../decode/instruction.ts";
import type { Form, Shape } from "../form.ts";

export const EAX = 0, ECX = 1, EDX = 2, EBX = 3, ESP = 4, EBP = 5, ESI = 6, EDI = 7;
/** Byte offsets in the register file. */
export const AL = 0, AH = 1, CL = 4;

export type Width = 1 | 2 | 4;
export const NEXT: End = { kind: "next" };

/** One mnemonic's meaning; returns nothing where control goes to the following instruction. */
export type SemanticFunction = (s: Semantics) => End | void;

const WIDTH_CODE = { 1: WIDTH8, 2: WIDTH16, 4: WIDTH32 } as const;

export class Semantics {
  readonly ir = new Builder();
  readonly form: Form;
  /** Bytes of the first operand, or of the operation where it has none. */
  readonly size: Width;

  constructor(form: Form) {
    this.form = form;
    const first = form.operands[0];
    this.size = first !== undefined && "size" in first && (first.size === 1 || first.size === 2 || first.size === 4) ? first.size : form.operandSize;
  }

  const(value: number): Node { return this.ir.const(value); }

  shape(k: number): Shape {
    const shape = this.form.operands[k];
    if (shape === undefined) throw new Error(`${this.form.key}: no operand ${k}`);
    return shape;
  }

  sizeOf(k: number): Width {
    const shape = this.shape(k);
    return "size" in shape && (shape.size === 1 || shape.size === 2 || shape.size === 4) ? shape.size : this.form.operandSize;
  }

  isMemory(k: number): boolean { return this.shape(k).kind === "mem"; }

  // --- Operands -----------------------------------------------------------------------------------

  /** Operand k, zero-extended; immediates as they were extended by the decoder. */
  read(k: number): Node {
    const shape = this.shape(k), { ir } = this;
    switch (shape.kind) {
      case "reg": return ir.reg(ir.field(shape.field), shape.size);
      case "mem": return ir.load(this.linear(k, shape.size, false), this.sizeOf(k));
      case "imm": case "number": return ir.field(shape.field);
      case "cl": return ir.reg(ir.const(CL), 1);
      case "rel": return ir.field("k");
      case "far": return ir.field("m");
    }
    return shape satisfies never;
  }

  write(k: number, value: Node): void {
    const shape = this.shape(k), { ir } = this;
    if (shape.kind === "reg") ir.setReg(ir.field(shape.field), shape.size, value);
    else if (shape.kind === "mem") ir.store(this.linear(k, shape.size, true), this.sizeOf(k), value);
    else throw new Error(`${this.form.key}: operand ${k} cannot be written`);
  }

  /** Reads operand k, lets `change` compute, writes the result: a read-modify-write with its check before the read. */
  modify(k: number, change: (old: Node) => Node): void {
    const shape = this.shape(k), { ir } = this;
    if (shape.kind === "mem") {
      const old = ir.modify(this.linear(k, shape.size, true), this.sizeOf(k));
      const value = change(old);
      ir.commit(old, this.sizeOf(k), value);
    } else this.write(k, change(this.read(k)));
  }

  /** The offset that memory operand k names, within its address size. */
  address(k: number): Node {
    const shape = this.shape(k), { ir } = this;
    if (shape.kind !== "mem") throw new Error(`${this.form.key}: operand ${k} is no memory`);
    let offset: Node = ir.field("p");
    if (shape.index) offset = ir.add(ir.shl(ir.reg(ir.field("x"), 4), ir.field("c")), offset);
    offset = ir.add(ir.reg(ir.field("b"), 4), offset); // an absent base is the register that is always 0
    return this.form.addressSize === 2 ? ir.zext(offset, 2) : offset;
  }

  /** The linear address of memory operand k (+ `plus` bytes), checked for an access of `size` bytes. */
  linear(k: number, size: number, write: boolean, plus = 0): Node {
    const shape = this.shape(k);
    if (shape.kind !== "mem") throw new Error(`${this.form.key}: operand ${k} is no memory`);
    let offset = this.address(k);
    if (plus !== 0) offset = this.ir.add(offset, this.const(plus));
    if (plus !== 0 && this.form.addressSize === 2) offset = this.ir.zext(offset, 2);
    return this.segmented(shape.segment, offset, size, write);
  }

  /** Offset in a segment → linear address: nothing to do in a flat segment, a check that may fault elsewhere. */
  segmented(segment: number, offset: Node, size: number, write: boolean): Node {
    const { mode } = this.form, { ir } = this;
    if (mode.flat && segment < FS && !(segment === CS && write)) return offset;
    if (mode.flat && segment >= FS) return ir.node("linear", [offset, ir.const(size), ir.const(write ? 1 : 0)], segment, "segmentAddress");
    return ir.node("call", [ir.const(segment), offset, ir.const(size), ir.const(write ? 1 : 0)], 0, "segmentAddress");
  }

  // --- Implicit registers --------------------------------------------------------------------------

  /** General register by number, `size` bytes. For single bytes pass the byte offset (AL, AH, CL). */
  reg(index: number, size: Width = 4): Node { return this.ir.reg(this.const(index), size); }
  setReg(index: number, size: Width, value: Node): void { this.ir.setReg(this.const(index), size, value); }

  // --- Stack ---------------------------------------------------------------------------------------

  /** ESP moved by `delta`, wrapped as the stack segment's size says. */
  stackPointer(delta: Node): Node {
    const { ir } = this, moved = ir.add(this.reg(ESP), delta);
    if (this.form.mode.flat) return moved;
    const mask = ir.slot("stackMask");
    return ir.or(ir.and(this.reg(ESP), ir.not(mask)), ir.and(moved, mask));
  }

  /** Linear address of the stack slot at pointer `pointer`. */
  stackLinear(pointer: Node, size: number, write: boolean): Node {
    if (this.form.mode.flat) return pointer;
    return this.segmented(SS, this.ir.and(pointer, this.ir.slot("stackMask")), size, write);
  }

  push(value: Node, size: Width = this.form.operandSize): void {
    const pointer = this.stackPointer(this.const(-size));
    this.ir.store(this.stackLinear(pointer, size, true), size, value);
    this.setReg(ESP, 4, pointer);
  }

  /** The value on top of the stack (+ `offset` bytes); ESP stays until `drop`. */
  top(offset = 0, size: Width = this.form.operandSize): Node {
    const pointer = offset === 0 ? this.reg(ESP) : this.stackPointer(this.const(offset));
    return this.ir.load(this.stackLinear(pointer, size, false), size);
  }

  drop(bytes: Node | number): void {
    this.setReg(ESP, 4, this.stackPointer(typeof bytes === "number" ? this.const(bytes) : bytes));
  }

  // --- Flags ---------------------------------------------------------------------------------------

  /** Moves a value of `size` bytes to the top of the word, where lazy flags keep their operands. */
  raised(value: Node, size: Width): Node {
    return size === 4 ? value : this.ir.shl(value, this.const(size === 1 ? 24 : 16));
  }

  #kind(kind: number, size: Width): number { return kind * 4 + WIDTH_CODE[size]; }

  flagsAdd(a: Node, b: Node, size = this.size): void {
    this.ir.node("setFlags", [this.raised(a, size), this.raised(b, size)], this.#kind(KIND.add, size));
  }
  flagsSub(a: Node, b: Node, size = this.size): void {
    this.ir.node("setFlags", [this.raised(a, size), this.raised(b, size)], this.#kind(KIND.sub, size));
  }
  flagsLogic(result: Node, size = this.size): void {
    this.ir.node("setFlags", [this.raised(result, size), this.const(0)], this.#kind(KIND.logic, size));
  }
  flagsIncrement(result: Node, carry: Node, size = this.size): void {
    this.ir.node("setFlagsCarry", [this.raised(result, size), this.const(0), carry], this.#kind(KIND.inc, size));
  }
  flagsDecrement(result: Node, carry: Node, size = this.size): void {
    this.ir.node("setFlagsCarry", [this.raised(result, size), this.const(0), carry], this.#kind(KIND.dec, size));
  }
  flagsAddCarry(a: Node, b: Node, carry: Node, size = this.size): void {
    this.ir.node("setFlagsCarry", [this.raised(a, size), this.raised(b, size), carry], this.#kind(KIND.adc, size));
  }
  flagsSubBorrow(a: Node, b: Node, carry: Node, size = this.size): void {
    this.ir.node("setFlagsCarry", [this.raised(a, size), this.raised(b, size), carry], this.#kind(KIND.sbb, size));
  }
  /** Flags of a shift by a count that is not 0 (where it is, they stay). */
  flagsShift(kind: "shl" | "shr" | "sar" | "logic", a: Node, count: Node, size = this.size): void {
    const moved = this.ir.ne(count, this.const(0));
    this.ir.node("setFlagsIf", [moved, this.raised(a, size), count], this.#kind(KIND[kind], size));
  }
  /** MUL: the halves of the product. */
  flagsMultiply(low: Node, high: Node, size = this.size): void {
    this.ir.node("setFlags", [this.raised(low, size), high], this.#kind(KIND.mul, size));
  }
  /** IMUL: the sign-extended factors. */
  flagsSignedMultiply(a: Node, b: Node, size = this.size): void {
    this.ir.node("setFlags", [a, b], this.#kind(KIND.imul, size));
  }
  /** CF alone, 0 or 1. */
  flagCarry(carry: Node): void { this.ir.node("setCarry", [carry]); }
  /** CF and OF, 0 or 1, of a rotate by a count that is not 0 (where it is, they stay). */
  flagsRotate(count: Node, carry: Node, overflow: Node): void {
    this.ir.node("setCarryOverflowIf", [this.ir.ne(count, this.const(0)), carry, overflow]);
  }
  /** All six flags as EFLAGS bits. */
  putFlags(flags: Node): void { this.ir.node("putFlags", [flags]); }
}
