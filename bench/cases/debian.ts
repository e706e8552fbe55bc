/** Debian's installer kernel and RAM disk to a shell prompt. Fetched by `npm run guests`. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BootCase } from "./boot-case.ts";

const root = join(import.meta.dirname, "../..");

/** Where `npm run guests` puts the images. */
export const guestFolder = process.env["CALQUE_GUESTS"] ?? join(root, "guests");

/** Throws where the images are absent, naming the command that fetches them. */
export function debianBoot(): BootCase {
  const folder = join(guestFolder, "debian");
  const kernel = join(folder, "linux"), initrd = join(folder, "initrd.gz");
  if (!existsSync(kernel) || !existsSync(initrd)) throw new Error(`no Debian guest in ${folder}: run \`npm run guests\``);
  const version = join(folder, "VERSION");
  return {
    name: "debian",
    title: "Debian boot to the shell prompt",
    kernel, initrd, kind: "bzimage",
    commandLine: "console=ttyS0 rdinit=/bin/sh",
    memoryMiB: 256,
    expect: "~ # ",
    timeoutSeconds: 300,
    provenance: existsSync(version) ? readFileSync(version, "utf8").trim().replaceAll("\n", ", ") : "version unknown",
  };
}
