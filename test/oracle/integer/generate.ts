/**
 * Makes cases: for each form in turn random operands of the nasty kind, set up so that the instruction finds memory, a stack and a branch
 * target where it looks for them. Case `index` of `seed` is the same whatever was generated before it.
 */
import { CODE_AT, CODE_PAGE, DATA_MARGIN, DATA_PAGE, LOW_PAGE, LOW_PAGES, PAGE, PROGRAM, WINDOW, type Case } from "./case-format.ts";
import { address16, address32 } from "./addressing.ts";
import { exclusionOf } from "./excluded.ts";
import { Random, caseSeed } from "./random.ts";
import { allTemplates, decodeBytes, type Template } from "./templates.ts";
import { memoryIsOpenAtFault, pageFaultIsOpen, registersAreOpenAtFault, resultIsUndefined, undefinedFlags } from "./undefined.ts";
import type { Instruction } from "../../../translator/translate.ts";

const EAX = 0, ECX = 1, EDX = 2, EBX = 3, ESP = 4, EBP = 5, ESI = 6, EDI = 7;
const ARITHMETIC = 0x8d5, DF = 1 << 10, IF_AND_ONE = 0x202;
/** What POPF and IRET may load: not TF, which traps. */
const POPPABLE = ~(1 << 8);

/** Selectors that mean the same in the host's GDT and in the engine's (see engine.ts): null, user code and data, out of bounds, an LDT that is not there. */
const CODE_SELECTOR = 0x23, DATA_SELECTOR = 0x2b;
const SELECTORS = [0, 1, 2, 3, CODE_SELECTOR, DATA_SELECTOR, 0x20, 0x28, 0x2a, 0xfff8, 0xfffb, 0x0007, 0x0044];

const STRING = new Set(["movs", "cmps", "stos", "lods", "scas", "ins", "outs"]);
const BIT_TESTS = new Set(["bt", "bts", "btr", "btc"]);
const SELECTOR_READERS = new Set(["lar", "lsl", "verr", "verw"]);
const FAR_LOADS = new Set(["lds", "les", "lss", "lfs", "lgs"]);

/** The deepest ENTER, so that all it touches fits the window. */
const MOST_FRAMES = 12;

/** The prefixes that choose a segment; FS and GS are null and so fault. */
const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** A generated case with what it is a case of. */
export interface Generated extends Case {
  readonly name: string;
  /** EFLAGS bits that the manual leaves undefined after it, and in the image that a fault in it pushes. */
  readonly undefinedFlags: number;
  readonly undefinedAtFault: number;
  /** Whether address and error code of a page fault in it are not compared. */
  readonly pageFaultIsOpen: boolean;
  /** Bits of its error code that are not compared otherwise. */
  readonly openErrorBits: number;
  /** Whether general registers other than ESP, or memory, are not compared where it faults. */
  readonly registersAreOpenAtFault: boolean;
  readonly memoryIsOpenAtFault: boolean;
}

interface Place {
  readonly windowAt: number;
  readonly target: number;
}

/** Anywhere on a page, now and then across its end. */
function placeWindow(random: Random, page: number): Place {
  const windowAt = random.once(8) ? page + PAGE - 128 - random.below(17) : page + 64 * random.below(60);
  return { windowAt, target: windowAt + (random.once(2) ? 128 : 112 + random.below(32)) };
}

/** At either end of mapped memory, so that accesses go half or wholly beyond it. */
function placeAtEdge(random: Random): Place {
  const low = DATA_PAGE - DATA_MARGIN, high = DATA_PAGE + PAGE + DATA_MARGIN;
  return random.once(2) ? { windowAt: low, target: low + random.below(12) } : { windowAt: high - WINDOW, target: high - random.below(12) };
}

