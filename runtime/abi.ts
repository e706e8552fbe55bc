/**
 * What generated code may name: the contract between the translator and the runtime. The translator
 * imports this module and no other part of the runtime.
 */
export { CARRY_APART, KIND, OVERFLOW_APART, WIDTH16, WIDTH32, WIDTH8 } from "./flag-kinds.ts";
export { AF, CF, DF, IF, OF, PF, RF, SF, SLOT, VM, ZF } from "./state.ts";
export { SLOW, WATCHED } from "./tlb-entry.ts";
/** What a region's function returns where it was left behind an instruction that changed more than registers, flags and memory. */
export const CHANGED = 3;
/** The same where a run of x87 instructions is left to the interpreter at one of them; its site is the fault's. */
export const DECLINED = 4;
export type { SlotName } from "./state.ts";
export { FLIPS_DESTINATION, FLIPS_SOURCE, POPS, REVERSED, SECOND_POP, sharedForm } from "./fpu/forms.ts";
export { C0, C2, C3 } from "./fpu/extended.ts";
export { LARGEST, NO_SELECTOR, PAIR_A, PAIR_B, PAIR_LOST, PAIR_ONE, PAIR_RESULT, PAIR_ZERO, SMALLEST } from "./fpu/pair-layout.ts";
