/** Where the program stands: the folder of its package.json, from the sources as from dist/. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

function find(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && readName(manifest).name === "calque") return folder;
    if (folder === dirname(folder)) throw new Error(`no package.json of calque above ${from}`);
  }
}

function readName(manifest: string): { readonly name?: unknown; readonly version?: unknown } {
  const value: unknown = JSON.parse(readFileSync(manifest, "utf8"));
  return typeof value === "object" && value !== null ? value : {};
}

export const PACKAGE_ROOT = find(import.meta.dirname);

export function version(): string {
  return String(readName(join(PACKAGE_ROOT, "package.json")).version);
}
