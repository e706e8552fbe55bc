/** Instructions that are read off a pattern are those that are decoded in full. */
import { expect, test } from "vitest";
import { decode, formOf, Forms, Patterns, x87Opcode, type Fields } from "../../translator/translate.ts";
import { encodings, MODES } from "./forms.ts";

const empty = (): Fields => ({ d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 });
/** The tails of the encodings hold these values: displacements and immediates, and no ModRM or SIB byte that has one behind it. */
const isValue = (byte: number): boolean => byte <= 8;

/** The same instruction with other displacements and immediates, negative ones too. */
function withOtherValues(bytes: Uint8Array): Uint8Array {
  const tail = bytes.length - 9;
  return bytes.map((byte, k) => (k >= tail && isValue(byte) ? 0x7f + byte * 37 & 0xff : byte));
}

test.each(["flat", "bounded", "real"] as const)("every instruction, with its values and with others: %s", (name) => {
  const mode = MODES[name], forms = new Forms(mode), patterns = new Patterns(forms), different: string[] = [];
  let found = 0;
  for (const bytes of encodings()) {
    for (const variant of [bytes, withOtherValues(bytes)]) {
      const known = patterns.find(variant, 0) !== undefined;
      const instruction = decode(variant, 0, variant.length, mode), pattern = patterns.at(variant, 0, variant.length);
      const text = Array.from(variant, (byte) => byte.toString(16)).join(" ");
      if ("failure" in instruction || "failure" in pattern) {
        if (!("failure" in pattern) || !("failure" in instruction) || pattern.failure !== instruction.failure) different.push(text);
        continue;
      }
      const fields = empty(), expected = empty(), form = formOf(instruction, mode, expected);
      if (instruction.row.mnemonic.startsWith("f")) expected.m = x87Opcode(variant, 0);
      pattern.fill(variant, 0, fields);
      if (known) found++;
      const same = pattern.length === instruction.length && pattern.form.key === form.key && Object.entries(expected).every(([field, value]) => fields[field as keyof Fields] === value);
      const relative = instruction.operands.at(-1)?.kind === "rel";
      if (!same || pattern.isRelative !== relative) different.push(text);
    }
  }
  expect(different.slice(0, 3)).toEqual([]);
  expect(found).toBeGreaterThan(20_000);
});

const flat = (): Patterns => new Patterns(new Forms(MODES.flat));

test("an instruction that is known and has too little room is truncated", () => {
  const patterns = flat(), bytes = Uint8Array.of(0x05, 1, 2, 3, 4);
  expect(patterns.at(bytes, 0, 5)).toMatchObject({ length: 5 });
  expect(patterns.at(bytes, 0, 4)).toEqual({ failure: "truncated" });
});

test("prefixes without end make no patterns without end", () => {
  const patterns = flat();
  for (let count = 0; count < 14; count++) {
    for (const prefix of [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0xf2]) {
      const bytes = Uint8Array.from([...Array.from({ length: count }, () => prefix), 0x40]);
      expect(patterns.at(bytes, 0, bytes.length)).toMatchObject({ length: count + 1 });
    }
  }
  expect(patterns.size).toBeLessThan(20);
});

test("a program that uses every encoding that there is fills the tree, which is bounded, and goes on", () => {
  const patterns = flat();
  let decoded = 0;
  for (const first of [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66]) {
    for (let opcode = 0; opcode < 256; opcode++) {
      for (let modrm = 0; modrm < 256; modrm++) {
        const bytes = Uint8Array.of(first, first, opcode, modrm, modrm, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        const pattern = patterns.at(bytes, 0, 15);
        if ("failure" in pattern) continue;
        decoded++;
        expect(pattern.length).toBe((decode(bytes, 0, 15, MODES.flat) as { length: number }).length);
      }
    }
  }
  expect(decoded).toBeGreaterThan(200_000);
  expect(patterns.words).toBeLessThanOrEqual(1 << 20);
});
