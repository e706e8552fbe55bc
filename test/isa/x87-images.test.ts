/** The segment check of an x87 image covers exactly the image (SDM volume 1, 8.1.10; volume 2, FXSAVE). */
import { expect, it } from "vitest";
import { decode, formOf, handlerText, type Fields, type Mode } from "../../translator/translate.ts";

const BOUNDED: Mode = { bits: 32, flat: false, user: false };
const DISPLACEMENT = [0x78, 0x56, 0x34, 0x12], OPERAND_SIZE = 0x66;

it.each<[string, readonly number[], number, number, boolean]>([
  ["fldenv", [0xd9, 0x25], 14, 28, false], ["fnstenv", [0xd9, 0x35], 14, 28, true],
  ["frstor", [0xdd, 0x25], 94, 108, false], ["fnsave", [0xdd, 0x35], 94, 108, true],
  ["fxrstor", [0x0f, 0xae, 0x0d], 512, 512, false], ["fxsave", [0x0f, 0xae, 0x05], 512, 512, true],
])("%s", (mnemonic, opcode, narrow, wide, write) => {
  for (const [prefixes, size] of [[[OPERAND_SIZE], narrow], [[], wide]] as const) {
    if (prefixes.length > 0 && opcode[0] === 0x0f) continue; // 66h chooses another instruction there
    const bytes = Uint8Array.from([...prefixes, ...opcode, ...DISPLACEMENT]), decoded = decode(bytes, 0, bytes.length, BOUNDED);
    if ("failure" in decoded) throw new Error(decoded.failure);
    expect(decoded.row.mnemonic).toBe(mnemonic);
    const fields: Fields = { d: 0, s: 0, b: 8, x: 8, c: 0, p: 0, m: 0, k: 0 };
    const check = /segmentAddress\(3, [^,]+, (\d+), (\d)\)/.exec(handlerText(formOf(decoded, BOUNDED, fields), false, false).source);
    expect([Number(check?.[1]), check?.[2] === "1"]).toEqual([size, write]);
  }
});
