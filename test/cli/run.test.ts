import { spawn } from "node:child_process";
import { closeSync, existsSync, lstatSync, openSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { CLI_HLT, FOREVER, UD2, echo, out16, out8, print, spin } from "../images/code.ts";
import { multibootKernel } from "../images/build.ts";
import { calque, flatImage, temporaryFolder } from "./calque.ts";

const folder = temporaryFolder();
const image = (name: string, ...code: number[][]): string[] => flatImage(folder, name, code.flat());
const statistics = (path: string): Record<string, unknown> => JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;

describe("the exit code", () => {
  it.each<readonly [string, number, number[], string[]]>([
    ["the guest halts with interrupts off", 0, CLI_HLT, []],
    ["it resets by port CF9h", 0, out8(0xcf9, 6), []],
    ["it resets by port 92h", 0, out8(0x92, 1), []],
    ["it resets by the keyboard controller", 0, out8(0x64, 0xfe), []],
    ["it switches the machine off", 0, out16(0x604, 0x2000), []],
    ["all expected text is seen", 0, [...print("one two"), ...FOREVER], ["--expect", "one", "--expect", "two"]],
    ["expected text is missing at a reset", 1, [...print("one"), ...out8(0xcf9, 6)], ["--expect", "two"]],
    ["expected text is missing at a halt", 1, CLI_HLT, ["--expect", "two"]],
    ["it triple-faults", 1, UD2, []],
    ["the budget is used up", 1, FOREVER, ["--max-instructions", "1000"]],
    ["the time is used up", 124, FOREVER, ["--timeout", "0.2"]],
    ["it writes 21h to the debug-exit port", 0x43, out8(0xf4, 0x21), ["--debug-exit", "0xf4"]],
    ["it writes FFh there, text missing", 0xff, out8(0xf4, 0xff), ["--debug-exit", "0xf4", "--expect", "never"]],
  ])("when %s is %i", async (name, code, guest, options) => {
    const ended = await calque(["run", ...image(`${name}.bin`, guest), ...options]);
    expect(ended.code, ended.stderr).toBe(code);
  });

  it.each<readonly [string, string[], RegExp]>([
    ["a missing file", ["run", "/nowhere/kernel"], /^calque: \/nowhere\/kernel: no such file\n$/],
    ["a folder", ["run", "."], /^calque: \.: is a folder\n$/],
    ["no image at all", ["run", import.meta.filename], /--load-at ADDRESS/],
    ["an unknown option", ["run", "--frobnicate"], /^calque: --frobnicate: unknown option\n$/],
    ["too many names", ["run", "demo", "debian"], /one guest at a time/],
    ["a guest that was not fetched", ["run", "debian"], /^calque: .*debian\/linux: .*"npm run guests" gets it\n$/],
    ["a serial file that cannot be", ["run", "demo", "--serial", "file:/nowhere/out"], /^calque: \/nowhere\/out: no such file\n$/],
    ["a folder where a file should go", ["run", "demo", "--serial", `file:${folder}`], /^calque: .*: is a folder\n$/],
    ["a folder for a trace", ["trace", "demo", "--to", "5", "--serial", "none", "--out", folder], /^calque: .*: is a folder\n$/],
    ["a report's folder that cannot be", ["measure", "demo", "--out", "/proc/calque/report"], /^calque: \/proc\/calque: no such file\n$/],
    ["a report's folder that is a file", ["measure", "demo", "--out", import.meta.filename], /^calque: .*run\.test\.ts: is there already and no folder\n$/],
    ["a size that is none", ["run", "demo", "--memory", "99999999999999G"], /^calque: --memory: 99999999999999G of memory; from 1M to 2047M will do\n$/],
    ["a count below 0", ["run", "demo", "--max-instructions=-1"], /^calque: --max-instructions: "-1" is not a whole number from 0 to 2\^53 - 1\n$/],
    ["no rounds", ["compare", "demo", "--runs", "0"], /^calque: --runs: 1 at least\n$/],
    ["a guest that guests is given", ["guests", "demo"], /^calque: demo: guests takes options only\n$/],
    ["bytes that are to run", ["show", "hex:90", "--time"], /^calque: --time: bytes do not run; give a guest\n$/],
    ["an address without 0x", ["trace", "demo", "--range", "1000-2000"], /^calque: --range: "1000" is no address; one is written as 0x1f0\n$/],
    ["no recording", ["run", "demo", "--replay", import.meta.filename], /line 1 is not a JSON object/],
  ])("for %s is 2, with one line that says what and where", async (_, args, message) => {
    const ended = await calque(args, { env: { CALQUE_GUESTS: join(folder, "none") } });
    expect([ended.code, ended.stdout], ended.stderr).toEqual([2, ""]);
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr.trimEnd()).not.toContain("\n");
  });
});

