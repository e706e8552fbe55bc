/**
 * Cases of several instructions in a row: what one leaves lazily for the next (flags, registers in locals, half-written registers) is where
 * a translator goes wrong, and single instructions do not show it.
 *
 * EBP points into the window and ESP at a stack there; nothing in a sequence changes them but PUSH and POP. A flag that the manual leaves
 * undefined may not be read by a later instruction.
 */
import { ARITHMETIC_FLAGS } from "../../../runtime/state.ts";
import type { Instruction } from "../../../translator/translate.ts";
import { DATA_PAGE, LONGEST, WINDOW, type Case } from "./case-format.ts";
import { exclusionOf } from "./excluded.ts";
import type { Generated } from "./generate.ts";
import { Random, caseSeed } from "./random.ts";
import { allTemplates, decodeBytes, type Template } from "./templates.ts";
import { resultIsUndefined, undefinedFlags } from "./undefined.ts";

const ESP = 4, EBP = 5;
const IF_AND_ONE = 0x202;
const MIDDLE = WINDOW / 2;

/** What sequences are made of; by semantics key. */
const INGREDIENTS = new Set([
  "add", "or", "adc", "sbb", "and", "sub", "xor", "cmp", "test", "inc", "dec", "neg", "not", "mul", "imul", "imul1", "div", "idiv",
  "shl", "shr", "sar", "rol", "ror", "rcl", "rcr", "shld", "shrd", "bt", "bts", "btr", "btc", "bsf", "bsr", "bswap",
  "mov", "movzx", "movsx", "lea", "xchg", "xadd", "cmpxchg", "cbw", "cwd", "cmovcc", "setcc", "push", "pop", "pushf", "lahf", "sahf",
  "clc", "stc", "cmc", "cld", "std", "aaa", "aas", "aam", "aad", "daa", "das", "salc", "nop", "xlat",
]);

/** Instructions whose outcome depends on flags. */
const READS_FLAGS = new Set(["adc", "sbb", "rcl", "rcr", "cmc", "lahf", "pushf", "aaa", "aas", "daa", "das", "salc", "cmovcc", "setcc"]);
/** Those that leave every arithmetic flag either defined or undefined, whatever stood there. */
const WRITES_ALL_FLAGS = new Set([
  "add", "or", "adc", "sbb", "and", "sub", "xor", "cmp", "test", "neg", "mul", "imul", "imul1", "div", "idiv", "xadd", "cmpxchg", "aaa", "aas", "aam", "aad",
  "daa", "das",
]);
const SHIFTS = new Set(["shl", "shr", "sar", "rol", "ror", "rcl", "rcr", "shld", "shrd"]);

const BIT_TESTS = new Set(["bt", "bts", "btr", "btc"]);

/** Keeps EBP and ESP where they are, and memory operands inside the window. */
function isAllowed(instruction: Instruction): boolean {
  const { semantics } = instruction.row;
  if (semantics === "xlat" || instruction.addressSize === 2) return false;
  // A bit string reaches as far as its register says.
  if (BIT_TESTS.has(semantics) && instruction.operands[0]?.kind === "mem" && instruction.operands[1]?.kind === "reg") return false;
  return instruction.operands.every((operand) => operand.kind !== "reg" || operand.size === 1 || operand.index !== ESP && operand.index !== EBP);
}

/** [EBP + disp8], [EBP + disp32] or [disp32], all near the middle of the window. */
function memoryBytes(random: Random, reg: number, windowAt: number): number[] {
  const offset = random.below(64) - 32, little = (value: number): number[] => [value & 255, value >> 8 & 255, value >> 16 & 255, value >> 24 & 255];
  switch (random.below(3)) {
    case 0: return [0x45 | reg << 3, offset & 255];
    case 1: return [0x85 | reg << 3, ...little(offset)];
    default: return [0x05 | reg << 3, ...little(windowAt + MIDDLE + offset)];
  }
}

