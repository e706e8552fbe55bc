/**
 * System instructions, segment loads, far transfers, ports (SDM volume 1, 7.3.15–7.3.17; volume 3).
 *
 * Operands are read and results written here; what the instruction does to the machine is the monitor's.
 */
import { DS, ES, FS, GS, SS } from "../decode/instruction.ts";
import { AF, CF, IF, OF, PF, RF, SF, VM, ZF } from "../eflags.ts";
import type { End, Node } from "../ir/opcodes.ts";
import { ESP, type Semantics, type SemanticFunction } from "./context.ts";

const ARITHMETIC = CF | PF | AF | ZF | SF | OF;
const TRANSFERRED: End = { kind: "transferred" };

function operandSize(s: Semantics): Node { return s.const(s.form.operandSize); }

/** A monitor call with no operands and no result. */
function plain(name: string): SemanticFunction {
  return (s) => void s.ir.monitor(name);
}

function undefinedOpcode(s: Semantics): End {
  s.ir.monitor("undefinedOpcode");
  return TRANSFERRED;
}

// --- Segment registers --------------------------------------------------------------------------------

/** Reads of a segment register: 16 bits, zero-extended where a register destination is wider. */
const movFromSreg: SemanticFunction = (s) => s.write(0, s.ir.slotAt("selector0", s.read(1)));

const movToSreg: SemanticFunction = (s) => void s.ir.monitor("moveToSegment", s.read(0), s.ir.zext(s.read(1), 2));

/** A 32-bit push of a segment register writes 32 bits with the upper half zero. */
const pushSreg: SemanticFunction = (s) => s.push(s.ir.slotAt("selector0", s.read(0)));

const popSreg: SemanticFunction = (s) => {
  const selector = s.ir.zext(s.top(), 2);
  const pointer = s.stackPointer(s.const(s.form.operandSize));
  s.ir.monitor("moveToSegment", s.read(0), selector);
  s.setReg(ESP, 4, pointer);
};

/** The offset and selector of a far pointer in memory operand k. */
function farPointer(s: Semantics, k: number): [offset: Node, selector: Node] {
  const size = s.form.operandSize;
  return [s.ir.load(s.linear(k, size, false), size), s.ir.load(s.linear(k, 2, false, size), 2)];
}

/** LDS, LES, LSS, LFS, LGS */
function loadFarPointer(segment: number): SemanticFunction {
  return (s) => {
    const [offset, selector] = farPointer(s, 1);
    s.ir.monitor("loadSegment", s.const(segment), selector);
    s.write(0, offset);
  };
}

// --- Far transfers --------------------------------------------------------------------------------------

function direct(name: string): SemanticFunction {
  return (s) => {
    s.ir.monitor(name, s.ir.field("k"), s.ir.field("m"), operandSize(s));
    return TRANSFERRED;
  };
}

function indirect(name: string): SemanticFunction {
  return (s) => {
    if (!s.isMemory(0)) return undefinedOpcode(s);
    const [offset, selector] = farPointer(s, 0);
    s.ir.monitor(name, selector, offset, operandSize(s));
    return TRANSFERRED;
  };
}

const retFar: SemanticFunction = (s) => {
  s.ir.monitor("returnFar", operandSize(s), s.form.operands.length === 0 ? s.const(0) : s.read(0));
  return TRANSFERRED;
};

const iret: SemanticFunction = (s) => {
  s.ir.monitor("interruptReturn", operandSize(s));
  return TRANSFERRED;
};

const int: SemanticFunction = (s) => {
  s.ir.monitor("softwareInterrupt", s.ir.zext(s.read(0), 1));
  return TRANSFERRED;
};

function trap(name: string): SemanticFunction {
  return (s) => {
    s.ir.monitor(name);
    return TRANSFERRED;
  };
}

/** INTO: the monitor decides on OF whether there is anything to do. */
const into: SemanticFunction = (s) => {
  s.ir.monitor("interruptOnOverflow");
  return TRANSFERRED;
};

const bound: SemanticFunction = (s) => {
  const { ir } = s, size = s.form.operandSize;
  if (!s.isMemory(1)) return undefinedOpcode(s);
  const lower = ir.sext(ir.load(s.linear(1, size, false), size), size), upper = ir.sext(ir.load(s.linear(1, size, false, size), size), size);
  ir.guard("checkBounds", ir.sext(s.read(0), size), lower, upper);
  return undefined;
};

// --- Ports ------------------------------------------------------------------------------------------------

