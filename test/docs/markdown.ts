/** The documents as data: their code blocks, tables and links. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

export interface CodeBlock {
  readonly language: string;
  readonly text: string;
  /** The heading that it stands under. */
  readonly heading: string;
}

/** Documents that a reader meets, relative to the root. */
export const DOCUMENTS: readonly string[] = [
  "README.md", "ARCHITECTURE.md", "HACKING.md", "CHANGELOG.md", "docs/measurements.md",
  ...readdirSync(join(ROOT, "docs/adr")).map((name) => `docs/adr/${name}`),
];

export function read(document: string): string { return readFileSync(join(ROOT, document), "utf8"); }

/** Fenced blocks, in order. */
export function codeBlocks(document: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let heading = "", open: { language: string; lines: string[] } | undefined;
  for (const line of read(document).split("\n")) {
    const fence = /^```(\w*)$/.exec(line);
    if (open === undefined && fence !== null) open = { language: fence[1]!, lines: [] };
    else if (open !== undefined && fence !== null) {
      blocks.push({ language: open.language, text: `${open.lines.join("\n")}\n`, heading });
      open = undefined;
    } else if (open !== undefined) open.lines.push(line);
    else if (line.startsWith("#")) heading = line.replace(/^#+ /, "");
  }
  return blocks;
}

/** The one block of a language under a heading. */
export function codeBlock(document: string, heading: string, language: string): string {
  const found = codeBlocks(document).filter((block) => block.heading === heading && block.language === language);
  if (found.length !== 1) throw new Error(`${document}: ${found.length} blocks of ${language} under "${heading}"`);
  return found[0]!.text;
}

/** Command lines: of blocks in `sh`, indented blocks and inline code, as far as they begin with the program's name. */
export function commands(document: string): string[] {
  return [...read(document).matchAll(/(?:npx |`|\bnode bin\/)calque(?:\.js)? ([^`\n]*)/g)].map((match) => match[1]!.replace(/ {2,}.*| # .*$/, "").trim());
}

/** The cells of the table whose head begins with these words. */
export function table(document: string, ...head: readonly string[]): string[][] {
  const lines = read(document).split("\n");
  const cells = (line: string): string[] => line.split("|").slice(1, -1).map((cell) => cell.trim());
  const at = lines.findIndex((line) => line.startsWith("|") && head.every((word, k) => cells(line)[k] === word));
  if (at < 0) throw new Error(`${document}: no table with ${head.join(" | ")}`);
  const rows = lines.slice(at + 2), end = rows.findIndex((line) => !line.startsWith("|"));
  return rows.slice(0, end < 0 ? rows.length : end).map(cells);
}
