/** Explanations of guest code on a terminal: sections side by side where they fit, else one below the other. */
import type { Explanation } from "../../translator/translate.ts";

/** From this width on, listing, IR and JavaScript stand beside each other. */
const WIDE = 160, GAP = 3, MOST_LISTING = 60, MOST_IR = 44;
const CLASSES = "classes: I ident, N inline, C callout, B branch";

/** Colours by class letter (SGR parameters): what is cheap is green, what costs is red. */
const COLOURS: Readonly<Record<string, string>> = { I: "32", N: "33", C: "31", B: "36" };
const INSTRUCTION = /^([INCB]) ([0-9a-f]{8}) {2}/, IR_HEAD = /^(?:([0-9a-f]{8}):$|(block \d+):)/, BLOCK = /^(block \d+):/;

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

const widest = (lines: readonly string[]): number => Math.max(0, ...lines.map((line) => line.length));

/** Columns of text; each but the last has its width and a gap. Lines are folded. */
function beside(columns: ReadonlyArray<{ readonly lines: readonly string[]; readonly width: number }>): string[] {
  const folded = columns.map(({ lines, width }) => ({ width, lines: lines.flatMap((line) => fold(line, width)) }));
  const height = Math.max(...folded.map(({ lines }) => lines.length));
  return Array.from({ length: height }, (_, k) => folded.map(({ lines, width }) => (lines[k] ?? "").padEnd(width + GAP)).join("").trimEnd());
}

/** The IR in pieces, each with the instruction or block that it is of. */
function pieces(ir: readonly string[]): Array<{ readonly key: string; readonly lines: string[] }> {
  const found: Array<{ key: string; lines: string[] }> = [];
  for (const line of ir) {
    const [, address, block] = IR_HEAD.exec(line) ?? [];
    if (address !== undefined || block !== undefined || found.length === 0) found.push({ key: address ?? block ?? "", lines: [] });
    if (address === undefined) found.at(-1)!.lines.push(line);
  }
  return found;
}

/** Listing and IR beside each other, so that an instruction's IR begins on its line. */
function aligned(listing: readonly string[], ir: readonly string[]): string[] {
  const width = Math.min(MOST_LISTING, widest(listing)), irWidth = Math.min(MOST_IR, widest(ir)), rest = pieces(ir);
  const rows = listing.flatMap((line) => {
    const key = INSTRUCTION.exec(line)?.[2] ?? BLOCK.exec(line)?.[1];
    const piece = rest[0] !== undefined && (rest[0].key === key || rest[0].key === "") ? rest.shift()! : { lines: [] };
    return beside([{ lines: [line], width }, { lines: piece.lines, width: irWidth }]);
  });
  const left = rest.flatMap(({ lines }) => beside([{ lines: [], width }, { lines, width: irWidth }]));
  return [`${heading("listing").padEnd(width + GAP)}${ir.length === 0 ? "" : heading("optimised IR")}`.trimEnd(), ...rows, ...left];
}

function wideSections({ listing, ir, optimised, javascript }: Explanation, columns: number): string[] {
  const same = optimised.length === 0 || optimised.join("\n") === ir.join("\n");
  const left = aligned(listing, optimised.length === 0 ? ir : optimised), width = widest(left);
  const right = section("JavaScript", javascript === "" ? [] : javascript.trimEnd().split("\n"));
  const below = same ? [] : beside([{ lines: section("IR before the passes", ir), width: columns }]);
  return [...beside([{ lines: left, width }, { lines: right, width: columns - width - GAP }]), ...below];
}

function sections(explanation: Explanation, columns: number): string[] {
  if (columns >= WIDE) return wideSections(explanation, columns);
  const { listing, ir, optimised, javascript } = explanation, same = optimised.join("\n") === ir.join("\n");
  return [
    ...section("listing", listing), ...section("IR", ir), ...section("optimised IR", same && ir.length > 0 ? ["(the same)"] : optimised),
    ...section("JavaScript", javascript === "" ? [] : javascript.trimEnd().split("\n")),
  ];
}

/** Colours the listing's part of a line by the instruction's class, and titles. */
function coloured(line: string, listingWidth: number): string {
  const letter = INSTRUCTION.exec(line)?.[1];
  if (letter === undefined) return /^(===|---) /.test(line) ? `\u001b[1m${line}\u001b[0m` : line;
  return `\u001b[${COLOURS[letter]!}m${line.slice(0, listingWidth)}\u001b[0m${line.slice(listingWidth)}`;
}

/** All of it, with a final newline; `columns` is the width of the terminal, 0 where there is none. */
export function formatExplanations(explanations: readonly Explanation[], columns: number, colours = false): string {
  const parts = explanations.map((explanation) => {
    const lines = [`=== ${explanation.title} ===`, ...sections(explanation, columns)];
    const listingWidth = columns >= WIDE ? Math.min(MOST_LISTING, widest(explanation.listing)) : Infinity;
    return (colours ? lines.map((line) => coloured(line, listingWidth)) : lines).join("\n");
  });
  return `${CLASSES}\n\n${parts.join("\n\n")}\n`;
}
