/** What a region is made from: guest code as the decoded instructions, the TLB and the trial show it. */
import type { CodeSpace } from "./code-cache.ts";
import { EXACT, type Insn, PLAIN, REGION, STRADDLING } from "./insn.ts";
import { bytesAcross } from "./straddling.ts";
import { executions } from "./trial.ts";
import type { GuestMemory } from "./memory.ts";
import type { CodeView, Instruction, PatchedImmediate } from "../translator/translate.ts";

/** What is known beside the code itself. */
export interface Knowledge {
  /** Where an indirect transfer went, most often first. */
  targets(insn: Insn, linear: number): readonly number[];
  /** Whether a linear address is better left to another region. */
  elsewhere(address: number): boolean;
  /** Whether immediates that the guest changes may be read each time; otherwise they are what they are now. */
  readonly isPatchable: boolean;
}

/** What one discovery asked for and was answered. */
export interface SeenCode {
  /** Linear addresses of instructions, each followed by its weight; and their bytes, one after the other. */
  readonly weights: Int32Array;
  readonly bytes: Uint8Array;
  readonly targets: ReadonlyMap<number, readonly number[]>;
  readonly elsewhere: ReadonlySet<number>;
  readonly patched: ReadonlyMap<number, PatchedImmediate>;
}

/** Guest code as region discovery may see it: through EXEC entries that are filled, and only what is hot. */
export class GuestCode implements CodeView {
  readonly #memory: GuestMemory;
  readonly #space: CodeSpace;
  readonly #base: number;
  readonly #knowledge: Knowledge;
  readonly #seen = new Map<number, ReturnType<CodeView["executed"]>>();
  readonly #bytes = new Map<number, number>();
  readonly #targets = new Map<number, readonly number[]>();
  readonly #elsewhere = new Set<number>();
  readonly #patched = new Map<number, PatchedImmediate>();

  /** `base`: of the trial that says what is hot. */
  constructor(memory: GuestMemory, space: CodeSpace, base: number, knowledge: Knowledge) {
    this.#base = base;
    this.#knowledge = knowledge;
    this.#memory = memory;
    this.#space = space;
  }

  entry(page: number): number { return this.#space.ring.exec[page]!; }

  elsewhere(address: number): boolean {
    const answer = this.#knowledge.elsewhere(address);
    if (answer) this.#elsewhere.add(address);
    return answer;
  }

  targets(address: number): readonly number[] {
    const insn = this.insn(address), targets = insn === undefined ? [] : this.#knowledge.targets(insn, address);
    this.#targets.set(address, targets);
    return targets;
  }

  /** What was asked so far. */
  seen(): SeenCode {
    const weights: number[] = [], bytes: number[] = [], { ram } = this.#memory;
    for (const [address, found] of this.#seen) {
      if (found === undefined) continue;
      weights.push(address, found.weight ?? 0);
      const { length } = found.instruction, host = this.#space.hostOf(address)!, room = 4096 - (host & 0xfff);
      for (let k = 0; k < length; k++) bytes.push(ram[k < room ? host + k : this.#space.hostOf(address + k | 0)!]!);
    }
    return { weights: Int32Array.from(weights), bytes: Uint8Array.from(bytes), targets: this.#targets, elsewhere: this.#elsewhere, patched: this.#patched };
  }

  /** The decoded instruction at a linear address, where there is one and a fetch has nothing to do. */
  insn(address: number): Insn | undefined { return this.#space.decodedAt(address)?.insn; }

  executed(address: number): ReturnType<CodeView["executed"]> {
    const known = this.#seen.get(address);
    if (known !== undefined || this.#seen.has(address)) return known;
    const found = this.#look(address);
    this.#seen.set(address, found);
    return found;
  }

  #look(address: number): ReturnType<CodeView["executed"]> {
    const found = this.#space.decodedAt(address);
    if (found === undefined) return undefined;
    const { insn, page, host } = found;
    const patched = this.#knowledge.isPatchable ? page.patchedAt(host & 0xfff) : undefined;
    if (page.isResting || (insn.f === page.undecoded || insn.e === 0) && patched === undefined || insn.seen <= this.#base) return undefined;
    if (insn.kind === STRADDLING) return this.#lookAcross(address, host, insn);
    if (insn.kind !== PLAIN && insn.kind !== EXACT && insn.kind !== REGION) return undefined;
    const seen = this.#decode(this.#memory.ram, host, 4096 - (host & 0xfff), insn, ({ length }) => { this.#watch(host, patched === undefined ? length : patched.host - host); });
    if (seen === undefined || patched === undefined) return seen;
    this.#patched.set(address, patched);
    return { ...seen, patched };
  }

  /** The same of one whose bytes lie on two pages, wherever the second one is. */
  #lookAcross(address: number, host: number, insn: Insn): ReturnType<CodeView["executed"]> {
    const second = followingPage(this.#space, address);
    if (second === undefined) return undefined;
    const room = 4096 - (host & 0xfff), bytes = bytesAcross(this.#memory.ram, host, second);
    return this.#decode(bytes, 0, bytes.length, insn, ({ length }) => {
      this.#watch(host, Math.min(length, room));
      if (length > room) this.#watch(second, length - room);
    });
  }

  #decode(bytes: Uint8Array, at: number, available: number, insn: Insn, watch: (instruction: Instruction) => void): ReturnType<CodeView["executed"]> {
    const decoded = this.#space.patterns.whole(bytes, at, available);
    if ("failure" in decoded) return undefined;
    const { instruction, form, fields } = decoded;
    watch(instruction);
    return { instruction, form, fields, weight: executions(insn) };
  }

  #watch(host: number, length: number): void { this.#bytes.set(host, Math.max(host + length, this.#bytes.get(host) ?? 0)); }

  /** The host bytes that were looked at, but for immediates that are read each time, joined where they touch, cut at page ends. */
  ranges(): Array<readonly [number, number]> { return joinedRanges([...this.#bytes]); }
}

/** Ranges of the host's bytes, joined where they touch, cut at page ends. */
export function joinedRanges(ranges: Array<readonly [from: number, to: number]>): Array<readonly [number, number]> {
  const joined: Array<[number, number]> = [];
  for (const [from, to] of ranges.sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1] && from >>> 12 === last[0] >>> 12) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** Where the host has the page behind the one of a linear address, if code there may be translated now. */
export function followingPage(space: CodeSpace, address: number): number | undefined {
  const next = (address | 0xfff) + 1 | 0, host = next === 0 ? undefined : space.hostOf(next);
  return host === undefined || space.pages[host >>> 12]?.isResting === true ? undefined : host;
}

/** The code as it was seen when a region was made. */
export class SeenView implements CodeView {
  readonly #seen: SeenCode;
  readonly #found = new Map<number, ReturnType<CodeView["executed"]>>();

  constructor(seen: SeenCode, { patterns }: CodeSpace) {
    this.#seen = seen;
    const { weights, bytes, patched } = seen;
    for (let k = 0, at = 0; k < weights.length; k += 2) {
      const address = weights[k]!, decoded = patterns.whole(bytes, at, bytes.length - at);
      if ("failure" in decoded) throw new Error("code that was seen is no instruction");
      const { instruction, form, fields } = decoded;
      this.#found.set(address, { instruction, form, fields, weight: weights[k + 1]!, patched: patched.get(address) });
      at += instruction.length;
    }
  }

  executed(address: number): ReturnType<CodeView["executed"]> { return this.#found.get(address); }
  targets(address: number): readonly number[] { return this.#seen.targets.get(address) ?? []; }
  elsewhere(address: number): boolean { return this.#seen.elsewhere.has(address); }
}
