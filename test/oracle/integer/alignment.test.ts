/** Which x87 operands must be aligned, and to what: against this machine's processor. */
import { describe, expect, test } from "vitest";
import { AC } from "../../../runtime/state.ts";
import type { Engine } from "../../../runtime/vcpu.ts";
import { COMPLETED, DATA_PAGE, WINDOW, type Case } from "./case-format.ts";
import { EngineUnderTest } from "./engine.ts";
import { NativeOracle } from "./native.ts";

const WINDOW_AT = DATA_PAGE + 0x100, IF_AND_ONE = 0x202, ALIGNMENT_CHECK = 17;
const FNINIT = [0xdb, 0xe3], FLD1 = [0xd9, 0xe8];
/** Opcode bytes before [disp32]; a 16-bit form has its prefix. */
const FORMS: Readonly<Record<string, readonly number[]>> = {
  "fadd m32": [0xd8, 0x05], "fadd m64": [0xdc, 0x05], "fiadd m16": [0xde, 0x05], "fiadd m32": [0xda, 0x05], "fcom m64": [0xdc, 0x15],
  "fld m32": [0xd9, 0x05], "fld m64": [0xdd, 0x05], "fld m80": [0xdb, 0x2d], "fild m16": [0xdf, 0x05], "fild m32": [0xdb, 0x05], "fild m64": [0xdf, 0x2d],
  "fbld m80": [0xdf, 0x25], "fstp m32": [0xd9, 0x1d], "fst m64": [0xdd, 0x15], "fstp m80": [0xdb, 0x3d], "fistp m16": [0xdf, 0x1d], "fist m32": [0xdb, 0x15],
  "fistp m64": [0xdf, 0x3d], "fbstp m80": [0xdf, 0x35], fldcw: [0xd9, 0x2d], fnstcw: [0xd9, 0x3d], fnstsw: [0xdd, 0x3d],
  "fnstenv m28": [0xd9, 0x35], "fnstenv m14": [0x66, 0xd9, 0x35], "fldenv m28": [0xd9, 0x25], "fldenv m14": [0x66, 0xd9, 0x25],
  "fnsave m108": [0xdd, 0x35], "fnsave m94": [0x66, 0xdd, 0x35], "frstor m108": [0xdd, 0x25], "frstor m94": [0x66, 0xdd, 0x25],
};
const CASES = Object.entries(FORMS).flatMap(([name, opcode]) => Array.from({ length: 16 }, (_, offset) => ({ name, offset, case: caseOf(opcode, offset) })));

function caseOf(opcode: readonly number[], offset: number): Case {
  const at = Int32Array.of(WINDOW_AT + 64 + offset);
  const window = new Uint8Array(WINDOW);
  window.fill(0xff, 64, 72); // FLDENV and FRSTOR: all masked; FLDCW: the same
  return {
    registers: Int32Array.of(0, 0, 0, 0, DATA_PAGE + 0x80, 0, 0, 0), eflags: IF_AND_ONE | AC, windowAt: WINDOW_AT,
    bytes: Uint8Array.of(...FNINIT, ...FLD1, ...opcode, ...new Uint8Array(at.buffer)), instructions: 3, window,
  };
}

function openOracle(): NativeOracle | string {
  try {
    return new NativeOracle();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const oracle = openOracle();
const missing = typeof oracle === "string" ? oracle : oracle.checksAlignment ? undefined : `${oracle.title} raises no #AC`;
if (missing !== undefined) process.stderr.write(`alignment of x87 operands skipped: ${missing}\n`);

describe("alignment of x87 operands", () => {
  test.skipIf(missing !== undefined).each<[Engine]>([["interpret"], ["translate"]])("%s", (engine) => {
    const natives = (oracle as NativeOracle).run(CASES.map((one) => one.case)), underTest = new EngineUnderTest(engine);
    const parted = CASES.flatMap((one, k) => {
      const native = natives[k]!, ours = underTest.run(one.case);
      const equal = native.vector === ours.vector && native.eip === ours.eip && native.error === ours.error;
      return equal ? [] : [`${one.name} at ${one.offset}: processor ${native.vector}, engine ${ours.vector}`];
    });
    expect(parted).toEqual([]);
    expect(new Set(natives.map((result) => result.vector))).toEqual(new Set([COMPLETED, ALIGNMENT_CHECK]));
  });
});
