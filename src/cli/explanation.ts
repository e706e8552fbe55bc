/** Explanations of guest code on a terminal: sections side by side where they fit, else one below the other. */
import type { Explanation } from "../../translator/translate.ts";

/** From this width on, two columns. */
const WIDE = 140, GAP = 3, MOST_LEFT = 72;
const CLASSES = "classes: I ident, N inline, C callout, B branch";

/** Folds a line at spaces, so that it fits; what is exact is the text that is printed one below the other. */
function fold(line: string, width: number): string[] {
  const lines: string[] = [];
  for (let rest = line; ;) {
    if (rest.length <= width) return [...lines, rest];
    const space = rest.lastIndexOf(" ", width), cut = space > width / 2 ? space : width;
    lines.push(rest.slice(0, cut));
    rest = `    ${rest.slice(cut).trimStart()}`;
  }
}

function heading(title: string): string { return `--- ${title} ---`; }

function section(title: string, lines: readonly string[]): string[] { return lines.length === 0 ? [] : [heading(title), ...lines]; }

function sideBySide(left: readonly string[], right: readonly string[], columns: number): string[] {
  const widest = Math.max(0, ...left.map((line) => line.length)), width = Math.min(widest, MOST_LEFT);
  const a = left.flatMap((line) => fold(line, width)), b = right.flatMap((line) => fold(line, columns - width - GAP));
  return Array.from({ length: Math.max(a.length, b.length) }, (_, k) => `${(a[k] ?? "").padEnd(width + GAP)}${b[k] ?? ""}`.trimEnd());
}

function sections({ listing, ir, optimised, javascript }: Explanation, columns: number): string[] {
  const first = section("listing", listing), last = section("JavaScript", javascript === "" ? [] : javascript.trimEnd().split("\n"));
  const before = section("IR", ir), same = optimised.join("\n") === ir.join("\n");
  const after = section("optimised IR", same && ir.length > 0 ? ["(the same)"] : optimised);
  if (columns < WIDE) return [...first, ...before, ...after, ...last];
  return [...sideBySide(first, last, columns), ...sideBySide(before, after, columns)];
}

/** All of it, with a final newline; `columns` is the width of the terminal, 0 where there is none. */
export function formatExplanations(explanations: readonly Explanation[], columns: number): string {
  const parts = explanations.map((explanation) => [`=== ${explanation.title} ===`, ...sections(explanation, columns)].join("\n"));
  return `${CLASSES}\n\n${parts.join("\n\n")}\n`;
}
