/**
 * Regions as a running translator has them, explained.
 *
 * A region keeps its JavaScript but not the blocks it was made of. They are found again from the bytes that it was made from, which cannot have
 * changed meanwhile: a region whose bytes change is dropped.
 */
import { LIMITS, type Region } from "../runtime/region.ts";
import { decode, explain, formOf, secondPage, x87Opcode, type CodeView, type Explanation, type Fields, type NoteOf } from "../translator/translate.ts";
import { readLinear, translateLinear } from "./inspect.ts";
import type { Machine } from "./machine.ts";
import { regionTime, type RegionTime, type Samples } from "./measure/region-time.ts";
import type { SymbolTable } from "./symbols.ts";

const LONGEST = 15;

function contains({ ranges }: Region, host: number): boolean { return ranges.some(([from, to]) => host >= from && host < to); }

/** What discovery saw when it made a region. */
export function viewOf(machine: Machine, region: Region): CodeView {
  const weights = new Map<number, number>();
  const { seen, space: { mode } } = region;
  for (let k = 0; k < seen.weights.length; k += 2) weights.set(seen.weights[k]!, seen.weights[k + 1]!);
  const isPart = (address: number): boolean => {
    const host = translateLinear(machine, address);
    return host !== undefined && contains(region, host);
  };
  return {
    executed(address) {
      const weight = weights.get(address | 0);
      if (weight === undefined || !isPart(address)) return undefined;
      const bytes = readLinear(machine, address, LONGEST), instruction = decode(bytes, 0, bytes.length, mode);
      if ("failure" in instruction || secondPage({ address, instruction }) !== undefined && !isPart(address + instruction.length - 1)) return undefined;
      const fields: Fields = { d: 0, s: 0, b: 0, x: 0, c: 0, p: 0, m: 0, k: 0 };
      const form = formOf(instruction, mode, fields);
      if (instruction.row.mnemonic.startsWith("f")) fields.m = x87Opcode(bytes, 0);
      return { instruction, form, fields, weight, patched: seen.patched.get(address | 0) };
    },
    targets: (address) => seen.targets.get(address) ?? [],
    elsewhere: (address) => seen.elsewhere.has(address),
  };
}

/** The regions of now, those that were entered most often first. */
export function liveRegions(machine: Machine): readonly Region[] {
  return [...machine.vcpu.liveRegions ?? []].sort((a, b) => b.entered - a.entered);
}

/**
 * The regions that begin at a linear address, or else those that hold the code that stands there, or else those that begin before `to`; entered
 * most often first.
 */
export function regionsAt(machine: Machine, address: number, to = address): readonly Region[] {
  const regions = liveRegions(machine), host = translateLinear(machine, address), linear = address | 0;
  const heads = regions.filter((region) => region.linear === linear);
  if (heads.length > 0) return heads;
  const holding = host === undefined ? [] : regions.filter((region) => contains(region, host) && linear >>> 12 === region.linear >>> 12);
  return holding.length > 0 ? holding : regions.filter((region) => region.linear >>> 0 >= address && region.linear >>> 0 < to);
}

/** What was measured of the code. */
export interface Figures {
  /** Executions of the instruction at a linear address. */
  readonly countOf?: (linear: number, user: boolean) => number;
  /** Of a machine whose regions are sampled. */
  readonly samples?: Samples;
}

/** "1,234 times", for listings. */
export function countNote({ countOf }: Figures, user: boolean): NoteOf {
  return (address) => (countOf === undefined ? "" : `${countOf(address, user).toLocaleString("en")} times`);
}

const percent = (part: number, all: number): string => `${(100 * part / Math.max(1, all)).toFixed(1)} %`;

/** Executions and time of an instruction, as far as they were measured. */
function noteOf(region: Region, figures: Figures, time: RegionTime | undefined): NoteOf {
  const counted = countNote(figures, region.space.mode.user);
  return (address, block, index) => {
    const took = time === undefined ? 0 : time.of(block, index), notes = [counted(address, block, index)];
    if (time !== undefined && took > 0) notes.push(`${percent(took, time.samples)} of the time, ${(took * time.milliseconds / time.samples).toFixed(1)} ms`);
    return notes.filter((note) => note !== "").join(", ");
  };
}

/** The line below the listing that says where the rest of the time went. */
function timeLine(time: RegionTime | undefined): string {
  if (time === undefined) return "  time: no sample fell here";
  const called = time.called.map(({ name, samples, callers }) => `; ${name}, ${callers === 0 ? "below others" : `called by ${callers} instructions`}, ${percent(samples, time.samples)}`);
  return `  time: ${time.milliseconds.toFixed(1)} ms in ${time.samples} samples; entry, way out and budget ${percent(time.frame, time.samples)}${called.join("")}`;
}

/** A region with the JavaScript that runs, and the handlers that it leans on. */
export function explainLive(machine: Machine, region: Region, symbols: SymbolTable, figures: Figures = {}): Explanation[] {
  const { space: { mode }, linear, text } = region, nameOf = (address: number): string | undefined => symbols.describe(address);
  const code = { mode, at: (address: number) => readLinear(machine, address, LONGEST) }, { samples } = figures;
  const time = samples === undefined ? undefined : regionTime(region, samples);
  const [found, ...handlers] = explain(linear, code, { limits: LIMITS, view: viewOf(machine, region), entries: [...text.entries.keys()].slice(1), nameOf, noteOf: noteOf(region, figures, time) });
  const ring = `ring ${mode.user ? 3 : 0}`, entered = `entered ${region.entered.toLocaleString("en")} times`;
  if (found?.kind !== "region") return [{ ...found!, title: `region ${(linear >>> 0).toString(16).padStart(8, "0")}, ${ring}, ${entered}: its page is not mapped now`, javascript: text.print() }];
  const listing = samples === undefined ? found.listing : [...found.listing, timeLine(time)];
  return [{ ...found, listing, title: `${found.title}, ${ring}, ${entered}`, javascript: text.print() }, ...handlers];
}
