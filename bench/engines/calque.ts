import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { GuestCase } from "../cases/guest-case.ts";
import type { Command, Engine } from "./engine.ts";

const root = join(import.meta.dirname, "../..");
const launcher = join(root, "bin/calque.js");

function calque(kind: "translate" | "interpret"): Engine {
  return {
    name: kind,
    title: `calque ${kind}`,
    onlyOnRequest: kind === "interpret",
    missing: () => existsSync(launcher) ? undefined : "bin/calque.js is absent",
    version: () => (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version,
    command: (guest: GuestCase): Command => ({
      file: process.execPath,
      args: [
        launcher, "run", "--kernel", guest.kernel, ...guest.initrd === undefined ? [] : ["--initrd", guest.initrd], "--append", guest.commandLine,
        "--memory", `${guest.memoryMiB}M`, "--engine", kind, "--pace", "none",
        ...guest.dialogue === undefined ? ["--expect", guest.expect] : ["--input", "-"],
      ],
    }),
  };
}

export const translate = calque("translate");
export const interpret = calque("interpret");
