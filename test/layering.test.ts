/**
 * Which part may import which: no arrow points up.
 *
 * The translator is pure and knows of the runtime its ABI only; the runtime knows of the translator its entry point only; what a web page needs is free of
 * Node; nothing imports measurements or tests.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const PARTS = ["translator", "runtime", "src", "bench"] as const;
const NEEDS_NODE = ["src/cli", "bench"];
/** Packages that come with calque. */
const DEPENDENCIES = new Set(["acorn", "astring"]);

interface Import {
  readonly from: string;
  /** A path from the root, or a module's name. */
  readonly to: string;
}

function filesOf(part: string): string[] {
  return readdirSync(join(ROOT, part), { recursive: true, encoding: "utf8" }).filter((name) => /\.(ts|js|html)$/.test(name)).map((name) => join(part, name)).sort();
}

/** Static, re-exporting and dynamic imports, and URLs that are resolved against the module. */
const IMPORT = /^\s*(?:import|export)\s[^"';]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|import\(\s*"([^"]+)"|new URL\(\s*"(\.[^"]+)"/gm;

function importsOf(file: string): Import[] {
  return [...readFileSync(join(ROOT, file), "utf8").matchAll(IMPORT)].map((match) => {
    const named = match[1] ?? match[2] ?? match[3] ?? match[4]!;
    return { from: file, to: named.startsWith(".") ? normalize(join(dirname(file), named)) : named };
  });
}

const IMPORTS = PARTS.flatMap(filesOf).flatMap(importsOf);
const inside = (path: string, ...parts: readonly string[]): boolean => parts.some((part) => path === part || path.startsWith(`${part}/`));
const text = ({ from, to }: Import): string => `${from} imports ${to}`;
const bad = (from: readonly string[], allowed: (found: Import) => boolean): string[] => IMPORTS.filter((found) => inside(found.from, ...from) && !allowed(found)).map(text);

test("imports are found", () => {
  expect(IMPORTS.length).toBeGreaterThan(300);
  for (const part of PARTS) expect(IMPORTS.filter(({ from }) => inside(from, part)).length, part).toBeGreaterThan(10);
  expect(IMPORTS.map(text)).toContain("src/pc.ts imports runtime/vcpu.ts");
});

describe("layers", () => {
  test("the translator imports itself and the runtime's ABI", () => {
    expect(bad(["translator"], ({ to }) => inside(to, "translator") || to === "runtime/abi.ts" || DEPENDENCIES.has(to) || to === "estree")).toEqual([]);
  });

  test("the runtime imports itself and the translator's entry point", () => {
    expect(bad(["runtime"], ({ to }) => inside(to, "runtime") || to === "translator/translate.ts")).toEqual([]);
  });

  test("src imports itself, the runtime and the translator's entry point", () => {
    expect(bad(["src"], ({ to }) => inside(to, "src", "runtime") || to === "translator/translate.ts" || to.startsWith("node:") || /^[^/]*\.json$/.test(to))).toEqual([]);
  });

  test("nothing outside of src/cli imports the command line", () => {
    expect(bad(["translator", "runtime", "src"], ({ from, to }) => inside(from, "src/cli") || !inside(to, "src/cli"))).toEqual([]);
  });

  test("devices know neither the machine nor the processor", () => {
    expect(bad(["src/devices"], ({ to }) => inside(to, "src/devices"))).toEqual([]);
  });

  test("nobody imports measurements or tests", () => {
    expect(bad(["translator", "runtime", "src"], ({ to }) => !inside(to, "bench", "test"))).toEqual([]);
    expect(bad(["bench"], ({ to }) => !inside(to, "test") || !to.endsWith(".ts"))).toEqual([]);
  });
});

test("what a web page needs is free of Node", () => {
  const pure = PARTS.flatMap(filesOf).filter((file) => !inside(file, ...NEEDS_NODE));
  expect(IMPORTS.filter(({ from, to }) => !inside(from, ...NEEDS_NODE) && to.startsWith("node:")).map(text)).toEqual([]);
  const globals = /\b(process|Buffer|__dirname|require)\s*[.([]/;
  expect(pure.filter((file) => globals.test(withoutComments(readFileSync(join(ROOT, file), "utf8"))))).toEqual([]);
});

function withoutComments(source: string): string { return source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ""); }

test("the translator has no clock and no chance", () => {
  const impure = /\b(Date|performance|Math\.random|setTimeout|fetch|console)\b/;
  expect(filesOf("translator").filter((file) => impure.test(withoutComments(readFileSync(join(ROOT, file), "utf8"))))).toEqual([]);
});
