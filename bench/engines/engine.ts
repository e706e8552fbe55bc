/**
 * What the runner knows of an engine: how to start it on a case as a process of its own whose standard
 * output is the guest's serial output, and whose standard input is typed there where the case has a dialogue.
 */
import type { GuestCase } from "../cases/guest-case.ts";

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Beside this process's own environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Engine {
  /** Short name for `--only`. */
  readonly name: string;
  readonly title: string;
  /** Slow engines run only when they are asked for by name. */
  readonly onlyOnRequest?: boolean;
  /** Why it cannot run here and what would cure that, or undefined where it can. */
  missing(): string | undefined;
  /** Starts so fast that a mark at the beginning would be read too late: timed from the start of the process. */
  readonly startsAtOnce?: boolean;
  version(): string;
  /** Whether it can run this case; absent where it runs all. */
  runs?(guest: GuestCase): boolean;
  command(guest: GuestCase): Command;
}
