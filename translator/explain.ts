/**
 * What becomes of guest code, in full: listing, IR, optimised IR and the exact JavaScript.
 *
 * In a flat mode that is a region, as the translator would make it had all of this code been executed often, with the handlers of what it
 * leaves to the interpreter; in other modes it is the handler of every instruction.
 */
import { decode } from "./decode/decoder.ts";
import { format, formatBytes } from "./decode/format.ts";
import type { Instruction } from "./decode/instruction.ts";
import { handlerText } from "./emit/handler.ts";
import { functionName } from "./emit/lowering.ts";
import { regionText } from "./emit/region.ts";
import { formOf, x87Opcode, type Fields, type Form, type Mode } from "./form.ts";
import { printMeaning } from "./ir/print.ts";
import type { InstructionClass } from "./isa/row.ts";
import { runPasses } from "./passes/index.ts";
import type { Block, BlockEnd, BlockInstruction, Edge } from "./region/block.ts";
import { discover, type CodeView, type RegionLimits } from "./region/discover.ts";
import { structure } from "./region/structure.ts";
import { meaningOf } from "./semantics/index.ts";

/** The code to explain. */
export interface CodeBytes {
  readonly mode: Mode;
  /** The bytes from a linear address on, 15 where there are so many. */
  at(address: number): Uint8Array;
}

export interface ExplainOptions {
  readonly limits: RegionLimits;
  /** Passes to leave out, by name. */
  readonly passesOff?: ReadonlySet<string>;
  /** Handlers gather heat, as in the engine that translates. */
  readonly profile?: boolean;
  /** What region discovery may see; without it, code counts as executed wherever it can be decoded. */
  readonly view?: CodeView;
  /** Linear addresses at which the region may be entered beside its head. */
  readonly entries?: readonly number[];
  /** The symbol at an address, as "main+0x4". */
  readonly nameOf?: (address: number) => string | undefined;
  /** What the listing says behind an instruction of a region, which is one of a block's. */
  readonly noteOf?: NoteOf;
}

export type NoteOf = (address: number, block: number, index: number) => string;

/** One region, one handler, or bytes that are no instruction; sections are lines, empty where there is nothing. */
export interface Explanation {
  readonly kind: "region" | "handler" | "none";
  readonly title: string;
  readonly listing: readonly string[];
  readonly ir: readonly string[];
  /** After the passes; handlers have none. */
  readonly optimised: readonly string[];
  /** What `new Function` gets, "" where no code is generated. */
  readonly javascript: string;
  /** Runtime functions and pages that the code names beyond the fixed ABI. */
  readonly names: readonly string[];
  /** Addresses of the instructions with their lengths. */
  readonly covered: ReadonlyMap<number, number>;
}

/** How the class of an instruction is marked in a listing. */
export const CLASS_LETTER: Readonly<Record<InstructionClass, string>> = { ident: "I", inline: "N", callout: "C", branch: "B" };

const PAGE = 4096, LONGEST = 15, BYTES_SHOWN = 8;

interface Seen {
  readonly instruction: Instruction;
  readonly form: Form;
  readonly fields: Fields;
}

/** Decodes at an address; undefined where no instruction ends on the page. */
function instructionAt(code: CodeBytes, address: number): Seen | undefined {
  const bytes = code.at(address);
  const instruction = decode(bytes, 0, Math.min(bytes.length, PAGE - (address & (PAGE - 1))), code.mode);
  if ("failure" in instruction) return undefined;
  const fields: Fields = { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 };
  const form = formOf(instruction, code.mode, fields);
  if (instruction.row.mnemonic.startsWith("f")) fields.m = x87Opcode(bytes, 0);
  return { instruction, form, fields };
}

/** Code that counts as executed wherever it can be decoded, but not behind CLI and HLT: there kernels end, and data begin. */
function viewOf(code: CodeBytes): CodeView {
  const seen = new Map<number, Seen | undefined>(), is = (address: number, mnemonic: string): boolean => seen.get(address)?.instruction.row.mnemonic === mnemonic;
  return {
    executed(address) {
      if (!seen.has(address)) seen.set(address, is(address - 1, "hlt") && is(address - 2, "cli") ? undefined : instructionAt(code, address));
      return seen.get(address);
    },
  };
}