describe("output", () => {
  it("is the guest's serial port, unchanged", async () => {
    const every = Array.from({ length: 256 }, (_, value) => out8(0x3f8, value)).flat();
    const ended = await calque(["run", ...image("every.bin", every, CLI_HLT)]);
    expect([...Buffer.from(ended.stdout, "latin1")]).toEqual(Array.from({ length: 256 }, (_, value) => value));
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
  });

  it("goes to a file that appears when it is complete, or nowhere", async () => {
    const path = join(folder, "serial.txt"), guest = image("hi.bin", print("hi"), CLI_HLT);
    expect((await calque(["run", ...guest, "--serial", `file:${path}`])).stdout).toBe("");
    expect(readFileSync(path, "utf8")).toBe("hi");
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect((await calque(["run", ...guest, "--serial", "none"])).stdout).toBe("");
  });

  it("of many megabytes is whole", async () => {
    const path = join(folder, "chatty.txt"), guest = image("chatty.bin", [0xb9, 0, 0, 0xa0, 0, 0x66, 0xba, 0xf8, 3, 0xb0, 0x78, 0xee, 0xe2, 0xfd], CLI_HLT); // 10 MiB of "x"
    expect((await calque(["run", ...guest, "--serial", `file:${path}`])).code).toBe(0);
    const written = readFileSync(path);
    expect(written.length).toBe(10 << 20);
    expect(written.every((byte) => byte === 0x78)).toBe(true);
    expect((await calque(["run", ...guest])).stdout.length).toBe(10 << 20);
  });

  it("to a device is written there, and the device stays", async () => {
    const full = join(folder, "full"), guest = image("hi.bin", print("hi"), CLI_HLT);
    symlinkSync("/dev/full", full);
    for (const args of [["run", ...guest, "--serial", `file:${full}`], ["run", ...guest, "--stats", full], ["trace", ...guest, "--serial", "none", "--out", full]]) {
      const { code, stderr } = await calque(args);
      expect({ code, stderr }).toEqual({ code: 2, stderr: `calque: ${full}: no space left\n` });
    }
    expect(lstatSync(full).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("to a link is written where that leads", async () => {
    const link = join(folder, "link"), target = join(folder, "linked.txt"), guest = image("hi.bin", print("hi"), CLI_HLT);
    writeFileSync(target, "before");
    symlinkSync(target, link);
    expect((await calque(["run", ...guest, "--serial", `file:${link}`])).code).toBe(0);
    expect([lstatSync(link).isSymbolicLink(), readFileSync(target, "utf8")]).toEqual([true, "hi"]);
  });

  it("of a run that is ended by a signal leaves no half file", async () => {
    const half = join(folder, "half.txt"), guest = image("long.bin", print("x"), FOREVER);
    const child = spawn(process.execPath, [join(import.meta.dirname, "../../bin/calque.js"), "run", ...guest, "--serial", `file:${half}`], { stdio: "ignore" });
    while (!readdirSync(folder).some((name) => name.startsWith("half.txt."))) await setTimeout(20);
    child.kill("SIGTERM");
    expect(await new Promise((resolve) => { child.on("close", resolve); })).toBe(143);
    expect(readdirSync(folder).filter((name) => name.startsWith("half"))).toEqual([]);
  });

  it("that finds no room on stdout is told of", async () => {
    const full = openSync("/dev/full", "w"), guest = image("hi.bin", print("hi"), CLI_HLT);
    const ended = await new Promise<{ code: number | null; errors: string }>((resolve) => {
      const child = spawn(process.execPath, [join(import.meta.dirname, "../../bin/calque.js"), "run", ...guest], { stdio: ["ignore", full, "pipe"] });
      let errors = "";
      child.stderr!.on("data", (text) => { errors += String(text); });
      child.on("close", (code) => resolve({ code, errors }));
    });
    closeSync(full);
    expect(ended).toEqual({ code: 2, errors: "calque: stdout: no space left\n" });
  });

  it("ends cleanly when nobody reads it any more", async () => {
    const printer = [...print("line\n"), 0xeb, 256 - print("line\n").length - 2];
    const guest = image("printer.bin", printer);
    const ended = await new Promise<{ code: number | null; errors: string }>((resolve) => {
      const child = spawn(process.execPath, [join(import.meta.dirname, "../../bin/calque.js"), "run", ...guest], { stdio: ["ignore", "pipe", "pipe"] });
      let errors = "";
      child.stderr.on("data", (text) => { errors += String(text); });
      child.stdout.once("data", () => child.stdout.destroy());
      child.on("close", (code) => resolve({ code, errors }));
    });
    expect(ended).toEqual({ code: 0, errors: "" });
  });

  it("shows registers and code when the guest triple-faults", async () => {
    const { stderr } = await calque(["run", ...image("fault.bin", [0xb8, 0x78, 0x56, 0x34, 0x12], UD2)]);
    expect(stderr).toContain("triple fault");
    expect(stderr).toContain("EAX 12345678");
    expect(stderr).toMatch(/> 00100005 {2}0f 0b +ud2/);
    expect(stderr).toMatch(/ {2}00100000 {2}b8 78 56 34 12 +mov eax/);
  });
});

describe("input", () => {
  const guest = (name: string): string[] => [...image(name, print("$"), echo("q")), "--debug-exit", "0xf4"];
  const EXIT_Q = ((113 << 1) | 1) & 255;

  it("is typed when the text before it was seen", async () => {
    const ended = await calque(["run", ...guest("echo.bin"), "--expect", "$", "--send", "a\\x42\\n", "--expect", "aB\n"]);
    expect([ended.code, ended.stdout]).toEqual([0, "$aB\n"]);
  });

  it("is not read from a stdin that is no terminal, unless asked for", async () => {
    const without = await calque(["run", ...guest("echo2.bin"), "--max-instructions", "100000"], { input: "abc" });
    expect([without.code, without.stdout]).toEqual([1, "$"]);
    const asked = await calque(["run", ...guest("echo3.bin"), "--input", "-"], { input: "abcq" });
    expect([asked.code, asked.stdout]).toEqual([EXIT_Q, "$abc"]);
  });

  it("repeats from a record, in either engine, to the same state", async () => {
    const record = join(folder, "session.txt"), stats = (name: string): string => join(folder, `${name}.json`);
    const first = await calque(["run", ...guest("echo4.bin"), "--input", "-", "--record", record, "--stats", stats("live")], { input: "hello q" });
    expect(first.code).toBe(EXIT_Q);
    for (const engine of ["translate", "interpret"]) {
      const again = await calque(["run", ...guest("echo4.bin"), "--replay", record, "--stats", stats(engine), "--engine", engine]);
      expect([again.code, again.stdout]).toEqual([EXIT_Q, first.stdout]);
      expect(statistics(stats(engine))).toMatchObject({ stateHash: statistics(stats("live"))["stateHash"], instructions: statistics(stats("live"))["instructions"] });
    }
  });

  it("warns of text that is never typed", async () => {
    const ended = await calque(["run", ...guest("echo5.bin"), "--expect", "$", "--send", "x"]);
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain("never typed");
  });
});

describe("images", () => {
  it("are recognised by content", async () => {
    const path = join(folder, "kernel");
    writeFileSync(path, multibootKernel([...print("multiboot"), ...CLI_HLT]));
    expect((await calque(["run", path])).stdout).toBe("multiboot");
    expect((await calque(["run", "--kernel", path])).stdout).toBe("multiboot");
  });

  it("may be 16-bit code", async () => {
    const path = join(folder, "boot.bin");
    // mov dx, 3F8h; mov al, 'r'; out dx, al; mov ax, cs; out dx, al; cli; hlt
    writeFileSync(path, Uint8Array.of(0xba, 0xf8, 3, 0xb0, 0x72, 0xee, 0x8c, 0xc8, 0xee, 0xfa, 0xf4));
    expect((await calque(["run", path, "--load-at", "0x7c00", "--bits", "16"])).stdout).toBe("r\0");
  });
});

describe("lockstep and compare", () => {
  it("find the engines equal", async () => {
    const guest = image("both.bin", print("both"), spin(300_000), print("!"), CLI_HLT);
    const lockstep = await calque(["lockstep", ...guest, "--every", "50000"]);
    expect([lockstep.code, lockstep.stdout], lockstep.stderr).toEqual([0, "both!"]);
    expect(lockstep.stderr).toMatch(/equal: 30\d{4} instructions, 7 checks, end by halted/);
    const compare = await calque(["compare", ...guest]);
    expect([compare.code, compare.stdout], compare.stderr).toEqual([0, "both!"]);
    expect(compare.stderr).toMatch(/final state: equal/);
    expect(compare.stderr).toMatch(/serial output: equal \(5 bytes\)/);
  });

  it("take a used-up budget for a normal end", async () => {
    const guest = [...image("forever.bin", FOREVER), "--max-instructions", "100000"];
    expect((await calque(["lockstep", ...guest])).code).toBe(0);
    expect((await calque(["compare", ...guest])).code).toBe(0);
  });
});

describe("show", () => {
  it("lists bytes", async () => {
    const ended = await calque(["show", "hex:01 d8 c3"]);
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toMatch(/00000000 {2}01 d8 +add eax, ebx/);
  });

  it("lists a guest's code, also when it has run a while", async () => {
    const [path, ...options] = image("shown.bin", print("go"), spin(10), CLI_HLT) as [string, ...string[]];
    const ended = await calque(["show", `${path}@0x100000`, ...options, "--at", "go"]);
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toMatch(/00100000 {2}ba f8 03 00 00 +mov edx/);
  });

  it.each([["hex:0"], ["hex:xy"], ["demo"], ["demo@0xzz"]])("refuses %s", async (operand) => {
    expect((await calque(["show", operand])).code).toBe(2);
  });
});

it("lists the guests that it knows", async () => {
  const ended = await calque(["guests"], { env: { CALQUE_GUESTS: join(folder, "none") } });
  expect(ended.stdout).toMatch(/^demo .*\ndebian .*absent, "npm run guests" gets it/);
  expect(existsSync(join(folder, "none"))).toBe(false);
});
