/**
 * How x87 instructions share runtime functions: those that differ in a sign, in the order of operands or in a pop are one function, called with a
 * variant. One function stays one closure, which the host's compiler makes with its constants in place.
 */

/** Bits of a variant. */
export const POPS = 1, SECOND_POP = 2;
/** Sums: the sign changed of the source, of the destination. Quotients: source by destination. */
export const FLIPS_SOURCE = 2, FLIPS_DESTINATION = 4, REVERSED = 2;

export interface SharedForm {
  /** Name of the function, without the size of the memory operand. */
  readonly name: string;
  readonly variant: number;
}

/** By mnemonic; with a memory operand only where `sizes` has it, with registers only where it has 0. */
interface Sharing extends SharedForm {
  readonly sizes: readonly number[];
}

const SHARED = new Map<string, Sharing>();

function share(name: string, sizes: readonly number[], variants: Readonly<Record<string, number>>): void {
  for (const [mnemonic, variant] of Object.entries(variants)) SHARED.set(mnemonic, { name, variant, sizes });
}

share("fsum", [0, 4, 8], { fadd: 0, faddp: POPS, fsub: FLIPS_SOURCE, fsubp: FLIPS_SOURCE | POPS, fsubr: FLIPS_DESTINATION, fsubrp: FLIPS_DESTINATION | POPS });
share("fproduct", [0, 4, 8], { fmul: 0, fmulp: POPS });
share("fquotient", [0, 4, 8], { fdiv: 0, fdivp: POPS, fdivr: REVERSED, fdivrp: REVERSED | POPS });
share("fcom", [0, 4, 8], { fcom: 0, fcomp: POPS, fucom: 0, fucomp: POPS, fcompp: POPS | SECOND_POP, fucompp: POPS | SECOND_POP });
share("fcomi", [0], { fcomi: 0, fcomip: POPS, fucomi: 0, fucomip: POPS });
share("fst", [0, 4, 8, 10], { fst: 0, fstp: POPS });
share("fist", [2, 4, 8], { fist: 0, fistp: POPS });

/** The shared function of an instruction; `memorySize` is 0 without a memory operand. */
export function sharedForm(mnemonic: string, memorySize: number): SharedForm | undefined {
  const found = SHARED.get(mnemonic);
  return found?.sizes.includes(memorySize) === true ? found : undefined;
}

/** The mnemonics that share a function, each with its variant. */
export function sharersOf(name: string): readonly (readonly [mnemonic: string, variant: number])[] {
  return [...SHARED].filter(([, found]) => found.name === name).map(([mnemonic, { variant }]) => [mnemonic, variant]);
}
