/**
 * Gets Debian's installer kernel and RAM disk from its package, without root and without the machine's own package lists:
 * lists and cache are private, the archive's hash is checked against the signed index, only the two files are kept.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CalqueError } from "../error.ts";
import { guestsFolder } from "./guests.ts";

const PACKAGE = "debian-installer-12-netboot-i386";
const IMAGES = "usr/lib/debian-installer/images";
const FILES = ["linux", "initrd.gz"] as const;

/** apt's state in a folder of ours; `_apt` may be unable to enter it, so downloads run as the user. */
function aptOptions(folder: string): string[] {
  const lists = join(folder, "lists"), cache = join(folder, "cache");
  for (const path of [join(lists, "partial"), join(cache, "archives/partial")]) mkdirSync(path, { recursive: true });
  return [`Dir::State::lists=${lists}`, `Dir::Cache=${cache}`, "APT::Sandbox::User=", "Debug::NoLocking=1", "APT::Get::List-Cleanup=0"].flatMap((option) => ["-o", option]);
}

interface PackageRecord { readonly version: string; readonly sha256: string }

function readRecord(options: readonly string[]): PackageRecord | undefined {
  const shown = spawnSync("apt-cache", [...options, "show", "--no-all-versions", PACKAGE], { encoding: "utf8" });
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(shown.stdout)?.[1];
  const version = field("Version"), sha256 = field("SHA256");
  return shown.status === 0 && version !== undefined && sha256 !== undefined ? { version, sha256 } : undefined;
}

function requireDebian(): void {
  for (const tool of ["apt-get", "apt-cache", "dpkg"]) {
    if (spawnSync(tool, ["--version"], { stdio: "ignore" }).error === undefined) continue;
    throw new CalqueError(`${tool} is not here: the guest comes from a Debian package; elsewhere --kernel and --initrd take any files`);
  }
}

function download(folder: string, say: (line: string) => void): { readonly archive: string; readonly record: PackageRecord } {
  const options = aptOptions(folder);
  say("reading the package lists");
  const update = spawnSync("apt-get", [...options, "update", "-q"], { encoding: "utf8" });
  // An update may complain about other sources; what counts is whether the package can be had.
  const record = readRecord(options);
  if (record === undefined) {
    const reason = update.stderr.trim().split("\n").at(-1);
    throw new CalqueError(`the package is in none of this machine's sources${reason ? ` (${reason})` : ""}; --kernel and --initrd take any files`, PACKAGE);
  }
  say(`downloading ${PACKAGE} ${record.version}`);
  const got = spawnSync("apt-get", [...options, "download", "-q", `${PACKAGE}=${record.version}`], { cwd: folder, encoding: "utf8" });
  const name = readdirSync(folder).find((entry) => entry.endsWith(".deb"));
  if (got.status !== 0 || name === undefined) throw new CalqueError(`the download failed: ${got.stderr.trim().split("\n").at(-1)}`, PACKAGE);
  const archive = join(folder, name);
  const hash = createHash("sha256").update(readFileSync(archive)).digest("hex");
  if (hash !== record.sha256) throw new CalqueError(`the archive's SHA-256 ${hash} is not the index's ${record.sha256}`, PACKAGE);
  return { archive, record };
}

function findImages(root: string): string {
  const images = join(root, IMAGES);
  for (const release of existsSync(images) ? readdirSync(images) : []) {
    const folder = join(images, release, "i386/text/debian-installer/i386");
    const candidates = [folder, join(images, release, "text/debian-installer/i386")];
    for (const candidate of candidates) if (FILES.every((file) => existsSync(join(candidate, file)))) return candidate;
  }
  throw new CalqueError(`no ${FILES.join(" and ")} under ${IMAGES}`, PACKAGE);
}

function keep(from: string, record: PackageRecord): string {
  const folder = join(guestsFolder(), "debian"), fresh = `${folder}.${process.pid}.tmp`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const lines = [`${PACKAGE} ${record.version}`, `sha256 ${record.sha256} package`];
  for (const file of FILES) {
    copyFileSync(join(from, file), join(fresh, file));
    lines.push(`sha256 ${createHash("sha256").update(readFileSync(join(fresh, file))).digest("hex")} ${file}`);
  }
  writeFileSync(join(fresh, "VERSION"), `${lines.join("\n")}\n`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  return folder;
}

/** Fetches anew whatever is there. Throws `CalqueError`. */
export function fetchGuests(say: (line: string) => void): void {
  requireDebian();
  mkdirSync(guestsFolder(), { recursive: true });
  const work = mkdtempSync(join(guestsFolder(), ".fetch-"));
  try {
    const { archive, record } = download(work, say);
    say("unpacking");
    execFileSync("dpkg", ["-x", archive, join(work, "unpacked")]);
    say(`ready: ${keep(findImages(join(work, "unpacked")), record)}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
