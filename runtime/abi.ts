/**
 * What generated code may name: the contract between the translator and the runtime. The translator
 * imports this module and no other part of the runtime.
 */
export { CARRY_APART, KIND, OVERFLOW_APART, WIDTH16, WIDTH32, WIDTH8 } from "./flag-kinds.ts";
export { AF, CF, DF, IF, OF, PF, RF, SF, SLOT, VM, ZF } from "./state.ts";
/** What a region's function returns where it was left behind an instruction that changed more than registers, flags and memory. */
export const CHANGED = 3;
export type { SlotName } from "./state.ts";
export { sharedForm } from "./fpu/forms.ts";
