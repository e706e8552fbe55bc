import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { calque } from "./calque.ts";

const manifest = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as { version: string };

/** A Node of the system that is too old for calque itself. */
const oldNode = (process.env["PATH"] ?? "").split(":").map((folder) => join(folder, "node"))
  .find((path) => existsSync(path) && Number(/^v(\d+)/.exec(spawnSync(path, ["--version"], { encoding: "utf8" }).stdout)?.[1] ?? 99) < 24);

describe("the launcher", () => {
  it("prints the version from any folder", async () => {
    expect(await calque(["--version"], { cwd: tmpdir() })).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
  });

  it.skipIf(oldNode === undefined)("starts the package's own Node under an older one, and hands its exit code on", async () => {
    expect(await calque(["--version"], { node: oldNode! })).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: "" });
    const failed = await calque(["walk"], { node: oldNode!, cwd: tmpdir() });
    expect([failed.code, failed.stderr.split(";")[0]]).toEqual([2, 'calque: unknown command "walk"']);
  });

  it("helps on stdout", async () => {
    const general = await calque(["--help"]), run = await calque(["run", "--help"]);
    expect([general.code, run.code, general.stderr, run.stderr]).toEqual([0, 0, "", ""]);
    expect(general.stdout).toContain("usage: calque COMMAND");
    expect(run.stdout).toContain("--max-instructions N");
  });
});