/** One case under construction. */
class Builder {
  readonly random: Random;
  readonly template: Template;
  readonly registers: Int32Array;
  readonly window: Uint8Array;
  readonly windowAt: number;
  /** Where explicit memory operands lie. */
  readonly target: number;
  /** Registers whose values the instruction's implicit operands need. */
  readonly fixed = new Set<number>();
  readonly addressSize: 2 | 4;

  constructor(random: Random, template: Template) {
    this.random = random;
    this.template = template;
    this.addressSize = template.sample.addressSize;
    this.registers = Int32Array.from({ length: 8 }, () => random.value());
    this.window = new Uint8Array(Int32Array.from({ length: WINDOW / 4 }, () => random.value()).buffer);
    const place = this.addressSize === 2 ? placeWindow(random, LOW_PAGE) : random.once(16) ? placeAtEdge(random) : placeWindow(random, DATA_PAGE);
    this.windowAt = place.windowAt;
    this.target = place.target;
  }

  /** An address close to the one of explicit operands. */
  near(): number {
    return this.target - 8 + this.random.below(17);
  }

  get mnemonic(): string { return this.template.sample.row.mnemonic; }

  /** Sets a register, all of it or its low half, and keeps it from being a base. */
  fix(register: number, value: number): void {
    this.registers[register] = value;
    this.fixed.add(register);
  }

  /** Writes into the window at a linear address; what lies outside is dropped. */
  poke(address: number, value: number, bytes: number): void {
    for (let k = 0; k < bytes; k++) this.window[address - this.windowAt + k] = value >> (8 * k);
  }

  peek(address: number, bytes: number): number {
    let value = 0;
    for (let k = 0; k < bytes; k++) value |= (this.window[address - this.windowAt + k] ?? 0) << (8 * k);
    return value;
  }

  /** Somewhere on the code page that is not the instruction itself. */
  codeTarget(): number {
    return this.random.once(2) ? CODE_AT + 16 + this.random.below(0x7f0) : CODE_PAGE + this.random.below(0x7f0);
  }

  selector(): number { return this.random.pick(SELECTORS); }
}

/** Gives implicit operands their places: the stack, string pointers, counts. */
function placeImplicitOperands(b: Builder): void {
  const { random, template: { sample } } = b, near = (): number => b.near();
  b.registers[ESP] = random.once(4) ? near() : near() & ~3;
  b.fixed.add(ESP);
  if (STRING.has(b.mnemonic)) {
    b.fix(ESI, near());
    b.fix(EDI, near());
    // Whether INS and OUTS that repeat no times ask for I/O permission differs between processors.
    const least = b.mnemonic === "ins" || b.mnemonic === "outs" ? 1 : 0;
    if (sample.rep !== "") b.fix(ECX, least + random.below(9) | (b.addressSize === 2 ? random.word() & ~0xffff : 0));
    // REP MOVS with 16-bit addresses and upper halves that are not zero copies overlapping operands wrongly on some processors (seen on AMD's).
    const upper = b.addressSize === 2 && (b.mnemonic !== "movs" || sample.rep === "") ? random.word() & ~0xffff : 0;
    for (const register of [ESI, EDI]) b.registers[register]! |= upper;
  } else if (b.mnemonic === "leave") b.fix(EBP, near());
  // The frame pointers that ENTER copies lie above what it pushes: the order of reads and writes is not the manual's everywhere.
  else if (b.mnemonic === "enter") b.fix(EBP, b.registers[ESP]! + 4 * MOST_FRAMES + random.below(16));
  else if (b.mnemonic === "xlat") b.fix(EBX, near() - (b.registers[EAX]! & 0xff));
  else if (b.mnemonic === "cmpxchg8b") [EAX, ECX, EDX, EBX].forEach((register) => b.fixed.add(register));
  else if (b.mnemonic === "div" || b.mnemonic === "idiv") placeDividend(b);
  if (random.once(2) && (b.mnemonic === "loop" || b.mnemonic.includes("cxz"))) b.registers[ECX] = random.below(3);
}

