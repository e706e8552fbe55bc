import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { GuestCase } from "../cases/guest-case.ts";
import type { Command, Engine } from "./engine.ts";
import { findBios } from "./seabios.ts";

const root = join(import.meta.dirname, "../..");
const worker = join(import.meta.dirname, "../workers/v86.ts");
const manifest = join(root, "node_modules/v86/package.json");

/** v86 from its npm package, in Node; its own BIOS is not in the package, so SeaBIOS boots it. */
export const v86: Engine = {
  name: "v86",
  title: "v86 (wasm, Node)",
  missing() {
    if (!existsSync(manifest)) return "the package v86 is not installed: run `npm install`";
    return findBios() === undefined ? "no SeaBIOS: install Debian's package `seabios`" : undefined;
  },
  version: () => (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version,
  command(guest: GuestCase): Command {
    const bios = findBios();
    if (bios === undefined) throw new Error("no SeaBIOS");
    const job = {
      kernel: guest.kernel, kind: guest.kind, initrd: guest.initrd, commandLine: guest.commandLine, memoryMiB: guest.memoryMiB,
      bios: join(bios, "bios.bin"), vgaBios: join(bios, "vgabios-stdvga.bin"),
    };
    return { file: process.execPath, args: [worker, JSON.stringify(job)] };
  },
};
