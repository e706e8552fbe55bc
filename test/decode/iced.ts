/**
 * The other decoder: iced-x86, asked for what a P6 processor without MMX and SSE would see, and its answers in a notation
 * that our instructions can be put into as well.
 */
import { Code, ConditionCode, CpuidFeature, Decoder, DecoderOptions, Instruction as Iced, MemorySizeExt, Mnemonic, OpKind, Register } from "iced-x86";
import type { Instruction, Operand } from "../../translator/decode/instruction.ts";
import { IGNORED_OPERANDS, NAMED_OTHERWISE, UNSIZED_MEMORY, WORD_REGISTERS } from "./differences.ts";

/** 0Fh 18h–1Fh are NOPs; later instructions in the place of older ones (TZCNT, LZCNT, WBNOINVD) are not wanted. */
const OPTIONS = DecoderOptions.ForceReservedNop | DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD | DecoderOptions.NoWbnoinvd;

const FEATURES = new Set([
  CpuidFeature.INTEL8086, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486,
  CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387, CpuidFeature.CMOV, CpuidFeature.CPUID, CpuidFeature.CX8, CpuidFeature.FXSR,
  CpuidFeature.MSR, CpuidFeature.MULTIBYTENOP, CpuidFeature.PAUSE, CpuidFeature.RDPMC, CpuidFeature.SEP, CpuidFeature.SMM, CpuidFeature.TSC,
]);

/** Bytes of one case; instructions are 15 at most. */
export const SLOT = 16;

interface CodeFacts {
  readonly name: string;
  /** A P6 has it. */
  readonly known: boolean;
  /** Our mnemonic, with the condition spelt out and the element size of string instructions left off. */
  readonly mnemonic: string;
  readonly elementSize: number;
  /** Where the operands do not tell it. */
  readonly operandSize: number | undefined;
}

const facts = new Map<Code, CodeFacts>();
const STRING = /^(movs|cmps|stos|lods|scas|ins|outs)([bwd])$/;
const ELEMENT: Readonly<Record<string, number>> = { b: 1, w: 2, d: 4 };

function operandSizeOf(code: string): number | undefined {
  const sized = /^(?:Pushf|Pusha|Popf|Popa|Push|Pop|Iret|Leave|Enter|Retn|Retf)([wd])(?:_|$)/.exec(code) ?? /_rel8_(16|32)/.exec(code) ??
    /_(?:rel|ptr16)(16|32)/.exec(code) ?? /^(C[bw])|^(Cdq)/.exec(code);
  if (sized === null) return /_m(14|94)byte/.test(code) ? 2 : /_m(28|108)byte/.test(code) ? 4 : undefined;
  if (code === "Cwde" || code === "Cdq") return 4;
  return sized[1] === "d" || sized[1] === "32" ? 4 : 2;
}

/** What a code of iced's says whatever its operands. */
function factsOf(instruction: Iced): CodeFacts {
  const { code } = instruction;
  let known = facts.get(code);
  if (known === undefined) {
    const name = Code[code], mnemonic = Mnemonic[instruction.mnemonic].toLowerCase();
    // MOVSD and CMPSD are SSE's names too.
    const string = name.includes("xmm") ? null : STRING.exec(mnemonic);
    const features = [...instruction.cpuidFeatures()];
    known = {
      name, known: code !== Code.INVALID && !name.endsWith("_0F0D") && features.every((feature) => FEATURES.has(feature)),
      mnemonic: string?.[1] ?? NAMED_OTHERWISE[mnemonic] ?? mnemonic, elementSize: ELEMENT[string?.[2] ?? ""] ?? 0, operandSize: operandSizeOf(name),
    };
    facts.set(code, known);
  }
  return known;
}

// --- iced's instruction --------------------------------------------------------------------------------------

const general = (size: number, index: number): string => `reg${size}:${index}`;

