/** The guest's code as a trace needs it: decoded once, and again where its bytes have changed. */
import { decode, format, type Instruction } from "../../translator/translate.ts";
import { readLinear, translateLinear } from "../inspect.ts";
import type { Machine } from "../machine.ts";

export interface CodeAt {
  /** Empty where nothing is mapped. */
  readonly bytes: Uint8Array;
  /** "8b 45 08". */
  readonly hex: string;
  /** In Intel syntax, or what is wrong with the bytes. */
  readonly text: string;
  readonly instruction: Instruction | undefined;
}

interface Known extends CodeAt {
  readonly eip: number;
  readonly bits: 16 | 32;
}

const LONGEST = 15, PAGE = 4096;
/** Of decoded instructions; beyond it all are forgotten. */
const MOST_KNOWN = 100_000;
const PROBLEM = { truncated: "(no memory behind it)", "too-long": "(longer than 15 bytes)", invalid: "(undefined)" } as const;

export class CodeReader {
  readonly #machine: Machine;
  /** By physical address. */
  readonly #known = new Map<number, Known>();

  constructor(machine: Machine) { this.#machine = machine; }

  /** What stands at linear address `linear`, whose offset in CS is `eip`. Disturbs nothing. */
  at(linear: number, eip: number, bits: 16 | 32): CodeAt {
    const physical = translateLinear(this.#machine, linear);
    if (physical === undefined) return { bytes: new Uint8Array(0), hex: "", text: "(nothing is mapped)", instruction: undefined };
    const known = this.#known.get(physical);
    if (known !== undefined && known.eip === eip && known.bits === bits && this.#isUnchanged(physical, known.bytes)) return known;
    return this.#decode(linear, physical, eip, bits);
  }

  #isUnchanged(physical: number, bytes: Uint8Array): boolean {
    const { ram } = this.#machine.memory;
    for (let k = 0; k < bytes.length; k++) if (ram[physical + k] !== bytes[k]) return false;
    return true;
  }

  #decode(linear: number, physical: number, eip: number, bits: 16 | 32): CodeAt {
    const available = readLinear(this.#machine, linear, LONGEST), instruction = decode(available, 0, available.length, { bits });
    const failed = "failure" in instruction;
    const bytes = available.slice(0, !failed ? instruction.length : instruction.failure === "invalid" ? Math.max(1, instruction.length) : LONGEST);
    const made: Known = {
      bytes, eip, bits, hex: Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" "),
      text: failed ? PROBLEM[instruction.failure] : format(instruction, eip), instruction: failed ? undefined : instruction,
    };
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    // What lies on two pages is read anew each time: its second page may be mapped elsewhere.
    if ((physical & (PAGE - 1)) + bytes.length <= PAGE) this.#known.set(physical, made);
    return made;
  }
}
