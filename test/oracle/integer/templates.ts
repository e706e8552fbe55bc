/**
 * Every encoding that the decoder's table knows, as templates: prefixes, opcode, and how the ModRM byte may vary.
 *
 * The table is found out by asking the decoder about every opcode, so a row that is added to it is tested without a word here.
 */
import { decode } from "../../../translator/translate.ts";
import type { Instruction, Mode } from "../../../translator/translate.ts";

/** As the cases run: flat 32-bit segments, ring 3, null FS and GS. */
export const CASE_MODE: Mode = { bits: 32, flat: true, user: true };

export interface Template {
  /** Operand and address size, REP: those prefixes that make another form. */
  readonly prefixes: readonly number[];
  readonly opcode: readonly number[];
  readonly modrm: undefined | { readonly memory: boolean; readonly reg: number | "any"; readonly rm: number | "any" };
  /** What the decoder made of one encoding of it. */
  readonly sample: Instruction;
  readonly name: string;
}

const OPERAND_SIZE = 0x66, ADDRESS_SIZE = 0x67, REPNE = 0xf2, REP = 0xf3, LOCK = 0xf0;
const PREFIX_SETS: ReadonlyArray<readonly number[]> = [
  [], [OPERAND_SIZE], [ADDRESS_SIZE], [OPERAND_SIZE, ADDRESS_SIZE],
  [REP], [REP, OPERAND_SIZE], [REP, ADDRESS_SIZE], [REPNE], [REPNE, OPERAND_SIZE], [REPNE, ADDRESS_SIZE], [LOCK], [LOCK, OPERAND_SIZE],
];
const NOT_OPCODES = new Set([0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
/** Operand codes of SDM volume 2, appendix A.2.1, that are encoded in a ModRM byte. */
const MODRM_CODE = /^[CDEGMRS][a-z]/;

/** The instruction at the start of `bytes`, or undefined where they are none. */
export function decodeBytes(bytes: Uint8Array): Instruction | undefined {
  const decoded = decode(bytes, 0, bytes.length, CASE_MODE);
  return "failure" in decoded ? undefined : decoded;
}

function decodePadded(bytes: readonly number[]): Instruction | undefined {
  return decodeBytes(Uint8Array.from([...bytes, ...Array<number>(24 - bytes.length).fill(0)]));
}

function operandKinds(instruction: Instruction): string {
  return instruction.operands.map((operand) => "size" in operand ? `${operand.kind}${operand.size}` : operand.kind).join(",");
}

/** What makes two encodings of one opcode the same form. */
function formName(instruction: Instruction, opcode: readonly number[]): string {
  const { row, operandSize, addressSize, lock, rep } = instruction;
  const memory = instruction.operands.some((operand) => operand.kind === "mem");
  const sizes = `o${operandSize}${memory || row.rep !== "none" || row.mnemonic.startsWith("loop") || row.mnemonic.includes("cxz") ? `a${addressSize}` : ""}`;
  const code = opcode.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const condition = row.condition < 0 ? "" : `/${row.condition}`;
  const name = row.semantics === row.mnemonic || row.condition >= 0 ? row.semantics : `${row.semantics}:${row.mnemonic}`;
  return `${name}${condition} ${code} ${operandKinds(instruction)} ${sizes}${lock ? " lock" : ""}${row.rep === "none" || rep === "" ? "" : ` ${rep}`}`;
}

/** A prefix that this form does not heed makes no form of its own. */
function prefixesMatter(instruction: Instruction, prefixes: readonly number[]): boolean {
  // PAUSE is NOP behind F3h.
  if ((prefixes.includes(REP) || prefixes.includes(REPNE)) && instruction.row.rep === "none") return instruction.row.mnemonic === "pause";
  return !prefixes.includes(LOCK) || (instruction.row.lockable && instruction.operands[0]?.kind === "mem");
}

function* modrmTemplates(prefixes: readonly number[], opcode: readonly number[]): Generator<Template> {
  const bytes = [...prefixes, ...opcode];
  for (const memory of [true, false]) {
    const samples = Array.from({ length: 8 }, (_, reg) => decodePadded([...bytes, (memory ? 0x00 : 0xc0) | (reg << 3)]));
    const isGroup = samples.some((sample) => sample?.row !== samples[0]?.row);
    for (const [reg, sample] of isGroup ? samples.entries() : [[0, samples[0]] as const]) {
      if (sample === undefined || !prefixesMatter(sample, prefixes)) continue;
      const code = isGroup ? [...opcode, reg] : opcode;
      yield { prefixes, opcode, modrm: { memory, reg: isGroup ? reg : "any", rm: "any" }, sample, name: formName(sample, code) };
    }
  }
}

function* templatesOf(prefixes: readonly number[], opcode: readonly number[]): Generator<Template> {
  const bytes = [...prefixes, ...opcode];
  const usesModrm = [0x00, 0xc0, ...Array.from({ length: 8 }, (_, reg) => 0x40 | (reg << 3))].some((modrm) =>
    decodePadded([...bytes, modrm])?.row.codes.some((code) => MODRM_CODE.test(code)) === true);
  if (usesModrm) {
    yield* modrmTemplates(prefixes, opcode);
    return;
  }
  const sample = decodePadded(bytes);
  if (sample !== undefined && prefixesMatter(sample, prefixes)) yield { prefixes, opcode, modrm: undefined, sample, name: formName(sample, opcode) };
}

/** One template for each form of each opcode in the table. */
export function allTemplates(): Template[] {
  const opcodes = Array.from({ length: 256 }, (_, byte) => byte);
  const maps = [...opcodes.filter((byte) => !NOT_OPCODES.has(byte)).map((byte) => [byte]), ...opcodes.map((byte) => [0x0f, byte])];
  const found = new Map<string, Template>();
  for (const opcode of maps) {
    for (const prefixes of PREFIX_SETS) {
      for (const template of templatesOf(prefixes, opcode)) if (!found.has(template.name)) found.set(template.name, template);
    }
  }
  return [...found.values()];
}