function registerText(register: Register): string {
  if (register >= Register.AL && register <= Register.BH) return general(1, register - Register.AL);
  if (register >= Register.AX && register <= Register.DI) return general(2, register - Register.AX);
  if (register >= Register.EAX && register <= Register.EDI) return general(4, register - Register.EAX);
  if (register >= Register.ES && register <= Register.GS) return `sreg:${register - Register.ES}`;
  if (register >= Register.CR0 && register <= Register.CR15) return `creg:${register - Register.CR0}`;
  if (register >= Register.DR0 && register <= Register.DR15) return `dreg:${register - Register.DR0}`;
  if (register >= Register.ST0 && register <= Register.ST7) return `st:${register - Register.ST0}`;
  return Register[register];
}

const REGISTER_TEXT = Array.from({ length: Register.TMM7 }, (_, register) => registerText(register));

function addressRegister(register: Register): number {
  return register === Register.None ? -1 : register >= Register.EAX ? register - Register.EAX : register - Register.AX;
}

/** Address size 2 or 4: from the registers; without any, from the displacement. */
function icedAddressSize(instruction: Iced): number {
  const register = instruction.memoryBase === Register.None ? instruction.memoryIndex : instruction.memoryBase;
  if (register === Register.None) return instruction.memoryDisplSize;
  return register >= Register.EAX ? 4 : 2;
}

function memoryText(size: number, segment: number, base: number, index: number, scale: number, disp: number, addressSize: number): string {
  return `mem${size} ${segment}:[${base}+${index}*${1 << scale}+${addressSize === 2 ? disp & 0xffff : disp >>> 0}] a${addressSize}`;
}

function icedMemory(instruction: Iced, mnemonic: string): string {
  const index = addressRegister(instruction.memoryIndex), addressSize = icedAddressSize(instruction);
  const size = UNSIZED_MEMORY.has(mnemonic) ? 0 : MemorySizeExt.size(instruction.memorySize);
  const scale = index < 0 ? 0 : Math.log2(instruction.memoryIndexScale);
  const disp = Number(BigInt.asIntN(32, instruction.memoryDisplacement));
  return memoryText(size, instruction.memorySegment - Register.ES, addressRegister(instruction.memoryBase), index, scale, disp, addressSize);
}

function icedOperand(instruction: Iced, k: number, mnemonic: string): string {
  const kind = instruction.opKind(k);
  switch (kind) {
    case OpKind.Register: return REGISTER_TEXT[instruction.opRegister(k)]!;
    case OpKind.Memory: return icedMemory(instruction, mnemonic);
    case OpKind.Immediate8: return `imm1:${instruction.immediate8}`;
    case OpKind.Immediate8_2nd: return `imm1:${instruction.immediate8_2nd}`;
    case OpKind.Immediate16: return `imm2:${instruction.immediate16}`;
    case OpKind.Immediate32: return `imm4:${instruction.immediate32 | 0}`;
    case OpKind.Immediate8to16: return `imm2:${instruction.immediate8to16}`;
    case OpKind.Immediate8to32: return `imm4:${instruction.immediate8to32}`;
    case OpKind.NearBranch16: return `to:${instruction.nearBranch16}`;
    case OpKind.NearBranch32: return `to:${instruction.nearBranch32}`;
    case OpKind.FarBranch16: return `far2:${instruction.farBranchSelector}:${instruction.farBranch16}`;
    case OpKind.FarBranch32: return `far4:${instruction.farBranchSelector}:${instruction.farBranch32}`;
    default: return OpKind[kind];
  }
}

/** String instructions: element size, address size, and the segment of the source, for which DS stands where there is none. */
function icedString(instruction: Iced, elementSize: number): string {
  let addressSize = 0;
  for (let k = 0; k < instruction.opCount; k++) {
    const kind = instruction.opKind(k);
    if (kind === OpKind.MemorySegSI || kind === OpKind.MemoryESDI) addressSize = 2;
    if (kind === OpKind.MemorySegESI || kind === OpKind.MemoryESEDI) addressSize = 4;
  }
  return `imm${elementSize}:${elementSize} a${addressSize}`;
}

