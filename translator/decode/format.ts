/**
 * Instructions as text, in Intel syntax with NASM's numbers: `add dword ptr [ebx+esi*4+0x10], eax`.
 *
 * What an instruction implies and a prefix can change is written out: a string instruction shows its pointers with
 * segments, as `rep movsd es:[edi], ds:[esi]`.
 */
import { DS, ES, SS, type Instruction, type Operand } from "./instruction.ts";
import type { Memory } from "./modrm.ts";

const BYTE_REGISTERS = ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"] as const;
const WORD_REGISTERS = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"] as const;
const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"] as const;
const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"] as const;
const WIDTHS: Readonly<Record<number, string>> = { 1: "byte", 2: "word", 4: "dword", 6: "fword", 8: "qword", 10: "tbyte" };
const SUFFIX = { 1: "b", 2: "w", 4: "d" } as const;
const ESP = 4, EBP = 5;

/** Mnemonics that the manual spells by operand size: 16 and 32 bits. */
const BY_OPERAND_SIZE: Readonly<Record<string, readonly [string, string]>> = {
  cbw: ["cbw", "cwde"], cwd: ["cwd", "cdq"], pusha: ["pusha", "pushad"], popa: ["popa", "popad"], pushf: ["pushf", "pushfd"],
  popf: ["popf", "popfd"], iret: ["iret", "iretd"],
};

function register(size: 1 | 2 | 4, index: number): string {
  return size === 1 ? BYTE_REGISTERS[index]! : size === 2 ? WORD_REGISTERS[index]! : `e${WORD_REGISTERS[index]!}`;
}

/** Hexadecimal with 0x where that differs from decimal. */
function unsigned(value: number): string { return value >= 0 && value < 10 ? String(value) : `0x${(value >>> 0).toString(16)}`; }

/** A value as a signed term: "+0x10", "-4". */
function term(value: number): string { return value < 0 ? `-${unsigned(-value)}` : `+${unsigned(value)}`; }

function addressText({ base, index, scale, disp }: Memory, addressSize: 2 | 4): string {
  const registers: string[] = [];
  if (base >= 0) registers.push(register(addressSize, base));
  if (index >= 0) registers.push(base >= 0 && scale === 0 ? register(addressSize, index) : `${register(addressSize, index)}*${1 << scale}`);
  if (registers.length === 0) return unsigned(addressSize === 2 ? disp & 0xffff : disp);
  return registers.join("+") + (disp === 0 ? "" : term(disp));
}

/** The segment is named where it is not the base register's own. */
function memoryText(memory: Memory, addressSize: 2 | 4): string {
  const usual = memory.base === EBP || memory.base === ESP ? SS : DS;
  const segment = memory.segment === usual ? "" : `${SEGMENTS[memory.segment]!}:`;
  const width = WIDTHS[memory.size];
  return `${width === undefined ? "" : `${width} ptr `}${segment}[${addressText(memory, addressSize)}]`;
}

function operandText(operand: Operand, instruction: Instruction, address: number): string {
  switch (operand.kind) {
    case "reg": return register(operand.size, operand.index);
    case "mem": return memoryText(operand, instruction.addressSize);
    case "imm": return operand.value < 0 && operand.value > -0x80 ? `-${unsigned(-operand.value)}` : unsigned(operand.value);
    case "rel": {
      const target = address + instruction.length + operand.value;
      return unsigned(instruction.operandSize === 2 ? target & 0xffff : target | 0);
    }
    case "far": return `${unsigned(operand.selector)}:${unsigned(operand.offset)}`;
    case "sreg": return SEGMENTS[operand.index]!;
    case "creg": return `cr${operand.index}`;
    case "dreg": return `dr${operand.index}`;
    case "st": return `st(${operand.index})`;
  }
  return operand satisfies never;
}

/** Calls and jumps through a far pointer, which the width alone would not show. */
function isFar({ row }: Instruction): boolean { return row.codes[0] === "Ap" || row.codes[0] === "Mp"; }

/** The pointers of a string instruction, in the order in which its row names them; other operands but DX are implied by the mnemonic. */
function stringOperands({ row, segment, addressSize }: Instruction): string[] {
  return row.codes.flatMap((code) => {
    if (code.startsWith("X")) return [`${SEGMENTS[segment]!}:[${register(addressSize, 6)}]`];
    if (code.startsWith("Y")) return [`${SEGMENTS[ES]}:[${register(addressSize, 7)}]`];
    return code === "DX" ? ["dx"] : [];
  });
}

function isString({ row }: Instruction): boolean { return row.rep !== "none"; }

function mnemonicText(instruction: Instruction): string {
  const { row, operandSize, addressSize, operands } = instruction;
  if (row.condition >= 0) return row.mnemonic.slice(0, -2) + CONDITIONS[row.condition]!;
  if (isString(instruction)) {
    const [element] = operands;
    return row.mnemonic + (element?.kind === "imm" ? SUFFIX[element.size] : "");
  }
  if (row.mnemonic === "jcxz") return addressSize === 2 ? "jcxz" : "jecxz";
  return BY_OPERAND_SIZE[row.mnemonic]?.[operandSize === 2 ? 0 : 1] ?? row.mnemonic;
}

function prefixText({ row, rep, lock }: Instruction): string {
  if (lock) return "lock ";
  if (row.rep === "none" || rep === "") return "";
  if (row.rep === "repe") return rep === "rep" ? "repe " : "repne ";
  return "rep ";
}

function operandTexts(instruction: Instruction, address: number): string[] {
  if (isString(instruction)) return stringOperands(instruction);
  if (instruction.row.mnemonic === "xlat") return [`${SEGMENTS[instruction.segment]!}:[${register(instruction.addressSize, 3)}+al]`];
  const texts = instruction.operands.map((operand) => operandText(operand, instruction, address));
  return isFar(instruction) ? [`far ${texts[0]!}`] : texts;
}

/** One instruction; `address` is the offset in CS at which it stands, for branch targets. */
export function format(instruction: Instruction, address: number): string {
  const operands = operandTexts(instruction, address).join(", ");
  return `${prefixText(instruction)}${mnemonicText(instruction)}${operands === "" ? "" : ` ${operands}`}`;
}

/** Bytes as a listing shows them: "8b 45 08". */
export function formatBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