/** Dividends that often have a quotient. */
function placeDividend(b: Builder): void {
  const { random } = b;
  b.fixed.add(EAX);
  b.fixed.add(EDX);
  switch (random.below(4)) {
    case 0: b.registers[EDX] = b.registers[EAX]! >> 31; break;
    case 1: b.registers[EDX] = 0; break;
    case 2: b.registers[EDX] = random.below(256); b.registers[EAX] = random.word() & 0xffff | random.value() & ~0xffff; break;
    default: break;
  }
}

/** ModRM bytes; for a memory operand, register values too. */
function encodeModrm(b: Builder): readonly number[] {
  const { random, template: { modrm } } = b;
  if (modrm === undefined) return [];
  const bitInRegister = BIT_TESTS.has(b.mnemonic) && modrm.reg === "any";
  const reg = modrm.reg !== "any" ? modrm.reg : bitInRegister ? random.pick([EAX, ECX, EDX, EBX, EBP, ESI, EDI]) : random.below(8);
  if (!modrm.memory) return [0xc0 | (reg << 3) | random.below(8)];
  if (bitInRegister) b.fix(reg, random.below(512) - 256);
  const place = b.addressSize === 2 ? address16 : address32;
  const fixed = new Set(b.fixed);
  if (random.once(8) && !usesStack(b.mnemonic)) fixed.delete(ESP);
  const target = b.addressSize === 4 && random.once(40) ? wildAddress(random) : b.target;
  return place(random, reg, target, b.registers, fixed).bytes;
}

/**
 * An unmapped address, but not so near to 4 GiB that the access would pass the limit of a flat segment, which calque does not check. What is
 * mapped outside the window holds what earlier cases left there.
 */
function wildAddress(random: Random): number {
  const address = Math.min(random.value() >>> 0, 0xffff_ff00);
  const mapped = address >= LOW_PAGE - 16 && address < DATA_PAGE + PAGE + DATA_MARGIN;
  return mapped ? random.pick([0, 0x1000_0000, -0x8000_0000]) : address | 0;
}

function usesStack(mnemonic: string): boolean {
  return /^(push|pop|call|ret|enter|leave|int|iret)/.test(mnemonic);
}

function nastyTail(random: Random): number[] {
  return [...new Uint8Array(Int32Array.of(random.value(), random.value(), random.value()).buffer)];
}

/** Data that the engine, which knows no no-execute pages, would execute. */
function isLow(address: number): boolean {
  return address >= LOW_PAGE && address < LOW_PAGE + LOW_PAGES * PAGE;
}

/** Patches the bytes that decide where the instruction goes in memory or code; false where this encoding can not be used. */
function patchOperands(b: Builder, bytes: Uint8Array, instruction: Instruction): boolean {
  const view = new DataView(bytes.buffer), { random } = b, end = bytes.length;
  for (const operand of instruction.operands) {
    if (operand.kind === "mem" && b.template.modrm === undefined && operand.base < 0 && operand.index < 0 && !STRING.has(b.mnemonic)) {
      if (instruction.addressSize === 2) view.setUint16(end - 2, b.target, true);
      else view.setUint32(end - 4, b.target, true);
    } else if (operand.kind === "rel") {
      if (operand.size === 4) view.setInt32(end - 4, b.codeTarget() - CODE_AT - end, true);
      const to = CODE_AT + end + (operand.size === 1 ? view.getInt8(end - 1) : operand.size === 4 ? view.getInt32(end - 4, true) : end);
      if (to >= CODE_AT && to < CODE_AT + end || isLow((CODE_AT + end + (operand.size === 2 ? view.getInt16(end - 2, true) : 0)) & 0xffff)) return false;
    } else if (operand.kind === "far") {
      view.setUint16(end - 2, b.selector(), true);
      if (operand.size === 4) view.setUint32(end - 6, b.codeTarget(), true);
      else if (isLow(view.getUint16(end - 4, true))) return false;
    }
  }
  if (b.mnemonic === "enter") bytes[end - 1] = random.below(MOST_FRAMES) + 32 * random.below(8);
  return b.mnemonic !== "int" || bytes[end - 1] !== 0x80;
}

