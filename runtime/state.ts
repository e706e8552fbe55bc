/**
 * The architectural state of one virtual CPU, as words of one buffer.
 *
 * Generated code reads and writes the words directly; everything else names them through
 * `CpuState`'s properties. A snapshot is a copy of the buffer.
 *
 * The six arithmetic flags are lazy. They live in four words: what was done (`flagKind`), with what
 * (`flagA`, `flagB`) and the carry that it did not touch (`flagCarry`); see flags.ts. All other bits of
 * EFLAGS stand in `eflags`.
 */
import { PAIR_WORDS } from "./fpu/pair-layout.ts";

const NAMES = [
  "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi",
  /** Always 0: stands in for an absent base or index register. */
  "zero",
  /** Offset in CS of the instruction to execute next. */
  "eip",
  /** EFLAGS without CF PF AF ZF SF OF; bit 1 is always set. */
  "eflags",
  "flagKind", "flagA", "flagB", "flagCarry",
  /** Linear address of the page that the interpreter walks in. */
  "page",
  // Segment registers ES CS SS DS FS GS LDTR TR: visible part, then the hidden parts.
  "selector0", "selector1", "selector2", "selector3", "selector4", "selector5", "selector6", "selector7",
  "base0", "base1", "base2", "base3", "base4", "base5", "base6", "base7",
  /** In bytes, the last valid offset (expand-down: the last invalid one), as an int32 bit pattern. */
  "limit0", "limit1", "limit2", "limit3", "limit4", "limit5", "limit6", "limit7",
  /** Bits 0–7: access byte (P DPL S type); bits 8–11: AVL L DB G; 0 = a null selector was loaded. */
  "access0", "access1", "access2", "access3", "access4", "access5", "access6", "access7",
  "cpl",
  "cr0", "cr2", "cr3", "cr4",
  "dr0", "dr1", "dr2", "dr3", "dr6", "dr7",
  "gdtBase", "gdtLimit", "idtBase", "idtLimit",
  /** TSC = guest time + this 64-bit offset. */
  "tscOffsetLow", "tscOffsetHigh",
  /** 1 after HLT until an interrupt comes. */
  "halted",
  /** 1 while the instruction after STI or MOV/POP SS runs: no interrupt is taken before it. */
  "shadow",
  /** Low address bits of the stack pointer that count: FFFFh or FFFFFFFFh, from SS.B. */
  "stackMask",
  // x87: eight physical registers of mantissa (low, high) and sign+exponent; see fpu.ts.
  "st0Low", "st0High", "st0Exp", "st1Low", "st1High", "st1Exp", "st2Low", "st2High", "st2Exp",
  "st3Low", "st3High", "st3Exp", "st4Low", "st4High", "st4Exp", "st5Low", "st5High", "st5Exp",
  "st6Low", "st6High", "st6Exp", "st7Low", "st7High", "st7Exp",
  "fpuControl", "fpuStatus",
  /** Two bits each: 0 valid, 1 zero, 2 special, 3 empty, by physical register. Only empty or not is kept; the rest is computed when read. */
  "fpuTag",
  "fpuIp", "fpuCs", "fpuDp", "fpuDs", "fpuOpcode",
  "apicBase",
  // Scratch of the engines, not architectural: steps that ran past a stop; where generated code faulted; its budget left.
  "wasted", "faultId", "left",
  // Of rows of regions: where in the entry table the line is that led to the region that runs or ran last, in bytes; how far that is from where it was
  // made; not 0 where the row is to end behind it; how many ran. Then the number of the code space, and where the EXEC entries of its ring begin; how many
  // calls of regions are inside one another; how many regions were ever dropped.
  "line", "delta", "leave", "entered", "space", "exec", "depth", "drops",
  // In regions: not 0 where the next two hold what the timestamp counter will be when the budget is spent.
  "isTimed", "spentLow", "spentHigh",
] as const;

export type SlotName = (typeof NAMES)[number];

/** Word index of each piece of state. */
export const SLOT = Object.fromEntries(NAMES.map((name, index) => [name, index])) as Record<SlotName, number>;

export const SLOT_COUNT = NAMES.length;
/** The first slot that is engine scratch and no part of the architectural state. */
export const FIRST_SCRATCH_SLOT = SLOT.wasted;

const PAIRS_AT = (SLOT_COUNT * 4 + 7) & ~7;
/** Of the words, and of the scratch behind them. */
export const STATE_BYTES = PAIRS_AT + PAIR_WORDS * 8;

export type Slots = { -readonly [Name in SlotName]: number };

class SlotStorage {
  /** The words; slot k is word k. */
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  /** Scratch of regions: x87 registers as float64 pairs, and operands (fpu/pair-layout.ts). */
  readonly pairs: Float64Array;

  /** `at` is a multiple of 8; the state takes `STATE_BYTES`. */
  constructor(buffer: ArrayBuffer = new ArrayBuffer(STATE_BYTES), at = 0) {
    this.pairs = new Float64Array(buffer, at + PAIRS_AT, PAIR_WORDS);
    this.words = new Int32Array(buffer, at, SLOT_COUNT);
    this.bytes = new Uint8Array(buffer, at, SLOT_COUNT * 4);
    this.halves = new Uint16Array(buffer, at, SLOT_COUNT * 2);
  }
}

for (const [index, name] of NAMES.entries()) {
  Object.defineProperty(SlotStorage.prototype, name, {
    get(this: SlotStorage): number { return this.words[index]!; },
    set(this: SlotStorage, value: number) { this.words[index] = value; },
  });
}

/** Every slot is a property: `cpu.cr0`, `cpu.eip`; values are int32. Segment words: `cpu.words[SLOT.base0 + FS]`. */
export type CpuState = SlotStorage & Slots;
export const CpuState = SlotStorage as unknown as new (buffer?: ArrayBuffer, at?: number) => CpuState;

// EFLAGS bits (SDM volume 1, 3.4.3).
export const CF = 1 << 0, PF = 1 << 2, AF = 1 << 4, ZF = 1 << 6, SF = 1 << 7, TF = 1 << 8, IF = 1 << 9, DF = 1 << 10, OF = 1 << 11;
export const IOPL = 3 << 12, NT = 1 << 14, RF = 1 << 16, VM = 1 << 17, AC = 1 << 18, VIF = 1 << 19, VIP = 1 << 20, ID = 1 << 21;
export const ARITHMETIC_FLAGS = CF | PF | AF | ZF | SF | OF;

// Control register bits (SDM volume 3, 2.5).
export const CR0_PE = 1 << 0, CR0_MP = 1 << 1, CR0_EM = 1 << 2, CR0_TS = 1 << 3, CR0_ET = 1 << 4, CR0_NE = 1 << 5;
export const CR0_WP = 1 << 16, CR0_AM = 1 << 18, CR0_NW = 1 << 29, CR0_CD = 1 << 30, CR0_PG = 1 << 31;
export const CR4_VME = 1 << 0, CR4_PVI = 1 << 1, CR4_TSD = 1 << 2, CR4_DE = 1 << 3, CR4_PSE = 1 << 4, CR4_PAE = 1 << 5, CR4_MCE = 1 << 6, CR4_PGE = 1 << 7;
