import type { GuestCase } from "../cases/guest-case.ts";
import type { Command, Engine } from "./engine.ts";

/** The same work as a 32-bit program on the processor itself: what a perfect engine would take. */
export const native: Engine = {
  name: "native",
  title: "native, 32-bit",
  startsAtOnce: true,
  missing: () => undefined,
  version: () => "",
  runs: (guest: GuestCase) => guest.native !== undefined,
  command(guest: GuestCase): Command {
    if (guest.native === undefined) throw new Error(`${guest.name} is no program of the host`);
    return { file: guest.native, args: [] };
  },
};
