/** ARCHITECTURE.md's table of layers is what the imports are; test/layering.test.ts has the rules in full. */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, it } from "vitest";
import { ROOT, table } from "./markdown.ts";

interface Import { readonly from: string; readonly to: string }

const LAYERS = ["translator", "runtime", "src", "bench", "test"] as const;
const layer = (path: string): string => path.split("/")[0]!;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  return [...text.matchAll(/^(?:import|export)\b[^;]*?from "(\.[^"]+)"/gm)].map((match) => ({ from: file, to: normalize(join(dirname(file), match[1]!)) }));
}

it("the layers are those of the table", () => {
  const files = LAYERS.flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)));
  const crossing = files.filter((name) => name.endsWith(".ts")).flatMap(importsOf).filter(({ from, to }) => LAYERS.some((name) => name === layer(to)) && layer(from) !== layer(to));
  const allowed = new Map(table("ARCHITECTURE.md", "folder", "holds", "imports").flatMap(([folders, , targets]) => {
    const paths = targets === "all" ? [""] : [...targets!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
    return [...folders!.matchAll(/`(\w+)\/`/g)].map((match) => [match[1]!, paths] as const);
  }));
  expect([...allowed.keys()].toSorted()).toEqual([...LAYERS].toSorted());
  expect(crossing.length).toBeGreaterThan(50);
  expect(crossing.filter(({ from, to }) => !allowed.get(layer(from))!.some((path) => to.startsWith(path))).map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});