const hex = (address: number): string => (address >>> 0).toString(16).padStart(8, "0");

type NameOf = (address: number) => string | undefined;
const nameless: NameOf = () => undefined;

/** The symbol that a branch goes to, where it is one's beginning or another's code. */
function targetName(instruction: Instruction, address: number, nameOf: NameOf): string {
  const last = instruction.operands.at(-1);
  const name = last?.kind === "rel" ? nameOf(address + instruction.length + last.value | 0) : undefined;
  return name === undefined ? "" : `  <${name}>`;
}

function listingLine(code: CodeBytes, address: number, instruction: Instruction, nameOf: NameOf): string {
  const bytes = formatBytes(code.at(address).subarray(0, instruction.length)).padEnd(BYTES_SHOWN * 3);
  return `${CLASS_LETTER[instruction.row.class]} ${hex(address)}  ${bytes} ${format(instruction, address)}${targetName(instruction, address, nameOf)}`;
}

function edgeText(edge: Edge): string { return "block" in edge ? `block ${edge.block}` : `leave to ${hex(edge.leave)}`; }

/** Where a block leads, in words. */
export function endText(end: BlockEnd): string {
  switch (end.kind) {
    case "jump": return edgeText(end.to);
    case "branch": return `${edgeText(end.taken)} if taken, else ${edgeText(end.next)}`;
    case "indirect": return [...end.targets.map(({ address, edge }) => `${edgeText(edge)} if to ${hex(address)}`), "leave"].join(", else ");
    case "dispatch": return end.cases.map(({ edge }) => edgeText(edge)).join(" or ");
    case "transferred": return "leave to where the monitor went";
  }
  return end satisfies never;
}

function named(address: number, nameOf: NameOf): string {
  const name = nameOf(address);
  return name === undefined ? "" : ` <${name}>`;
}

function blockHead(block: Block): string { return `block ${block.id}:`; }

function listingOf(code: CodeBytes, blocks: readonly Block[], nameOf: NameOf, noteOf: NoteOf = () => ""): string[] {
  return blocks.flatMap((block) => [
    ...(blocks.length === 1 ? [] : [blockHead(block) + named(block.address, nameOf)]),
    ...block.instructions.map(({ address, instruction }, index) => {
      const note = noteOf(address, block.id, index);
      return listingLine(code, address, instruction, nameOf) + (note === "" ? "" : `   ${note}`);
    }),
    `  -> ${endText(block.end)}`,
  ]);
}

/** The IR of blocks, a line each. */
export function irOf(blocks: readonly Block[], instructionsOf: (block: Block) => readonly BlockInstruction[]): string[] {
  return blocks.flatMap((block) => [
    ...(blocks.length === 1 ? [] : [blockHead(block)]),
    ...instructionsOf(block).flatMap(({ address, plain, meaning }) => [`${hex(address)}:`, ...(plain ? printMeaning(meaning) : ["(interpreted)"]).map((line) => `  ${line}`)]),
  ]);
}

/** The region at a linear address of a flat mode; undefined where nothing can be decoded. */
function explainRegion(head: number, code: CodeBytes, options: ExplainOptions): Explanation | undefined {
  const { limits, passesOff = new Set(), view = viewOf(code), nameOf = nameless, entries = [], noteOf } = options;
  const found = discover(head, view, limits, entries);
  if (found === undefined) return undefined;
  const shape = structure(found), blocks = shape.order.map((id) => shape.blocks[id]!).sort((a, b) => a.id - b.id);
  const text = regionText(found, { passesOff });
  return {
    kind: "region", title: `region ${hex(head)}${named(head, nameOf)}: ${count(text.instructions, "instruction")} in ${count(text.blocks, "block")}`,
    listing: listingOf(code, blocks, nameOf, noteOf),
    ir: irOf(blocks, (block) => block.instructions),
    optimised: irOf(blocks, (block) => runPasses(block.instructions, passesOff)),
    javascript: text.print(),
    names: [...text.functions, ...text.pages.map((_page, k) => `PAGE${k}`)],
    covered: new Map(blocks.flatMap((block) => block.instructions.map(({ address, instruction }) => [address, instruction.length] as const))),
  };
}

