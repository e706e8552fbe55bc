/**
 * Baseline code: what has been executed a hundred times, as WebAssembly put together from templates (translator/baseline/).
 *
 * Between the interpreter, which takes some 20 ns an instruction where code is wide, and regions, which are worth their making after some million
 * instructions, stands code that is made in microseconds. It holds what was ever executed of one page around a head, and can run wherever the page is mapped.
 */
import type { CodePage, CodeSpace } from "./code-cache.ts";
import { followingPage, joinedRanges } from "./guest-code.ts";
import * as steps from "./insn.ts";
import type { Insn } from "./insn.ts";
import type { GuestMemory } from "./memory.ts";
import { bytesAcross } from "./straddling.ts";
import { isDirect, type BaselineInstruction, type Fields, type Templates } from "../translator/translate.ts";

const { EXACT, PLAIN, REGION, STRADDLING } = steps;

/** Instructions that are put together at most. */
const MOST_INSTRUCTIONS = 250;
const PAGE = 4096;
/** A call of the runtime takes as long as so many instructions. */
const CALL = 60;

/** Where baseline code is found. */
export interface BaselineSource {
  readonly space: CodeSpace;
  readonly page: CodePage;
  readonly templates: Templates;
  /** Immediates that the guest changes are read each time; otherwise they are what they are now. */
  readonly isPatchable: boolean;
  /** Instructions at which other code is to begin, beside those where a region does. */
  readonly taken: ReadonlySet<Insn> | undefined;
}

/** What was executed of a page on the ways from a head, with instructions that reach into the next one, in the order of addresses, as it is mapped at `linear`. Other regions' heads are left to them. */
export function baselineCode({ ram }: GuestMemory, { space, page, templates, isPatchable, taken }: BaselineSource, linear: number): BaselineInstruction[] {
  const found = new Map<number, BaselineInstruction>(), head = linear & PAGE - 1, base = linear - head, ways = [head];
  for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
    let offset = way;
    while (offset >= 0 && offset < PAGE && !found.has(offset) && found.size < MOST_INSTRUCTIONS) {
      const insn = decodedAt(page, offset);
      if (insn === undefined) break;
      if (insn.kind === STRADDLING) {
        found.set(offset, acrossPages(ram, space, page, offset, base));
        break;
      }
      const patched = isPatchable ? page.patchedAt(offset) : undefined;
      if (!isExecuted(page, insn, patched !== undefined) || offset !== head && (insn.r !== undefined || taken?.has(insn) === true)) break;
      const host = page.frame * PAGE + offset, pattern = space.patterns.at(ram, host, PAGE - offset);
      if ("failure" in pattern) break;
      const { form, length } = pattern, fields: Fields = { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 }, { end, isFollowed } = templates.factsOf(form);
      pattern.fill(ram, host, fields);
      found.set(offset, { address: base + offset | 0, length, form, fields, patched, second: undefined });
      offset += length;
      if (end === "jump") offset += fields.k;
      else if (end === "branch") ways.push(offset + fields.k);
      else if (!isFollowed) break;
    }
  }
  return [...found.values()].sort((a, b) => a.address - b.address);
}

/** An instruction on two pages as the second one is now; the interpreter's where that cannot be seen. */
function acrossPages(ram: Uint8Array, space: CodeSpace, page: CodePage, offset: number, base: number): BaselineInstruction {
  const address = base + offset | 0, second = followingPage(space, address), bytes = second === undefined ? undefined : bytesAcross(ram, page.frame * PAGE + offset, second);
  const pattern = bytes === undefined ? undefined : space.patterns.at(bytes, 0, bytes.length), fields: Fields = { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 };
  const isOther = pattern === undefined || "failure" in pattern || offset + pattern.length <= PAGE;
  if (isOther) return { address, length: PAGE, form: undefined, fields, patched: undefined, second: undefined };
  pattern.fill(bytes!, 0, fields);
  return { address, length: pattern.length, form: pattern.form, fields, patched: undefined, second };
}

/** Whether the bytes at an offset were executed as they are, but for an immediate that is read each time. */
function isExecuted(page: CodePage, insn: Insn, isPatched: boolean): boolean {
  if (insn.f === page.undecoded || insn.e === 0) return isPatched;
  return insn.kind === PLAIN || insn.kind === EXACT || insn.kind === REGION;
}

/** What was ever looked up at an offset. */
function decodedAt(page: CodePage, offset: number): Insn | undefined {
  const position = page.index[offset]!;
  return position === 0 ? undefined : page.insns[position];
}

/** The host's bytes that code was made of, but for immediates that are read each time, joined where they touch. */
export function bytesOf(page: CodePage, instructions: readonly BaselineInstruction[]): Array<readonly [from: number, to: number]> {
  const ranges: Array<readonly [number, number]> = [];
  for (const { address, length, form, patched, second } of instructions) {
    if (form === undefined) continue;
    const from = page.frame * PAGE + (address & PAGE - 1), end = (page.frame + 1) * PAGE, to = patched === undefined ? from + length : patched.host;
    ranges.push([from, Math.min(to, end)]);
    if (second !== undefined) ranges.push([second, second + to - end]);
  }
  return joinedRanges(ranges);
}

/** Whether a branch, jump or call among the instructions leads to an address. */
export function leadBackTo(linear: number, instructions: readonly BaselineInstruction[], templates: Templates): boolean {
  return instructions.some(({ address, length, form, fields }) => {
    return form !== undefined && isDirect(templates.factsOf(form).end) && (address + length + fields.k | 0) === linear;
  });
}

/** How many instructions are to be executed, as code that calls nothing takes `most`: calls of the runtime count for many. */
export function allowance(most: number, instructions: readonly BaselineInstruction[], templates: Templates): number {
  const calls = instructions.filter(({ form }) => form !== undefined && templates.factsOf(form).calls).length;
  return Math.ceil(most * instructions.length / (instructions.length + CALL * calls));
}
