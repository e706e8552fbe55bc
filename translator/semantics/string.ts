/** String instructions (SDM volume 1, 7.3.9). One element inline; a repeated one runs a stretch in the runtime. */
import { DF } from "../eflags.ts";
import { ES } from "../decode/instruction.ts";
import type { End, Node } from "../ir/opcodes.ts";
import { AL, EAX, EDI, ESI, type Semantics, type SemanticFunction, type Width } from "./context.ts";

/** Operand 0 of a string row is its element size. */
function elementSize(s: Semantics): Width { return s.sizeOf(0); }

function sourceLinear(s: Semantics): Node { return s.segmented(s.form.segment, s.reg(ESI, s.form.addressSize), elementSize(s), false); }
function destinationLinear(s: Semantics, write: boolean): Node { return s.segmented(ES, s.reg(EDI, s.form.addressSize), elementSize(s), write); }

/** What (E)SI and (E)DI move by: the element size, up or down. */
function step(s: Semantics): Node {
  const { ir } = s, size = elementSize(s);
  return ir.select(ir.eq(ir.and(ir.slot("eflags"), s.const(DF)), s.const(0)), s.const(size), s.const(-size));
}

function advance(s: Semantics, register: number, by: Node): void {
  s.setReg(register, s.form.addressSize, s.ir.add(s.reg(register, s.form.addressSize), by));
}

function accumulator(s: Semantics): Node { const size = elementSize(s); return s.reg(size === 1 ? AL : EAX, size); }

/** A repeated instruction: the runtime does one stretch and says whether there is more. */
function repeated(s: Semantics, name: string): End {
  const kind = s.form.rep === "repne" ? 2 : 1;
  const again = s.ir.call(name, s.const(elementSize(s)), s.const(s.form.addressSize), s.const(s.form.segment), s.const(kind));
  return { kind: "repeat", again };
}

function string(name: string, once: (s: Semantics) => void): SemanticFunction {
  return (s) => {
    if (s.form.rep !== "") return repeated(s, name);
    once(s);
    return undefined;
  };
}

const movs = string("repeatMovs", (s) => {
  const value = s.ir.load(sourceLinear(s), elementSize(s));
  s.ir.store(destinationLinear(s, true), elementSize(s), value);
  const by = step(s);
  advance(s, ESI, by);
  advance(s, EDI, by);
});

const stos = string("repeatStos", (s) => {
  s.ir.store(destinationLinear(s, true), elementSize(s), accumulator(s));
  advance(s, EDI, step(s));
});

const lods = string("repeatLods", (s) => {
  const size = elementSize(s), value = s.ir.load(sourceLinear(s), size);
  advance(s, ESI, step(s));
  s.setReg(size === 1 ? AL : EAX, size, value);
});

const scas = string("repeatScas", (s) => {
  const size = elementSize(s), value = s.ir.load(destinationLinear(s, false), size);
  s.flagsSub(accumulator(s), value, size);
  advance(s, EDI, step(s));
});

const cmps = string("repeatCmps", (s) => {
  const size = elementSize(s), a = s.ir.load(sourceLinear(s), size), b = s.ir.load(destinationLinear(s, false), size);
  s.flagsSub(a, b, size);
  const by = step(s);
  advance(s, ESI, by);
  advance(s, EDI, by);
});

/** INS and OUTS reach ports, so even one element is the monitor's; REP repeats them one by one. */
const ins: SemanticFunction = (s) => portString(s, "inString");
const outs: SemanticFunction = (s) => portString(s, "outString");

function portString(s: Semantics, name: string): End {
  const counted = s.form.rep === "" ? 0 : 1;
  const again = s.ir.monitor(name, s.const(elementSize(s)), s.const(s.form.addressSize), s.const(s.form.segment), s.const(counted));
  return { kind: "repeat", again };
}

/** CLD and STD */
const cld: SemanticFunction = (s) => s.ir.setSlot("eflags", s.ir.and(s.ir.slot("eflags"), s.const(~DF)));
const std: SemanticFunction = (s) => s.ir.setSlot("eflags", s.ir.or(s.ir.slot("eflags"), s.const(DF)));

export const strings: Record<string, SemanticFunction> = { movs, stos, lods, scas, cmps, ins, outs, cld, std };
