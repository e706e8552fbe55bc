/** What prefixes do where no operand shows it: the last of a kind counts, and every one is reported whether or not it is heeded. */
import { describe, expect, test } from "vitest";
import { decode } from "../../translator/decode/decoder.ts";
import { CS, DS, ES, FS, GS, SS, type Instruction } from "../../translator/decode/instruction.ts";

function instruction(hex: string, bits: 16 | 32 = 32): Instruction {
  const bytes = Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
  const decoded = decode(bytes, 0, bytes.length, { bits });
  if ("failure" in decoded) throw new Error(`${hex}: ${decoded.failure}`);
  return decoded;
}

describe("prefixes", () => {
  test.each([["90", ""], ["f3 90", "rep"], ["f2 90", "repne"], ["f2 f3 a4", "rep"], ["f3 66 f2 a4", "repne"], ["f3 c3", "rep"], ["f2 89 c8", "repne"]] as const)(
    "%s has rep %j", (hex, rep) => { expect(instruction(hex).rep).toBe(rep); });

  test.each([["a4", DS], ["26 a4", ES], ["2e a4", CS], ["36 a4", SS], ["3e a4", DS], ["64 a4", FS], ["65 a4", GS], ["64 26 a4", ES]] as const)(
    "%s takes its source from segment %i", (hex, segment) => { expect(instruction(hex).segment).toBe(segment); });

  test.each([["8b 00", 4, 4], ["66 8b 00", 2, 4], ["67 8b 00", 4, 2], ["66 67 8b 00", 2, 2], ["66 66 8b 00", 2, 4]] as const)(
    "%s: operand size %i, address size %i; the other way round in 16-bit code", (hex, operandSize, addressSize) => {
      expect(instruction(hex)).toMatchObject({ operandSize, addressSize });
      expect(instruction(hex, 16)).toMatchObject({ operandSize: 6 - operandSize, addressSize: 6 - addressSize });
    });

  test("LOCK is reported", () => {
    expect(instruction("f0 01 08").lock).toBe(true);
    expect(instruction("01 08").lock).toBe(false);
  });

  test("a 16-bit near branch in 32-bit code has a 16-bit displacement", () => {
    expect(instruction("66 e9 fe ff")).toMatchObject({ length: 4, operandSize: 2, operands: [{ kind: "rel", size: 2, value: -2 }] });
  });
});

describe("operands that stand for something implied", () => {
  test.each([["a4", 1], ["a5", 4], ["66 a5", 2], ["a6", 1], ["af", 4], ["66 ab", 2], ["ac", 1], ["6c", 1], ["6d", 4], ["66 6f", 2]] as const)(
    "the element of %s has %i bytes", (hex, size) => { expect(instruction(hex).operands).toEqual([{ kind: "imm", size, value: size }]); });

  test("displacements of 16-bit addressing are signed, direct offsets unsigned", () => {
    expect(instruction("8b 87 ff ff", 16).operands[1]).toMatchObject({ base: 3, index: -1, disp: -1 });
    expect(instruction("8b 06 ff ff", 16).operands[1]).toMatchObject({ base: -1, disp: -1 });
    expect(instruction("a1 ff ff", 16).operands[1]).toMatchObject({ base: -1, index: -1, disp: 0xffff });
  });

  test("83h sign-extends its byte to 32 bits, 80h and 81h do not", () => {
    expect(instruction("83 c0 80").operands[1]).toEqual({ kind: "imm", size: 4, value: -128 });
    expect(instruction("66 83 c0 80").operands[1]).toEqual({ kind: "imm", size: 2, value: -128 });
    expect(instruction("80 c0 80").operands[1]).toEqual({ kind: "imm", size: 1, value: 128 });
    expect(instruction("66 81 c0 00 80").operands[1]).toEqual({ kind: "imm", size: 2, value: 0x8000 });
  });
});