function icedOperands(instruction: Iced, { mnemonic, elementSize }: CodeFacts): string {
  if (elementSize !== 0) return icedString(instruction, elementSize);
  if (mnemonic === "xlat") return `a${icedAddressSize(instruction)}`;
  const first = IGNORED_OPERANDS.has(mnemonic) ? Math.min(1, instruction.opCount) : instruction.opCount;
  const texts = Array.from({ length: first }, (_, k) => icedOperand(instruction, k, mnemonic));
  const words = mnemonic === "mov" && texts[0]!.startsWith("sreg") ? [1] : WORD_REGISTERS[mnemonic] ?? [];
  return texts.map((text, k) => (words.includes(k) ? text.replace(/^reg4/, "reg2") : text)).join(", ");
}

/** What iced makes of the bytes at its position, or undefined where a P6 has no such instruction. */
export function describeIced(instruction: Iced): string | undefined {
  const known = factsOf(instruction);
  if (!known.known) return undefined;
  const { segmentPrefix } = instruction;
  const segment = segmentPrefix === Register.None ? 3 : segmentPrefix - Register.ES;
  const size = known.operandSize === undefined ? "" : ` o${known.operandSize}`;
  const rep = known.elementSize === 0 ? "" : instruction.hasRepnePrefix ? " repne" : instruction.hasRepPrefix ? " rep" : "";
  const operands = icedOperands(instruction, known);
  return `${known.mnemonic} ${instruction.length}${size}${instruction.hasLockPrefix ? " lock" : ""}${rep} s${segment} ${operands}`;
}

/** The name of iced's encoding, for messages. */
export function icedName(instruction: Iced): string { return factsOf(instruction).name; }

// --- Our instruction -----------------------------------------------------------------------------------------

const CONDITIONS = Array.from({ length: 16 }, (_, condition) => ConditionCode[condition + 1]!.toLowerCase());

function operandText(operand: Operand, instruction: Instruction, ip: number): string {
  switch (operand.kind) {
    case "reg": return general(operand.size, operand.index);
    case "mem":
      return memoryText(operand.size, operand.segment, operand.base, operand.index, operand.scale, operand.disp, instruction.addressSize);
    case "imm": return `imm${operand.size}:${operand.value}`;
    case "rel": {
      const to = ip + instruction.length + operand.value;
      return `to:${instruction.operandSize === 2 ? to & 0xffff : to >>> 0}`;
    }
    case "far": return `far${operand.size}:${operand.selector}:${operand.offset >>> 0}`;
    case "sreg": case "creg": case "dreg": case "st": return `${operand.kind}:${operand.index}`;
  }
  return operand satisfies never;
}

/** Our instruction at `ip`, in the same notation; `iced` tells which facts it could give. */
export function describe(instruction: Instruction, iced: Iced, ip: number): string {
  const { row, operands, segment, addressSize } = instruction;
  const mnemonic = row.condition < 0 ? row.mnemonic : row.mnemonic.slice(0, -2) + CONDITIONS[row.condition]!;
  const size = factsOf(iced).operandSize === undefined ? "" : ` o${instruction.operandSize}`;
  const rep = row.rep === "none" || instruction.rep === "" ? "" : ` ${instruction.rep}`;
  const implied = row.rep !== "none" ? ` a${addressSize}` : mnemonic === "xlat" ? `a${addressSize}` : "";
  const texts = operands.map((operand) => operandText(operand, instruction, ip)).join(", ");
  return `${mnemonic} ${instruction.length}${size}${instruction.lock ? " lock" : ""}${rep} s${segment} ${texts}${implied}`;
}

/** Walks over cases of `SLOT` bytes each. The instruction pointer of case k is k * SLOT. */
export class IcedCases {
  readonly instruction = new Iced();
  readonly #decoder: Decoder;

  constructor(bits: 16 | 32, bytes: Uint8Array) {
    this.#decoder = new Decoder(bits, bytes, OPTIONS);
  }

  /** Decodes case k; the result is in `instruction` until the next one. */
  decode(k: number): Iced {
    this.#decoder.position = k * SLOT;
    this.#decoder.ip = BigInt(k * SLOT);
    this.#decoder.decodeOut(this.instruction);
    return this.instruction;
  }

  free(): void {
    this.#decoder.free();
    this.instruction.free();
  }
}
