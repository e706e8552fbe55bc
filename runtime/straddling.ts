/**
 * Instructions whose bytes lie on two pages.
 *
 * What the second page holds can change with every mapping, so each execution fetches it anew and compares the bytes with those that
 * were decoded last.
 */
import { decode, x87Opcode } from "../translator/translate.ts";
import type { CodeSpace } from "./code-cache.ts";
import { requireInsideLimit } from "./code-limit.ts";
import { raise, VECTOR } from "./faults.ts";
import type { Insn } from "./insn.ts";
import type { GuestMemory } from "./memory.ts";
import { MMIO } from "./tlb-entry.ts";
import { SLOT } from "./state.ts";
import type { CpuState } from "./state.ts";

const LONGEST = 15;

/** As many bytes as an instruction can have, from host address `first` to the end of its page and from `second` on. */
export function bytesAcross(ram: Uint8Array, first: number, second: number, into = new Uint8Array(LONGEST)): Uint8Array {
  const room = 4096 - (first & 0xfff);
  for (let k = 0; k < LONGEST; k++) into[k] = ram[k < room ? first + k : second + k - room]!;
  return into;
}

export class Straddlers {
  readonly #memory: GuestMemory;
  readonly #cpu: CpuState;
  /** The bytes that each was decoded from. */
  readonly #bytes = new Map<Insn, Uint8Array>();
  readonly #window = new Uint8Array(LONGEST);

  constructor(memory: GuestMemory, cpu: CpuState) {
    this.#memory = memory;
    this.#cpu = cpu;
  }

  /** Executes it; `eip` is set to the following instruction first. Returns the next step. Faults as the fetch or the instruction does. */
  execute(insn: Insn, space: CodeSpace): Insn {
    this.prepare(insn, space);
    const S = this.#cpu.words;
    S[SLOT.eip] = S[SLOT.page]! + insn.e - S[SLOT.base1]! | 0;
    return insn.g(insn);
  }

  /** Fetches both parts and decodes them where they are not what they were. */
  prepare(insn: Insn, space: CodeSpace): void {
    const S = this.#cpu.words;
    const next = S[SLOT.page]! + 4096 | 0, first = this.#host(S[SLOT.page]! + insn.o | 0);
    requireInsideLimit(S, next);
    const second = this.#host(next);
    const window = bytesAcross(this.#memory.ram, first, second, this.#window);
    const known = this.#bytes.get(insn);
    if (insn.e === 0 || known?.every((byte, k) => byte === window[k]) !== true) this.#decode(insn, space);
    requireInsideLimit(S, S[SLOT.page]! + insn.e - 1 | 0);
  }

  #host(linear: number): number {
    const entry = this.#memory.current.execEntry(linear);
    if ((entry & MMIO) !== 0) raise(VECTOR.UD);
    return linear ^ entry;
  }

  #decode(insn: Insn, space: CodeSpace): void {
    const decoded = decode(this.#window, 0, LONGEST, space.mode);
    if ("failure" in decoded) {
      if (decoded.failure === "invalid") raise(VECTOR.UD);
      raise(VECTOR.GP, 0);
    }
    const form = space.forms.of(decoded, insn);
    const last = decoded.operands.at(-1), direct = last?.kind === "rel" ? last.value : 0;
    if (decoded.row.mnemonic.startsWith("f")) insn.m = x87Opcode(this.#window, 0);
    insn.g = space.source.handler(form, direct < 0).handler;
    insn.e = insn.o + decoded.length;
    const page = space.page(this.#host(this.#cpu.words[SLOT.page]! + insn.o | 0) >>> 12);
    insn.n = page.step(insn.e);
    if (last?.kind === "rel" && space.mode.flat) insn.t = page.target(insn.e, direct, decoded.row.mnemonic === "call");
    this.#bytes.set(insn, this.#window.slice(0, decoded.length));
  }

  /** The bytes of one that was executed. */
  bytesOf(insn: Insn): Uint8Array | undefined { return this.#bytes.get(insn); }

  /** Forgets the decoding of one that goes for good. */
  forget(insn: Insn): void { this.#bytes.delete(insn); }

  /** Forgets all decodings. */
  clear(): void { this.#bytes.clear(); }
}