function registerValue(b: Builder, operand: { size: number; index: number }, value: number): void {
  if (operand.size === 4) b.registers[operand.index] = value;
  else b.registers[operand.index] = (b.registers[operand.index]! & ~0xffff) | (value & 0xffff);
}

/** Puts a value where the instruction's r/m operand is. */
function pokeOperand(b: Builder, operand: Instruction["operands"][number] | undefined, value: number, bytes: number): void {
  if (operand?.kind === "reg") registerValue(b, { size: bytes, index: operand.index }, value);
  else if (operand?.kind === "mem") b.poke(b.target, value, bytes);
}

/** Contents of memory and registers that the instruction gives a meaning: targets, selectors, flags images, comparands. */
function placeMeanings(b: Builder, instruction: Instruction): void {
  const { random } = b, { semantics, mnemonic } = instruction.row, [first, second] = instruction.operands;
  const size = instruction.operandSize, stack = b.registers[ESP]!;
  if (semantics === "jmp_indirect" || semantics === "call_indirect") pokeOperand(b, first, b.codeTarget(), size);
  else if (FAR_LOADS.has(mnemonic) || semantics.endsWith("far_indirect") || semantics.endsWith("indirect_far")) {
    b.poke(b.target, b.codeTarget(), size);
    b.poke(b.target + size, b.selector(), 2);
  } else if (mnemonic.startsWith("ret") || mnemonic.startsWith("iret")) {
    b.poke(stack, b.codeTarget(), size);
    // Which comes first, a bad selector or a page fault further up the stack, differs between processors.
    const nearEdge = b.windowAt + WINDOW === DATA_PAGE + PAGE + DATA_MARGIN;
    b.poke(stack + size, random.once(2) || nearEdge ? CODE_SELECTOR : b.selector(), size);
    if (mnemonic.startsWith("iret")) b.poke(stack + 2 * size, b.peek(stack + 2 * size, size) & POPPABLE, size);
  } else if (mnemonic.startsWith("popf")) b.poke(stack, b.peek(stack, size) & POPPABLE, size);
  else if (mnemonic === "pop" && first?.kind === "sreg") b.poke(stack, b.selector(), size);
  else if (mnemonic === "mov" && first?.kind === "sreg") pokeOperand(b, second, b.selector(), 2);
  else if (SELECTOR_READERS.has(mnemonic)) pokeOperand(b, instruction.operands.at(-1), b.selector(), 2);
  else if (mnemonic === "cmpxchg" && random.once(2)) matchAccumulator(b, first);
  else if (mnemonic === "cmpxchg8b" && random.once(2)) {
    b.registers[EAX] = b.peek(b.target, 4);
    b.registers[EDX] = b.peek(b.target + 4, 4);
  } else if (mnemonic === "bound" && random.once(2)) b.poke(b.target, b.registers[first?.kind === "reg" ? first.index : 0]! - random.below(2), size);
}

/** Makes CMPXCHG find what it compares with, where no base register would change by it. */
function matchAccumulator(b: Builder, operand: Instruction["operands"][number] | undefined): void {
  if (operand?.kind === "reg") registerValue(b, { size: 4, index: operand.size === 1 ? operand.index & 3 : operand.index }, b.registers[EAX]!);
  else if (operand?.kind === "mem") b.poke(b.target, b.registers[EAX]!, 4);
}

/** Whether the case might run code or touch memory that the native program needs for itself. */
function isUnsafe(b: Builder, instruction: Instruction): boolean {
  const [first] = instruction.operands;
  if (instruction.row.semantics === "call_indirect" && first?.kind === "reg" && first.index === ESP) return true;
  return instruction.operands.some((operand) => {
    if (operand.kind !== "mem" || operand.base < 0 && operand.index < 0) return false;
    const at = ((operand.base < 0 ? 0 : b.registers[operand.base]!) + (operand.index < 0 ? 0 : b.registers[operand.index]! << operand.scale) + operand.disp) >>> 0;
    return at >= PROGRAM.from && at < PROGRAM.to;
  });
}

