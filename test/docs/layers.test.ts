/** ARCHITECTURE.md's table of layers, held against every import. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT, table } from "./markdown.ts";

interface Import { readonly from: string; readonly to: string }

const LAYERS = ["translator", "runtime", "src", "bench", "test"] as const;

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts")).map((name) => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  return [...text.matchAll(/^(?:import|export)\b[^;]*?from "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm)].map((match) => {
    const target = match[1] ?? match[2] ?? match[3]!;
    return { from: file, to: target.startsWith(".") ? normalize(join(dirname(file), target)) : target };
  });
}

const imports = LAYERS.flatMap(sources).flatMap(importsOf);
const layer = (path: string): string => path.split("/")[0]!;
const say = ({ from, to }: Import): string => `${from} → ${to}`;
const crossing = imports.filter(({ from, to }) => /^(translator|runtime|src|bench|test)\//.test(to) && layer(from) !== layer(to));

describe("the layers", () => {
  it("are those of the table", () => {
    const rows = table("ARCHITECTURE.md", "folder", "holds", "imports");
    const allowed = new Map(rows.flatMap(([folders, , targets]) => {
      const paths = [...targets!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
      return [...folders!.matchAll(/`([^`]+)\/`/g)].filter(([, name]) => !name!.includes("/")).map((match) => [match[1]!, targets === "all" ? [""] : paths] as const);
    }));
    expect([...allowed.keys()].toSorted()).toEqual([...LAYERS].toSorted());
    expect(crossing.length).toBeGreaterThan(50);
    expect(crossing.filter(({ from, to }) => !allowed.get(layer(from))!.some((path) => to.startsWith(path))).map(say)).toEqual([]);
  });

  it("leave node: to the command line, measurements and tests", () => {
    const hosts = /^(src\/cli|bench|test)\//;
    expect(imports.filter(({ from, to }) => to.startsWith("node:") && !hosts.test(from)).map(say)).toEqual([]);
  });

  it("keep the command line out of the library", () => {
    expect(imports.filter(({ from, to }) => to.startsWith("src/cli/") && layer(from) === "src" && !from.startsWith("src/cli/")).map(say)).toEqual([]);
  });

  it("have two packages below them, in the translator alone", () => {
    const product = imports.filter(({ from, to }) => /^(translator|runtime|src)\//.test(from) && !/^(translator|runtime|src)\/|^node:/.test(to));
    const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: Record<string, string> };
    expect(new Set(product.map(({ to }) => to))).toEqual(new Set([...Object.keys(manifest.dependencies), "estree"]));
    expect(product.filter(({ from }) => layer(from) !== "translator").map(say)).toEqual([]);
  });
});
