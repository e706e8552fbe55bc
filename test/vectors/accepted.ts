/**
 * Where calque, a processor of the 386 line and later, rightly differs from the captured 80286.
 *
 * The list may only shrink: the test fails where an entry covers fewer or more failures than it says.
 */
import type { MooTest } from "./moo.ts";

export interface Accepted {
  /** Opcodes as the files name them ("F6.6"). */
  readonly opcodes: RegExp;
  readonly reason: string;
  /** Which tests of those files; all of them by default. */
  readonly when?: (test: MooTest, opcode: string) => boolean;
  /** How many tests fail for this reason and no other. */
  readonly failures: number;
}

export const ACCEPTED: readonly Accepted[] = [];
