/**
 * One line of the instruction table, in the SDM's own notation (volume 2, appendix A).
 */

/** How a translated instruction of this row is counted; see ARCHITECTURE.md. */
export type InstructionClass = "ident" | "inline" | "callout" | "branch";

export interface Row {
  /** The manual's mnemonic in lower case ("add", "jcc", "movs"). */
  readonly mnemonic: string;
  /**
   * The key of the semantic function, where several rows share a mnemonic but not a meaning
   * ("call_near", "call_indirect", "call_far"); the mnemonic otherwise. Condition codes are not part
   * of it: "jcc", "setcc" and "cmovcc" carry theirs in `condition`.
   */
  readonly semantics: string;
  /** Operand codes as written, e.g. ["Ev", "Gv"]. */
  readonly codes: readonly string[];
  readonly class: InstructionClass;
  /** Condition code 0–15 of jcc, setcc and cmovcc; -1 otherwise. */
  readonly condition: number;
  /** LOCK is allowed on this row when its first operand is memory. */
  readonly lockable: boolean;
  /** Heeds REP/REPNE. */
  readonly rep: "none" | "rep" | "repe";
  /** Ends a basic block. */
  readonly ends: boolean;
}