const portIn: SemanticFunction = (s) => {
  const port = s.ir.zext(s.read(1), s.shape(1).kind === "imm" ? 1 : 2);
  s.write(0, s.ir.monitor("portIn", port, s.const(s.sizeOf(0))));
};

const portOut: SemanticFunction = (s) => {
  const port = s.ir.zext(s.read(0), s.shape(0).kind === "imm" ? 1 : 2), size = s.sizeOf(1);
  s.ir.monitor("portOut", port, s.const(size), s.read(1));
};

// --- EFLAGS -------------------------------------------------------------------------------------------------

/** VM and RF are pushed as 0. In a flat mode, which is never virtual-8086 mode, there is nothing to check. */
const pushf: SemanticFunction = (s) => {
  const { ir } = s;
  s.push(s.form.mode.flat ? ir.and(ir.or(ir.slot("eflags"), ir.flags()), s.const(~(VM | RF))) : ir.monitor("pushFlagsValue", operandSize(s)));
};

/** In a flat mode it is done in place unless something has to be seen to before the next instruction. */
const popf: SemanticFunction = (s) => {
  const { ir } = s, value = s.top(), pointer = s.stackPointer(s.const(s.form.operandSize));
  if (s.form.mode.flat) {
    const before = ir.slot("eflags"), mask = ir.compute("poppedFlags", ir.slot("cpl"), before, operandSize(s));
    const after = ir.or(ir.and(before, ir.not(ir.or(mask, s.const(RF)))), ir.and(value, mask));
    ir.guard("requireQuietFlags", before, after);
    ir.setSlot("eflags", after);
    s.putFlags(ir.and(value, s.const(ARITHMETIC)));
  } else ir.monitor("popFlags", value, operandSize(s));
  s.setReg(ESP, 4, pointer);
};

const cli: SemanticFunction = (s) => {
  const { ir } = s;
  ir.guard("requireIoPrivilege", ir.slot("cpl"), ir.slot("eflags"));
  ir.setSlot("eflags", ir.and(ir.slot("eflags"), s.const(~IF)));
};

// --- Control, debug and model-specific registers ---------------------------------------------------------------

const movFromControl: SemanticFunction = (s) => s.write(0, s.ir.monitor("readControl", s.read(1)));
const movToControl: SemanticFunction = (s) => void s.ir.monitor("writeControl", s.read(0), s.read(1), s.ir.nextEip());
const movFromDebug: SemanticFunction = (s) => s.write(0, s.ir.monitor("readDebug", s.read(1)));
const movToDebug: SemanticFunction = (s) => void s.ir.monitor("writeDebug", s.read(0), s.read(1));

/** SMSW is not privileged: the low word of CR0, all of it into a 32-bit register. */
const smsw: SemanticFunction = (s) => {
  const value = s.ir.slot("cr0");
  if (s.isMemory(0)) s.ir.store(s.linear(0, 2, true), 2, value);
  else s.write(0, value);
};

const lmsw: SemanticFunction = (s) => {
  s.ir.monitor("requirePrivilege");
  s.ir.monitor("lmsw", readWord(s, 0));
};

/** A 16-bit source operand, register or memory. */
function readWord(s: Semantics, k: number): Node {
  return s.isMemory(k) ? s.ir.load(s.linear(k, 2, false), 2) : s.ir.zext(s.read(k), 2);
}

/** SGDT, SIDT: limit, then 32 bits of base. */
function storeTable(limit: string, base: string): SemanticFunction {
  return (s) => {
    if (!s.isMemory(0)) return undefinedOpcode(s);
    const low = s.linear(0, 2, true), high = s.linear(0, 4, true, 2), value = s.ir.slot(base);
    s.ir.call("checkWrite6", low);
    s.ir.store(low, 2, s.ir.slot(limit));
    // By halves: an operand that is aligned to 4 has a base that is not.
    s.ir.store(high, 2, value);
    s.ir.store(s.ir.add(high, s.const(2)), 2, s.ir.shr(value, s.const(16)));
    return undefined;
  };
}

function loadTable(name: string): SemanticFunction {
  return (s) => {
    if (!s.isMemory(0)) return undefinedOpcode(s);
    s.ir.monitor("requirePrivilege");
    const limit = s.ir.load(s.linear(0, 2, false), 2), base = s.ir.load(s.linear(0, 4, false, 2), 4);
    s.ir.monitor(name, limit, base, operandSize(s));
    return undefined;
  };
}

