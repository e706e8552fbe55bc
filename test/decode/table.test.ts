/** The instruction table as such: how much of it there is, and that its facts agree with each other. */
import { describe, expect, test } from "vitest";
import { decode } from "../../translator/decode/decoder.ts";
import { ONE_BYTE_MAP, ROWS, SECTIONS, TWO_BYTE_MAP } from "../../translator/isa/index.ts";
import type { OperandCode } from "../../translator/isa/operands.ts";
import { usesModrm } from "../../translator/isa/operands.ts";
import type { Row } from "../../translator/isa/row.ts";
import { isImplemented } from "../../translator/semantics/index.ts";

/** The rows that the decoder can reach, found by decoding every opcode with every ModRM byte. */
function reachable(): Set<Row> {
  const rows = new Set<Row>(), bytes = new Uint8Array(16);
  for (const prefix of [[], [0xf3], [0x0f]]) {
    for (let k = 0; k < 65536; k++) {
      bytes.set([...prefix, k >> 8, k & 0xff]);
      const instruction = decode(bytes, 0, 15, { bits: 32 });
      if (!("failure" in instruction)) rows.add(instruction.row);
    }
  }
  return rows;
}

describe("the instruction table", () => {
  test("every row can be decoded", () => {
    const found = reachable();
    expect(ROWS.filter((row) => !found.has(row)).map((row) => `${row.mnemonic} ${row.codes.join(" ")}`)).toEqual([]);
    expect(found.size).toBe(ROWS.length);
  });

  test("the share of rows that have semantics", () => {
    for (const [name, encodings] of Object.entries(SECTIONS)) {
      const rows = [...new Set(encodings.map((encoding) => encoding.row))], done = rows.filter((row) => isImplemented(row.semantics));
      const missing = rows.filter((row) => !done.includes(row)).map((row) => row.semantics);
      console.log(`${name}: ${done.length} of ${rows.length} rows have semantics${missing.length === 0 ? "" : `; not ${missing.join(", ")}`}`);
      expect(rows.length).toBeGreaterThan(100);
    }
  });

  test("no two encodings claim the same bytes", () => {
    for (const map of [ONE_BYTE_MAP, TWO_BYTE_MAP]) {
      const claims = new Map<string, string>();
      for (const { opcode, reg, rm, registerOnly, afterRep, row } of map) {
        const memory = row.codes.some((code) => code.startsWith("M"));
        const key = [opcode, reg, rm, registerOnly ? "register" : memory && reg >= 0 ? "memory" : "any", afterRep].join(" ");
        expect(claims.get(key), `${key}: ${row.mnemonic}`).toBeUndefined();
        claims.set(key, row.mnemonic);
      }
    }
  });

  test("an opcode has a ModRM byte in all of its rows or in none", () => {
    for (const map of [ONE_BYTE_MAP, TWO_BYTE_MAP]) {
      const having = new Map<number, boolean>();
      for (const { opcode, reg, row } of map) {
        const modrm = reg >= 0 || (row.codes as OperandCode[]).some(usesModrm);
        expect(having.get(opcode) ?? modrm, `opcode ${opcode.toString(16)}`).toBe(modrm);
        having.set(opcode, modrm);
      }
    }
  });

  test("LOCK is for rows whose destination ModRM names", () => {
    for (const row of ROWS) if (row.lockable) expect(row.codes[0], row.mnemonic).toMatch(/^E[bv]$|^Mq$/);
  });

  test("control transfers end a block and are counted as branches or callouts", () => {
    const transfers = ROWS.filter((row) => row.codes.some((code) => code.startsWith("J") || code === "Ap") || /^(call|jmp|ret|int|iret|j..$|loop)/.test(row.semantics));
    expect(transfers.length).toBeGreaterThan(50);
    for (const row of transfers) {
      expect(row.ends, row.semantics).toBe(true);
      expect(["branch", "callout"], row.semantics).toContain(row.class);
    }
  });

  test.each([
    ["inline", ["cli", "sti", "pushf", "popf", "smsw", "sgdt", "sidt", "sldt", "str", "mov_from_cr", "mov_from_sreg", "push_sreg"]],
    ["callout", [
      "lgdt", "lidt", "lldt", "ltr", "lmsw", "mov_to_cr", "mov_to_dr", "mov_to_sreg", "pop_sreg", "lds", "les", "lss", "lfs", "lgs", "invlpg", "hlt", "cpuid", "rdtsc",
      "rdmsr", "wrmsr", "in", "out", "ins", "outs", "int", "int3", "into", "iret", "call_far", "jmp_far", "ret_far", "call_far_indirect", "jmp_far_indirect",
      "lar", "lsl", "verr", "verw", "clts", "sysenter", "sysexit",
    ]],
    ["branch", ["jcc", "jmp_near", "jmp_indirect", "call_near", "call_indirect", "ret_near", "loop", "loope", "loopne", "jcxz"]],
    ["ident", ["add", "mov", "lea", "push", "movs", "enter", "xchg", "fadd", "fnsave", "cmpxchg8b", "xlat"]],
  ] as const)("rows of class %s", (kind, semantics) => {
    for (const key of semantics) {
      const rows = ROWS.filter((row) => row.semantics === key);
      expect(rows.length, key).toBeGreaterThan(0);
      for (const row of rows) expect(row.class, key).toBe(kind);
    }
  });
});
