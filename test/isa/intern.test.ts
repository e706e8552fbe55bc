/** Forms that are looked up by number are the forms that are made from the instruction. */
import { expect, test } from "vitest";
import { decode, formOf, Forms, type Fields } from "../../translator/translate.ts";
import { encodings, MODES } from "./forms.ts";

const empty = (): Fields => ({ d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 });

test.each(["flat", "bounded", "real"] as const)("every instruction: %s", (name) => {
  const mode = MODES[name], forms = new Forms(mode), different: string[] = [], seen = new Map<string, unknown>();
  for (const bytes of encodings()) {
    const instruction = decode(bytes, 0, bytes.length, mode);
    if ("failure" in instruction) continue;
    const fields = empty(), expectedFields = empty();
    const form = forms.of(instruction, fields), expected = formOf(instruction, mode, expectedFields);
    const same = form.key === expected.key && Object.entries(expectedFields).every(([field, value]) => fields[field as keyof Fields] === value);
    if (!same || (seen.get(form.key) ?? form) !== form) different.push(`${expected.key}, not ${form.key}`);
    seen.set(form.key, form);
  }
  expect(seen.size).toBeGreaterThan(5000);
  expect(different.slice(0, 3)).toEqual([]);
});
