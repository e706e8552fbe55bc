/** Shifts, rotates, bit and byte instructions (SDM volume 1, 7.3.5–7.3.6). */
import type { Node } from "../ir/opcodes.ts";
import type { Semantics, SemanticFunction } from "./context.ts";

const COUNT_MASK = 31;

function count(s: Semantics, k: number): Node { return s.ir.and(s.read(k), s.const(COUNT_MASK)); }

/** A shift by 32 - width or more bits leaves nothing; int32 shifts take their count modulo 32, and it is at most 31. */
const shl: SemanticFunction = (s) => {
  const by = count(s, 1);
  let a: Node | undefined;
  s.modify(0, (old) => { a = old; return s.ir.shl(old, by); });
  s.flagsShift("shl", a!, by);
};

const shr: SemanticFunction = (s) => {
  const by = count(s, 1);
  let a: Node | undefined;
  s.modify(0, (old) => { a = old; return s.ir.shr(old, by); });
  s.flagsShift("shr", a!, by);
};

const sar: SemanticFunction = (s) => {
  const by = count(s, 1);
  let a: Node | undefined;
  s.modify(0, (old) => { a = old; return s.ir.sar(s.ir.sext(old, s.size), by); });
  s.flagsShift("sar", a!, by);
};

/** The value repeated over 32 bits, so that a 32-bit rotate moves every width right. */
function repeated(s: Semantics, value: Node): Node {
  const { ir, size } = s;
  if (size === 4) return value;
  return ir.mul(value, s.const(size === 1 ? 0x01010101 : 0x00010001));
}

function rotateLeft(s: Semantics, value: Node, by: Node): Node {
  return s.ir.or(s.ir.shl(value, by), s.ir.shr(value, s.ir.neg(by)));
}

function topBit(s: Semantics, value: Node): Node {
  return s.ir.and(s.ir.shr(value, s.const(s.size * 8 - 1)), s.const(1));
}

const rol: SemanticFunction = (s) => {
  const by = count(s, 1);
  let result: Node | undefined;
  s.modify(0, (old) => (result = rotateLeft(s, repeated(s, old), by)));
  const carry = s.ir.and(result!, s.const(1));
  s.flagsRotate(by, carry, s.ir.xor(topBit(s, result!), carry));
};

const ror: SemanticFunction = (s) => {
  const by = count(s, 1);
  let result: Node | undefined;
  s.modify(0, (old) => (result = rotateLeft(s, repeated(s, old), s.ir.neg(by))));
  const carry = topBit(s, result!);
  s.flagsRotate(by, carry, s.ir.xor(carry, s.ir.and(s.ir.shr(result!, s.const(s.size * 8 - 2)), s.const(1))));
};

/** RCL and RCR rotate through the carry: 33, 17 or 9 bits. */
function throughCarry(name: "rcl" | "rcr"): SemanticFunction {
  return (s) => {
    const { ir } = s, by = count(s, 1), width = s.const(s.size * 8);
    let result: Node | undefined, carry: Node | undefined, old: Node | undefined;
    s.modify(0, (value) => {
      old = value;
      carry = ir.carry();
      return (result = ir.compute(name, value, carry, by, width));
    });
    const out = ir.compute(`${name}Carry`, old!, carry!, by, width);
    const overflow = name === "rcl"
      ? ir.xor(topBit(s, result!), out)
      : ir.xor(topBit(s, result!), ir.and(ir.shr(result!, s.const(s.size * 8 - 2)), s.const(1)));
    s.flagsRotate(by, out, overflow);
  };
}

/** v << n | f >>> 32 - n; the filler is moved in two steps, of which the second is 31 - n, so that nothing of it is left where n is 0. */
function shiftedDouble({ ir }: Semantics, name: "shld" | "shrd", value: Node, filler: Node, by: Node): Node {
  const rest = ir.xor(by, ir.const(COUNT_MASK)), one = ir.const(1);
  if (name === "shld") return ir.or(ir.shl(value, by), ir.shr(ir.shr(filler, one), rest));
  return ir.or(ir.shr(value, by), ir.shl(ir.shl(filler, one), rest));
}

