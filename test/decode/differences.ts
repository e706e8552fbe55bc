/**
 * Where iced-x86 and we say the same in other words, and where the P6 differs from what iced describes. Each with its reason; whatever is
 * not listed has to be equal.
 */

/** iced's mnemonic → ours. */
export const NAMED_OTHERWISE: Readonly<Record<string, string>> = {
  // One row for both sizes; the size is compared.
  cwde: "cbw", cdq: "cwd", pushad: "pusha", popad: "popa", pushfd: "pushf", popfd: "popf", iretd: "iret",
  // The manual's name; iced says XLATB.
  xlatb: "xlat",
  // Hint NOPs have the documented NOP's name.
  reservednop: "nop",
  // The address size is compared in the operands' place.
  jecxz: "jcxz",
  // D9/D8 stores and pops like FSTP; only the report of an empty register differs.
  fstpnce: "fstp",
};

/** Memory that has no access size with us: an address, or an image whose size depends on the mode. iced gives the image's. */
export const UNSIZED_MEMORY: ReadonlySet<string> = new Set([
  "lea", "invlpg", "fldenv", "fnstenv", "frstor", "fnsave", "fxsave", "fxrstor",
]);

/**
 * The opcode map (SDM volume 2, tables) has Ew there whatever the operand size; iced shows a 32-bit register with a 32-bit
 * operand size. By mnemonic, the operands that this is said of; MOV to a segment register has its own test.
 */
export const WORD_REGISTERS: Readonly<Record<string, readonly number[]>> = {
  lldt: [0], ltr: [0], verr: [0], verw: [0], lmsw: [0], arpl: [0, 1], lar: [1], lsl: [1],
};

/** Only the first operand is one: iced shows the register of a reserved NOP's ModRM byte. */
export const IGNORED_OPERANDS: ReadonlySet<string> = new Set(["nop"]);
