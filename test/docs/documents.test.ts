/** The documents say what is so: files and links exist, quoted code stands where they say, commands parse, and the walk works. */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseCommandLine } from "../../src/cli/options.ts";
import { EXIT } from "../../src/cli/outcome.ts";
import { calque, temporaryFolder } from "../cli/calque.ts";
import { codeBlock, codeBlocks, commands, DOCUMENTS, read, ROOT, table } from "./markdown.ts";

const scratch = temporaryFolder();
const HELLO = join(ROOT, "test/guests/hello");

describe.each(DOCUMENTS)("%s", (document) => {
  it("links to files that are there", () => {
    const links = [...read(document).matchAll(/\]\(([^)#]+)\)/g)].map((match) => match[1]!).filter((link) => !link.includes("://"));
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(document), link)))).toEqual([]);
  });

  it("names files that are there", () => {
    const names = [...read(document).matchAll(/(?<![\w/])((?:translator|runtime|src|bench|test|docs|bin|\.ci)\/[\w./-]*\w)/g)].map((match) => match[1]!);
    expect([...new Set(names)].filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
  });

  it("shows commands that parse", () => {
    const words = (line: string): string[] => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
    const shown = commands(document).filter((line) => /^[a-z]/.test(line));
    for (const line of shown) expect(() => parseCommandLine(words(line).filter((word) => !/^[[(]|[\])]$/.test(word))), line).not.toThrow();
  });
});

it("quotes code that stands where it says", () => {
  const quoted = codeBlocks("HACKING.md").filter(({ language }) => language === "ts").map(({ text }) => text.trimEnd().split("\n"));
  expect(quoted.length).toBeGreaterThan(4);
  for (const [path, ...lines] of quoted) {
    const source = readFileSync(join(ROOT, path!.replace("// ", "")), "utf8");
    for (const line of lines) expect(source, path).toContain(line);
  }
});

it("names variables that the oracles read", () => {
  const names = new Set([...read("HACKING.md").matchAll(/CALQUE_\w+|\bBLESS\b/g)].map((match) => match[0]));
  expect(names.size).toBeGreaterThan(4);
  const tests = ["test/oracle/integer/integer.test.ts", "test/oracle/integer/native.ts", "test/fpu/native.test.ts", "test/golden/golden.ts", "test/lockstep/random.test.ts"].map((file) => readFileSync(join(ROOT, file), "utf8")).join("");
  expect([...names].filter((name) => !tests.includes(`process.env["${name}"]`))).toEqual([]);
});

it("has every npm script that it names", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const named = DOCUMENTS.flatMap((document) => [...read(document).matchAll(/npm run ([\w:]+)/g)].map((match) => match[1]!));
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});

describe("the README", () => {
  it("has the exit codes of the command line", () => {
    const codes = table("README.md", "exit code", "meaning").map(([code]) => Number(code)).filter((code) => !Number.isNaN(code));
    expect(codes).toEqual(Object.values(EXIT).toSorted((a, b) => a - b));
  });

  const walk = codeBlocks("README.md").filter(({ heading }) => heading === "From your own kernel to its first output");
  const build = walk[0]!.text.split("\n")[0]!;

  it("builds the kernel by the command in its source", ({ skip }) => {
    expect(readFileSync(join(HELLO, "hello.S"), "utf8")).toContain(build);
    if (spawnSync("gcc", ["-dumpfullversion"], { encoding: "utf8" }).stdout?.trim() !== "12.2.0") skip("the committed file was built by gcc 12.2.0");
    copyFileSync(join(HELLO, "hello.S"), join(scratch, "hello.S"));
    execFileSync("sh", ["-c", build], { cwd: scratch });
    expect(readFileSync(join(scratch, "hello.elf")).equals(readFileSync(join(HELLO, "hello.elf")))).toBe(true);
  });

  it("shows what that kernel prints, and the steps behind it end well", async () => {
    const ended = await calque(["run", "hello.elf"], { cwd: HELLO });
    expect([ended.code, ended.stdout]).toEqual([0, codeBlock("README.md", "From your own kernel to its first output", "text")]);
    for (const line of walk.filter(({ language }) => language === "sh")[1]!.text.trim().split("\n")) {
      const args = [...line.replace("npx calque ", "").matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
      expect((await calque(args, { cwd: HELLO })).code, line).toBe(0);
    }
  });

  it("has a library example that runs", () => {
    const program = codeBlock("README.md", "As a library", "ts").replace('"calque"', JSON.stringify(join(ROOT, "src/api.ts")));
    expect(program.trimEnd().split("\n").length).toBeLessThanOrEqual(12);
    mkdirSync(join(scratch, "library"));
    const path = join(scratch, "library/example.ts");
    writeFileSync(path, program);
    const ended = spawnSync(process.execPath, [path], { cwd: HELLO, encoding: "utf8" });
    expect(ended.stdout, ended.stderr).toMatch(/^halted \d+ true "Hello from ring 0\\n"\n$/);
  });
});
