/** Data transfer: MOV, PUSH, POP, XCHG, conversions (SDM volume 1, 7.3.1). */
import { AF, CF, OF, PF, SF, ZF } from "../eflags.ts";
import { AH, AL, EAX, EBP, ECX, EDI, EDX, EBX, ESP, ESI, type Semantics, type SemanticFunction, type Width } from "./context.ts";
import type { Node } from "../ir/opcodes.ts";

const mov: SemanticFunction = (s) => s.write(0, s.read(1));

const movzx: SemanticFunction = (s) => s.write(0, s.read(1));

const movsx: SemanticFunction = (s) => s.write(0, s.ir.sext(s.read(1), s.sizeOf(1)));

const lea: SemanticFunction = (s) => s.write(0, s.address(1));

const xchg: SemanticFunction = (s) => {
  const memory = s.isMemory(0) ? 0 : s.isMemory(1) ? 1 : -1;
  if (memory < 0) {
    const a = s.read(0), b = s.read(1);
    s.write(0, b);
    s.write(1, a);
    return;
  }
  let old: Node | undefined;
  const register = s.read(1 - memory);
  s.modify(memory, (value) => { old = value; return register; });
  s.write(1 - memory, old!);
};

const cmovcc: SemanticFunction = (s) => {
  const source = s.read(1);
  s.write(0, s.ir.select(s.ir.condition(s.form.condition), source, s.read(0)));
};

const push: SemanticFunction = (s) => s.push(s.read(0));

/** POP computes the address of a memory operand with ESP already moved; a fault there leaves ESP as it was. */
const pop: SemanticFunction = (s) => {
  const size = s.form.operandSize;
  const value = s.top();
  if (!s.isMemory(0)) {
    s.drop(size);
    s.write(0, value);
    return;
  }
  const shape = s.shape(0), before = s.reg(ESP);
  if (shape.kind !== "mem") return;
  s.drop(size);
  const after = s.reg(ESP), offset = s.address(0);
  s.setReg(ESP, 4, before);
  s.ir.store(s.segmented(shape.segment, offset, size, true), size, value);
  s.setReg(ESP, 4, after);
};

const PUSHA_ORDER = [EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI];

const pusha: SemanticFunction = (s) => {
  const size = s.form.operandSize;
  PUSHA_ORDER.forEach((register, k) => {
    const pointer = s.stackPointer(s.const(-size * (k + 1)));
    s.ir.store(s.stackLinear(pointer, size, true), size, s.reg(register));
  });
  s.drop(-8 * size);
};

const popa: SemanticFunction = (s) => {
  const size = s.form.operandSize;
  const values = PUSHA_ORDER.map((_register, k) => s.top((7 - k) * size));
  s.drop(8 * size);
  PUSHA_ORDER.forEach((register, k) => { if (register !== ESP) s.setReg(register, size, values[k]!); });
};

/** CBW, CWDE */
const cbw: SemanticFunction = (s) => {
  const half = (s.form.operandSize / 2) as Width;
  s.setReg(EAX, s.form.operandSize, s.ir.sext(half === 1 ? s.reg(AL, 1) : s.reg(EAX, 2), half));
};

/** CWD, CDQ */
const cwd: SemanticFunction = (s) => {
  const size = s.form.operandSize;
  s.setReg(EDX, size, s.ir.sar(s.ir.sext(s.reg(EAX, size), size), s.const(31)));
};

const bswap: SemanticFunction = (s) => {
  const { ir } = s;
  if (s.size === 2) { s.write(0, s.const(0)); return; } // undefined by the manual; processors give 0
  const a = s.read(0), mask = s.const(0xff00ff);
  const swapped = ir.or(ir.and(ir.shr(a, s.const(8)), mask), ir.shl(ir.and(a, mask), s.const(8)));
  s.write(0, ir.or(ir.shl(swapped, s.const(16)), ir.shr(swapped, s.const(16))));
};

