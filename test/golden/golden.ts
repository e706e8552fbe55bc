/** Golden files: what the code says now, compared with what was committed. `BLESS=1` rewrites them. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

/** Compares, or rewrites where BLESS is set. */
export function expectGolden(name: string, text: string): void {
  const path = join(import.meta.dirname, `${name}.golden.md`);
  if ((process.env["BLESS"] ?? "") !== "") { writeFileSync(path, text); return; }
  const committed = existsSync(path) ? readFileSync(path, "utf8") : "";
  expect(text, `${name}.golden.md differs: look at the difference, then BLESS=1 npx vitest run test/golden`).toBe(committed);
}

function fenced(language: string, lines: readonly string[]): string {
  return `\`\`\`${language}\n${lines.join("\n")}\n\`\`\`\n`;
}

export const listing = (lines: readonly string[]): string => fenced("asm", lines);
export const ir = (lines: readonly string[]): string => fenced("text", lines);
export const javascript = (source: string): string => fenced("js", [source.trimEnd()]);
