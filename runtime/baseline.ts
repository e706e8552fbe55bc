/**
 * Baseline code: what has been executed some hundred times, as WebAssembly put together from templates (translator/baseline/).
 *
 * Between the interpreter, which takes some 20 ns an instruction where code is wide, and regions, which are worth their making after some million
 * instructions, stands code that is made in microseconds. It holds what was ever executed of one page around a head, and can run wherever the page is mapped.
 */
import type { CodePage, CodeSpace } from "./code-cache.ts";
import * as steps from "./insn.ts";
import type { GuestMemory } from "./memory.ts";
import type { BaselineInstruction, Fields, Templates } from "../translator/translate.ts";

const { EXACT, PLAIN, REGION, STRADDLING } = steps;

/** Instructions that are put together at most. */
const MOST_INSTRUCTIONS = 250;
const PAGE = 4096;
const NO_FIELDS: Fields = { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 };

/** What was executed of a page on the ways from a head, in the order of addresses, as it is mapped at `linear`. Other regions' heads are left to them. */
export function baselineCode({ ram }: GuestMemory, space: CodeSpace, page: CodePage, linear: number, templates: Templates): BaselineInstruction[] {
  const found = new Map<number, BaselineInstruction>(), head = linear & PAGE - 1, base = linear - head, ways = [head];
  for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
    let offset = way;
    while (offset >= 0 && offset < PAGE && !found.has(offset) && found.size < MOST_INSTRUCTIONS) {
      if (isStraddling(page, offset)) {
        found.set(offset, { address: base + offset | 0, length: PAGE, form: undefined, fields: NO_FIELDS, patched: undefined });
        break;
      }
      const patched = page.patchedAt(offset);
      if (!isExecuted(page, offset, patched !== undefined) || offset !== head && beginsRegion(page, offset)) break;
      const host = page.frame * PAGE + offset, pattern = space.patterns.at(ram, host, PAGE - offset);
      if ("failure" in pattern) break;
      const { form, length } = pattern, fields: Fields = { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 }, { end, isFollowed } = templates.factsOf(form);
      pattern.fill(ram, host, fields);
      found.set(offset, { address: base + offset | 0, length, form, fields, patched });
      offset += length;
      if (end === "jump") offset += fields.k;
      else if (end === "branch") ways.push(offset + fields.k);
      else if (!isFollowed) break;
    }
  }
  return [...found.values()].sort((a, b) => a.address - b.address);
}

/** Whether the bytes at an offset were executed as they are, but for an immediate that is read each time. */
function isExecuted(page: CodePage, offset: number, isPatched: boolean): boolean {
  const position = page.index[offset]!, insn = position === 0 ? undefined : page.insns[position]!;
  if (insn === undefined) return false;
  if (insn.f === page.undecoded || insn.e === 0) return isPatched;
  return insn.kind === PLAIN || insn.kind === EXACT || insn.kind === REGION;
}

function isStraddling(page: CodePage, offset: number): boolean {
  const position = page.index[offset]!;
  return position !== 0 && page.insns[position]!.kind === STRADDLING;
}

function beginsRegion(page: CodePage, offset: number): boolean { return page.insns[page.index[offset]!]!.r !== undefined; }

/** The host's bytes that code was made of, but for immediates that are read each time, joined where they touch. */
export function bytesOf(page: CodePage, instructions: readonly BaselineInstruction[]): Array<readonly [from: number, to: number]> {
  const joined: Array<[number, number]> = [];
  for (const { address, length, form, patched } of instructions) {
    if (form === undefined) continue;
    const from = page.frame * PAGE + (address & PAGE - 1), to = patched === undefined ? from + length : patched.host, last = joined.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}