function count(n: number, noun: string): string { return `${n} ${noun}${n === 1 ? "" : "s"}`; }

/** The interpreter's handler of one instruction. */
function explainHandler(address: number, code: CodeBytes, { instruction, form }: Seen, { profile = true, nameOf = nameless }: ExplainOptions): Explanation {
  const last = instruction.operands.at(-1), text = handlerText(form, profile, last?.kind === "rel" && last.value < 0);
  return {
    kind: "handler", title: `handler of "${format(instruction, address)}"`,
    listing: [listingLine(code, address, instruction, nameOf)],
    ir: printMeaning(meaningOf(form)), optimised: [],
    javascript: text.source, names: text.functions.map(functionName),
    covered: new Map([[address, instruction.length]]),
  };
}

function explainNothing(address: number, code: CodeBytes): Explanation {
  const bytes = code.at(address), room = Math.min(bytes.length, PAGE - (address & (PAGE - 1)));
  const failure = decode(bytes, 0, bytes.length, code.mode);
  const [length, why] = !("failure" in failure) ? [failure.length, `${format(failure, address)} (lies on two pages: interpreted)`]
    : failure.failure === "truncated" ? [Math.max(1, bytes.length), "(cut off)"]
    : failure.failure === "too-long" ? [LONGEST, "(longer than 15 bytes)"] : [Math.max(1, Math.min(failure.length, room)), "(undefined)"];
  const line = `  ${hex(address)}  ${formatBytes(bytes.subarray(0, length)).padEnd(BYTES_SHOWN * 3)} ${why}`;
  return { kind: "none", title: `no translation at ${hex(address)}`, listing: [line], ir: [], optimised: [], javascript: "", names: [], covered: new Map([[address, length]]) };
}

/** The code at a linear address: its region and the handlers that it leans on, or the handlers of a whole block. Never empty. */
export function explain(address: number, code: CodeBytes, options: ExplainOptions): Explanation[] {
  const { profile = true } = options;
  if (!code.mode.flat) return explainBlock(address, code, options);
  const region = explainRegion(address, code, options);
  if (region === undefined) return [explainNothing(address, code)];
  const handlers = new Map<string, Explanation>();
  for (const at of region.covered.keys()) {
    const seen = instructionAt(code, at)!;
    if (!handlerText(seen.form, profile, false).plain && !handlers.has(seen.form.key)) handlers.set(seen.form.key, explainHandler(at, code, seen, options));
  }
  return [region, ...handlers.values()];
}

/** The handlers of the instructions up to the end of the block. */
function explainBlock(address: number, code: CodeBytes, options: ExplainOptions): Explanation[] {
  const explanations: Explanation[] = [];
  for (let at = address; explanations.length < options.limits.instructions;) {
    const seen = instructionAt(code, at);
    if (seen === undefined) { explanations.push(explainNothing(at, code)); break; }
    explanations.push(explainHandler(at, code, seen, options));
    if (seen.instruction.row.ends) break;
    at = at + seen.instruction.length | 0;
    if (code.at(at).length === 0) break;
  }
  return explanations;
}

/** All code in [from, from + length), which ends where the bytes end: what no region before it covers is the head of another. */
export function explainAll(from: number, length: number, code: CodeBytes, options: ExplainOptions): Explanation[] {
  const explanations: Explanation[] = [], covered = new Map<number, number>();
  for (let offset = 0; offset < length;) {
    const at = from + offset | 0;
    if (!covered.has(at)) {
      for (const explanation of explain(at, code, options)) {
        explanations.push(explanation);
        for (const [address, bytes] of explanation.covered) covered.set(address, bytes);
      }
    }
    offset += covered.get(at)!;
  }
  return explanations;
}
