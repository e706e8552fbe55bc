import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GuestCase } from "../cases/guest-case.ts";
import type { Command, Engine } from "./engine.ts";

const root = join(import.meta.dirname, "../..");
const launcher = join(root, "bin/calque.js");
const worker = join(import.meta.dirname, "../workers/calque.ts");

/**
 * The launcher keeps compiled code, and so does the worker: stripping types takes a WebAssembly module, whose growing memory detaches a buffer, and in a
 * process where that ever happened V8 asks before each access to an array whether its buffer still is there.
 */
const CACHED = { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), "node-compile-cache") };

/** Debian, as a user runs it. */
function commandLine(guest: GuestCase, kind: string): Command {
  const end = guest.dialogue === undefined ? ["--expect", guest.expect] : ["--input", "-"];
  return {
    file: process.execPath,
    args: [
      launcher, "run", "--kernel", guest.kernel, ...guest.initrd === undefined ? [] : ["--initrd", guest.initrd], "--append", guest.commandLine,
      "--memory", `${guest.memoryMiB}M`, "--engine", kind, "--pace", "none", ...end,
    ],
  };
}

function calque(kind: "translate" | "interpret"): Engine {
  return {
    name: kind,
    title: `calque ${kind}`,
    onlyOnRequest: kind === "interpret",
    missing: () => existsSync(launcher) ? undefined : "bin/calque.js is absent",
    version: () => (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version,
    command(guest: GuestCase): Command {
      if (guest.begin === undefined) return commandLine(guest, kind);
      return { file: process.execPath, environment: CACHED, args: [worker, JSON.stringify({ kernel: guest.kernel, engine: kind, memoryMiB: guest.memoryMiB })] };
    },
  };
}

export const translate = calque("translate");
export const interpret = calque("interpret");
