/** `calque trace` as a user calls it. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { calque, flatImage, temporaryFolder } from "./calque.ts";

const folder = temporaryFolder();
/** mov ecx, 1000000; dec ecx; jne -3; cli; hlt */
const LOOP = flatImage(folder, "loop.bin", [0xb9, 0x40, 0x42, 0x0f, 0x00, 0x49, 0x75, 0xfd, 0xfa, 0xf4]);

describe("a trace", () => {
  it("goes to stdout, and the guest's output nowhere", async () => {
    const { code, stdout, stderr } = await calque(["trace", "demo", "--append", "quick", "--to", "1000"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^ {11}0 0 0010:[0-9a-f]{8} <start> /);
    expect(stdout.split("\n")).toHaveLength(1001);
  });

  it("to a file leaves stdout to the guest", async () => {
    const out = join(folder, "out.txt"), { stdout } = await calque(["trace", "demo", "--append", "quick", "--to", "60_000", "--range", "print", "--out", out]);
    expect(stdout).toMatch(/^calque demo: a kernel/);
    expect(readFileSync(out, "utf8").split("\n").slice(0, -1).every((line) => / <print(\+0x[0-9a-f]+)?> | -> /.test(line))).toBe(true);
  });

  it("begins where --from says, of a run that goes on at full speed until there", async () => {
    const { code, stdout } = await calque(["trace", ...LOOP, "--memory", "2M", "--from", "1_999_999"]);
    expect(code).toBe(0);
    expect(stdout.split("\n")).toEqual([
      "     1999999 0 0010:00100005  49                      dec ecx                                  ecx=00000000 efl=00000046",
      "     2000000 0 0010:00100006  75 fd                   jne 0x100005",
      "     2000001 0 0010:00100008  fa                      cli",
      "     2000002 0 0010:00100009  f4                      hlt", "",
    ]);
  });

  it("names addresses by a System.map", async () => {
    const map = join(folder, "System.map");
    writeFileSync(map, "00100000 T entry\n00100005 t turn\n");
    const { stdout } = await calque(["trace", ...LOOP, "--memory", "2M", "--symbols", map, "--range", "turn", "--to", "3"]);
    expect(stdout.split("\n").map((line) => line.slice(15, 45).trim())).toEqual(["0010:00100005 <turn>", "0010:00100006 <turn+0x1>", ""]);
  });

  it("ends with its reader", async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "../../bin/calque.js"), "trace", ...LOOP, "--memory", "2M"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.once("data", () => child.stdout.destroy());
    expect(await new Promise((resolve) => { child.on("close", resolve); })).toBe(0);
  });

  it("waits for a slow reader without gathering what it prints", async () => {
    const script = join(import.meta.dirname, "../../src/cli/main.ts");
    const child = spawn(process.execPath, ["--max-old-space-size=64", script, "trace", ...LOOP, "--memory", "2M", "--to", "300_000", "--format", "qemu"], { stdio: ["ignore", "pipe", "inherit"] });
    let read = 0;
    child.stdout.on("data", (chunk: Uint8Array) => {
      if (read === 0) {
        child.stdout.pause();
        setTimeout(() => child.stdout.resume(), 1000);
      }
      read += chunk.length;
    });
    expect(await new Promise((resolve) => { child.on("close", resolve); })).toBe(0);
    expect(read).toBeGreaterThan(200e6);
  });
});

it.each([
  [["--range", "nosuch"], /^calque: --range: no symbol "nosuch": there are no symbols; --symbols FILE gives some\n$/], [["--range", "0x10-0x10"], /^calque: --range: nothing lies between/],
  [["--range", "0x10"], /^calque: --range: "0x10" is one address/], [["--symbols", "/nowhere"], /^calque: \/nowhere: no such file\n$/],
  [["--ring", "1"], /^calque: --ring: /], [["--to", "5", "--from", "5"], /^calque: --to: nothing lies/], [["--blocks", "--format", "qemu"], /^calque: --blocks: /],
  [["--serial", "stdio"], /^calque: --serial: the trace goes to stdout/], [["--out", "/nowhere/out"], /^calque: \/nowhere\/out: no such file\n$/],
])("%j is refused in one line", async (args, message) => {
  const { code, stderr } = await calque(["trace", ...LOOP, ...args]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) as string });
  expect(existsSync(join(folder, "out"))).toBe(false);
});
