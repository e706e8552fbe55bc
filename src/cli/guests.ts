/** The guests that calque knows by name. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CalqueError } from "../error.ts";
import type { BootOptions } from "../loaders/recognize.ts";
import { readImage, readText } from "./files.ts";
import { PACKAGE_ROOT } from "./package-root.ts";
import type { Settings } from "./options.ts";

interface Guest {
  readonly summary: string;
  readonly kernel: () => string;
  readonly initrd?: () => string;
  readonly append: string;
  /** The command that gets it, where it does not come with calque. */
  readonly fetched: boolean;
}

/** Guests that come from packages are kept here. */
export const guestsFolder = (): string => process.env["CALQUE_GUESTS"] || join(PACKAGE_ROOT, "guests");

const GUESTS: Readonly<Record<string, Guest>> = {
  demo: {
    summary: "the embedded demonstration",
    kernel: () => join(PACKAGE_ROOT, "test/guests/demo/demo.elf"), append: "", fetched: false,
  },
  debian: {
    summary: "Debian 12's installer kernel with a shell",
    kernel: () => join(guestsFolder(), "debian/linux"), initrd: () => join(guestsFolder(), "debian/initrd.gz"),
    append: "console=ttyS0 rdinit=/bin/sh", fetched: true,
  },
};

const DEFAULT_GUEST = "demo";

function requirePresent(name: string, guest: Guest): void {
  for (const path of [guest.kernel(), guest.initrd?.()]) {
    if (path === undefined || existsSync(path)) continue;
    throw new CalqueError(guest.fetched ? `the guest "${name}" is not here; "npm run guests" gets it` : `the guest "${name}" is missing from this installation`, path);
  }
}

/** The files and options of the guest that the settings name. Throws `CalqueError`. */
export function bootOptions(settings: Settings, operand = settings.operands[0]): BootOptions {
  if (settings.operands.length > 1) throw new CalqueError(`one guest at a time, not also ${JSON.stringify(settings.operands[1])}`);
  const name = operand ?? (settings.kernel === undefined ? DEFAULT_GUEST : undefined);
  const guest = name !== undefined && Object.hasOwn(GUESTS, name) ? GUESTS[name] : undefined;
  if (guest !== undefined && settings.kernel === undefined) requirePresent(name!, guest);
  const initrd = settings.initrd ?? guest?.initrd?.();
  const commandLine = settings.append ?? guest?.append;
  return {
    kernel: readImage(settings.kernel ?? guest?.kernel() ?? name!),
    ...(initrd === undefined ? {} : { initrd: readImage(initrd) }),
    ...(commandLine === undefined ? {} : { commandLine }),
    ...(settings.loadAt === undefined ? {} : { loadAt: settings.loadAt }),
    ...(settings.bits === undefined ? {} : { bits: settings.bits }),
  };
}

/** What identifies the guest beside a figure: the package's version and hashes, where there is such a note. */
export function guestVersion(operand: string | undefined): string | undefined {
  const note = operand === "debian" ? join(guestsFolder(), "debian/VERSION") : undefined;
  return note !== undefined && existsSync(note) ? readText(note).trim() : undefined;
}

/** One line a guest. */
export function listGuests(): string {
  return Object.entries(GUESTS).map(([name, guest]) => {
    const present = [guest.kernel(), guest.initrd?.()].every((path) => path === undefined || existsSync(path));
    const state = present ? "present" : guest.fetched ? 'absent, "npm run guests" gets it' : "missing";
    const detail = guestVersion(name)?.split("\n")[0];
    return `${name.padEnd(8)} ${guest.summary} (${state}${present && detail !== undefined ? `, ${detail}` : ""})\n`;
  }).join("");
}