function encode(random: Random, template: Template, windowAt: number): Instruction & { readonly bytes: Uint8Array } | undefined {
  const { modrm, prefixes, opcode } = template;
  const head = [...prefixes, ...opcode];
  if (modrm !== undefined) {
    const reg = modrm.reg === "any" ? random.below(8) : modrm.reg;
    head.push(...(modrm.memory ? memoryBytes(random, reg, windowAt) : [0xc0 | reg << 3 | random.below(8)]));
  }
  const padded = Uint8Array.from([...head, ...new Uint8Array(Int32Array.of(random.value(), random.value()).buffer)]);
  const instruction = decodeBytes(padded);
  if (instruction === undefined || instruction.row !== template.sample.row || !isAllowed(instruction)) return undefined;
  return { ...instruction, bytes: padded.slice(0, instruction.length) };
}

/** The flags that are undefined after an instruction, from those before it; undefined where it depends on one of these. */
function flagsAfter(instruction: Instruction, before: number, test: Case): number | undefined {
  const { semantics } = instruction.row;
  if (before !== 0 && READS_FLAGS.has(semantics)) return undefined;
  if (SHIFTS.has(semantics)) return shiftFlagsAfter(instruction, before, test);
  const kept = WRITES_ALL_FLAGS.has(semantics) ? 0 : before;
  return kept | undefinedFlags(instruction, test);
}

/** A count in CL is known at the beginning only: any flag may be undefined then. */
function shiftFlagsAfter(instruction: Instruction, before: number, test: Case): number | undefined {
  const last = instruction.operands.at(-1);
  if (last?.kind === "reg") return instruction.row.semantics === "shld" || instruction.row.semantics === "shrd" ? undefined : before | ARITHMETIC_FLAGS;
  return resultIsUndefined(instruction, test) ? undefined : before | undefinedFlags(instruction, test);
}

export class SequenceGenerator {
  readonly #templates: readonly Template[];
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#templates = allTemplates().filter((template) => {
      const { row, addressSize, operands } = template.sample;
      const absolute = template.modrm === undefined && operands.some((operand) => operand.kind === "mem");
      return INGREDIENTS.has(row.semantics) && addressSize === 4 && !absolute && exclusionOf(template) === undefined;
    });
  }

  /** Sequence `index`: two to ten instructions. */
  case(index: number): Generated {
    const random = new Random(caseSeed(this.#seed ^ 0x5e9, index));
    const windowAt = DATA_PAGE + 64 * random.below(60), wanted = 2 + random.below(9);
    const registers = Int32Array.from({ length: 8 }, () => random.value());
    registers[EBP] = windowAt + MIDDLE;
    registers[ESP] = windowAt + MIDDLE + 16 + 4 * random.below(4);
    const base = {
      registers, windowAt, eflags: IF_AND_ONE | random.word() & ARITHMETIC_FLAGS,
      window: new Uint8Array(Int32Array.from({ length: WINDOW / 4 }, () => random.value()).buffer),
    };
    const bytes: number[] = [], names: string[] = [];
    let undefinedNow = 0, undefinedEver = 0;
    for (let tries = 0; names.length < wanted && tries < 1000; tries++) {
      const template = random.pick(this.#templates), instruction = encode(random, template, windowAt);
      if (instruction === undefined || bytes.length + instruction.length > LONGEST - 1) continue;
      const after = flagsAfter(instruction, undefinedNow, { ...base, bytes: instruction.bytes, instructions: 1 });
      if (after === undefined) continue;
      undefinedNow = after;
      undefinedEver |= after;
      bytes.push(...instruction.bytes);
      names.push(instruction.row.mnemonic);
    }
    return {
      ...base, bytes: Uint8Array.from(bytes), instructions: names.length, name: names.join(" "),
      undefinedFlags: undefinedNow, undefinedAtFault: undefinedEver, pageFaultIsOpen: false, openErrorBits: 0, registersAreOpenAtFault: false, memoryIsOpenAtFault: false,
    };
  }
}