const xadd: SemanticFunction = (s) => {
  const addend = s.read(1);
  let old: Node | undefined;
  if (s.isMemory(0)) {
    s.modify(0, (value) => { old = value; return s.ir.add(value, addend); });
    s.write(1, old!);
  } else {
    old = s.read(0);
    s.write(1, old);
    s.write(0, s.ir.add(old, addend));
  }
  s.flagsAdd(old!, addend);
};

/** CMPXCHG writes memory in either case, and the accumulator only where they differ: first, as it may be the destination. */
const cmpxchg: SemanticFunction = (s) => {
  const { ir } = s;
  const accumulator = s.reg(EAX, s.size), source = s.read(1);
  let old: Node | undefined, equal: Node | undefined;
  const exchanged = (value: Node): Node => {
    old = value;
    equal = ir.eq(value, accumulator);
    return ir.select(equal, source, value);
  };
  if (s.isMemory(0)) s.modify(0, exchanged);
  const result = s.isMemory(0) ? undefined : exchanged(s.read(0));
  s.flagsSub(accumulator, old!);
  s.setReg(EAX, s.size, ir.select(equal!, accumulator, old!));
  if (result !== undefined) s.write(0, result);
};

const cmpxchg8b: SemanticFunction = (s) => {
  const { ir } = s;
  const address = s.linear(0, 8, true);
  if (s.form.mode.aligned === true) ir.call("requireAligned8", address);
  const low = ir.modify(address, 4), high = ir.modify(s.linear(0, 8, true, 4), 4);
  const equal = ir.band(ir.eq(low, s.reg(EAX)), ir.eq(high, s.reg(EDX)));
  ir.commit(low, 4, ir.select(equal, s.reg(EBX), low));
  ir.commit(high, 4, ir.select(equal, s.reg(ECX), high));
  s.putFlags(ir.or(ir.and(ir.flags(), s.const(~ZF)), ir.select(equal, s.const(ZF), s.const(0))));
  s.setReg(EAX, 4, low);
  s.setReg(EDX, 4, high);
};

const xlat: SemanticFunction = (s) => {
  const { ir } = s;
  let offset = ir.add(s.reg(EBX, 4), s.reg(AL, 1));
  if (s.form.addressSize === 2) offset = ir.zext(offset, 2);
  s.setReg(AL, 1, ir.load(s.segmented(s.form.segment, offset, 1, false), 1));
};

const LAHF_FLAGS = SF | ZF | AF | PF | CF;

const lahf: SemanticFunction = (s) => s.setReg(AH, 1, s.ir.or(s.ir.and(s.ir.flags(), s.const(LAHF_FLAGS)), s.const(2)));

const sahf: SemanticFunction = (s) => {
  const { ir } = s;
  s.putFlags(ir.or(ir.and(ir.flags(), s.const(OF)), ir.and(s.reg(AH, 1), s.const(LAHF_FLAGS))));
};

const salc: SemanticFunction = (s) => s.setReg(AL, 1, s.ir.neg(s.ir.carry()));

/** ENTER (SDM volume 2A): the display of `level` frame pointers is copied one by one. */
const enter: SemanticFunction = (s) => void s.ir.call("enterFrame", s.read(0), s.read(1), s.const(s.form.operandSize));

const leave: SemanticFunction = (s) => leaveFrame(s);

function leaveFrame(s: Semantics): void {
  const { ir } = s, size = s.form.operandSize, ebp = s.reg(EBP);
  const value = ir.load(s.stackLinear(ebp, size, false), size);
  if (s.form.mode.flat) s.setReg(ESP, 4, ir.add(ebp, s.const(size)));
  else {
    const mask = ir.slot("stackMask");
    s.setReg(ESP, 4, ir.or(ir.and(s.reg(ESP), ir.not(mask)), ir.and(ir.add(ebp, s.const(size)), mask)));
  }
  s.setReg(EBP, size, value);
}

export const data: Record<string, SemanticFunction> = {
  mov, movzx, movsx, lea, xchg, cmovcc, push, pop, pusha, popa, cbw, cwd, bswap, xadd, cmpxchg, cmpxchg8b, xlat, lahf, sahf, salc, enter, leave,
};
