/** Finds and reads the captured vectors. They are not part of the repository. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readMoo, type MooTest } from "./moo.ts";

const FOLDER = join(process.env["CALQUE_VECTORS"] ?? join(import.meta.dirname, "../../../shared/vectors"), "80286-real-mode");
const SUFFIX = ".MOO.gz";

export const vectorsFolder = FOLDER;

export function vectorsPresent(): boolean {
  return existsSync(join(FOLDER, "metadata.json"));
}

/** Opcodes of all files, sorted. */
export function opcodes(): string[] {
  return readdirSync(FOLDER).filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length)).toSorted();
}

export function testsOf(opcode: string): MooTest[] {
  return readMoo(gunzipSync(readFileSync(join(FOLDER, opcode + SUFFIX))));
}

interface OpcodeMetadata {
  readonly "flags-mask"?: number;
  readonly reg?: Readonly<Record<string, OpcodeMetadata>>;
}

/** The FLAGS bits that are defined after each opcode. */
export function flagsMasks(): (opcode: string) => number {
  const { opcodes: all } = JSON.parse(readFileSync(join(FOLDER, "metadata.json"), "utf8")) as { opcodes: Record<string, OpcodeMetadata> };
  return (opcode) => {
    const [code, reg] = opcode.split(".");
    const entry = all[code ?? ""];
    return (reg === undefined ? entry : entry?.reg?.[reg])?.["flags-mask"] ?? 0xffff;
  };
}
