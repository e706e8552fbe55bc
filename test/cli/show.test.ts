/** `calque show`: what it prints of bytes and of a guest's code. */
import { describe, expect, it, test } from "vitest";
import { formatExplanations } from "../../src/cli/explanation.ts";
import { explainAll, type CodeBytes } from "../../translator/translate.ts";
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
    const { stdout } = await calque(["show", "hex:fa fa fb"]);
    expect(stdout.match(/^=== .* ===$/gm)).toEqual(["=== region 00000000: 3 instructions in 1 block ===", "=== handler of \"cli\" ===", "=== handler of \"sti\" ==="]);
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

describe("on a terminal", () => {
  const bytes = Uint8Array.of(0x01, 0xd8, 0x39, 0xc8, 0xc3);
  const code: CodeBytes = { mode: { bits: 32, flat: true, user: false, fs: true, gs: true }, at: (address) => bytes.subarray(address, address + 15) };
  const explanations = explainAll(0, bytes.length, code, { limits: { instructions: 100, depth: 2 } });

  it("that is wide enough, sections stand side by side and no line is too long", () => {
    const lines = formatExplanations(explanations, 160).split("\n");
    expect(lines.find((line) => line.startsWith("--- listing"))).toMatch(/--- listing --- +--- JavaScript ---$/);
    expect(lines.find((line) => line.startsWith("--- IR"))).toMatch(/--- IR --- +--- optimised IR ---$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(160);
  });

  it("that is not, one below the other, and the JavaScript is exact", () => {
    const text = formatExplanations(explanations, 80);
    expect(SECTIONS.every((section) => text.split("\n").includes(section))).toBe(true);
    expect(text).toContain(explanations[0]!.javascript);
  });
});
