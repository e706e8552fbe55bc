/** HACKING.md, "Add an instruction": SALC from its row to both engines, and the texts that the document shows. */
import { describe, expect, it } from "vitest";
import { createMachine } from "../../src/api.ts";
import { printMeaning } from "../../translator/ir/print.ts";
import { verifyMeaning } from "../../translator/ir/verify.ts";
import { meaningOf } from "../../translator/semantics/index.ts";
import { decode, format, formOf, handlerText, type Mode } from "../../translator/translate.ts";
import { codeBlock } from "./markdown.ts";

const FLAT: Mode = { bits: 32, flat: true, user: false };
const HEADING = "Add an instruction";

describe("SALC", () => {
  const instruction = decode(Uint8Array.of(0xd6), 0, 1, FLAT);
  if ("failure" in instruction) throw new Error(instruction.failure);
  const form = formOf(instruction, FLAT, { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 });

  it("is found by its row", () => {
    expect([instruction.row.semantics, instruction.row.class, instruction.length]).toEqual(["salc", "ident", 1]);
    expect(format(instruction, 0)).toBe("salc");
  });

  it("has the IR that the document shows", () => {
    const meaning = meaningOf(form);
    verifyMeaning(meaning, false);
    expect(`${printMeaning(meaning).join("\n")}\n`).toBe(codeBlock("HACKING.md", HEADING, "text"));
  });

  it("has the handler that the document shows", () => {
    expect(`${handlerText(form, true, false).source.trim()}\n`).toBe(codeBlock("HACKING.md", HEADING, "js"));
  });

  it.each([["translate", "stc", 0xf9, 0xff], ["interpret", "stc", 0xf9, 0xff], ["translate", "clc", 0xf8, 0], ["interpret", "clc", 0xf8, 0]] as const)(
    "does what the row says (%s, %s)", (engine, _flag, setFlag, al) => {
      const machine = createMachine({ engine, memory: 1 << 20, debugExit: 0xf4 });
      // mov ecx, 20000; again: stc or clc; salc; loop again; out F4h, al
      const code = [0xb9, 0x20, 0x4e, 0, 0, setFlag, 0xd6, 0xe2, 0xfc, 0xe6, 0xf4];
      machine.boot({ kernel: { name: "salc", bytes: Uint8Array.from(code) }, loadAt: 0x10000, bits: 32 });
      expect(machine.run({ maxInstructions: 100_000 })).toEqual({ reason: "debug-exit", value: al });
      expect(machine.instructions).toBe(1 + 3 * 20_000 + 1);
    },
  );
});
