/** Debian's installer kernel and RAM disk, to a shell prompt and beyond. Fetched by `npm run guests`. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Group, GuestCase, Step } from "./guest-case.ts";

const root = join(import.meta.dirname, "../..");

/** Where `npm run guests` puts the images. */
export const guestFolder = process.env["CALQUE_GUESTS"] ?? join(root, "guests");
const folder = join(guestFolder, "debian");

/** Throws where the images are absent, naming the command that fetches them. */
function debianBoot(): GuestCase {
  const kernel = join(folder, "linux"), initrd = join(folder, "initrd.gz");
  if (!existsSync(kernel) || !existsSync(initrd)) throw new Error(`no Debian guest in ${folder}: run \`npm run guests\``);
  return { name: "boot", kernel, initrd, kind: "bzimage", commandLine: "console=ttyS0 rdinit=/bin/sh", memoryMiB: 256, expect: "~ # ", timeoutSeconds: 300 };
}

function provenance(): string {
  const version = join(folder, "VERSION");
  return existsSync(version) ? readFileSync(version, "utf8").trim().replaceAll("\n", ", ") : "version unknown";
}

const STEPS: readonly Step[] = [
  { name: "loop", command: "i=0; while [ $i -lt 10000 ]; do i=$((i+1)); done; echo $i" },
  { name: "fork-exec", command: "i=0; while [ $i -lt 300 ]; do /bin/uname >/dev/null; i=$((i+1)); done" },
  { name: "tar-sha256", command: "tar cf - /lib 2>/dev/null | sha256sum" },
  { name: "tar-md5", command: "tar cf - /lib 2>/dev/null | md5sum" },
  { name: "find-sed-grep", command: "find / -xdev | sed 's/[aeiou]/#/g' | grep -c '#.*#.*s'" },
  { name: "awk", command: "seq 1 15000 | awk '{ s += $1 * $1 % 7; n[$1 % 97]++ } END { print s }'" },
  { name: "sort", command: "seq 1 10000 | sed 's/\\(.*\\)\\(.\\)/\\2\\1/' | sort | md5sum" },
];

export const boot: Group = { name: "boot", title: "Debian's boot to the shell prompt", unit: "s", provenance, names: ["boot"], build: debianBoot };

/** All commands in one session: `--match` cannot choose among them. */
export const shell: Group = {
  name: "shell", title: "Debian: boot, then work in the shell", unit: "s", provenance, names: ["session"], build: () => ({ ...debianBoot(), dialogue: STEPS }),
};
