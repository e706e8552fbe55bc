/**
 * The program where users start it: in the repository from any folder, and installed from the package that `npm pack` makes.
 *
 * The installation is a real one, without a registry: calque's two dependencies are packed from `node_modules` and installed beside it.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const HELLO = join(ROOT, "test/guests/hello/hello.elf");
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string; dependencies: Record<string, string> };

const scratch = mkdtempSync(join(tmpdir(), "calque-package-"));
const installed = join(scratch, "project");
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Ended { readonly code: number; readonly stdout: string; readonly stderr: string }

/** npm's own variables say where the tests were started: a user has none of them. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD|NODE_OPTIONS|VITEST)/.test(name)));
environment["npm_config_offline"] = "true";
/** Its scripts and programs run the Node that runs the tests. */
environment["PATH"] = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;

function run(command: string, args: readonly string[], cwd: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env: environment, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr });
    });
  });
}

async function succeed(command: string, args: readonly string[], cwd: string): Promise<Ended> {
  const ended = await run(command, args, cwd);
  if (ended.code !== 0) throw new Error(`${command} ${args.join(" ")}: ${ended.code}\n${ended.stdout}\n${ended.stderr}`);
  return ended;
}

/** Packs a folder and returns the archive. */
async function pack(folder: string, ...options: string[]): Promise<string> {
  const into = mkdtempSync(join(scratch, "pack-"));
  await succeed("npm", ["pack", "--pack-destination", into, ...options], folder);
  const [archive] = readdirSync(into);
  if (archive === undefined) throw new Error(`npm pack made nothing of ${folder}`);
  return join(into, archive);
}

/** Packages with all that they depend on, so that none has to be asked for. */
function closure(names: readonly string[]): string[] {
  const all = new Set(names);
  for (const name of all) {
    const { dependencies = {} } = JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8")) as { readonly dependencies?: object };
    for (const further of Object.keys(dependencies)) all.add(further);
  }
  return [...all];
}

describe("in the repository", () => {
  it.each([["the package's folder", ROOT], ["a folder below", join(ROOT, "src/devices")], ["another folder", tmpdir()]])("runs from %s", async (_name, cwd) => {
    const ended = await run(process.execPath, [join(ROOT, "bin/calque.js"), "run", HELLO], cwd);
    expect(ended).toEqual({ code: 0, stdout: "Hello from ring 0\n", stderr: "" });
  });

  it("is what npx finds", async () => {
    expect((await run("npx", ["calque", "--version"], ROOT)).stdout).toBe(`${manifest.version}\n`);
  });
});

describe("packed and installed", () => {
  let files: string[] = [];
  const program = join(installed, "node_modules/.bin/calque");

  beforeAll(async () => {
    mkdirSync(join(installed, "deeper"), { recursive: true });
    writeFileSync(join(installed, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
    const dependencies = closure(Object.keys(manifest.dependencies)).map((name) => pack(join(ROOT, "node_modules", name), "--ignore-scripts"));
    const archives = await Promise.all([pack(ROOT), ...dependencies]);
    await succeed("npm", ["install", "--no-audit", "--no-fund", ...archives], installed);
    files = readdirSync(join(installed, "node_modules/calque"), { recursive: true, encoding: "utf8" });
  }, 120_000);

  it("has what it needs, and no sources or tests", () => {
    expect(files).toEqual(expect.arrayContaining(["README.md", "LICENSE", "bin/calque.js", "dist/src/cli/main.js", "dist/src/api.d.ts", "test/guests/demo/demo.elf"]));
    expect(files.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))).toEqual([]);
    expect(files.filter((file) => file.startsWith("test/") && file.includes("."))).toEqual(["test/guests/demo/demo.elf"]);
  });

  it.each([["the project", installed], ["a folder below", join(installed, "deeper")]])("runs from %s", async (_name, cwd) => {
    const ended = await run(program, ["run", HELLO], cwd);
    expect(ended).toEqual({ code: 0, stdout: "Hello from ring 0\n", stderr: "" });
  });

  it("runs the embedded guest from another folder", async () => {
    const ended = await run(program, ["run", "demo", "--append", "quick"], tmpdir());
    expect(ended).toEqual({ code: 0, stdout: readFileSync(join(ROOT, "test/guests/demo/demo-quick.txt"), "latin1"), stderr: "" });
  });

  it("is what npx finds", async () => {
    expect((await run("npx", ["calque", "--version"], join(installed, "deeper"))).stdout).toBe(`${manifest.version}\n`);
  });

  it("is a library that type-checks and runs", async () => {
    writeFileSync(join(installed, "use.ts"), `
      import { readFileSync } from "node:fs";
      import { createMachine, type MachineExit } from "calque";
      const machine = createMachine({ memory: 16 << 20 });
      let text = "";
      machine.onSerial = (byte) => { text += String.fromCharCode(byte); };
      machine.boot({ kernel: { name: "hello.elf", bytes: readFileSync(${JSON.stringify(HELLO)}) } });
      const exit: MachineExit = machine.run({ maxInstructions: 1_000_000 });
      process.stdout.write(JSON.stringify([exit.reason, text]));
    `);
    symlinkSync(join(ROOT, "node_modules/@types"), join(installed, "node_modules/@types"));
    const check = [join(ROOT, "node_modules/typescript/bin/tsc"), "--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--types", "node", "use.ts"];
    const [checked, ended] = await Promise.all([run(process.execPath, check, installed), run(process.execPath, ["use.ts"], installed)]);
    expect(checked).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(JSON.parse(ended.stdout)).toEqual(["halted", "Hello from ring 0\n"]);
  });

  it("says what it lacks without a file", async () => {
    const ended = await run(program, ["run", "debian"], installed);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/the guest "debian" is not here/);
  });
});
