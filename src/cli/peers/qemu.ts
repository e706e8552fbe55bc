import { spawnSync } from "node:child_process";
import type { Peer } from "./peer.ts";

const PROGRAM = "qemu-system-i386";

/** QEMU with its translator (TCG), on a processor with the features that calque has. */
export const qemu: Peer = {
  title: "QEMU TCG",
  missing: () => spawnSync(PROGRAM, ["--version"]).status === 0
    ? undefined : `${PROGRAM} is absent: install Debian's package \`qemu-system-x86\``,
  version: () => /version (\S+)/.exec(spawnSync(PROGRAM, ["--version"], { encoding: "utf8" }).stdout)?.[1] ?? "unknown",
  command: (guest) => ({
    file: PROGRAM,
    args: [
      "-machine", "pc", "-accel", "tcg", "-cpu", "pentium,+cmov", "-m", String(guest.memoryMiB),
      "-kernel", guest.kernel, ...guest.initrd === undefined ? [] : ["-initrd", guest.initrd], "-append", guest.commandLine,
      "-display", "none", "-serial", "stdio", "-monitor", "none", "-nic", "none", "-no-reboot",
    ],
  }),
};