/** Prefixes that the form does not need: a segment, a useless REP or LOCK. */
function spicePrefixes(b: Builder): number[] {
  const { random, template: { opcode, sample, prefixes } } = b;
  const spice: number[] = [];
  // Whether ARPL that changes nothing needs a writable operand differs between processors, so it never goes through CS.
  if (random.once(12) && sample.row.mnemonic !== "arpl") spice.push(random.pick(SEGMENT_PREFIXES));
  // F2h and F3h before 0Fh opcodes and 90h are other instructions on today's processors; before LOOPE and LOOPNE they change its sense on some.
  if (random.once(64) && sample.row.rep === "none" && ![0x0f, 0x90, 0xe0, 0xe1].includes(opcode[0]!)) spice.push(random.pick([0xf2, 0xf3]));
  if (random.once(64) && !prefixes.includes(0xf0)) spice.push(0xf0);
  return spice;
}

function attempt(random: Random, template: Template): Generated | undefined {
  const b = new Builder(random, template);
  placeImplicitOperands(b);
  const head = [...spicePrefixes(b), ...template.prefixes, ...template.opcode, ...encodeModrm(b)];
  const padded = Uint8Array.from([...head, ...nastyTail(random)]).slice(0, 15);
  const first = decodeBytes(padded);
  if (first === undefined || first.row !== template.sample.row) return undefined;
  const bytes = padded.slice(0, first.length);
  if (!patchOperands(b, bytes, first)) return undefined;
  const instruction = decodeBytes(bytes);
  if (instruction === undefined) return undefined;
  placeMeanings(b, instruction);
  const eflags = IF_AND_ONE | (random.word() & ARITHMETIC) | (random.once(3) ? DF : 0);
  const made: Case = { registers: b.registers, eflags, windowAt: b.windowAt, bytes, instructions: 1, window: b.window };
  if (isUnsafe(b, instruction) || resultIsUndefined(instruction, made)) return undefined;
  return {
    ...made, name: template.name, undefinedFlags: undefinedFlags(instruction, made), undefinedAtFault: 0, pageFaultIsOpen: pageFaultIsOpen(instruction), openErrorBits: 0,
    registersAreOpenAtFault: registersAreOpenAtFault(instruction), memoryIsOpenAtFault: memoryIsOpenAtFault(instruction),
  };
}

export class Generator {
  readonly templates: readonly Template[];
  /** Names of forms left out, with the reason. */
  readonly excluded: ReadonlyMap<string, string>;
  readonly excludedRows: ReadonlySet<Instruction["row"]>;
  readonly #seed: number;

  /** `lowPage`: whether 16-bit addresses reach memory in the native process. */
  constructor(seed: number, lowPage: boolean) {
    this.#seed = seed;
    const excluded = new Map<string, string>(), excludedRows = new Set<Instruction["row"]>();
    this.templates = allTemplates().filter((template) => {
      const reason = exclusionOf(template) ?? (!lowPage && template.sample.addressSize === 2 ? "page 8000h can not be mapped by this user" : undefined);
      if (reason === undefined) return true;
      excluded.set(template.name, reason);
      excludedRows.add(template.sample.row);
      return false;
    });
    this.excluded = excluded;
    this.excludedRows = excludedRows;
  }

  /** Case `index`, or undefined where the form has no encoding that this oracle can run. */
  case(index: number): Generated | undefined {
    const random = new Random(caseSeed(this.#seed, index)), template = this.templates[index % this.templates.length]!;
    for (let tries = 0; tries < 50; tries++) {
      const made = attempt(random, template);
      if (made !== undefined) return made;
    }
    return undefined;
  }
}
