/** `calque show`: what it prints of bytes and of a guest's code. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { LIMITS } from "../../runtime/region.ts";
import { liveRegions, viewOf } from "../../src/live-regions.ts";
import { createMachine } from "../../src/pc.ts";
import { formatExplanations } from "../../src/cli/explanation.ts";
import { discover, explainAll, regionText, type CodeBytes } from "../../translator/translate.ts";
import { calque, flatImage, temporaryFolder } from "./calque.ts";

const folder = temporaryFolder();
const SECTIONS = ["--- listing ---", "--- IR ---", "--- optimised IR ---", "--- JavaScript ---"];

describe("bytes", () => {
  it("are shown with IR, optimised IR and the region's JavaScript", async () => {
    const { code, stdout, stderr } = await calque(["show", "hex:01 d8 39 c8 75 fa c3", "--load-at", "0x1000"]);
    expect(code, stderr).toBe(0);
    expect(SECTIONS.map((section) => stdout.indexOf(section)).every((at, k, all) => at > (all[k - 1] ?? 0))).toBe(true);
    expect(stdout).toMatch(/^I 00001000 {2}01 d8 +add eax, ebx$/m);
    expect(stdout).toMatch(/^B 00001004 {2}75 fa +jne 0x1000$/m);
    expect(stdout).toContain("setFlags add32");
    expect(stdout.split("setFlags add32").length, "the flags of ADD are dead").toBe(2);
    expect(stdout).toMatch(/^function region_1000\(left\) \{$/m);
    expect(stdout).toContain("if (flagA !== flagB) {");
  });

  it("that no region has become handlers, each form once", async () => {
    const { stdout } = await calque(["show", "hex:f4 f4 fb"]);
    expect(stdout.match(/^=== .* ===$/gm)).toEqual(["=== region 00000000: 3 instructions in 1 block ===", "=== handler of \"hlt\" ===", "=== handler of \"sti\" ==="]);
  });

  it("of real mode become handlers", async () => {
    const { stdout } = await calque(["show", "hex:b8 34 12 cd 10", "--bits", "16"]);
    expect(stdout).toMatch(/^=== handler of "mov ax, 0x1234" ===$/m);
    expect(stdout).toMatch(/^C 00000003 {2}cd 10 +int 0x10$/m);
    expect(stdout).toContain("S16[i.d << 1] = i.m;");
  });

  it.each([["0f ff", "cut off"], ["0f 0a", "undefined"], ["66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "longer than 15 bytes"]])("%s are %s", async (bytes, why) => {
    const { code, stdout } = await calque(["show", `hex:${bytes}`]);
    expect(code).toBe(0);
    expect(stdout).toContain(`(${why})`);
  });

  it("behind CLI and HLT are no part of the code before", async () => {
    const { stdout } = await calque(["show", "hex:40 fa f4 43 c3"]);
    expect(stdout.match(/^=== region .*$/gm)).toEqual(["=== region 00000000: 3 instructions in 1 block ===", "=== region 00000003: 2 instructions in 1 block ==="]);
  });

  it("behind a jump are shown too", async () => {
    const { stdout } = await calque(["show", "hex:eb 02 40 c3 43 c3"]);
    expect(stdout.match(/^=== region .*$/gm)).toEqual(["=== region 00000000: 3 instructions in 2 blocks ===", "=== region 00000002: 2 instructions in 1 block ==="]);
  });
});

test("a guest's code is shown in the mode in which the guest is", async () => {
  const [path, ...options] = flatImage(folder, "loop.bin", [0xb9, 0x40, 0x42, 0x0f, 0x00, 0x49, 0x75, 0xfd, 0xfa, 0xf4]) as [string, ...string[]];
  const { code, stdout, stderr } = await calque(["show", `${path}@0x100005`, ...options, "--at", "1000", "--memory", "2M"]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^=== region 00100005: /m);
  expect(stdout).toMatch(/^I 00100005 {2}49 +dec ecx$/m);
  expect(stdout).toContain("continue loop0;");
});

describe("a running guest", () => {
  const [path, ...options] = flatImage(folder, "hot.bin", [0xb9, 0x40, 0x42, 0x0f, 0x00, 0x49, 0x75, 0xfd, 0xfa, 0xf4]) as [string, ...string[]];
  const map = join(folder, "hot.map");
  writeFileSync(map, "00100000 T entry\n00100005 t turn\n00100008 t done\n");
  const common = [...options, "--memory", "2M", "--symbols", map];

  it("is shown as it is translated, by symbol, with how often it was entered", async () => {
    const { code, stdout, stderr } = await calque(["show", "turn", path, ...common, "--after", "1_000_000"]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^=== region 00100005 <turn>: 2 instructions in 1 block, ring 0, entered \d+ times ===$/m);
    expect(stdout).toMatch(/^B 00100006 {2}75 fd +jne 0x100005 {2}<turn>$/m);
    expect(stdout, "what was not executed is not in it").not.toContain("cli");
  });

  it("knows the symbols of several files", async () => {
    const other = join(folder, "other.map");
    writeFileSync(other, "00100006 T back\n");
    const { stdout, stderr } = await calque(["show", "back", path, ...common, "--symbols", other, "--after", "1_000_000"]);
    expect(stdout, stderr).toMatch(/^=== region 00100005 <turn>: /m);
  });

  it("is shown with how often each instruction was executed", async () => {
    // mov; then 499,999 turns of dec and jne, and one more dec: 1,000,000 instructions.
    const { code, stdout, stderr } = await calque(["show", "turn", path, ...common, "--after", "1_000_000", "--counts"]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^I 00100005 {2}49 +dec ecx {3}500,000 times$/m);
    expect(stdout).toMatch(/^B 00100006 {2}75 fd +jne 0x100005 {2}<turn> {3}499,999 times$/m);
  });

  it("is found by an instruction in the middle, by IMAGE@SYMBOL, and by heat", async () => {
    const shown = await Promise.all([["0x100006", path], [`${path}@turn`], ["--hot", "1", path]].map((place) => calque(["show", ...place, ...common, "--after", "1_000_000"])));
    for (const { stdout, stderr } of shown) expect(stdout, stderr).toMatch(/^=== region 00100005 <turn>: /m);
  });

  it("is shown by a symbol that its hot code lies behind", async () => {
    const wide = join(folder, "wide.map");
    writeFileSync(wide, "00100000 T entry\n00100008 t done\n");
    const { stdout } = await calque(["show", "entry", path, ...options, "--memory", "2M", "--symbols", wide, "--after", "1_000_000"]);
    expect(stdout).toMatch(/^=== region 00100005 <entry\+0x5>: 2 instructions/m);
  });

  it("has the JavaScript that runs", async () => {
    const machine = createMachine({ memory: 2 << 20, off: new Set(["baseline"]) });
    machine.boot({ kernel: { name: "hot", bytes: readFileSync(path) }, loadAt: 0x100000 });
    machine.run({ maxInstructions: 1_000_000 });
    const [region] = liveRegions(machine);
    const { stdout } = await calque(["show", "--hot", "1", path, ...common, "--after", "1_000_000"]);
    expect(stdout).toContain(region!.text.print());
  });

  it("has its regions explained by the blocks that they were made of", () => {
    const machine = createMachine({ memory: 64 << 20, off: new Set(["baseline"]) });
    machine.boot({ kernel: { name: "demo.elf", bytes: readFileSync(join(import.meta.dirname, "../guests/demo/demo.elf")) }, commandLine: "quick" });
    machine.run({ maxInstructions: 10_000_000 });
    const regions = liveRegions(machine);
    expect(regions.length).toBeGreaterThan(5);
    for (const live of regions) expect(regionText(discover(live.linear, viewOf(machine, live), LIMITS)!).print()).toBe(live.text.print());
  });

  it("that was not translated there is shown as the translator would make it of what was executed", async () => {
    const { stdout } = await calque(["show", "entry", path, ...common, "--after", "10"]);
    expect(stdout).toMatch(/^=== region 00100000 <entry>: 3 instructions in 2 blocks ===$/m);
    expect(stdout).not.toContain("cli");
  });

  it.each([
    [["nosuch", path], /^calque: nosuch: no symbol "nosuch" among 3\n$/], [["0x123456789", path], /^calque: 0x123456789: "0x123456789" is no address of 32 bits\n$/],
    [["turn", path, "--counts"], /^calque: --counts: nothing was executed yet/], [["--hot", "2", path], /^calque: --hot: no code is hot before it has run/], [["turn", path, "--after", "5_000_000"], /^calque: --after: the guest ended \(halted\) after 2000003 instr/],
    [["turn", path, "--after", "5", "--at", "5"], /^calque: --after: give one moment/], [["--hot", "1", path, "--after", "5"], /^calque: --hot: nothing was translated in 5/],
    [["turn", path, "more"], /^calque: show takes hex:BYTES, IMAGE@PLACE/], [[], /^calque: show takes hex:BYTES/],
  ])("refuses %j in one line", async (args, message) => {
    const { code, stderr } = await calque(["show", ...args, ...common]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) as string });
  });
});

it("a kernel's own symbols are known without a file", async () => {
  const { code, stdout, stderr } = await calque(["show", "kernel_main"]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^=== region [0-9a-f]{8} <kernel_main>: /m);
});

describe("on a terminal", () => {
  const bytes = Uint8Array.of(0x01, 0xd8, 0x39, 0xc8, 0xc3);
  const code: CodeBytes = { mode: { bits: 32, flat: true, user: false }, at: (address) => bytes.subarray(address, address + 15) };
  const explanations = explainAll(0, bytes.length, code, { limits: { instructions: 100, depth: 2 } });

  it("that is wide enough, sections stand side by side and no line is too long", () => {
    const lines = formatExplanations(explanations, 160).split("\n");
    expect(lines.find((line) => line.startsWith("--- listing"))).toMatch(/^--- listing --- +--- optimised IR --- +--- JavaScript ---$/);
    expect(lines.find((line) => line.includes("add eax, ebx")), "an instruction's IR begins on its line").toMatch(/^I 00000000 {2}01 d8 +add eax, ebx +t0 = add reg32\(eax\), reg32\(ebx\) +function region_0/);
    expect(lines).toContain("--- IR before the passes ---");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(160);
  });

  it("instructions are coloured by class, on a wide one only in the listing", () => {
    const narrow = formatExplanations(explanations, 80, true), wide = formatExplanations(explanations, 160, true);
    expect(narrow).toContain("\u001b[32mI 00000000  01 d8                    add eax, ebx\u001b[0m\n");
    expect(narrow).toContain("\u001b[36mB 00000004  c3 ");
    expect(wide).toMatch(/\u001b\[32mI 00000000 {2}01 d8 +add eax, ebx *\u001b\[0m +t0 = /); // oxlint-disable-line no-control-regex -- colours
    const plain = (text: string): string => text.replaceAll(/\u001b\[\d+m/g, ""); // oxlint-disable-line no-control-regex -- colours
    expect(plain(narrow)).toBe(formatExplanations(explanations, 80));
    expect(plain(wide)).toBe(formatExplanations(explanations, 160));
  });

  it("that is not, one below the other, and the JavaScript is exact", () => {
    const text = formatExplanations(explanations, 80);
    expect(SECTIONS.every((section) => text.split("\n").includes(section))).toBe(true);
    expect(text).toContain(explanations[0]!.javascript);
  });
});
