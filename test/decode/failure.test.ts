/** What the decoder says of bytes that end too early, are too many, or are no instruction. */
import { describe, expect, test } from "vitest";
import { decode, type DecodeFailure } from "../../translator/decode/decoder.ts";
import type { Instruction } from "../../translator/decode/instruction.ts";
import { Random } from "./random.ts";

const LONGEST = 15;

function decodeHex(hex: string, bits: 16 | 32 = 32, available?: number): Instruction | DecodeFailure {
  const bytes = Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
  return decode(bytes, 0, available ?? bytes.length, { bits });
}

describe("failures", () => {
  test("no bytes at all", () => { expect(decodeHex("")).toEqual({ failure: "truncated" }); });

  test.each(["66", "0f", "8b", "8b 84", "8b 84 24 00 00 00", "b8 01 02 03", "9a 00 00 00 00 10", "f0 0f", "c8 00 00"])("%s is cut off", (hex) => {
    expect(decodeHex(hex)).toEqual({ failure: "truncated" });
  });

  test("fifteen prefixes are too long, whatever follows", () => {
    expect(decodeHex("66 ".repeat(15) + "90")).toEqual({ failure: "too-long" });
    expect(decodeHex("66 ".repeat(14) + "90")).toMatchObject({ length: 15 });
  });

  test("an immediate beyond the fifteenth byte is too long", () => {
    const prefixes = "2e ".repeat(10);
    expect(decodeHex(`${prefixes} b8 01 02 03 04`)).toMatchObject({ length: 15 });
    expect(decodeHex(`2e ${prefixes} b8 01 02 03 04`)).toEqual({ failure: "too-long" });
  });

  test("a cut at fourteen bytes leaves it open", () => { expect(decodeHex("66 ".repeat(14))).toEqual({ failure: "truncated" }); });

  test.each([
    ["0f 04", 2], ["0f 38", 2], ["d9 d1", 2], ["db e5", 2], ["8c f0", 2], ["8e c8", 2], ["0f 20 c8", 3], ["8d c0", 2], ["62 c0", 2], ["c4 c0", 2],
    ["fe d0", 2], ["ff d8", 2], ["0f 01 c0", 3], ["0f c7 c8", 3], ["f0 90", 2], ["f0 01 c8", 3], ["f0 39 08", 3], ["f0 8b 00", 3], ["66 0f ae 00", 4],
  ] as const)("%s is undefined, seen after %i bytes", (hex, length) => {
    expect(decodeHex(hex)).toEqual({ failure: "invalid", length });
  });

  test("an undefined opcode is known as soon as its last byte is there", () => {
    expect(decodeHex("0f 04", 32, 2)).toEqual({ failure: "invalid", length: 2 });
    expect(decodeHex("fe", 32, 1)).toEqual({ failure: "truncated" });
  });
});

describe("bytes beyond the end are never looked at", () => {
  test.each([16, 32] as const)("%i-bit code, cut at every byte", (bits) => {
    const random = new Random(bits), bytes = new Uint8Array(16 * 20_000);
    random.fill(bytes);
    const wrong: string[] = [];
    for (let at = 0; at < bytes.length; at += 16) {
      const whole = decode(bytes, at, LONGEST, { bits });
      const needed = "failure" in whole ? (whole.failure === "invalid" ? whole.length : LONGEST) : whole.length;
      for (let cut = 0; cut <= LONGEST; cut++) {
        const window = new Uint8Array(cut).map((_, k) => bytes[at + k]!);
        const got = JSON.stringify(decode(window, 0, cut, { bits }));
        const expected = JSON.stringify(cut < needed ? { failure: "truncated" } : whole);
        if (got !== expected) wrong.push(`${Buffer.from(bytes.subarray(at, at + 16)).toString("hex")} cut at ${cut}: ${got}, not ${expected}`);
      }
    }
    expect(wrong.slice(0, 5)).toEqual([]);
  });
});