/** SHLD and SHRD; a 16-bit count above 16 is undefined. */
function shiftDouble(name: "shld" | "shrd"): SemanticFunction {
  return (s) => {
    const { ir } = s, by = count(s, 2), filler = s.read(1), width = s.const(s.size * 8);
    let old: Node | undefined, result: Node | undefined;
    s.modify(0, (value) => {
      old = value;
      return (result = s.size === 4 ? shiftedDouble(s, name, value, filler, by) : ir.compute(name, value, filler, by, width));
    });
    if (s.size === 4) { doubleFlags(s, name, old!, result!, by); return; }
    const before = ir.flags();
    s.putFlags(ir.select(ir.ne(by, s.const(0)), ir.compute(`${name}Flags`, old!, filler, by, width), before));
  };
}

/** Of 32 bits: CF is the last bit that was shifted out, OF whether the sign has changed. */
function doubleFlags(s: Semantics, name: "shld" | "shrd", old: Node, result: Node, by: Node): void {
  const { ir } = s, out = name === "shld" ? ir.neg(by) : ir.sub(by, s.const(1));
  s.flagsShift("logic", result, by);
  s.flagsRotate(by, ir.and(ir.shr(old, out), s.const(1)), topBit(s, ir.xor(old, result)));
}

type BitChange = (s: Semantics, value: Node, mask: Node) => Node;

/** BT, BTS, BTR, BTC: only CF is defined, the other flags stay. A register bit offset reaches beyond a memory operand. */
function bitTest(change: BitChange | undefined): SemanticFunction {
  return (s) => {
    const { ir, size } = s, offset = s.read(1);
    const bit = ir.and(offset, s.const(size * 8 - 1));
    let old: Node | undefined;
    const changed = (value: Node): Node => { old = value; return change!(s, value, ir.shl(s.const(1), bit)); };
    if (s.isMemory(0) && s.shape(1).kind === "reg") {
      const linear = bitStringLinear(s, offset, change !== undefined);
      if (change === undefined) old = ir.load(linear, size);
      else {
        const value = ir.modify(linear, size);
        ir.commit(value, size, changed(value));
      }
    } else if (change === undefined) old = s.read(0);
    else s.modify(0, changed);
    s.flagCarry(ir.and(ir.shr(old!, bit), s.const(1)));
  };
}

/** The word of a bit string that holds the bit at a signed offset. */
function bitStringLinear(s: Semantics, offset: Node, write: boolean): Node {
  const { ir, size } = s, shape = s.shape(0);
  if (shape.kind !== "mem") throw new Error("bit string operand is no memory");
  const words = ir.sar(ir.sext(offset, size), s.const(size === 4 ? 5 : 4));
  let address = ir.add(s.address(0), ir.shl(words, s.const(size === 4 ? 2 : 1)));
  if (s.form.addressSize === 2) address = ir.zext(address, 2);
  return s.segmented(shape.segment, address, size, write);
}

/** BSF and BSR: with a source of 0 the destination stays and ZF is set. */
function bitScan(index: (s: Semantics, source: Node) => Node): SemanticFunction {
  return (s) => {
    const source = s.read(1);
    const result = s.ir.select(s.ir.eq(source, s.const(0)), s.read(0), index(s, source));
    s.flagsLogic(source);
    s.write(0, result);
  };
}

const lowest = (s: Semantics, source: Node): Node => s.ir.sub(s.const(31), s.ir.clz(s.ir.and(source, s.ir.neg(source))));
const highest = (s: Semantics, source: Node): Node => s.ir.sub(s.const(31), s.ir.clz(source));

const setcc: SemanticFunction = (s) => s.write(0, s.ir.bit(s.ir.condition(s.form.condition)));

export const shift: Record<string, SemanticFunction> = {
  shl, sal: shl, shr, sar, rol, ror, rcl: throughCarry("rcl"), rcr: throughCarry("rcr"), shld: shiftDouble("shld"), shrd: shiftDouble("shrd"),
  bt: bitTest(undefined),
  bts: bitTest((s, value, mask) => s.ir.or(value, mask)),
  btr: bitTest((s, value, mask) => s.ir.and(value, s.ir.not(mask))),
  btc: bitTest((s, value, mask) => s.ir.xor(value, mask)),
  bsf: bitScan(lowest), bsr: bitScan(highest), setcc,
};
