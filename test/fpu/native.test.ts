import { afterAll, describe, expect, it } from "vitest";
import { buildNativeX87 } from "../oracle/x87/native.ts";
import { ulps } from "./cases.ts";
import { differences } from "./compare.ts";
import type { Difference } from "./compare.ts";
import { EXACT_FORMS, TRANSCENDENTAL_FORMS } from "./forms.ts";
import type { Form } from "./forms.ts";

const native = buildNativeX87();
const CASES = Number(process.env["CALQUE_X87_CASES"] ?? 2000);
const SEED = Number(process.env["CALQUE_X87_SEED"] ?? 1);

afterAll(() => native?.close());

function describeDifference({ form, start, native: expected, calque }: Difference): string {
  return JSON.stringify({ bytes: form.code.map((byte) => byte.toString(16)).join(" "), start, expected, calque }, undefined, 1);
}

const byMnemonic = Object.entries(Object.groupBy(EXACT_FORMS, (form) => form.mnemonic)) as [string, Form[]][];

describe.skipIf(native === undefined)("against the host processor, to the bit", () => {
  it.each(byMnemonic)("%s", (_, forms) => {
    for (const form of forms) {
      const found = differences(native!, form, CASES, SEED + form.code.reduce((hash, byte) => hash * 257 + byte, 0));
      expect(found.slice(0, 1).map(describeDifference)).toEqual([]);
    }
  });
});

/** F2XM1 and FYL2XP1 have a domain; outside it every processor does as it likes. */
function inDomain({ form, start }: Difference): boolean {
  const exponent = Number.parseInt(start.registers[0]!.slice(0, 4), 16) & 0x7fff;
  if (form.mnemonic === "f2xm1") return exponent < 0x3fff;
  return form.mnemonic !== "fyl2xp1" || exponent < 0x3ffd;
}

describe.skipIf(native === undefined)("transcendental instructions against the host processor, within one unit in the last place", () => {
  it.each(TRANSCENDENTAL_FORMS.map((form) => [form.mnemonic, form] as const))("%s", (_, form) => {
    const found = differences(native!, form, 4 * CASES, SEED + form.code[1]!).filter(inDomain);
    for (const difference of found) {
      const { native: expected, calque } = difference;
      const distances = expected.registers.map((register, i) => ulps(register, calque.registers[i]!));
      // The last bit may differ, and with it C1.
      const agrees = distances.every((distance) => distance <= 1n) && expected.control === calque.control && expected.tags === calque.tags
        && ((expected.status ^ calque.status) & 0xfdff) === 0;
      expect(agrees ? "" : describeDifference(difference)).toBe("");
    }
    // Most of them are equal in every bit, C1 included.
    expect(found.length).toBeLessThan(4 * CASES * 0.15);
  });
});
