/** Instructions whose interpreter handlers have goldens: typical forms, in a flat mode where no other is named. */
import type { Mode } from "../../translator/translate.ts";

export interface HandlerCase {
  readonly name: string;
  /** In hexadecimal; what follows the first instruction does not count. */
  readonly bytes: string;
  readonly mode?: Mode;
  /** The handler gathers heat; true where it is absent. */
  readonly profile?: boolean;
}

const BOUNDED: Mode = { bits: 32, flat: false, user: false };
const REAL: Mode = { bits: 16, flat: false, user: false };

export const HANDLERS: readonly HandlerCase[] = [
  { name: "ADD register, register", bytes: "01 d8" },
  { name: "ADD byte register, immediate", bytes: "80 c4 05" },
  { name: "MOV register, memory", bytes: "8b 44 b3 08" },
  { name: "MOV memory, register", bytes: "66 89 03" },
  { name: "read-modify-write", bytes: "01 03" },
  { name: "INC keeps the carry", bytes: "40" },
  { name: "a conditional branch forward", bytes: "74 01 90" },
  { name: "a conditional branch back gathers heat", bytes: "75 fe" },
  { name: "an overflow branch asks the general function", bytes: "70 01 90" },
  { name: "CALL gathers heat", bytes: "e8 00 00 00 00" },
  { name: "JMP back gathers heat", bytes: "eb fe" },
  { name: "CALL through memory", bytes: "ff 13" },
  { name: "RET", bytes: "c3" },
  { name: "REP MOVSB: one stretch, and again", bytes: "f3 a4" },
  { name: "LODSD", bytes: "ad" },
  { name: "CLI calls the monitor", bytes: "fa" },
  { name: "MOV to CR3", bytes: "0f 22 d8" },
  { name: "INT", bytes: "cd 80" },
  { name: "IN", bytes: "ec" },
  { name: "POPF", bytes: "9d" },
  { name: "x87", bytes: "d8 03" },
  { name: "shift by CL", bytes: "d3 e0" },
  { name: "DIV checks before it computes", bytes: "f7 f3" },
  { name: "CMPXCHG", bytes: "0f b1 0b" },
  { name: "a branch without the profile", bytes: "75 fe", profile: false },
  { name: "MOV where segments have bounds", bytes: "8b 03", mode: BOUNDED },
  { name: "PUSH where the stack pointer may wrap", bytes: "50", mode: BOUNDED },
  { name: "JMP in real mode", bytes: "eb fe", mode: REAL },
  { name: "LOOP in real mode", bytes: "e2 fe", mode: REAL },
];
