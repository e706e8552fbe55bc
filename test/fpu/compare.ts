/** Runs cases through the native processor and through calque's FPU and lists where they differ. */
import { CASE_BYTES, CODE_AT, EAX_AT, FLAGS_AT, OPERAND_AT } from "../oracle/x87/native.ts";
import type { NativeX87 } from "../oracle/x87/native.ts";
import { x87Handler, type X87Host } from "../../runtime/fpu/execute.ts";
import { ARITHMETIC_FLAGS } from "../../runtime/state.ts";
import { readEflags, writeEflags } from "../../runtime/flags.ts";
import { Random, writeImage, writeOperand } from "./cases.ts";
import type { Form } from "./forms.ts";
import { TestHost } from "./harness.ts";

const IMAGE_BYTES = 108, OPERAND_BYTES = 128;
const IMAGE = 0x1000, OPERAND = 0x2000;

/** What two answers are compared by. */
export interface Outcome {
  readonly control: number;
  readonly status: number;
  readonly tags: number;
  readonly eflags: number;
  readonly eax: number;
  /** ST(0) … ST(7): 20 hex digits each, sign and exponent first. */
  readonly registers: readonly string[];
  /** The memory operand in hex, last byte first. */
  readonly operand: string;
}

export interface Difference {
  readonly form: Form;
  readonly start: Outcome;
  readonly native: Outcome;
  readonly calque: Outcome;
}

export function makeCases(form: Form, count: number, seed: number): Uint8Array {
  const cases = new Uint8Array(count * CASE_BYTES), view = new DataView(cases.buffer);
  const random = new Random(seed);
  for (let at = 0; at < cases.length; at += CASE_BYTES) {
    writeImage(random, view, at);
    for (let byte = 0; byte < 16; byte += 4) view.setInt32(at + OPERAND_AT + byte, random.word(), true);
    writeOperand(random, form.operand, view, at + OPERAND_AT);
    view.setUint32(at + FLAGS_AT, (random.word() & ARITHMETIC_FLAGS) | 0x202, true);
    view.setInt32(at + EAX_AT, random.word(), true);
    for (let byte = 0; byte < 8; byte++) cases[at + CODE_AT + byte] = form.code[byte] ?? 0x90;
  }
  return cases;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].reverse().map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function outcome(record: Uint8Array): Outcome {
  const view = new DataView(record.buffer, record.byteOffset, CASE_BYTES);
  return {
    control: view.getUint16(0, true), status: view.getUint16(4, true), tags: view.getUint16(8, true),
    eflags: view.getUint32(FLAGS_AT, true) & ARITHMETIC_FLAGS, eax: view.getInt32(EAX_AT, true),
    registers: Array.from({ length: 8 }, (_, i) => hex(record.subarray(28 + i * 10, 38 + i * 10))),
    operand: hex(record.subarray(OPERAND_AT, OPERAND_AT + 16)),
  };
}

/** What a case runs on. */
export interface CaseHost extends X87Host {
  readonly memory: X87Host["memory"] & { readonly bytes: Uint8Array };
  /** Executes the form's instruction with its memory operand at `linear`. */
  perform(form: Form, linear: number): void;
}

/** Executes one case as the native program does: FRSTOR, the instruction, FNSAVE. The answer has the case's layout. */
function execute(host: CaseHost, form: Form, record: Uint8Array): Uint8Array {
  const { cpu, memory } = host, view = new DataView(record.buffer, record.byteOffset, CASE_BYTES);
  memory.bytes.set(record.subarray(0, IMAGE_BYTES), IMAGE);
  memory.bytes.set(record.subarray(OPERAND_AT, OPERAND_AT + OPERAND_BYTES), OPERAND);
  host.fpu.initialize();
  x87Handler("frstor", 0)!(host, 0, 0, IMAGE, 4);
  writeEflags(cpu.words, view.getUint32(FLAGS_AT, true));
  cpu.eax = view.getInt32(EAX_AT, true);
  host.perform(form, OPERAND);
  x87Handler("fnsave", 0)!(host, 0, 0, IMAGE, 4);
  const answer = new Uint8Array(CASE_BYTES), out = new DataView(answer.buffer);
  answer.set(memory.bytes.subarray(IMAGE, IMAGE + IMAGE_BYTES));
  answer.set(memory.bytes.subarray(OPERAND, OPERAND + OPERAND_BYTES), OPERAND_AT);
  out.setUint32(FLAGS_AT, readEflags(cpu.words), true);
  out.setInt32(EAX_AT, cpu.eax, true);
  return answer;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

/** Everything architectural: control, status and tag word, registers, the memory operand, EFLAGS, AX. */
function same(form: Form, a: Uint8Array, b: Uint8Array): boolean {
  if (word(a, 0) !== word(b, 0) || word(a, 8) !== word(b, 8)) return false;
  if (((word(a, 4) ^ word(b, 4)) & form.statusMask) !== 0) return false;
  for (let at = 28; at < IMAGE_BYTES; at++) if (a[at] !== b[at]) return false;
  for (let byte = 0; byte < OPERAND_BYTES; byte++) {
    if (a[OPERAND_AT + byte] !== b[OPERAND_AT + byte] && form.compared(byte)) return false;
  }
  return ((word(a, FLAGS_AT) ^ word(b, FLAGS_AT)) & ARITHMETIC_FLAGS) === 0 && word(a, EAX_AT) === word(b, EAX_AT) && word(a, EAX_AT + 2) === word(b, EAX_AT + 2);
}

/** The execution unit alone. */
class UnitHost extends TestHost implements CaseHost {
  perform(form: Form, linear: number): void {
    x87Handler(form.mnemonic, form.memorySize)!(this, form.a, form.b, linear, form.operandSize);
  }
}

/** The cases in which calque differs from the processor. */
export function differences(native: NativeX87, form: Form, count: number, seed: number): Difference[] {
  return compareCases(native, form, makeCases(form, count, seed), new UnitHost());
}

export function compareCases(native: NativeX87, form: Form, cases: Uint8Array, host: CaseHost): Difference[] {
  const answers = native.run(cases), found: Difference[] = [];
  for (let at = 0; at < cases.length; at += CASE_BYTES) {
    const record = cases.subarray(at, at + CASE_BYTES), expected = answers.subarray(at, at + CASE_BYTES);
    const actual = execute(host, form, record);
    if (same(form, actual, expected)) continue;
    found.push({ form, start: outcome(record), native: outcome(expected), calque: outcome(actual) });
  }
  return found;
}
