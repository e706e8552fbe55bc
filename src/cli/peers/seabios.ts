/** Finds SeaBIOS, fetching Debian's package into the guests folder where it is not installed. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { guestsFolder } from "../guests.ts";

const INSTALLED = "/usr/share/seabios";
const kept = (): string => join(guestsFolder(), "seabios");

function isBiosFolder(folder: string): boolean {
  return existsSync(join(folder, "bios.bin")) && existsSync(join(folder, "vgabios-stdvga.bin"));
}

/** The folder that holds bios.bin and vgabios-stdvga.bin, or undefined where SeaBIOS cannot be had. */
export function findBios(): string | undefined {
  for (const folder of [INSTALLED, kept()]) if (isBiosFolder(folder)) return folder;
  return fetchBios() ? kept() : undefined;
}

function fetchBios(): boolean {
  const work = `${kept()}.partial`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    if (spawnSync("apt-get", ["download", "seabios"], { cwd: work, stdio: "ignore" }).status !== 0) return false;
    const archive = readdirSync(work).find((name) => name.endsWith(".deb"));
    if (archive === undefined) return false;
    if (spawnSync("dpkg", ["-x", archive, "."], { cwd: work, stdio: "ignore" }).status !== 0) return false;
    const unpacked = join(work, INSTALLED);
    if (!isBiosFolder(unpacked)) return false;
    rmSync(kept(), { recursive: true, force: true });
    renameSync(unpacked, kept());
    return true;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
