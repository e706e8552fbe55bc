/** Where the processor stands. */
import { readEflags } from "../../runtime/flags.ts";
import { SLOT, type CpuState } from "../../runtime/state.ts";
import { CS, DS, ES, FS, GS, SS } from "../../translator/translate.ts";
import type { SymbolTable } from "../symbols.ts";

export interface Place {
  readonly cpl: number;
  readonly selector: number;
  readonly eip: number;
  readonly linear: number;
}

const CODE_32 = 1 << 10;

export function placeOf({ words, cpl, eip }: CpuState): Place {
  return { cpl, eip, selector: words[SLOT.selector0 + CS]!, linear: eip + words[SLOT.base0 + CS]! | 0 };
}

/** The instruction size that CS says. */
export const codeSize = ({ words }: CpuState): 16 | 32 => ((words[SLOT.access0 + CS]! & CODE_32) !== 0 ? 32 : 16);

const digits = (value: number, width: number): string => (value >>> 0).toString(16).padStart(width, "0");
export const hex32 = (value: number): string => digits(value, 8);
export const hex16 = (value: number): string => digits(value & 0xffff, 4);

/** "0010:c1000000", with the symbol behind it where there are symbols. */
export function placeText({ selector, eip, linear }: Place, symbols: SymbolTable | undefined): string {
  const name = symbols?.describe(linear);
  return `${hex16(selector)}:${hex32(eip)}${name === undefined ? "" : ` <${name}>`}`;
}

/** The state words that a trace shows, by the names it gives them; `efl` is EFLAGS with its lazy flags settled. */
const SHOWN: ReadonlyArray<readonly [name: string, slot: number, width: 4 | 8]> = [
  ["eax", SLOT.eax, 8], ["ebx", SLOT.ebx, 8], ["ecx", SLOT.ecx, 8], ["edx", SLOT.edx, 8],
  ["esi", SLOT.esi, 8], ["edi", SLOT.edi, 8], ["ebp", SLOT.ebp, 8], ["esp", SLOT.esp, 8], ["efl", -1, 8],
  ["es", SLOT.selector0 + ES, 4], ["cs", SLOT.selector0 + CS, 4], ["ss", SLOT.selector0 + SS, 4], ["ds", SLOT.selector0 + DS, 4],
  ["fs", SLOT.selector0 + FS, 4], ["gs", SLOT.selector0 + GS, 4],
  ["cr0", SLOT.cr0, 8], ["cr2", SLOT.cr2, 8], ["cr3", SLOT.cr3, 8], ["cr4", SLOT.cr4, 8],
];
/** The first of them are the general registers and EFLAGS. */
const GENERAL = 9;

/** Follows the registers from one look to the next. */
export class RegisterWatch {
  readonly #cpu: CpuState;
  readonly #last = new Int32Array(SHOWN.length);

  constructor(cpu: CpuState) {
    this.#cpu = cpu;
    this.look();
  }

  #value(k: number): number {
    const slot = SHOWN[k]![1];
    return slot < 0 ? readEflags(this.#cpu.words) : this.#cpu.words[slot]!;
  }

  /** Takes the state of now as what changes are told from. */
  look(): void {
    for (let k = 0; k < SHOWN.length; k++) this.#last[k] = this.#value(k);
  }

  /** "eax=00000001 efl=00000246": what is not as at the last look, of the general registers and EFLAGS all where `all`. Looks. */
  changes(all: boolean): string {
    let text = "";
    for (let k = 0; k < SHOWN.length; k++) {
      const value = this.#value(k);
      if (value === this.#last[k] && !(all && k < GENERAL)) continue;
      this.#last[k] = value;
      text += `${text === "" ? "" : " "}${SHOWN[k]![0]}=${digits(SHOWN[k]![2] === 4 ? value & 0xffff : value, SHOWN[k]![2])}`;
    }
    return text;
  }
}
