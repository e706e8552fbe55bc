/** Listing, IR and the exact JavaScript of guest code, and what the checker refuses, as committed text. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ABI_NAMES as HANDLER_NAMES } from "../../runtime/interpreter.ts";
import { ABI_NAMES as REGION_NAMES } from "../../runtime/region-function.ts";
import { checkCode, CodeRefused, decode, explain, explainAll, formOf, handlerText, type CodeBytes, type Explanation, type Mode } from "../../translator/translate.ts";
import { functionName } from "../../translator/emit/lowering.ts";
import { CLASS_LETTER } from "../../translator/explain.ts";
import { GROUPS, type GoldenCase } from "./cases.ts";
import { expectGolden, ir, javascript, listing } from "./golden.ts";
import { HANDLERS } from "./handlers.ts";
import { REFUSALS } from "./refusals.ts";

const FLAT: Mode = { bits: 32, flat: true, user: false };
const LIMITS = { instructions: 200, depth: 3 };

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text.split(" "), (pair) => Number.parseInt(pair, 16));
}

function codeOf(bytes: Uint8Array, at: number, mode: Mode): CodeBytes {
  return { mode, at: (address) => bytes.subarray(Math.min(bytes.length, (address - at) >>> 0)).subarray(0, 15) };
}

/** The regions of a case; the handlers that they lean on have a golden of their own. */
function regionsOf({ bytes, at = 0x1000 }: GoldenCase, passesOff: ReadonlySet<string> = new Set()): Explanation[] {
  const code = bytesOf(bytes);
  return explainAll(at, code.length, codeOf(code, at, FLAT), { limits: LIMITS, passesOff }).filter(({ kind }) => kind === "region");
}

function sections(explanation: Explanation): string {
  const { ir: before, optimised } = explanation, same = before.join("\n") === optimised.join("\n");
  return `${listing(explanation.listing)}\n${ir(before)}\n${same ? "" : `After the passes:\n\n${ir(optimised)}\n`}${javascript(explanation.javascript)}`;
}

function check(explanation: Explanation): void {
  checkCode(explanation.javascript, [...(explanation.kind === "region" ? REGION_NAMES : HANDLER_NAMES), ...explanation.names]);
}

describe("regions", () => {
  test.each(GROUPS)("$name", ({ name, title, cases }) => {
    const text = cases.map((one) => {
      const regions = regionsOf(one);
      for (const region of regions) check(region);
      expect(regions.length, one.name).toBeGreaterThan(0);
      return `## ${one.name}\n\n${regions.map(sections).join("\n")}`;
    });
    expectGolden(name, `# ${title}\n\n${text.join("\n")}`);
  });

  test("the goldens of classes have each class once", () => {
    const { cases } = GROUPS.find(({ name }) => name === "classes")!;
    const letters = cases.map((one) => regionsOf(one)[0]!.listing.find((line) => line !== "block 0:")![0]);
    expect(letters).toEqual(Object.values(CLASS_LETTER));
  });

  test("without its pass, a dead flag is set", () => {
    const { cases } = GROUPS.find(({ name }) => name === "flags")!;
    const dead = cases.find(({ name }) => name === "dead flags")!;
    const settings = (regions: readonly Explanation[]): number => regions.map(({ javascript: source }) => source.split("flagA = ").length - 1).reduce((a, b) => a + b);
    expect(settings(regionsOf(dead, new Set(["flag-elimination"])))).toBe(settings(regionsOf(dead)) + 3);
  });
});

test("handlers", () => {
  const text = HANDLERS.map(({ name, bytes, mode = FLAT, profile = true }) => {
    const code = bytesOf(bytes), [first] = explain(0x1000, codeOf(code, 0x1000, { ...mode, flat: false }), { limits: { instructions: 1, depth: 0 } });
    const instruction = decode(code, 0, code.length, mode);
    if ("failure" in instruction) throw new Error(`${name}: ${bytes} is no instruction`);
    const form = formOf(instruction, mode, { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 }), last = instruction.operands.at(-1);
    const made = handlerText(form, profile, last?.kind === "rel" && last.value < 0);
    checkCode(made.source, [...HANDLER_NAMES, ...made.functions.map(functionName)]);
    return `## ${name}\n\n${listing(first!.listing)}\n${javascript(made.source)}`;
  });
  expectGolden("handlers", `# Interpreter handlers: one for each form, its operands in the fields of the decoded instruction.\n\n${text.join("\n")}`);
});

describe("the checker's refusals", () => {
  const refusal = (source: string): string => {
    try {
      checkCode(source, [...REGION_NAMES, ...HANDLER_NAMES]);
    } catch (error) {
      if (error instanceof CodeRefused) return error.message.replace("generated code refused: ", "");
      throw error;
    }
    return "(accepted)";
  };

  test("are as committed", () => {
    const text = REFUSALS.map((source) => `${javascript(source)}\n${refusal(source)}\n`);
    expectGolden("refusals", `# What the checker refuses in generated code, and why\n\n${text.join("\n")}`);
  });

  test("refuse every one of the sources", () => {
    expect(REFUSALS.filter((source) => refusal(source) === "(accepted)")).toEqual([]);
  });

  test("are all of those that the checker has", () => {
    const source = readFileSync(join(import.meta.dirname, "../../translator/emit/check.ts"), "utf8");
    const reasons = [...source.matchAll(/#refuse\(\w+(?:\.\w+)?, (["`])(.*?)\1\)/g)].map((match) => match[2]!);
    const patterns = reasons.map((reason) => new RegExp(`^${reason.replaceAll(/\$\{[^}]*\}/g, "\u0000").replaceAll(/[.*+?^()[\]\\{}|$]/g, "\\$&").replaceAll("\u0000", ".*")}: `));
    const seen = REFUSALS.map(refusal);
    expect(reasons.length).toBeGreaterThan(10);
    expect(reasons.filter((_reason, k) => !seen.some((message) => patterns[k]!.test(message)))).toEqual([]);
  });
});