/** SLDT, STR: 16 bits to memory, zero-extended into a register. */
function storeSelector(index: number): SemanticFunction {
  return (s) => {
    s.ir.monitor("requireProtectedMode");
    const selector = s.ir.slot(`selector${index}`);
    if (s.isMemory(0)) s.ir.store(s.linear(0, 2, true), 2, selector);
    else s.write(0, selector);
  };
}

function loadSelector(name: string): SemanticFunction {
  return (s) => {
    s.ir.monitor("requireProtectedMode");
    s.ir.monitor("requirePrivilege");
    s.ir.monitor(name, readWord(s, 0));
  };
}

/** LAR, LSL: destination and ZF change only where the selector is valid and visible. */
const lar: SemanticFunction = (s) => {
  const { ir } = s;
  ir.monitor("requireProtectedMode");
  const rights = ir.monitor("lar", readWord(s, 1)), valid = ir.ne(rights, s.const(-1));
  setZero(s, valid);
  s.write(0, ir.select(valid, rights, s.read(0)));
};

const lsl: SemanticFunction = (s) => {
  const { ir } = s;
  ir.monitor("requireProtectedMode");
  const selector = readWord(s, 1);
  const valid = ir.ne(ir.monitor("lslValid", selector), s.const(0)), limit = ir.monitor("lslLimit", selector);
  setZero(s, valid);
  s.write(0, ir.select(valid, limit, s.read(0)));
};

function verify(name: string): SemanticFunction {
  return (s) => {
    s.ir.monitor("requireProtectedMode");
    setZero(s, s.ir.ne(s.ir.monitor(name, readWord(s, 0)), s.const(0)));
  };
}

function setZero(s: Semantics, condition: Node): void {
  const { ir } = s;
  s.putFlags(ir.or(ir.and(ir.flags(), s.const(~ZF)), ir.select(condition, s.const(ZF), s.const(0))));
}

/** ARPL raises the RPL of the destination selector to that of the source. */
const arpl: SemanticFunction = (s) => {
  const { ir } = s;
  ir.monitor("requireProtectedMode");
  const source = s.read(1);
  let lower: Node | undefined;
  s.modify(0, (old) => {
    lower = ir.ltu(ir.and(old, s.const(3)), ir.and(source, s.const(3)));
    return ir.select(lower, ir.or(ir.and(old, s.const(~3)), ir.and(source, s.const(3))), old);
  });
  setZero(s, lower!);
};

const invlpg: SemanticFunction = (s) => {
  const shape = s.shape(0);
  if (shape.kind !== "mem") return undefinedOpcode(s);
  s.ir.monitor("requirePrivilege");
  const base = shape.segment >= FS || !s.form.mode.flat ? s.ir.slot(`base${shape.segment}`) : s.const(0);
  s.ir.monitor("invalidatePage", s.ir.add(base, s.address(0)), s.ir.nextEip());
  return undefined;
};

const hlt: SemanticFunction = (s) => void s.ir.monitor("halt");

export const system: Record<string, SemanticFunction> = {
  mov_from_sreg: movFromSreg, mov_to_sreg: movToSreg, push_sreg: pushSreg, pop_sreg: popSreg,
  lds: loadFarPointer(DS), les: loadFarPointer(ES), lss: loadFarPointer(SS), lfs: loadFarPointer(FS), lgs: loadFarPointer(GS),
  jmp_far: direct("jumpFar"), call_far: direct("callFar"), jmp_far_indirect: indirect("jumpFar"), call_far_indirect: indirect("callFar"),
  ret_far: retFar, iret, int, int3: trap("breakpoint"), int1: trap("debugTrap"), into, bound,
  in: portIn, out: portOut, pushf, popf, cli, sti: plain("sti"),
  mov_from_cr: movFromControl, mov_to_cr: movToControl, mov_from_dr: movFromDebug, mov_to_dr: movToDebug,
  smsw, lmsw, sgdt: storeTable("gdtLimit", "gdtBase"), sidt: storeTable("idtLimit", "idtBase"),
  lgdt: loadTable("loadGdt"), lidt: loadTable("loadIdt"),
  sldt: storeSelector(6), str: storeSelector(7), lldt: loadSelector("loadLdtr"), ltr: loadSelector("loadTr"),
  lar, lsl, verr: verify("verr"), verw: verify("verw"), arpl, invlpg, hlt,
  clts: plain("clts"), invd: plain("wbinvd"), wbinvd: plain("wbinvd"), cpuid: plain("cpuid"), rdtsc: plain("readTimestamp"),
  rdmsr: plain("readMsr"), wrmsr: plain("writeMsr"), rdpmc: plain("rdpmc"), ud2: undefinedOpcode,
};
