/** report.json is what docs/report.schema.json says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DEMO, measured } from "./measured.ts";
import { violations, type Schema } from "./schema.ts";

const schema = JSON.parse(readFileSync(join(import.meta.dirname, "../../docs/report.schema.json"), "utf8")) as Schema;
const asWritten = (report: object): Record<string, unknown> => JSON.parse(JSON.stringify(report)) as Record<string, unknown>;

describe("the report", () => {
  const written = asWritten(measured(DEMO, { maxInstructions: 3_000_000 }).report);

  it("fits its schema", () => { expect(violations(written, schema)).toEqual([]); });

  it("of a guest that does nothing fits too", () => {
    expect(violations(asWritten(measured(Uint8Array.of(0xfa, 0xf4), {}).report), schema)).toEqual([]);
    expect(violations(asWritten(measured(Uint8Array.of(0xfa, 0xf4), { maxInstructions: 0 }).report), schema)).toEqual([]);
  });

  it("would not fit with something wrong, missing or more", () => {
    const { tlb, ...rest } = written;
    expect(violations(rest, schema)).toEqual(["$.tlb is missing"]);
    expect(violations({ ...rest, tlb, more: 1 }, schema)).toEqual(["$.more is unknown"]);
    expect(violations({ ...rest, tlb: { ...(tlb as object), fills: -1.5 } }, schema)).toEqual(["$.tlb.fills is number, not integer", "$.tlb.fills is below 0"]);
  });
});
