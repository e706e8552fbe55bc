import { existsSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { PACKAGE_ROOT } from "../package-root.ts";
import type { Peer } from "./peer.ts";
import { findBios } from "./seabios.ts";

const worker = join(import.meta.dirname, `v86-worker${extname(import.meta.filename)}`);
const manifest = join(PACKAGE_ROOT, "node_modules/v86/package.json");

/** v86 from its npm package, in Node; its own BIOS is not in the package, so SeaBIOS boots it. */
export const v86: Peer = {
  title: "v86 (wasm, Node)",
  missing() {
    if (!existsSync(manifest)) return "the package v86 is not installed: run `npm install` in calque's sources";
    return findBios() === undefined ? "no SeaBIOS: install Debian's package `seabios`" : undefined;
  },
  version: () => (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version,
  command(guest) {
    const bios = findBios();
    if (bios === undefined) throw new Error("no SeaBIOS");
    const { kernel, kind, initrd, commandLine, memoryMiB } = guest;
    const job = { kernel, kind, initrd, commandLine, memoryMiB, bios: join(bios, "bios.bin"), vgaBios: join(bios, "vgabios-stdvga.bin") };
    return { file: process.execPath, args: [worker, JSON.stringify(job)] };
  },
};
